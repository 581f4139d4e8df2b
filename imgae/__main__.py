"""`python -m imgae` is `imgae`."""

from imgae.cli import entry

entry()
