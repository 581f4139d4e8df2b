"""What every request passes first, and what is being received at once."""

import asyncio
from types import SimpleNamespace

import pytest

pytest.importorskip("uvicorn", reason="the extra web is not installed")

from imgae.cli.server import guard, state
from imgae.cli.server.guard import Guard, Rules, host_name
from imgae.cli.server.problems import ProblemError
from imgae.cli.server.state import Server
from imgae.cli.server.store import Store


async def reading(scope, receive, send):
    """An application that reads all of a request, and says how much it was."""
    got = 0
    while True:
        message = await receive()
        got += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(got).encode()})


def asked(messages, rules=None, **headers):
    """The status that a request gets of these messages; after them nothing comes."""
    headers = {"host": "localhost", **headers}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/denoise",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    sent, left = [], list(messages)

    async def receive():
        if left:
            return left.pop(0)
        await asyncio.sleep(60)
        return None

    async def send(message):
        sent.append(message)

    async def main():
        try:
            await Guard(reading, rules or Rules())(scope, receive, send)
        except ProblemError as problem:  # the application's own handler answers it
            return problem.status
        return sent[0]["status"]

    return asyncio.run(main())


def body(count, *, more=False):
    return {"type": "http.request", "body": bytes(count), "more_body": more}


def test_a_request_that_stops_sending_is_given_up(monkeypatch):
    monkeypatch.setattr(guard, "PAUSE", 0.05)
    assert asked([body(1, more=True)]) == 408
    assert asked([body(1, more=True), body(1)]) == 200


def test_a_refusal_does_not_wait_for_what_never_comes(monkeypatch):
    monkeypatch.setattr(guard, "MOMENT", 0.05)
    assert asked([body(1, more=True)], origin="http://elsewhere") == 403


@pytest.mark.parametrize("origin", ["http://[", "null", "http://localhost:1", "file://"])
def test_an_origin_that_is_another_or_none_is_refused(origin):
    assert asked([body(1)], origin=origin) == 403


def test_more_bytes_than_are_allowed_are_refused_also_in_pieces():
    assert asked([body(6, more=True), body(6)], Rules(most_bytes=10)) == 413


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost.", "localhost"),
        ("[::1]:80", "::1"),
        ("evil@127.0.0.1", ""),
        ("[", ""),
        ("127.0.0.1:8", "127.0.0.1"),
    ],
)
def test_the_name_of_a_host(host, name):
    assert host_name(host) == name


def test_only_so_many_requests_are_received_at_once(tmp_path, monkeypatch):
    monkeypatch.setenv("IMGAE_STATE", str(tmp_path))
    monkeypatch.setattr(state, "MOST_BODIES", 1)
    store = Store.opened()
    server = Server(SimpleNamespace(), store, None, None)
    with server.receiving("job") as item:
        with pytest.raises(ProblemError) as refused, server.receiving("job"):
            pass
        assert refused.value.status == 429
        assert item.folder.exists()
    with pytest.raises(ValueError, match="broken"), server.receiving("job") as item:
        raise ValueError("broken")
    assert item.id not in store.items
    assert not item.folder.exists()
    store.close()
