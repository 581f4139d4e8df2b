"""One server for the tests of calls, and a client that asks it."""

import pytest


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    import served  # which needs the extra web

    with served.Server(tmp_path_factory.mktemp("server") / "state") as server:
        yield server


@pytest.fixture(scope="session")
def client(server):
    import contract

    with server.client(event_hooks={"response": [contract.hold]}) as client:
        yield client
