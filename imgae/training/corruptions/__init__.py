"""What training does to clean pictures, one corruption a module."""
