"""What can be trained, one task a module, and the table of them all."""

__all__ = ["denoise_settings", "lookup", "own_noise", "table", "task"]
