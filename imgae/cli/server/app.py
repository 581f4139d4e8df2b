"""The application: what is at each address, and what happens to errors."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from imgae.cli.server import endpoints
from imgae.cli.server.guard import Guard, Rules
from imgae.cli.server.problems import ProblemError, on_error, on_http_error
from imgae.cli.server.state import Server
from imgae.cli.server.store import FullError, MissingError, Store
from imgae.errors import ImgaeError

KINDS: Final = ("denoise", "inpaint", "mask")
PAUSE: Final = 60.0
"""Seconds between two looks for what nobody uses any more."""
CLOSED: Final = 499
"""The status, which nobody reads, of a request whose client has gone."""


def app_of(server: Server, rules: Rules, ready: Callable[[], None]) -> Guard:
    """Return the ASGI application. ready: called once it answers."""

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        loop.run_in_executor(server.quick.thread, server.works.warm)
        loop.call_soon(ready)
        tidying = loop.create_task(tidied(server.store, server.works.tidy))
        try:
            yield
        finally:
            tidying.cancel()
            await server.close()

    app = Starlette(routes=routes(), lifespan=lifespan)
    app.state.server = server
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(ClientDisconnect, on_disconnect)
    for kind in (ProblemError, MissingError, FullError, ImgaeError, Exception):
        app.add_exception_handler(kind, on_error)
    return Guard(app, rules)


async def tidied(store: Store, then: Callable[[], None], pause: float = PAUSE) -> None:
    """Have what nobody uses go also while nothing new comes, until this is cancelled.

    then: called after each look.
    """
    while True:
        await asyncio.sleep(pause)
        store.tidy()
        then()


def routes() -> list[Route | Mount]:
    change = ["GET", "DELETE"]
    return [
        Route("/", endpoints.page),
        Mount("/static", StaticFiles(directory=endpoints.STATIC)),
        Route("/healthz", endpoints.health),
        Route("/openapi.json", endpoints.document),
        Route("/v1/models", endpoints.models),
        Route("/v1/pictures", endpoints.add_picture, methods=["POST"]),
        Route("/v1/pictures/{id}", endpoints.picture, methods=change),
        Route("/v1/pictures/{id}/view", endpoints.picture_view),
        *(Route(f"/v1/{kind}", restoring(kind), methods=["POST"]) for kind in KINDS),
        Route("/v1/jobs/{id}", endpoints.job, methods=change),
        Route("/v1/jobs/{id}/events", endpoints.events),
        Route("/v1/jobs/{id}/result", endpoints.result),
        Route("/v1/jobs/{id}/view", endpoints.job_view),
        Route("/v1/archive", endpoints.archive, methods=["POST"]),
    ]


def restoring(kind: str) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await endpoints.restore(request, kind)

    return endpoint


async def on_disconnect(_: Request, __: Exception) -> Response:
    return Response(status_code=CLOSED)
