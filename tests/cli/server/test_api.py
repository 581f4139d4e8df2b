"""The API of `imgae serve`: each call, held against the command line and against its document."""

import io
import json
import socket
import zipfile
from urllib.parse import urlsplit

import pytest

pytest.importorskip("uvicorn", reason="the extra web is not installed")

import by_hand as hands
import numpy as np
import tifffile
from served import (
    ASYNC,
    LONG,
    events,
    form,
    image,
    noisy,
    pixels_of,
    png,
    problem,
    stack,
    wait_until,
)

import imgae
from imgae.model.registry import available

BOX = [{"tool": "box", "box": [20, 10, 12, 8]}]


@pytest.fixture(scope="module")
def long(client):
    """A form whose work takes long."""
    answer = client.post("/v1/pictures", files=image(stack(), "stack.tif"))
    assert answer.status_code == 201
    return form(LONG, picture=answer.json()["id"])


def idle(client):
    health = client.get("/healthz").json()
    return health["running"] == health["waiting"] == 0


@pytest.fixture
def by_hand(tmp_path):
    """Run the command line; returns the bytes of its result."""

    def run(command, data, *words, name="photo.png"):
        (tmp_path / name).write_bytes(data)
        return hands.by_hand(command, tmp_path / name, *words)

    return run


def test_it_says_that_it_is_well(client):
    health = client.get("/healthz").json()
    assert (health["status"], health["version"]) == ("ok", imgae.__version__)
    assert health["running"] == health["waiting"] == 0


def test_it_lists_the_models(client):
    models = {model["name"]: model for model in client.get("/v1/models").json()["models"]}
    assert set(models) <= set(available())
    assert set(models) >= {"denoise-fast", "denoise-balanced", "denoise-camera", "inpaint"}
    assert models["denoise-fast"]["task"] == "denoise"
    for key in ("default", "precision", "summary", "mib", "kmac_per_pixel", "scores", "licence"):
        assert key in models["denoise-fast"]


def test_a_picture_is_kept_until_it_is_deleted(client):
    data = png(noisy())
    answer = client.post("/v1/pictures", files=image(data, "Größe 1.png"))
    assert answer.status_code == 201
    told = answer.json()
    assert urlsplit(answer.headers["location"]).path == f"/v1/pictures/{told['id']}"
    assert (told["name"], told["width"], told["height"], told["frames"]) == (
        "Größe 1.png",
        96,
        72,
        1,
    )
    assert (told["dtype"], told["gray"], told["alpha"]) == ("uint8", False, False)
    assert (told["bytes"], told["shown"]) == (len(data), True)
    assert client.get(f"/v1/pictures/{told['id']}").json() == told
    view = client.get(f"/v1/pictures/{told['id']}/view")
    assert np.array_equal(pixels_of(view.content), noisy())
    assert client.delete(f"/v1/pictures/{told['id']}").status_code == 204
    problem(client.get(f"/v1/pictures/{told['id']}"), 404)


def test_what_browsers_do_not_show_has_a_view_of_8_bits(client):
    deep = noisy().astype(np.uint16) * 257
    file = io.BytesIO()
    tifffile.imwrite(file, deep, photometric="rgb")
    told = client.post("/v1/pictures", files=image(file.getvalue(), "scan.tif")).json()
    assert (told["dtype"], told["shown"]) == ("uint16", False)
    view = client.get(f"/v1/pictures/{told['id']}/view")
    assert view.headers["content-type"] == "image/png"
    assert np.abs(np.int16(pixels_of(view.content)) - noisy()).max() <= 1


def test_denoising_gives_the_bytes_of_the_command_line(client, by_hand):
    data, options = png(noisy()), {"strength": "0.7", "luma": "0.9", "detail": "0.2"}
    words = [word for name, value in options.items() for word in (f"--{name}", value)]
    expected = by_hand("denoise", data, *words)
    answer = client.post("/v1/denoise", files=image(data), data=options)
    assert answer.status_code == 200
    assert answer.content == expected
    assert answer.headers["content-type"] == "image/png"
    assert "photo.denoised.png" in answer.headers["content-disposition"]
    record = json.loads(answer.headers["imgae-record"])
    assert record["model"]
    assert record["sigma_source"] == "estimated"
    assert record["notes"] == []
    assert not {"input", "output"} & set(record)
    told = client.post("/v1/pictures", files=image(data)).json()
    again = client.post("/v1/denoise", files=form(options, picture=told["id"]))
    assert again.content == expected


def test_a_tiff_of_16_bits_keeps_its_depth_and_its_bytes(client, by_hand):
    file = io.BytesIO()
    tifffile.imwrite(file, noisy().astype(np.uint16) * 257, photometric="rgb")
    data = file.getvalue()
    expected = by_hand("denoise", data, "--sigma", 20, name="scan.tif")
    answer = client.post("/v1/denoise", files=image(data, "scan.tif"), data={"sigma": "20"})
    assert answer.content == expected
    assert answer.headers["content-type"] == "image/tiff"
    assert tifffile.imread(io.BytesIO(answer.content)).dtype == np.uint16


@pytest.mark.parametrize("options", [{}, {"sigma": "15", "grain": "0.5"}, {"strength": "1.6"}])
def test_a_crop_is_that_part_of_the_whole(client, options):
    data = png(noisy(420, 380))
    told = client.post("/v1/pictures", files=image(data)).json()
    whole = client.post("/v1/denoise", files=form(options, picture=told["id"]))
    crop = form(options, picture=told["id"], crop="200,150,100,80")
    answer = client.post("/v1/denoise", files=crop)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert np.array_equal(pixels_of(answer.content), pixels_of(whole.content)[150:230, 200:300])
    assert "found" in json.loads(answer.headers["imgae-record"])


def test_filling_gives_the_bytes_of_the_command_line(client, by_hand, tmp_path):
    data = png(noisy())
    mask = np.zeros((72, 96), np.uint8)
    mask[20:30, 40:52] = 255
    (tmp_path / "mask.png").write_bytes(png(mask))
    expected = by_hand("inpaint", data, "--mask", tmp_path / "mask.png")
    files = {**image(data), "mask": ("mask.png", png(mask), "image/png")}
    answer = client.post("/v1/inpaint", files=files)
    assert answer.content == expected
    assert "photo.inpainted.png" in answer.headers["content-disposition"]
    record = json.loads(answer.headers["imgae-record"])
    assert record["filled"] > 0
    assert isinstance(record["varies"], bool)


STROKES = [
    {"tool": "brush", "size": 9, "points": [[10, 12.5], [40, 30]]},
    {"tool": "eraser", "size": 5, "points": [[20, 18]]},
    {"tool": "polygon", "points": [[60, 10], [80, 12], [70, 30]]},
    *BOX,
    {"tool": "box", "box": [22, 11, 2, 2], "erase": True},
]


def test_strokes_fill_as_the_mask_of_the_command_line_does(client, by_hand, tmp_path):
    data, strokes = png(noisy()), {"strokes": json.dumps(STROKES)}
    drawn = client.post("/v1/mask", files=image(data), data=strokes)
    assert drawn.status_code == 200
    assert drawn.headers["content-type"] == "image/png"
    (tmp_path / "mask.png").write_bytes(drawn.content)
    expected = by_hand("inpaint", data, "--mask", tmp_path / "mask.png")
    answer = client.post("/v1/inpaint", files=image(data), data=strokes)
    assert answer.content == expected


def test_a_mask_of_strokes_has_the_pixels_that_were_drawn(client):
    drawn = client.post(
        "/v1/mask", files=image(png(noisy())), data={"strokes": json.dumps(STROKES)}
    )
    mask = pixels_of(drawn.content) > 0
    mask = mask if mask.ndim == 2 else mask[:, :, 0]
    y, x = np.mgrid[:72, :96] + 0.5
    start, along = np.array([10, 12.5]), np.array([30, 17.5])
    share = ((x - start[0]) * along[0] + (y - start[1]) * along[1]) / (along @ along)
    share = share.clip(0, 1)
    expected = np.hypot(x - start[0] - share * along[0], y - start[1] - share * along[1]) <= 4.5
    expected &= np.hypot(x - 20, y - 18) > 2.5
    expected[10:18, 20:32] = True
    expected[11:13, 22:24] = False
    assert np.array_equal(mask[:, :56], expected[:, :56])
    assert mask[15, 70]
    assert not mask[:, 84:].any()


def test_a_mask_is_what_the_command_line_marks(client, by_hand):
    data = png(noisy())
    fields = {"box": "5,6,20,10", "dilate": "2"}
    drawn = client.post("/v1/mask", files=image(data), data=fields)
    expected = by_hand("mask", data, "--box", "5,6,20,10", "--dilate", 2)
    assert np.array_equal(pixels_of(drawn.content), pixels_of(expected))


def test_long_work_is_a_job(client, by_hand):
    data = png(noisy())
    answer = client.post("/v1/denoise", files=image(data), headers=ASYNC)
    assert answer.status_code == 202
    job = answer.json()
    where = urlsplit(answer.headers["location"]).path
    assert where == f"/v1/jobs/{job['id']}"
    assert job["kind"] == "denoise"
    seen = events(client, job["id"])
    order = ["waiting", "running", "done"]
    places = [order.index(state["status"]) for state in seen]
    assert places == sorted(places)
    assert [state["progress"] for state in seen] == sorted(state["progress"] for state in seen)
    last = seen[-1]
    assert (last["status"], last["progress"], last["problem"]) == ("done", 1, None)
    assert (last["name"], last["type"]) == ("photo.denoised.png", "image/png")
    result = client.get(f"{where}/result")
    assert result.content == by_hand("denoise", data)
    assert last["bytes"] == len(result.content)
    assert "photo.denoised.png" in result.headers["content-disposition"]
    assert np.array_equal(pixels_of(client.get(f"{where}/view").content), pixels_of(result.content))
    assert client.get(where).json() == last
    assert events(client, job["id"]) == [last]
    assert client.delete(where).status_code == 204
    problem(client.get(where), 404)


def test_progress_grows_while_a_job_runs_and_its_result_is_not_ready(client, long):
    job = client.post("/v1/denoise", files=long, headers=ASYNC).json()
    where = f"/v1/jobs/{job['id']}"
    problem(client.get(f"{where}/result"), 409)
    seen = set()
    with client.stream("GET", f"{where}/events") as stream:
        for line in stream.iter_lines():
            if line.startswith("data:"):
                seen.add(json.loads(line.removeprefix("data:"))["progress"])
            if len({each for each in seen if 0 < each < 1}) > 1:
                break
    assert len(seen) > 1
    assert client.delete(where).status_code == 204
    wait_until(lambda: idle(client))


def test_a_job_that_is_cancelled_gives_its_place_back(client, long):
    jobs = [client.post("/v1/denoise", files=long, headers=ASYNC).json() for _ in range(3)]
    assert not idle(client)
    assert jobs[2]["ahead"] >= jobs[1]["ahead"] >= 0
    for job in jobs:
        assert client.delete(f"/v1/jobs/{job['id']}").status_code == 204
    wait_until(lambda: idle(client))
    assert client.post("/v1/denoise", files=image(png(noisy()))).status_code == 200


def test_a_client_that_goes_away_gives_its_place_back(server, client, long):
    request = client.build_request("POST", "/v1/denoise", files=long)
    body = request.read()
    head = "".join(f"{name}: {value}\r\n" for name, value in request.headers.items())
    head = f"POST /v1/denoise HTTP/1.1\r\n{head}\r\n"
    with socket.create_connection(("127.0.0.1", server.port)) as link:
        link.sendall(head.encode() + body)
        wait_until(lambda: client.get("/healthz").json()["running"] == 1)
    wait_until(lambda: idle(client))


def test_a_full_queue_is_told_and_empties(client, long):
    jobs = []
    try:
        for _ in range(300):
            answer = client.post("/v1/denoise", files=long, headers=ASYNC)
            if answer.status_code != 202:
                break
            jobs.append(answer.json()["id"])
        assert problem(answer, 429)
        assert int(answer.headers["retry-after"]) > 0
        assert jobs
    finally:
        for job in jobs:
            client.delete(f"/v1/jobs/{job}")
    wait_until(lambda: idle(client))
    assert client.post("/v1/denoise", files=image(png(noisy()))).status_code == 200


def test_an_archive_holds_results_under_names_of_their_own(client):
    jobs = {}
    for seed in range(2):
        files = image(png(noisy(seed=seed)))
        job = client.post("/v1/denoise", files=files, data={"sigma": "20"}, headers=ASYNC).json()
        assert events(client, job["id"])[-1]["status"] == "done"
        jobs[job["id"]] = client.get(f"/v1/jobs/{job['id']}/result").content
    answer = client.post("/v1/archive", json={"jobs": list(jobs)})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = archive.namelist()
        assert [archive.read(name) for name in names] == list(jobs.values())
    assert names[0] == "photo.denoised.png"
    assert len({name.lower() for name in names}) == 2
    assert not any("/" in name or "\\" in name for name in names)
    problem(client.post("/v1/archive", json={"jobs": ["nonesuch"]}), 404)


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/v1/denoise", {"strength": "3"}, 422),
        ("/v1/denoise", {"strength": "much"}, 422),
        ("/v1/denoise", {"sharpen": "1"}, 422),
        ("/v1/denoise", {"model": "nonesuch"}, 422),
        ("/v1/denoise", {"model": "inpaint"}, 422),
        ("/v1/denoise", {"crop": "0,0,2000,2000"}, 422),
        ("/v1/denoise", {"crop": "200,0,20,20"}, 422),
        ("/v1/denoise", {"crop": "zero"}, 422),
        ("/v1/denoise", {"format": "bmp5"}, 422),
        ("/v1/inpaint", {}, 422),
        ("/v1/inpaint", {"strokes": "["}, 422),
        ("/v1/inpaint", {"strokes": '[{"tool": "magic"}]'}, 422),
        (
            "/v1/inpaint",
            {"strokes": '[{"tool": "brush", "size": 1e9, "points": [[1, 1e99]]}]'},
            422,
        ),
        ("/v1/inpaint", {"box": "1,2,3"}, 422),
        ("/v1/mask", {"detect": "faces"}, 422),
    ],
)
def test_a_wrong_field_is_told_in_one_sentence(client, path, fields, status):
    assert problem(client.post(path, files=image(png(noisy())), data=fields), status)


def test_what_is_not_there_is_told(client):
    problem(client.get("/v2"), 404)
    problem(client.get("/v1/jobs/nonesuch"), 404)
    problem(client.get("/v1/pictures/nonesuch/view"), 404)
    problem(client.post("/v1/denoise", files=form(picture="nonesuch")), 404)
    problem(client.get("/v1/denoise"), 405)
    assert problem(client.post("/v1/denoise", files=form(strength="1")), 422)


def test_a_list_that_is_nested_too_deeply_is_no_json(client):
    answer = client.post("/v1/archive", content=b"[" * 200_000)
    assert answer.status_code == 400
    assert answer.json()["detail"] == "the body is no JSON"


def test_the_result_of_a_job_can_be_the_picture_of_the_next(client, by_hand):
    data = png(noisy())
    job = client.post("/v1/denoise", files=image(data), headers=ASYNC).json()
    fill = {"picture": job["id"], "box": "20,10,12,8"}
    problem(client.post("/v1/inpaint", files=form(**{**fill, "picture": "nonesuch"})), 404)
    wait_until(lambda: client.get(f"/v1/jobs/{job['id']}").json()["status"] == "done")
    answer = client.post("/v1/inpaint", files=form(**fill))
    assert 'filename="photo.denoised.inpainted.png"' in answer.headers["content-disposition"]
    clean = by_hand("denoise", data)
    assert answer.content == by_hand(
        "inpaint", clean, "--box", "20,10,12,8", name="photo.denoised.png"
    )
