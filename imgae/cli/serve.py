"""`imgae serve`."""

import argparse
import os
import re
from typing import Final

from imgae.cli.options import Commands, add_device, auto_or, memory, new_parser, whole
from imgae.cli.pictures import add_reading
from imgae.errors import needs_extra

PORT: Final = 8765
TOKEN: Final = "IMGAE_TOKEN"  # noqa: S105 - its name
"""The environment variable that is as --token."""
MORE: Final = """\
Offers a page in the browser on which pictures are denoised, and painted out, and an API for other
programs. It prints its address, and opens the browser. Pictures stay on this machine; what is
uploaded lies in a private folder, which is emptied when the server ends, at the latest when the
next one starts. Ctrl-C ends it.

Only this machine reaches it, unless --host says otherwise. Then every request has to bring a token,
which is part of the address that is printed. There is no encryption: on a network that others
use, put a proxy before it that has some.

Examples:
  imgae serve
  imgae serve --port 0 --no-browser
  imgae serve --host 0.0.0.0
"""


def add_parser(commands: Commands) -> None:
    parser = new_parser(commands, "serve", "Offer a page and an API on this machine.", MORE)
    add = parser.add_argument
    add(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where to listen; 0.0.0.0 is all of this machine's addresses (default: 127.0.0.1, "
        "which only this machine reaches)",
    )
    add(
        "--port",
        type=port,
        default=PORT,
        metavar="N",
        help=f"the port; 0 takes one that is free (default: {PORT})",
    )
    add("--no-browser", action="store_true", help="do not open the browser")
    add(
        "--token",
        type=token,
        default=os.environ.get(TOKEN) or None,
        metavar="TEXT",
        help=f"what requests have to bring; in {TOKEN} other users of this machine do not see it "
        f"(default: {TOKEN}, or none for this machine alone, else a random one)",
    )
    add(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="a name by which the server is reached, as behind a proxy; may be given several times",
    )
    group = parser.add_argument_group("limits")
    add = group.add_argument
    add(
        "--max-upload",
        type=memory,
        default=512 << 20,
        metavar="SIZE",
        help="the most bytes of one request, as in 800M or 2G (default: 512M)",
    )
    add_reading(parser)
    add(
        "--max-memory",
        type=auto_or(memory),
        default="auto",
        metavar="SIZE",
        help="how much memory the work may take, as in 800M or 2G (default: a quarter of what is "
        "free)",
    )
    add(
        "--time-limit",
        type=whole(1),
        default=600,
        metavar="SECONDS",
        help="how long the work on one picture may take (default: 600)",
    )
    add(
        "--queue",
        type=whole(0),
        default=16,
        metavar="N",
        help="how many pictures may wait while one is at work; more are refused (default: 16)",
    )
    add_device(parser)
    parser.set_defaults(run=run)


def token(text: str) -> str:
    """Read a token that a header and an address can hold as it is."""
    if not re.fullmatch(r"[A-Za-z0-9._~-]{8,200}", text):
        raise argparse.ArgumentTypeError(
            "a token has 8 to 200 letters and digits of ASCII, and - . _ ~"
        )
    return text


def port(text: str) -> int:
    number = whole(0)(text)
    if number > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port from 0 to 65535")
    return number


def run(options: argparse.Namespace) -> int:
    with needs_extra("web", "the page"):
        import python_multipart  # noqa: F401 - uploads need it
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    from imgae.cli.server.running import serve  # with all of it, for this command alone

    serve(options)
    return 0
