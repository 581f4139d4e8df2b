"""Limits on time, over HTTP: of a server inside the test, whose clock and limits are at hand."""

import argparse
import asyncio
import threading

import pytest

pytest.importorskip("uvicorn", reason="the extra web is not installed")

import httpx
from served import ASYNC, form, image, noisy, png, problem, wait_until

from imgae.cli.server import store as stores
from imgae.cli.server.app import app_of
from imgae.cli.server.guard import Rules
from imgae.cli.server.jobs import Lane
from imgae.cli.server.state import Server
from imgae.cli.server.store import Store
from imgae.cli.server.work import Done, Planned, Works
from imgae.model.machine import check_stopped, limit_memory

GOOD = png(noisy())


class Slow(Works):
    """Makes nothing of a picture until it is told to, or stopped."""

    def __post_init__(self):
        super().__post_init__()
        self.go = threading.Event()

    def plan(self, kind, given, files):
        quick = "crop" in given

        def run(source, folder, name, progress):
            while not self.go.wait(0.01):
                check_stopped()
            (folder / "a.png").write_bytes(GOOD)
            return Done(folder / "a.png", name, "image/png", {})

        return Planned(run, quick=quick, part=quick)


@pytest.fixture
def serving(tmp_path, monkeypatch):
    """Run a coroutine function with a server, and a client that asks it."""
    monkeypatch.setenv("IMGAE_STATE", str(tmp_path))

    def serve(work, limit=60):
        async def main():
            options = argparse.Namespace(
                device="cpu", threads=1, max_pixels=10**6, max_memory=1 << 31
            )
            server = Server(Slow(options), Store.opened(), Lane(2, limit), Lane(2, limit))
            transport = httpx.ASGITransport(app_of(server, Rules(), lambda: None))
            try:
                async with httpx.AsyncClient(
                    transport=transport, base_url="http://127.0.0.1"
                ) as client:
                    await asyncio.wait_for(work(server, client), 30)
            finally:
                await server.close()

        asyncio.run(main())

    yield serve
    limit_memory(None)


@pytest.mark.parametrize("more", [{}, {"crop": "0,0,9,9"}], ids=["whole", "part"])
def test_work_that_takes_longer_than_the_limit_is_answered_503(serving, more):
    async def work(server, client):
        answer = await client.post("/v1/denoise", files=image(GOOD), data=more)
        assert "longer than 0.1 s, which is the limit" in problem(answer, 503)
        server.works.go.set()
        answer = await client.post("/v1/denoise", files=image(GOOD), data=more)
        assert answer.status_code == 200  # its place is free again

    serving(work, limit=0.1)


def test_what_waits_when_the_server_ends_is_answered_503(serving):
    async def work(server, client):
        asking = [
            asyncio.create_task(client.post("/v1/denoise", files=image(GOOD))) for _ in range(2)
        ]
        await asyncio.to_thread(wait_until, lambda: len(server.long.jobs) == 2)
        server.stop()
        for answer in await asyncio.gather(*asking):
            assert "being ended" in problem(answer, 503)

    serving(work)


def test_what_nobody_asks_for_is_gone_after_an_hour_and_what_is_at_work_is_not(serving):
    async def work(server, client):
        clock = [0.0]
        server.store.now = lambda: clock[0]
        told = await client.post("/v1/pictures", files=image(GOOD))
        other = await client.post("/v1/pictures", files=image(GOOD))
        paths = [f"/v1/pictures/{each.json()['id']}" for each in (told, other)]
        used = form(picture=told.json()["id"])
        job = (await client.post("/v1/denoise", files=used, headers=ASYNC)).json()
        clock[0] = stores.KEPT + 1
        server.store.tidy()
        assert (await client.get(paths[0])).status_code == 200
        problem(await client.get(paths[1]), 404)
        server.works.tidy()
        assert len(server.works.recent.held) == 1
        server.works.go.set()
        await server.store.get(job["id"], "job").about.ended()
        await asyncio.sleep(0)  # for what holds its files
        clock[0] += stores.KEPT + 1
        server.store.tidy()
        problem(await client.get(f"/v1/jobs/{job['id']}/result"), 404)
        assert [path for path in server.store.root.iterdir() if path.is_dir()] == []

    serving(work)


def test_a_picture_that_is_deleted_leaves_the_memory(serving):
    async def work(server, client):
        told = await client.post("/v1/pictures", files=image(GOOD))
        assert len(server.works.recent.held) == 1
        assert (await client.delete(told.headers["location"])).status_code == 204
        assert len(server.works.recent.held) == 0

    serving(work)
