"""Picture files: reading and writing them, with all that travels in them."""
