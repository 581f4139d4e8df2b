"""A server from its start to its end: it listens, tells its address, and is ended by Ctrl-C."""

import argparse
import contextlib
import errno
import logging
import os
import secrets
import socket
import sys
import tempfile
import threading
import webbrowser
from functools import partial
from types import FrameType
from typing import Final

import uvicorn

from imgae.cli.output import result
from imgae.cli.server.app import app_of
from imgae.cli.server.guard import Rules, is_local
from imgae.cli.server.jobs import Lane
from imgae.cli.server.state import Server
from imgae.cli.server.store import Store
from imgae.cli.server.work import Works
from imgae.cli.tasks import limit_of
from imgae.errors import ImgaeError, reason
from imgae.model.machine import limit_memory

GRACE: Final = 3
"""Seconds for which the end waits for answers that are on their way."""
QUICK: Final = 16
"""How many live crops and masks may wait: a page waits for its newest alone."""


class Runner(uvicorn.Server):
    """Runs the application; at the end it has all work stop, and then waits for the answers."""

    def __init__(self, config: uvicorn.Config, server: Server) -> None:
        super().__init__(config)
        self.work = server

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end, which takes some seconds at most; to be asked again changes nothing."""
        if not self.should_exit:
            super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.work.stop()
        await super().shutdown(sockets)


def serve(options: argparse.Namespace) -> None:
    """Serve until Ctrl-C. Raises ImgaeError if the server cannot listen there."""
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


def listening(host: str, number: int) -> socket.socket:
    """Return a socket that listens. Raises ImgaeError if there cannot be one."""
    try:
        found = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, place = found[0]
        # Named, so that asyncio sends small answers at once (TCP_NODELAY); else they wait 40 ms.
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(
                socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
            )
            if os.name == "posix":  # elsewhere it would share the port with another program
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(place)
            listener.listen()
            stack.pop_all()  # it stays open
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        way = "; --port 0 takes a port that is free" if taken else ""
        said = f"cannot listen on {host}, port {number}: {reason(error)}{way}"
        raise ImgaeError(said) from error
    return listener


def address_of(host: str, number: int, token: str | None) -> str:
    """Return the address of the page. The token is in its fragment, which browsers do not send."""
    name = {"0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)  # noqa: S104
    name = f"[{name}]" if ":" in name else name
    return f"http://{name}:{number}/" + ("" if token is None else f"#token={token}")


def tell(address: str, *, opens: bool) -> None:
    result(f"imgae: {address} (Ctrl-C ends it)")
    if opens and has_screen():  # in a thread: some browsers return once they are closed
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def has_screen() -> bool:
    """Return whether there is a screen: elsewhere a browser of the terminal would take it over."""
    if sys.platform.startswith("linux"):
        return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return True
