"""`imgae serve`."""

import argparse
import contextlib
import logging
import os
import re
import secrets
import socket
import sys
import tempfile
import webbrowser
from functools import partial
from typing import Final

from imgae.cli.options import Commands, add_device, auto_or, memory, new_parser, whole
from imgae.cli.output import result
from imgae.cli.pictures import add_reading
from imgae.cli.tasks import limit_of
from imgae.errors import ImgaeError, needs_extra

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
    serve(options)
    return 0


def serve(options: argparse.Namespace) -> None:
    """Serve until Ctrl-C. Raises ImgaeError if the server cannot listen there."""
    import uvicorn

    from imgae.cli.server.app import Runner, app_of
    from imgae.cli.server.guard import Rules, is_local
    from imgae.cli.server.jobs import Lane
    from imgae.cli.server.state import Server
    from imgae.cli.server.store import Store
    from imgae.cli.server.work import Works
    from imgae.model.machine import limit_memory

    limit_memory(limit_of(options))
    token = options.token
    if token is None and not is_local(options.host):
        token = secrets.token_urlsafe(16)
    names = tuple(name.lower() for name in options.allow_host)
    rules = Rules(options.host.lower(), names, token, options.max_upload)
    works = Works(options)
    with listening(options.host, options.port) as listener:
        store = Store.opened()
        tempfile.tempdir = str(store.root)  # where uploads go that are read
        try:
            lanes = (Lane(options.queue, options.time_limit), Lane(QUICK, options.time_limit))
            server = Server(works, store, *lanes)
            address = address_of(options.host, listener.getsockname()[1], token)
            ready = partial(tell, address, opens=not options.no_browser)
            config = uvicorn.Config(
                app_of(server, rules, ready),
                log_level=logging.ERROR,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=GRACE,
                ws="none",
            )
            with contextlib.suppress(KeyboardInterrupt):  # how a server ends
                Runner(config, server).run(sockets=[listener])
        finally:
            store.close()


GRACE: Final = 3
"""Seconds for which the end waits for answers that are on their way."""
QUICK: Final = 16
"""How many live crops and masks may wait: a page waits for its newest alone."""


def listening(host: str, number: int) -> socket.socket:
    """Return a socket that listens. Raises ImgaeError if there cannot be one."""
    try:
        found = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, place = found[0]
        # Named, so that asyncio sends small answers at once (TCP_NODELAY); else they wait 40 ms.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        if os.name == "posix":  # elsewhere it would share the port with another program
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen()
    except OSError as error:
        raise ImgaeError(
            f"cannot listen on {host}, port {number}: {error.strerror or error}; --port 0 takes a "
            "port that is free"
        ) from error
    return listener


def address_of(host: str, number: int, token: str | None) -> str:
    """Return the address of the page. The token is in its fragment, which browsers do not send."""
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)  # noqa: S104
    name = f"[{name}]" if ":" in name else name
    return f"http://{name}:{number}/" + ("" if token is None else f"#token={token}")


def tell(address: str, *, opens: bool) -> None:
    result(f"imgae: {address} (Ctrl-C ends it)")
    if opens and has_screen():
        webbrowser.open(address)


def has_screen() -> bool:
    """Return whether there is a screen: elsewhere a browser of the terminal would take it over."""
    if sys.platform.startswith("linux"):
        return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return True
