"""One server for the tests of calls, and a client that asks it."""

import pytest

pytest.importorskip("uvicorn", reason="the extra web is not installed")

import contract
import served


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with served.Server(tmp_path_factory.mktemp("server") / "state") as server:
        yield server


@pytest.fixture(scope="session")
def client(server):
    with server.client(event_hooks={"response": [contract.hold]}) as client:
        yield client
