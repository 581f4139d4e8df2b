"""What every request passes first: where it comes from, and how large it is."""

import asyncio
import contextlib
import hmac
import ipaddress
import socket
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imgae.cli.server.problems import ProblemError

SAFE: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
LOCAL: Final = ("localhost", "127.0.0.1", "::1")
MOMENT: Final = 1.0
"""Seconds for which a refusal waits for what the request still sends."""
PAUSE: Final = 30.0
"""Seconds for which a request may send nothing before it is whole."""
REFUSED: Final = 400
"""The least status of a refusal."""
GUARDED: Final = "/v1/"
"""What needs the token, and is kept from pages of other origins."""


@dataclass(frozen=True)
class Rules:
    """What a server allows.

    host: where it listens. names: host names that it is known by, besides its own. token: what
    requests have to bring, or None. most_bytes: of a request's body.
    """

    host: str = "127.0.0.1"
    names: tuple[str, ...] = ()
    token: str | None = None
    most_bytes: int = 1 << 29

    def knows(self, name: str) -> bool:
        """Return whether a request may call this server so.

        A page of another site may have its own name lead here (DNS rebinding). Where the server
        listens to other machines, any number of an address is right, as nobody can have one lead
        elsewhere.
        """
        if name in (*LOCAL, self.host, *self.names):
            return True
        if is_local(self.host):
            return False
        return is_number(name) or name in own_names()


def is_local(host: str) -> bool:
    """Return whether only this machine reaches an address."""
    if host == "localhost":
        return True
    return is_number(host) and ipaddress.ip_address(host.partition("%")[0]).is_loopback


def is_number(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True


def own_names() -> tuple[str, ...]:
    name = socket.gethostname().lower()
    return name, f"{name}.local"


class Guard:
    """Refuses requests from elsewhere, and those that are too large; adds headers to answers."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self.app, self.rules = app, rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return

        limited = Limited(receive, self.rules.most_bytes)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] >= REFUSED and not limited.is_whole:
                    await drained(receive)
                headers = MutableHeaders(scope=message)
                for name, value in SAFE.items():
                    headers.setdefault(name, value)
                kept = "no-store" if scope["path"].startswith(GUARDED) else "no-cache"
                headers.setdefault("Cache-Control", kept)
            await send(message)

        try:
            self.check(scope)
        except ProblemError as problem:
            await problem.response()(scope, receive, answer)
            return
        await self.app(scope, limited, answer)

    def check(self, scope: MutableMapping[str, Any]) -> None:
        """Raise ProblemError for a request that is not for this server, or not allowed."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        name = host_name(host)
        if not name or not self.rules.knows(name):
            raise ProblemError(
                421,
                "the request names another host than this server's; if it is reached by that "
                "name, start it with --allow-host and that name",
            )
        origin = headers.get("origin")
        if origin is not None and not is_same(origin, host):
            raise ProblemError(403, "requests of pages from elsewhere are refused")
        if not scope["path"].startswith(GUARDED):
            return
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            raise ProblemError(403, "requests of pages from elsewhere are refused")
        if self.rules.token is not None:
            check_token(headers.get("authorization", ""), self.rules.token)
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > self.rules.most_bytes:
            raise too_large(self.rules.most_bytes)


class Limited:
    """What a request sends, up to a number of bytes, and without long pauses.

    is_whole: whether all of it has come.
    """

    def __init__(self, receive: Receive, most: int) -> None:
        self.receive, self.most, self.got = receive, most, 0
        self.is_whole = False

    async def __call__(self) -> Message:
        try:
            async with asyncio.timeout(None if self.is_whole else PAUSE):
                message = await self.receive()
        except TimeoutError as error:
            raise ProblemError(408, f"nothing came for {PAUSE:g} s; send it again") from error
        self.is_whole = not message.get("more_body", False)
        self.got += len(message.get("body", b""))
        if self.got > self.most:
            raise too_large(self.most)
        return message


def too_large(most: int) -> ProblemError:
    return ProblemError(
        413, f"the request has more than {most / 1e6:.4g} MB, which is the limit (--max-upload)"
    )


def check_token(authorization: str, token: str) -> None:
    kind, _, given = authorization.partition(" ")
    right = hmac.compare_digest(given.strip().encode(), token.encode())
    if kind.lower() != "bearer" or not right:
        raise ProblemError(
            401,
            "this server wants its token, as Authorization: Bearer TOKEN; open the address that "
            "imgae serve printed",
            {"WWW-Authenticate": "Bearer"},
        )


def host_name(host: str) -> str:
    """Return the name in a Host header, without its port; "" if there is none."""
    if "@" in host:
        return ""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def is_same(origin: str, host: str) -> bool:
    """Return whether a page's origin is the host that it calls."""
    try:
        return urlsplit(origin).netloc.lower() == host.lower()
    except ValueError:
        return False


async def drained(receive: Receive, most: int = 1 << 24) -> None:
    """Read what a request still sends, up to a limit: a client that is cut off sees no answer.

    One that sends nothing gets its answer after a moment.
    """
    got = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(MOMENT):
            while got < most:
                message = await receive()
                got += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return
