"""The command line: parse, call, print, one module a command."""

from imgae.cli.program import entry, main, parse, parser

__all__ = ["entry", "main", "parse", "parser"]
