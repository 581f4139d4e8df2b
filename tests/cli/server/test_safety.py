"""What `imgae serve` refuses, with a status and a sentence, and that it leaves nothing behind."""

import contextlib
import json
import signal
import socket
import struct
import zlib

import pytest

pytest.importorskip("uvicorn", reason="the extra web is not installed")

import contract
import numpy as np
import served
from png_files import chunk
from served import ASYNC, LONG, form, image, noisy, png, problem, stack, wait_until

TOKEN = "open-sesame"  # noqa: S105
BEARER = {"Authorization": f"Bearer {TOKEN}"}
MOST = 2_000_000
GOOD = png(noisy())
BOX = json.dumps([{"tool": "box", "box": [1, 1, 9, 9]}])
OUTSIDE = ("../../etc/passwd", "/etc/passwd", "..\\..\\secret", "file:///etc/passwd", "a/../../b")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that other machines could reach, with small limits."""
    state = tmp_path_factory.mktemp("state")
    words = ["--host", "0.0.0.0", "--token", TOKEN, "--max-upload", "2M", "--max-memory", "700M"]  # noqa: S104
    with served.Server(state, *words) as server:
        yield server


@pytest.fixture(scope="module")
def client(server):
    with server.client(headers=BEARER, event_hooks={"response": [contract.hold]}) as client:
        yield client


def healthy(client):
    """Return whether nothing is at work, and a right request gets its answer."""
    health = client.get("/healthz").json()
    answer = client.post("/v1/mask", files=image(GOOD), data={"strokes": BOX})
    return health["running"] == health["waiting"] == 0 and answer.status_code == 200


@pytest.fixture(autouse=True)
def well(client):
    yield
    wait_until(lambda: healthy(client))


def raw(server, text, body=b"", *, chunks=None):
    """Send a request as it stands; returns its status and what follows."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=served.PATIENCE) as link:
        link.sendall(text.replace("\n", "\r\n").encode() + body)
        try:
            for part in chunks or ():
                link.sendall(b"%x\r\n%s\r\n" % (len(part), part))
        except (BrokenPipeError, ConnectionResetError):
            pass
        received = b""
        while b"\r\n\r\n" not in received and (more := link.recv(1 << 16)):
            received += more
    head, _, rest = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), (head + rest).decode("latin-1")


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_file_name_leads_out_of_its_folder(client, name):
    sentence = problem(client.post("/v1/denoise", files=image(GOOD, name)), 422)
    assert "is no file name; give it without folders" in sentence


FIELDS = (
    *("picture", "model", "format", "label", "mask", "box", "detect", "strokes", "seed", "device"),
    *("within", "protect", "avoid", "save-mask", "preview", "output", "report", "quality", "crop"),
)


@pytest.mark.parametrize("value", OUTSIDE[:2])
def test_no_field_is_taken_for_a_path(client, value):
    for path in ("/v1/denoise", "/v1/inpaint", "/v1/mask"):
        for field in FIELDS:
            fields = {"strokes": BOX} if path != "/v1/denoise" else {}
            files = image(GOOD) if field != "picture" else {}
            files = {**files, **form(fields), field: (None, value)}
            answer = client.post(path, files=files)
            assert problem(answer, 404 if field == "picture" else 422)
            assert "root:" not in answer.text
        for field in ("mask", "protect", "avoid", "model"):
            answer = client.post(path, files={**image(GOOD), field: (value, GOOD)}, data=fields)
            assert problem(answer, 422)


@pytest.mark.parametrize(
    "path",
    [
        *("/v1/pictures/..%2f..%2fetc%2fpasswd", "/v1/jobs/..%2F..%2Fsecret/result"),
        *("/static/../guard.py", "/static/..%2fguard.py", "/static/%2e%2e/app.py", "//etc/passwd"),
    ],
)
def test_no_address_leads_to_other_files(server, path):
    status, text = raw(server, f"GET {path} HTTP/1.1\nHost: 127.0.0.1\n{bearer()}\n\n")
    assert status == 404
    assert "import" not in text


def bearer():
    return f"Authorization: Bearer {TOKEN}"


def bomb(width, height):
    """A PNG of a few kilobytes that says it has so many pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(bytes(1 << 20), 9))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND")


@pytest.mark.parametrize("path", ["/v1/pictures", "/v1/denoise", "/v1/inpaint", "/v1/mask"])
def test_a_picture_of_too_many_pixels_is_refused(client, path):
    fields = {"strokes": BOX} if path in ("/v1/inpaint", "/v1/mask") else {}
    problem(client.post(path, files=image(bomb(60_000, 60_000)), data=fields), 413)


def test_a_small_file_that_unpacks_to_more_than_the_memory_is_refused(client):
    side, packing = 12_000, zlib.compressobj(1)
    rows = b"".join(packing.compress(bytes(1 + side)) for _ in range(side)) + packing.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND")
    answer = client.post(
        "/v1/mask", files=image(b"\x89PNG\r\n\x1a\n" + parts), data={"box": "1,1,9,9"}
    )
    assert "memory" in problem(answer, 413)


def test_a_picture_cannot_allow_itself_more_pixels(client):
    fields = {"max-pixels": "9G"}
    answer = client.post("/v1/denoise", files=image(bomb(60_000, 60_000)), data=fields)
    problem(answer, 413)


def test_a_mask_of_too_many_pixels_is_refused(client):
    files = {**image(GOOD), "mask": ("mask.png", bomb(60_000, 60_000))}
    assert problem(client.post("/v1/inpaint", files=files), 413)


def test_an_upload_over_the_limit_is_refused_by_its_length(server, client):
    text = f"POST /v1/denoise HTTP/1.1\nHost: 127.0.0.1\nContent-Length: {2 << 30}\n{bearer()}\n"
    form = "Content-Type: multipart/form-data; boundary=b\nConnection: close\n\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as link:
        link.sendall((text + form).replace("\n", "\r\n").encode())
        assert link.recv(1 << 12).startswith(b"HTTP/1.1 413")  # without one byte of the body
    big = image(bytes(MOST * 2))
    problem(client.post("/v1/denoise", files=big), 413)


def test_an_upload_over_the_limit_is_refused_where_it_says_no_length(server):
    begin = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    text = f"POST /v1/denoise HTTP/1.1\nHost: 127.0.0.1\nTransfer-Encoding: chunked\n{bearer()}\n"
    form = "Content-Type: multipart/form-data; boundary=b\n\n"
    parts = [begin, *[bytes(1 << 16)] * (2 * MOST >> 16)]
    status, told = raw(server, text + form, chunks=parts)
    assert status == 413
    assert "problem+json" in told


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", "photo.png"),
        (b"%PDF-1.7 and more", "photo.png"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.svg"),
        (b"\0" * 5000, "photo.tif"),
    ],
    ids=["empty", "pdf", "svg", "zeros"],
)
def test_what_is_no_picture_is_refused(client, data, name):
    for path in ("/v1/pictures", "/v1/denoise"):
        assert problem(client.post(path, files=image(data, name)), 415)


@pytest.mark.parametrize("data", [b"GIF89a", GOOD[:100], GOOD[:-400]])
def test_a_picture_that_is_damaged_is_told(client, data):
    for path in ("/v1/pictures", "/v1/denoise"):
        assert problem(client.post(path, files=image(data)), 422)


@pytest.mark.parametrize("origin", ["https://example.com", "null", "http://127.0.0.1:1", "http://"])
def test_a_page_of_another_origin_is_refused(client, origin):
    for path in ("/", "/v1/models"):
        problem(client.get(path, headers={"Origin": origin}), 403)
    answer = client.post("/v1/denoise", files=image(GOOD), headers={"Origin": origin})
    problem(answer, 403)


def test_the_page_of_the_server_itself_is_not_refused(server, client):
    assert client.get("/v1/models", headers={"Origin": server.url}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", ""])
def test_another_host_is_refused(client, host):
    for path in ("/", "/v1/models", "/healthz"):
        answer = client.get(path, headers={"Host": host})
        assert answer.status_code == 421


PUBLIC = ("/", "/healthz")
SECRET = (
    ("GET", "/v1/models"),
    ("POST", "/v1/pictures"),
    ("GET", "/v1/pictures/a"),
    ("GET", "/v1/pictures/a/view"),
    ("DELETE", "/v1/pictures/a"),
    ("POST", "/v1/denoise"),
    ("POST", "/v1/inpaint"),
    ("POST", "/v1/mask"),
    ("GET", "/v1/jobs/a"),
    ("GET", "/v1/jobs/a/events"),
    ("GET", "/v1/jobs/a/result"),
    ("GET", "/v1/jobs/a/view"),
    ("DELETE", "/v1/jobs/a"),
    ("POST", "/v1/archive"),
)


@pytest.mark.parametrize(
    "given",
    ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer öpen".encode()],
    ids=["none", "empty", "wrong", "basic", "longer", "not ascii"],
)
def test_nothing_of_the_api_is_given_without_the_token(server, given):
    with server.client(headers={"Authorization": given} if given else {}) as client:
        for method, path in SECRET:
            assert problem(client.request(method, path), 401)
        for path in PUBLIC:
            assert client.get(path).status_code == 200


def test_a_public_address_gets_a_token_of_its_own(tmp_path):
    words = ["--host", "0.0.0.0"]  # noqa: S104
    with served.Server(tmp_path / "state", *words) as server, server.client() as client:
        problem(client.get("/v1/models"), 401)
        token = server.said.read_text().partition("#token=")[2].split()[0]
        assert len(token) >= 16
        bearer = {"Authorization": f"Bearer {token}"}
        assert client.get("/v1/models", headers=bearer).status_code == 200


FORM = "POST /v1/denoise HTTP/1.1\nHost: 127.0.0.1\nConnection: close\n"
PART = 'Content-Disposition: form-data; name="image"; filename="a.png"'


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("multipart/form-data", b"--b\r\n", 400),
        ("multipart/form-data; boundary=", b"--b\r\n", 400),
        ("multipart/form-data; boundary=b", b"", 400),
        ("multipart/form-data; boundary=b", b"--c\r\n\r\n", 400),
        ("multipart/form-data; boundary=b", f"--b\r\n{PART}\r\n\r\nabc".encode(), 400),
        ("multipart/form-data; boundary=b", b"--b\r\nX: y\r\n\r\nabc\r\n--b--\r\n", 400),
        ("multipart/form-data; boundary=b", b"--b\r\n\xff\xfe\0\r\n\r\n--b--", 400),
        ("multipart/form-data; boundary=" + "b" * 5000, b"--b--", 400),
        ("application/json", b'{"image": 1}', 415),
        ("text/plain", GOOD, 415),
        ("", GOOD, 415),
    ],
)
def test_a_malformed_body_is_told(server, kind, body, expected):
    head = f"{FORM}{bearer()}\nContent-Type: {kind}\nContent-Length: {len(body)}\n\n"
    status, told = raw(server, head, body)
    assert status == expected, told
    assert "application/problem+json" in told


def test_a_body_that_is_cut_off_leaves_nothing(server, client):
    before = server.kept()
    kind = "Content-Type: multipart/form-data; boundary=b"
    head = f"{FORM}{bearer()}\n{kind}\nContent-Length: 90000\n\n"
    with socket.create_connection(("127.0.0.1", server.port)) as link:
        link.sendall(head.replace("\n", "\r\n").encode() + b"--b\r\n" + PART.encode())
    wait_until(lambda: server.kept() == before)


def test_too_many_fields_and_files_are_refused(client):
    many = {f"field{number}": "1" for number in range(5000)}
    problem(client.post("/v1/denoise", files=image(GOOD), data=many), 400)
    files = [("image", ("a.png", GOOD))] * 30
    problem(client.post("/v1/denoise", files=files), 400)


@pytest.mark.parametrize("shape", [(72, 95), (1, 1), (144, 192)])
def test_a_mask_of_another_size_is_told(client, shape):
    mask = np.zeros(shape, np.uint8)
    mask[0, 0] = 255
    files = {**image(GOOD), "mask": ("mask.png", png(mask))}
    sentence = problem(client.post("/v1/inpaint", files=files), 422)
    assert f"{shape[1]}x{shape[0]}" in sentence
    assert "96x72" in sentence


HEADERS = {
    "content-security-policy": "default-src 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "x-frame-options": "DENY",
}


def test_each_answer_has_the_headers_that_keep_it_safe(server, client):
    answers = [client.get(path) for path in ("/", "/static/main.js", "/healthz", "/v1/models")]
    answers += [client.get("/nothing"), client.get("/v1/jobs/a"), client.put("/v1/denoise")]
    answers += [client.post("/v1/denoise", files=image(b"")), client.options("/v1/denoise")]
    answers += [client.post("/v1/denoise", files=image(GOOD))]
    answers += [client.post("/v1/denoise", files=image(bytes(2 * MOST)))]
    answers += [client.get("/", headers={"Origin": "https://example.com"})]
    answers += [client.get("/", headers={"Host": "evil.example"})]
    answers += [client.get("/v1/models", headers={"Authorization": "none"})]
    for answer in answers:
        told = f"{answer.request.url} {answer.status_code}"
        for name, value in HEADERS.items():
            assert value in answer.headers.get(name, ""), (told, name)
        assert not [name for name in answer.headers if name.startswith("access-control")], told
    assert "unsafe" not in answers[0].headers["content-security-policy"]
    assert answers[3].headers["cache-control"] == "no-store"


def test_no_page_of_another_origin_is_let_in_by_a_preflight(client):
    asked = {"Origin": "https://example.com", "Access-Control-Request-Method": "POST"}
    answer = client.options("/v1/denoise", headers=asked)
    assert answer.status_code >= 400
    assert not [name for name in answer.headers if name.startswith("access-control")]


@contextlib.contextmanager
def working(server):
    """A server that has begun a job that takes long, followed by a client."""
    with server.client() as client:
        files = image(stack(), "stack.tif")
        answer = client.post("/v1/denoise", files=files, data=LONG, headers=ASYNC)
        assert answer.status_code == 202
        wait_until(lambda: client.get("/healthz").json()["running"] == 1)
        with client.stream("GET", f"/v1/jobs/{answer.json()['id']}/events") as events:
            yield events


def test_nothing_is_left_of_a_server_that_was_killed_once_another_starts(tmp_path):
    state = tmp_path / "state"
    with served.Server(state) as server:
        with working(server):
            assert server.end(signal.SIGKILL) == -signal.SIGKILL
        left = server.kept()
        assert left
    with served.Server(state) as again:
        assert not set(again.kept()) & set(left)
        assert again.end(signal.SIGTERM) == 0


def test_ctrl_c_ends_it_cleanly(tmp_path):
    """With the exit code of `imgae watch`, also a second one; who follows a job is told its end."""
    with served.Server(tmp_path / "state") as server:
        with working(server) as events:
            server.process.send_signal(signal.SIGINT)
            assert server.end(signal.SIGINT) == 0
            told = [line for line in events.iter_lines() if line.startswith("data:")]
        assert json.loads(told[-1].removeprefix("data:"))["status"] in ("failed", "cancelled")
        assert server.kept() == []
        assert len(server.said.read_text().splitlines()) == 1  # the address


def test_others_cannot_read_what_is_uploaded(server, client):
    assert client.post("/v1/pictures", files=image(GOOD)).status_code == 201
    files = [path for path in server.state.rglob("*") if path.is_file()]
    assert any(path.read_bytes() == GOOD for path in files)
    for path in files:
        folders = [each for each in path.parents if server.state in each.parents]
        assert any(folder.stat().st_mode & 0o077 == 0 for folder in folders)
