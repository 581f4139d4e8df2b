"""What can be trained, one task a module, and the table of them all."""

__all__ = ["lookup", "table", "task"]
