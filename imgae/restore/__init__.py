"""What models do to a picture: denoise, inpaint, detect, encode."""
