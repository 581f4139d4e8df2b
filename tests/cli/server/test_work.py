"""What the server does with a picture, beside what the command line does with it."""

import argparse
import io
import json

import numpy as np
import PIL.Image
import pytest
from by_hand import by_hand

from imgae import Frames, Image, ImageError, OptionError, read_image, write_frames, write_image
from imgae.cli.server import shown
from imgae.cli.server.ending import endable
from imgae.cli.server.pictures import NoPictureError, Recent
from imgae.cli.server.work import Works
from imgae.errors import ImageTooLargeError, MaskError, ModelError
from imgae.model import session
from imgae.model.machine import limit_memory, stoppable

RNG = np.random.default_rng(0)
PIXELS = RNG.normal(120, 12, (60, 80, 3)).clip(0, 255).astype(np.uint8)
STROKES = [
    {"tool": "invert"},
    {"tool": "box", "box": [0, 0, 80, 60], "erase": True},
    {"tool": "brush", "size": 21, "points": [[20.5, 20], [40, 33.3]]},
    {"tool": "eraser", "size": 4, "points": [[30, 26]]},
]


@pytest.fixture(scope="module")
def works():
    yield Works(argparse.Namespace(device="cpu", threads=1, max_pixels=10**6, max_memory=1 << 31))
    limit_memory(None)


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "image" / "photo.png"
    path.parent.mkdir()
    write_image(Image(PIXELS), path)
    return path


def done(works, kind, source, files=None, name=None, told=lambda *_: None, **given):
    out = source.parent / f"out-{RNG.integers(1 << 60)}"
    out.mkdir()
    planned = works.plan(kind, given, files or {})
    return planned.run(source, out, name or source.name, told)


def test_strokes_on_a_mask_fill_as_their_mask_does_by_hand(works, photo, tmp_path):
    mask = tmp_path / "mask.png"
    write_image(Image(np.full((60, 80, 1), 255, np.uint8)), mask)
    given = {"strokes": json.dumps(STROKES), "dilate": "2"}
    drawn = done(works, "mask", photo, {"mask": mask}, **given)
    assert 300 < drawn.record["marked"] < 1500
    filled = done(works, "inpaint", photo, {"mask": mask}, **given, seed="5", denoise="true")
    assert filled.record["filled"] == drawn.record["marked"]
    assert filled.record["varies"]
    words = ("--mask", drawn.path, "--seed", "5", "--denoise")
    assert filled.path.read_bytes() == by_hand("inpaint", photo, *words)


def test_a_fill_without_texture_does_not_vary(works, photo):
    thin = {"box": "3,3,40,2"}
    assert not done(works, "inpaint", photo, **thin).record["varies"]
    assert not done(works, "inpaint", photo, box="3,3,30,30", **{"no-texture": "true"}).record[
        "varies"
    ]


def test_progress_of_all_frames_goes_from_none_to_all(works, tmp_path):
    source = tmp_path / "loop.png"
    frames = [Image(PIXELS[row : row + 20], duration=0.1) for row in (0, 20, 40)]
    write_frames(Frames(tuple(frames), "animation"), source)
    told = []
    result = done(works, "denoise", source, told=lambda *both: told.append(both))
    assert told == [(333, 1000), (666, 1000), (1000, 1000)]
    assert result.path.read_bytes() == by_hand("denoise", source)


def test_a_part_of_an_animation_is_its_first_frame_as_the_whole_has_it(works, tmp_path):
    source = tmp_path / "loop.png"
    frames = [Image((PIXELS // each).astype(np.uint8), duration=0.1) for each in (1, 2)]
    write_frames(Frames(tuple(frames), "animation"), source)
    whole = done(works, "denoise", source)
    part = done(works, "denoise", source, crop="10,20,30,15")
    seen = np.asarray(PIL.Image.open(io.BytesIO(whole.path.read_bytes())).convert("RGB"))
    assert np.array_equal(read_image(part.path).pixels, seen[20:35, 10:40])


def test_a_part_of_floats_is_shown_as_the_whole_is(works, tmp_path):
    source = tmp_path / "a.tif"
    write_image(Image(PIXELS.astype(np.float32)), source)  # from 0 to 255
    assert works.view(source, tmp_path / "view.png") == ("image/png", True)
    view = read_image(tmp_path / "view.png").pixels
    assert 80 < view.mean() < 160
    part = done(works, "denoise", source, crop="10,20,30,15", strength="0")
    assert np.array_equal(read_image(part.path).pixels, view[20:35, 10:40])


def test_a_part_says_what_was_found_and_is_cut_at_the_picture_s_end(works, photo):
    first = done(works, "denoise", photo, crop="70,50,40,40", draft="true").record
    assert (first["draft"], first["crop"], first["found"]) == (True, [70, 50, 10, 10], None)
    then = done(works, "denoise", photo, crop="70,50,40,40").record
    assert then["found"]["kind"] == "white"
    assert then["found"]["sigma"] == pytest.approx(12, abs=1)
    assert not done(works, "denoise", photo, crop="0,0,9,9", draft="true").record["draft"]
    with pytest.raises(OptionError, match="crop: lies outside the picture of 80x60 pixels"):
        done(works, "denoise", photo, crop="80,0,9,9")


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("photo.jpg", {}, "photo.denoised.jpg"),
        ("photo.png", {"format": "tif"}, "photo.denoised.tif"),
        ("picture", {}, "picture.denoised.png"),
        ("scan.page.psd", {}, "scan.page.denoised.tif"),
        ("v1.5", {}, "v1.5.denoised.png"),
    ],
)
def test_a_result_is_called_as_by_the_command_line(works, photo, name, given, expected):
    result = done(works, "denoise", photo, name=name, sigma="0", **given)
    assert result.name == expected
    kind = {".jpg": "image/jpeg", ".png": "image/png", ".tif": "image/tiff"}
    assert result.type == kind[result.path.suffix]


def test_errors_name_fields_and_no_places(works, photo, tmp_path):
    mask = tmp_path / "mask.png"
    write_image(Image(np.full((5, 5, 1), 255, np.uint8)), mask)
    none = photo.with_name("none.png")
    none.write_bytes(b"no picture")
    cases = [
        (MaskError, "mask: the mask is 5x5", lambda: done(works, "inpaint", photo, {"mask": mask})),
        (NoPictureError, "none.png: not a picture", lambda: works.looked(none, "none.png")),
        (ImageError, "none.png: not a picture", lambda: done(works, "denoise", none)),
        (
            OptionError,
            "model: no model to denoise",
            lambda: works.plan("denoise", {"model": "detect"}, {}),
        ),
        (
            ImageTooLargeError,
            "photo.png: 80x60 pixels are 0.0048 megapixels, more than",
            lambda: done(works, "denoise", photo, **{"max-pixels": "1K"}),
        ),
    ]
    for kind, told, work in cases:
        with pytest.raises(kind) as error:
            work()
        assert told in str(error.value)
        assert str(tmp_path) not in str(error.value)
        assert "--" not in str(error.value)


def test_no_client_allows_itself_more_pixels(works, tmp_path):
    source = tmp_path / "a.png"
    PIL.Image.new("L", (1001, 1000)).save(source)
    with pytest.raises(ImageTooLargeError, match="more than the 1 that are allowed"):
        done(works, "denoise", source, **{"max-pixels": "9M"})


def test_models_are_loaded_once(works, photo, monkeypatch):
    done(works, "denoise", photo)
    done(works, "inpaint", photo, box="3,3,9,9", denoise="true", detect="dust")
    monkeypatch.setattr(session, "load", lambda *_, **__: pytest.fail("loaded again"))
    done(works, "denoise", photo, strength="0.5")
    done(works, "denoise", photo, crop="0,0,9,9")
    done(works, "inpaint", photo, box="9,3,9,9", denoise="true", detect="dust,scratches")


def test_what_browsers_show_themselves_is_not_made_anew(works, photo, tmp_path):
    view = tmp_path / "view.png"
    assert works.view(photo, view) == ("image/png", False)
    gray = tmp_path / "a.pgm"
    write_image(Image(PIXELS[:, :, :1]), gray)
    assert works.view(gray, view) == ("image/png", True)
    assert np.array_equal(read_image(view).pixels, PIXELS[:, :, :1])
    about = works.looked(gray, "a.pgm")
    assert (about["format"], about["gray"], about["shown"]) == ("PNM", True, False)


def test_a_look_that_was_begun_is_finished_though_the_part_is_not_wanted_any_more(works, photo):
    with stoppable(lambda: True), pytest.raises(ModelError, match="interrupted"):
        done(works, "denoise", photo, crop="0,0,9,9")
    assert works.recent.of(photo).looked(None).found is not None


def test_a_look_is_ended_by_the_time_limit_and_the_end_of_the_server(works, photo):
    with (
        stoppable(lambda: True),
        endable(lambda: True),
        pytest.raises(ModelError, match="interrupted"),
    ):
        done(works, "denoise", photo, crop="0,0,9,9")
    assert works.recent.of(photo).looked(None).found is None


def test_pictures_are_remembered_until_they_are_too_many_or_deleted(tmp_path):
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for number, path in enumerate(paths):
        write_image(Image(PIXELS[number:]), path)
    recent = Recent(10**6, most=3 * PIXELS.nbytes)
    first, second, third = (recent.of(path) for path in paths[:3])
    assert recent.of(paths[0]) is first
    recent.once(paths[3])  # for which there is no room
    assert [*recent.held.values()] == [second, third, first]
    fourth = recent.of(paths[3])
    assert [*recent.held.values()] == [third, first, fourth]
    paths[0].unlink()
    recent.tidy()
    assert [*recent.held.values()] == [third, fourth]


def test_a_picture_that_is_deleted_is_not_remembered(works, photo):
    picture = works.recent.of(photo)
    photo.unlink()
    works.tidy()
    assert picture not in works.recent.held.values()


@pytest.mark.parametrize(
    ("kind", "given", "quick"),
    [
        ("mask", {"box": "3,3,9,9"}, True),
        ("mask", {"strokes": json.dumps(STROKES), "color": "ff8000"}, True),
        ("mask", {"detect": "dust"}, False),
        ("mask", {"strokes": '[{"tool": "detect", "defects": ["dust"]}]'}, False),
        ("inpaint", {"box": "3,3,9,9"}, False),
        ("denoise", {"crop": "3,3,9,9"}, True),
    ],
)
def test_parts_and_marks_that_need_no_model_do_not_wait_for_whole_pictures(
    works, kind, given, quick
):
    assert works.plan(kind, given, {}).quick is quick


def test_a_mask_of_several_pictures_is_that_of_the_first(works, tmp_path):
    source = tmp_path / "pages.tif"
    pages = [Image(PIXELS), Image(PIXELS // 2)]
    write_frames(Frames(tuple(pages), "pages"), source)
    single = tmp_path / "single.png"
    write_image(pages[0], single)
    given = {"color": "787878", "strokes": json.dumps(STROKES[1:])}
    made = done(works, "mask", source, **given)
    assert made.path.read_bytes() == done(works, "mask", single, **given).path.read_bytes()
    assert made.record["marked"] > 100
    assert made.record["notes"] == ["the mask is of the first of 2 pictures; all are filled alike"]


def test_marks_end_where_their_work_is_to_stop(works, photo):
    asked = iter([False] * 3 + [True] * 100)
    boxes = [f"{left},0,1,60" for left in range(80)]
    with stoppable(lambda: next(asked)), pytest.raises(ModelError, match="interrupted"):
        done(works, "mask", photo, box=boxes)
    with pytest.raises(OptionError, match="box: is given 101 times; 100 is the most"):
        works.plan("mask", {"box": boxes[:1] * 101}, {})


def test_another_picture_that_comes_leaves_the_one_that_is_worked_on(works, photo, tmp_path):
    done(works, "denoise", photo, crop="0,0,9,9")
    other = tmp_path / "other.png"
    write_image(Image(PIXELS[:20]), other)
    assert works.looked(other, "other.png")["height"] == 20
    works.view(other, tmp_path / "view.png")
    assert works.recent.of(photo).parts.found is not None


def test_a_picture_too_large_for_the_memory_is_shown_smaller(tmp_path, monkeypatch):
    monkeypatch.setattr(shown, "MOST_REDUCED", 50_000)
    source = tmp_path / "a.tif"
    large = PIXELS.repeat(30, 0).repeat(30, 1)
    write_image(Image(large), source)
    options = argparse.Namespace(device="cpu", threads=1, max_pixels=10**8, max_memory="auto")
    limit_memory(1 << 28)
    try:
        small = Works(options)
        about = small.looked(source, "a.tif")
        assert (about["width"], about["height"], about["shown"]) == (2400, 1800, False)
        assert small.view(source, tmp_path / "view.png") == ("image/png", True)
        with pytest.raises(ImageTooLargeError, match="too large to be shown in parts"):
            done(small, "denoise", source, crop="0,0,9,9")
    finally:
        limit_memory(None)
    view = read_image(tmp_path / "view.png").pixels
    assert view.shape == (180, 240, 3)
    expected = large.reshape(180, 10, 240, 10, 3).mean((1, 3))
    assert np.abs(view - expected).max() <= 1


def test_a_result_is_shown_in_the_range_of_its_picture(works, tmp_path):
    """Floats with a range of their own: what denoising leaves of it is no other black and white."""
    values = RNG.random((24, 32, 3)).astype(np.float32)
    before, after = tmp_path / "before.tif", tmp_path / "after.tif"
    write_image(Image(values * 40 + 500), before)
    write_image(Image(values * 20 + 510), after)
    works.view(before, tmp_path / "before.png")
    works.view(after, tmp_path / "after.png", before)
    one, other = (read_image(tmp_path / f"{name}.png").pixels for name in ("before", "after"))
    assert np.ptp(one) == 255
    assert np.ptp(other) < 240  # by its own range it would be 255


def test_a_model_of_the_user_s_that_cannot_be_loaded_keeps_no_other_from_work(
    photo, tmp_path, monkeypatch, capsys
):
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "broken.onnx").write_bytes(b"no model")
    monkeypatch.setenv("IMGAE_MODELS", str(folder))
    options = argparse.Namespace(device="cpu", threads=1, max_pixels=10**6, max_memory=1 << 31)
    works = Works(options)
    names = {one["name"] for one in works.models()}
    assert "denoise-fast" in names
    assert "broken" not in names
    assert "broken.onnx: not an ONNX model" in capsys.readouterr().err
    assert done(works, "denoise", photo, model="denoise-fast").record["model"] == "denoise-fast"
