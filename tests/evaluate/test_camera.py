import itertools
import json

import numpy as np
import pytest

pytest.importorskip("skimage", reason="scikit-image is not installed")

from scenes import photo

from imgae import Image, OptionError, write_image
from imgae.cli import main
from imgae.evaluate import camera, denoise
from imgae.evaluate.protocol import Method, Result
from imgae.io.metadata.exif import iso_of
from imgae.picture.metrics import psnr
from imgae.picture.pixels import to_uint8
from imgae.synthetic import drawings
from imgae.synthetic.fonts import Fonts


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
    return np.mean([psnr(to_uint8(s.given.pixels), s.reference, 255) for s in samples])


def test_the_synthetic_camera_is_noisier_at_every_step_and_tells_its_sensitivity():
    steps = [camera.photographed(pictures(), iso) for iso in camera.ISO]
    found = [input_psnr(samples) for samples in steps]
    assert all(a > b + 1 for a, b in itertools.pairwise(found))
    assert iso_of(steps[2][0].given.exif) == camera.ISO[2]
    assert steps[0][0].given.quantisation is not None


def test_conditions_cover_what_they_say(pairs):
    real = camera.real_samples(pairs)
    made = {name: make() for name, make in camera.harm_conditions(pictures(1), real, 2)}
    assert {"clean", "JPEG 50", "dark", "bright", "flat", "real", *drawings.KINDS} <= set(made)
    assert (
        made["dark"][0].reference.mean()
        < made["clean"][0].reference.mean()
        < made["bright"][0].reference.mean()
    )
    assert made["JPEG 50"][0].given.quantisation[0] > made["JPEG 98"][0].given.quantisation[0]
    assert np.array_equal(made["flat"][0].given.pixels, made["flat"][0].reference)
    assert len(made["real"]) == 1
    drawn, saved = made["page"][1], made["page, JPEG 90"][1]
    assert np.array_equal(drawn.reference, saved.reference)
    assert saved.given.quantisation is not None


def test_fonts_change_pages_but_not_the_kinds_that_older_figures_are_of():
    own, other = (
        dict(camera.harm_conditions(pictures(1), [], 1, Fonts(odd=odd))) for odd in (True, False)
    )
    for kind, same in (("screen", True), ("chart", True), ("page", False)):
        (a,), (b,) = (made[kind]() for made in (own, other))
        assert np.array_equal(a.reference, b.reference) == same


def test_changes_are_counted_up_to_what_is_visible():
    (sample,) = camera.untouched(pictures(1))
    near = np.clip(sample.reference.astype(int) + 1, 0, 255).astype(np.uint8)  # 48 dB
    far = np.clip(sample.reference.astype(int) + 9, 0, 255).astype(np.uint8)
    methods = [
        Method("same", lambda sample: sample.pixels),
        Method("near", lambda _: near),
        Method("far", lambda _: far),
    ]
    same, slight, much = camera.run_condition(methods, "clean", [sample])
    assert (same.value("before"), same.mean, camera.harmed(same)) == (camera.VISIBLE, 0, 0)
    assert np.isinf(same.value("psnr"))
    assert (slight.mean, camera.harmed(slight)) == (0, 0)
    assert camera.harmed(much) == 1
    assert much.worst == pytest.approx(psnr(far, sample.reference, 255) - camera.VISIBLE)
    table = camera.harm_table([same, much])
    assert "1 of 2 pictures (50.0%) are made worse" in table
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
    assert "made worse by more than 0.1 dB" in capfd.readouterr().out
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
    with pytest.raises(OptionError, match="no baseline"):
        denoise.denoisers([], ["magic"], 1)


def test_scores_of_a_card_are_mean_changes_and_the_psnr_of_clean_pictures():
    results = [
        Result("m", "real", {"psnr": 38.0}, {"a": 2.0, "b": 2.274}),
        Result("m", "ISO 200", {"psnr": 36.0}, {"a": 1.0, "b": -3.0}),
        Result("m", "clean", {"psnr": 67.389}, {"a": 0.0, "b": 0.0}),
    ]
    scores = camera.card_scores(results, "CID22", "PolyU", "a command")
    assert [(score.what, score.value) for score in scores] == [
        ("PolyU, change", 2.14),
        ("CID22, ISO 200, change", -1.0),
        ("CID22, clean", 67.39),
    ]
    whole = Result("m", "clean", {"psnr": float("inf")}, {"a": 0.0})
    assert camera.card_scores([whole], "CID22", "", "a command") == []
