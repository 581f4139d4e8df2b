"""What the server does at each address."""

import asyncio
import contextlib
import json
import shutil
import zipfile
from collections.abc import AsyncIterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import quote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

import imgae
from imgae.cli.server import openapi
from imgae.cli.server.jobs import CANCEL, DONE, Job
from imgae.cli.server.problems import ProblemError
from imgae.cli.server.state import Server, health_of, view_of
from imgae.cli.server.store import Item
from imgae.cli.server.uploads import Sent, received
from imgae.cli.server.work import Done

STATIC: Final = Path(__file__).with_name("static")
MOST_ARCHIVED: Final = 1000
LONGEST_LIST: Final = 1 << 20
"""Bytes of a request for an archive."""


def server_of(request: Request) -> Server:
    return cast("Server", request.app.state.server)


async def page(_: Request) -> Response:
    return FileResponse(STATIC / "index.html", media_type="text/html")


async def health(request: Request) -> Response:
    about = {"status": "ok", "version": imgae.__version__, **health_of(server_of(request))}
    return JSONResponse(about)


async def document(request: Request) -> Response:
    server = server_of(request)
    return JSONResponse(openapi.document(await asyncio.to_thread(server.works.models)))


async def models(request: Request) -> Response:
    server = server_of(request)
    return JSONResponse({"models": await asyncio.to_thread(server.works.models)})


async def add_picture(request: Request) -> Response:
    """Keep a picture for what follows."""
    server = server_of(request)
    with server.receiving("picture") as item:
        sent = await received(request, item.folder)
        if set(sent.files) != {"image"} or sent.fields:
            raise ProblemError(422, "the body has to hold one file, named image")
        item.path = sent.files["image"]
        about = await server.read(partial(server.works.looked, item.path, item.path.name))
        item.about = {"id": item.id, **about}
    return JSONResponse(item.about, 201, {"Location": f"/v1/pictures/{item.id}"})


async def picture(request: Request) -> Response:
    server = server_of(request)
    item = server.store.get(request.path_params["id"], "picture")
    if request.method == "DELETE":
        server.store.remove(item)
        server.works.tidy()
        return Response(status_code=204)
    return JSONResponse(item.about)


async def picture_view(request: Request) -> Response:
    server = server_of(request)
    item = server.store.get(request.path_params["id"], "picture")
    return await shown_file(server, item, item.path)


async def job_view(request: Request) -> Response:
    server = server_of(request)
    item = server.store.get(request.path_params["id"], "job")
    like = item.path if item.path.is_file() else None
    return await shown_file(server, item, done_of(item).path, like)


async def shown_file(server: Server, item: Item, path: Path, like: Path | None = None) -> Response:
    """Answer with a file that browsers show. like: the picture that it is compared with."""
    with server.store.using(item):
        place, kind = await server.read(view_of(server, item, path, like))
    return KeptFile(server, item, place, media_type=kind)


class KeptFile(FileResponse):
    """Sends a file of something that is kept, which stays there meanwhile.

    last: whether it is forgotten afterwards.
    """

    def __init__(
        self, server: Server, item: Item, path: Path, *, last: bool = False, **more: Any
    ) -> None:
        super().__init__(path, **more)
        self.server, self.item, self.last = server, item, last

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        store = self.server.store
        with store.using(self.item):
            if self.last:
                store.remove(self.item)
            await super().__call__(scope, receive, send)


async def restore(request: Request, kind: str) -> Response:
    """Denoise a picture, fill its holes, or make a mask."""
    server = server_of(request)
    with server.receiving("job") as item:
        sent = await received(request, item.folder)
        source, name, needed = source_of(server, sent)
        planned = await asyncio.to_thread(server.works.plan, kind, sent.fields, sent.files)
        out = item.folder / "out"
        out.mkdir()
        job = Job(item.id, kind, partial(planned.run, source, out, name))
        item.about, item.path = job, source
        lane = server.submit(job, quick=planned.quick, needed=[item, *needed])
    if wants_job(request) and not planned.part:
        return JSONResponse(job.as_json(), 202, {"Location": f"/v1/jobs/{item.id}"})
    try:
        if not await ended(job, request):
            raise ClientDisconnect
        return answer_with(server, item, done_of(item), last=True)
    except BaseException:
        lane.cancel(job, CANCEL)
        server.store.remove(item)
        raise


def source_of(server: Server, sent: Sent) -> tuple[Path, str, list[Item]]:
    """Return where the picture of a request lies, its name, and what is to be kept for it."""
    ids = sent.fields.pop("picture", [])
    path = sent.files.pop("image", None)
    if (path is None) == (not ids) or len(ids) > 1:
        raise ProblemError(
            422, "the body has to hold one picture: image, a file, or picture, an id"
        )
    if path is not None:
        return path, path.name, []
    item = server.store.get(ids[0], "picture", "job")
    if item.kind == "picture":
        return item.path, item.path.name, [item]
    done = done_of(item)
    return done.path, done.name, [item]


def wants_job(request: Request) -> bool:
    preferences = request.headers.get("prefer", "").lower().split(",")
    return "respond-async" in (each.partition(";")[0].strip() for each in preferences)


async def ended(job: Job, request: Request) -> bool:
    """Wait for the end of a job; return whether the client still waits too."""
    working = asyncio.create_task(job.ended())
    leaving = asyncio.create_task(left(request))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        return working.done()
    finally:
        working.cancel()
        leaving.cancel()


async def left(request: Request) -> None:
    """Wait until the client has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def answer_with(server: Server, item: Item, done: Done, *, last: bool = False) -> Response:
    """Answer with a result, and its record in a header. last: whether it is forgotten then."""
    record = json.dumps(done.record, ensure_ascii=True)
    headers = {"Imgae-Record": record, "Content-Disposition": attachment(done.name)}
    return KeptFile(server, item, done.path, last=last, media_type=done.type, headers=headers)


def attachment(name: str) -> str:
    """Return a Content-Disposition with a name, for those that read no UTF-8 too."""
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


async def job(request: Request) -> Response:
    server = server_of(request)
    item = server.store.get(request.path_params["id"], "job")
    if request.method == "DELETE":
        server.cancel(item.about, CANCEL)
        server.store.remove(item)
        return Response(status_code=204)
    return JSONResponse(item.about.as_json())


async def events(request: Request) -> Response:
    """Tell of a job as it changes, by server-sent events."""
    item = server_of(request).store.get(request.path_params["id"], "job")

    async def lines() -> AsyncIterator[str]:
        async for state in item.about.states():
            yield f"data: {json.dumps(state)}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")


async def result(request: Request) -> Response:
    server = server_of(request)
    item = server.store.get(request.path_params["id"], "job")
    return answer_with(server, item, done_of(item))


def done_of(item: Item) -> Done:
    """Return what came of a job. Raises ProblemError if nothing did, or has yet."""
    job: Job = item.about
    if job.problem:
        raise job.problem
    if job.status != DONE or job.done is None:
        raise ProblemError(409, f"the work is {job.status}; its result comes when it is done")
    return job.done


async def archive(request: Request) -> Response:
    """Answer with the results of several jobs in a ZIP file."""
    server = server_of(request)
    jobs = [server.store.get(each, "job") for each in await listed(request)]
    results = [done_of(each) for each in jobs]
    with contextlib.ExitStack() as stack:
        for each in jobs:
            stack.enter_context(server.store.using(each))
        item = stack.enter_context(server.receiving("archive"))
        place = item.folder / "imgae.zip"
        await asyncio.to_thread(zipped, results, place)
    return KeptFile(
        server, item, place, last=True, media_type="application/zip", filename=place.name
    )


async def listed(request: Request) -> list[str]:
    """Return the ids that a request for an archive names. Raises ProblemError."""
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST_LIST:
            raise ProblemError(413, "the list of jobs is too long")
    try:
        given: Any = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ProblemError(400, "the body is no JSON") from error
    ids = given.get("jobs") if isinstance(given, Mapping) else None
    if not (isinstance(ids, list) and ids and all(isinstance(each, str) for each in ids)):
        raise ProblemError(422, 'the body has to be {"jobs": [ID, ...]}, with one id at least')
    if len(ids) > MOST_ARCHIVED:
        raise ProblemError(422, f"an archive holds at most {MOST_ARCHIVED} results")
    return list(dict.fromkeys(ids))


def zipped(results: list[Done], place: Path) -> None:
    """Write results into a ZIP file, as they are: pictures are compressed already."""
    taken: set[str] = set()
    with zipfile.ZipFile(place, "w", zipfile.ZIP_STORED) as file:
        for done in results:
            name = distinct(done.name, taken)
            with file.open(name, "w", force_zip64=True) as out, done.path.open("rb") as source:
                shutil.copyfileobj(source, out, 1 << 20)


def distinct(name: str, taken: set[str]) -> str:
    """Return a name that no other file of an archive has, also where case does not count."""
    stem, suffix = Path(name).stem, Path(name).suffix
    number, found = 1, name
    while found.casefold() in taken:
        number += 1
        found = f"{stem} ({number}){suffix}"
    taken.add(found.casefold())
    return found
