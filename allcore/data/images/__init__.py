"""Decoding of pictures in any format to one RGB image in sRGB."""
