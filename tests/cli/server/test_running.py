"""Where a server listens, and what it calls its address."""

import socket

import pytest

pytest.importorskip("uvicorn", reason="the extra web is not installed")

from imgae.cli.server.running import address_of, listening
from imgae.errors import ImgaeError


def test_a_port_that_is_taken_is_told_with_a_way_out():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        with pytest.raises(ImgaeError, match=rf"127\.0\.0\.1, port {number}: .*--port 0"):
            listening("127.0.0.1", number)


def test_an_address_of_another_machine_is_told_without_that():
    with pytest.raises(ImgaeError, match=r"cannot listen on 192\.0\.2\.1") as told:
        listening("192.0.2.1", 0)
    assert "--port" not in str(told.value)


@pytest.mark.parametrize(
    ("host", "token", "address"),
    [
        ("127.0.0.1", None, "http://127.0.0.1:80/"),
        ("::1", None, "http://[::1]:80/"),
        ("192.0.2.1", "secret-token", "http://192.0.2.1:80/#token=secret-token"),
    ],
)
def test_its_address(host, token, address):
    assert address_of(host, 80, token) == address
