"""`imgae evaluate`, one module a task."""

from imgae.cli.evaluate.tasks import add_parser

__all__ = ["add_parser"]
