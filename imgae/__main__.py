"""`python -m imgae` is `imgae`."""

import os
from typing import NoReturn


def entry() -> NoReturn:
    """Run as a program, which Ctrl-C ends in one line also while its modules load."""
    try:
        from imgae.cli import program
    except KeyboardInterrupt:
        os.write(2, b"imgae: interrupted\n")
        os._exit(130)
    program.entry()


if __name__ == "__main__":
    entry()
