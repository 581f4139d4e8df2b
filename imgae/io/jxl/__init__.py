"""What a JPEG XL codestream says besides pixels: its headers, colours, profile and frames."""

__all__ = ["bits", "colours", "entropy", "frames", "header", "profile"]
