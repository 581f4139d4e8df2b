import json

import numpy as np
import pytest

pytest.importorskip("skimage", reason="scikit-image is not installed")

from scenes import photo

from imgae import Image, ImageError, OptionError, write_image
from imgae.cli import main
from imgae.evaluate import denoise as evaluate
from imgae.evaluate import figures
from imgae.evaluate.baselines import DENOISERS
from imgae.picture.metrics import psnr, ssim


@pytest.fixture
def clean(tmp_path):
    folder = tmp_path / "clean"
    folder.mkdir()
    for number in range(3):
        pixels = (photo(140, 150, number) * 255).round().astype(np.uint8)
        write_image(Image(pixels), folder / f"{number}.png")
    return folder


def test_psnr_and_ssim_of_known_pictures():
    black, gray = np.zeros((16, 16, 3), np.uint8), np.full((16, 16, 3), 51, np.uint8)
    assert psnr(gray, black, 255) == pytest.approx(20 * np.log10(5))
    assert ssim(gray, gray) == 1
    assert ssim(gray, black) < 0.01


def test_the_noise_is_that_of_the_protocol():
    picture = np.full((8, 9, 3), 128, np.uint8)
    trial = evaluate.made_trial([("a", picture), ("b", picture)], 25, "float", estimated=False)
    expected = 128 / 255 + np.random.default_rng(1).normal(0, 25 / 255, (8, 9, 3))
    assert np.array_equal(trial.cases[1].noisy, expected)
    assert trial.level == 25 / 255
    rounded = evaluate.made_trial([("a", picture)], 90, "8bit", estimated=True)
    assert rounded.cases[0].noisy.dtype == np.uint8
    assert (rounded.sigma, rounded.level) == (90, None)


@pytest.mark.parametrize("name", ["nlm", "wavelet", "tv"])
@pytest.mark.parametrize("channels", [1, 3])
def test_peers_remove_noise(name, channels):
    picture = (photo(96, 96)[:, :, :channels] * 255).round().astype(np.uint8)
    trial = evaluate.made_trial([("a", picture)], 25, "8bit", estimated=False)
    (method,) = evaluate.methods([], [name], threads=1)
    result = evaluate.run_method(method, trial)
    assert result.psnr > psnr(trial.cases[0].noisy, picture, 255) + 1
    assert 0 < result.ssim < 1
    assert result.seconds_per_megapixel > 0


def test_real_pairs_are_matched_by_name(tmp_path):
    pixels = np.full((9, 9, 3), 100, np.uint8)
    for name, value in (("x_real", 90), ("x_mean", 100), ("y_real", 70)):
        write_image(Image(np.full_like(pixels, value)), tmp_path / f"{name}.png")
    (case,) = evaluate.paired_cases(tmp_path, tmp_path)
    assert (case.name, case.noisy[0, 0, 0], case.clean[0, 0, 0]) == ("x", 90, 100)
    with pytest.raises(ImageError, match="no pictures of one name"):
        evaluate.paired_cases(tmp_path, empty_of_names(tmp_path))


def empty_of_names(tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    write_image(Image(np.zeros((2, 2, 3), np.uint8)), other / "z.png")
    return other


def test_an_unknown_peer_is_told_who_there_is():
    with pytest.raises(OptionError, match=", ".join(DENOISERS)):
        evaluate.methods([], ["magic"], threads=1)


def test_the_worst_window_is_where_the_error_is():
    clean_pixels = np.zeros((300, 400, 3), np.uint8)
    pixels = clean_pixels.copy()
    pixels[200:210, 300:310] = 255
    rows, columns = figures.largest_error(pixels, clean_pixels)
    assert rows.start <= 200 < rows.stop - 9
    assert columns.start <= 300 < columns.stop - 9


def test_the_command_prints_a_table_and_writes_what_it_is_asked_for(models, clean, tmp_path, capfd):
    out = tmp_path / "out"
    out.mkdir()
    command = ["evaluate", "denoise", str(clean), "--models", "identity", "--against", "nlm",
               "--sigma", "15,40", "--threads", "1", "--json", str(out / "a.json"),
               "--plot", str(out / "a.png"), "--sheet", str(out / "b.png")]  # fmt: skip
    assert main(command) == 0
    table = capfd.readouterr().out.splitlines()
    assert table[0].startswith("| method | PSNR 15 | PSNR 40 |")
    assert [line.split(" | ")[0] for line in table[2:]] == ["| identity", "| nlm"]
    stored = json.loads((out / "a.json").read_text())
    assert (stored["pictures"], stored["noise"], stored["level"]) == (3, "8bit", "given")
    first = stored["results"][0]
    assert (first["method"], first["sigma"], sorted(first["pictures"])) == (
        "identity", 15.0, ["0", "1", "2"]
    )  # fmt: skip
    assert first["psnr"] == pytest.approx(np.mean(list(first["pictures"].values())))
    assert first["peak_mib"] > 20
    assert f"{first['psnr']:.2f}" in table[2]
    assert all((out / name).stat().st_size > 2000 for name in ("a.png", "b.png"))


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("no/such",), 1, "not a folder"),
        ((".", "--sigma", "loud"), 2, "not a list of levels"),
        ((".", "--models", "nope"), 1, "no model is called"),
        ((".", "--against", "magic"), 1, "no peer is called"),
        ((".", "--models", ""), 1, "nothing to measure"),
    ],
)
def test_what_cannot_be_evaluated_is_one_sentence(
    models, tmp_path, monkeypatch, capfd, words, code, sentence
):
    monkeypatch.chdir(tmp_path)
    options = () if "--models" in words else ("--models", "identity")
    assert main(["evaluate", "denoise", *words, *options, "--no-memory"]) == code
    err = capfd.readouterr().err
    assert sentence in err
    assert err.count("\n") == 1
