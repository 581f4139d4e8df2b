"""What a JPEG XL codestream says besides pixels: its headers, colours and frames.

libjxl decodes and encodes the pixels; imagecodecs, through which it is called, tells and takes
none of this.
"""
