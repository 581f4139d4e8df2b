"""Networks whose convolutions compute with 8-bit integers."""
