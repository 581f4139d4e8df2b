import itertools
import json

import numpy as np
import pytest

pytest.importorskip("skimage", reason="scikit-image is not installed")

from scenes import photo

from imgae import Image, OptionError, write_image
from imgae.cli import main
from imgae.evaluate import camera as evaluate_camera
from imgae.io.metadata import iso_of
from imgae.picture.metrics import psnr
from imgae.picture.pixels import to_uint8


def pictures(count=2, side=128):
    return [(str(n), (photo(side, side, n) * 255).round().astype(np.uint8)) for n in range(count)]


@pytest.fixture
def clean(tmp_path):
    folder = tmp_path / "clean"
    folder.mkdir()
    for name, pixels in pictures():
        write_image(Image(pixels), folder / f"{name}.png")
    return folder


@pytest.fixture
def pairs(tmp_path):
    folder = tmp_path / "pairs"
    folder.mkdir()
    for name, pixels in pictures(1):
        noisy = np.clip(pixels + np.random.default_rng(0).normal(0, 9, pixels.shape), 0, 255)
        write_image(Image(noisy.astype(np.uint8)), folder / f"{name}_real.JPG")
        write_image(Image(pixels), folder / f"{name}_mean.JPG")
    return folder


def input_psnr(samples):
    return np.mean([psnr(to_uint8(s.given.pixels), s.clean, 255) for s in samples])


def test_the_made_camera_is_noisier_at_every_step_and_tells_its_sensitivity():
    steps = [evaluate_camera.photographed(pictures(), iso) for iso in evaluate_camera.ISO]
    found = [input_psnr(samples) for samples in steps]
    assert all(a > b + 1 for a, b in itertools.pairwise(found))
    assert iso_of(steps[2][0].given.exif) == evaluate_camera.ISO[2]
    assert steps[0][0].given.quantisation is not None


def test_the_made_camera_keeps_the_colours():
    """Its reference, of a smooth picture, is that picture: the pattern and balance fit."""
    ramp = np.linspace(40, 200, 96)[None, :, None] * np.array([1.0, 0.8, 0.6])
    smooth = np.broadcast_to(ramp, (96, 96, 3)).astype(np.uint8)
    (sample,) = evaluate_camera.photographed([("a", smooth)], 100)
    inner = np.s_[8:-8, 8:-8]
    assert psnr(sample.clean[inner], smooth[inner], 255) > 40


def test_conditions_cover_what_they_say(pairs):
    made = {name: make() for name, make in evaluate_camera.harm_conditions(pictures(1), pairs)}
    assert {"clean", "JPEG 50", "dark", "bright", "screen", "flat", "gradient", "real"} <= set(made)
    assert (
        made["dark"][0].clean.mean()
        < made["clean"][0].clean.mean()
        < made["bright"][0].clean.mean()
    )
    assert made["JPEG 50"][0].given.quantisation[0] > made["JPEG 98"][0].given.quantisation[0]
    assert np.array_equal(made["flat"][0].given.pixels, made["flat"][0].clean)
    assert len(made["real"]) == 1
    drawn, saved = made["chart"][3], made["chart, JPEG 90"][3]
    assert np.array_equal(drawn.clean, saved.clean)


def test_changes_are_counted_up_to_what_is_visible():
    (sample,) = evaluate_camera.untouched(pictures(1))
    near = np.clip(sample.clean.astype(int) + 1, 0, 255).astype(np.uint8)  # 48 dB
    far = np.clip(sample.clean.astype(int) + 9, 0, 255).astype(np.uint8)
    methods = {"same": lambda image: image.pixels, "near": lambda _: near, "far": lambda _: far}
    same, slight, much = evaluate_camera.run_condition(methods, "clean", [sample])
    assert (same.before, same.mean, same.harmed) == (evaluate_camera.VISIBLE, 0, 0)
    assert np.isinf(same.psnr)
    assert (slight.mean, slight.harmed) == (0, 0)
    assert much.harmed == 1
    assert much.worst == pytest.approx(psnr(far, sample.clean, 255) - evaluate_camera.VISIBLE)
    table = evaluate_camera.harm_table([same, much])
    assert "1 of 2 (50.0%)" in table
    assert "| same | +0.00 |" in table


def test_the_commands_print_tables_and_write_what_they_are_asked_for(
    models, clean, pairs, tmp_path, capfd
):
    where, sheet = tmp_path / "a.json", tmp_path / "a.png"
    command = ["evaluate", "camera", str(clean), "--pairs", str(pairs), "--models", "darken,auto",
               "--against", "nlm", "--sigma", "10", "--json", str(where),
               "--threads", "1"]  # fmt: skip
    assert main(command) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].startswith("| pictures | n | in | darken: mean | worst | auto: mean")
    assert [line.split(" | ")[0] for line in lines[2:4]] == ["| real", "| ISO 200"]
    rows = json.loads(where.read_text())["results"]
    darkened = next(row for row in rows if (row["condition"], row["method"]) == ("clean", "darken"))
    assert all(value < -10 for value in darkened["changes"].values())
    command = ["evaluate", "harm", str(clean), "--models", "darken", "--limit", "1",
               "--sheet", str(sheet), "--json", str(where), "--threads", "1"]  # fmt: skip
    assert main(command) == 0
    assert "made worse by over 0.1 dB" in capfd.readouterr().out
    assert sheet.stat().st_size > 2000


def test_what_cannot_be_measured_is_one_sentence(models, clean, capfd):
    for words, sentence in (
        (("camera", str(clean), "--models", ""), "nothing to measure"),
        (("camera", "no/such"), "not a folder"),
        (("harm", str(clean), "--models", "darken,identity"), "one model at a time"),
    ):
        assert main(["evaluate", *words]) == 1
        err = capfd.readouterr().err
        assert sentence in err
        assert err.count("\n") == 1
    with pytest.raises(OptionError, match="no peer"):
        evaluate_camera.methods([], ["magic"], None, 1)
