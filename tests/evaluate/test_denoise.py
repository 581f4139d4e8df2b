import json

import numpy as np
import pytest

pytest.importorskip("skimage", reason="scikit-image is not installed")

from scenes import photo

from imgae import Image, OptionError, write_image
from imgae.cli import main
from imgae.evaluate import denoise
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
    samples = denoise.noisy_samples([("a", picture), ("b", picture)], 25, "float", estimated=False)
    expected = 128 / 255 + np.random.default_rng(1).normal(0, 25 / 255, (8, 9, 3))
    assert np.array_equal(samples[1].pixels, expected)
    assert samples[1].level == 25 / 255
    (rounded,) = denoise.noisy_samples([("a", picture)], 90, "8bit", estimated=True)
    assert rounded.pixels.dtype == np.uint8
    assert rounded.level is None


@pytest.mark.parametrize("name", ["nlm", "wavelet", "tv"])
@pytest.mark.parametrize("channels", [1, 3])
def test_baselines_remove_noise(name, channels):
    picture = (photo(96, 96)[:, :, :channels] * 255).round().astype(np.uint8)
    samples = denoise.noisy_samples([("a", picture)], 25, "8bit", estimated=False)
    (method,) = denoise.denoisers([], [name], threads=1)
    result = denoise.run_method(method, samples, 25.0)
    assert result.value("psnr") > psnr(samples[0].pixels, picture, 255) + 1
    assert 0 < result.value("ssim") < 1
    assert result.value("seconds_per_megapixel") > 0


def test_an_unknown_baseline_is_told_which_there_are():
    with pytest.raises(OptionError, match=", ".join(DENOISERS)):
        denoise.denoisers([], ["magic"], threads=1)


def test_clean_pictures_count_up_to_a_limit_and_show_the_worst(models):
    pictures = [(str(n), (photo(40, 40, n) * 255).round().astype(np.uint8)) for n in range(2)]
    (method,) = denoise.denoisers(["identity"], [], threads=1)
    result = denoise.run_method(method, denoise.untouched_samples(pictures), denoise.CLEAN)
    assert result.pictures == {"0": denoise.MOST, "1": denoise.MOST}
    (darken,) = denoise.denoisers(["darken"], [], threads=1)
    dark = denoise.run_method(darken, denoise.untouched_samples(pictures), denoise.CLEAN)
    assert dark.value("psnr") == pytest.approx(np.mean(list(dark.pictures.values())))
    table = denoise.table([result, dark]).splitlines()
    assert table[0].startswith("| method | PSNR clean | worst | SSIM clean |")
    assert table[2].startswith("| identity | 99.00 | 99.00 | 1.0000 |")
    assert table[3].startswith(f"| darken | {dark.value('psnr'):.2f} | {dark.worst:.2f} |")


def test_what_auto_is_told_is_up_to_the_evaluation(models, monkeypatch):
    """With a level it is the model for white noise; without, it decides by itself."""
    told = []
    monkeypatch.setattr(
        denoise.Denoiser, "run", lambda _, image, sigma: told.append(sigma) or Done(image)
    )
    sample = denoise.Sample("a", Image(np.zeros((9, 9, 3), np.uint8)), None, 0.1)
    for tell in (True, False):
        (method,) = denoise.denoisers(["auto"], [], 1, tell_auto=tell)
        method.run(sample)
    assert told == [0.1, None]


class Done:
    def __init__(self, image):
        self.image = image


def test_scores_of_a_card_say_what_they_are_of():
    results = [denoise.Result("m", sigma, {"psnr": 30.123 + sigma}) for sigma in (5.0, 15.0)]
    scores = denoise.card_scores(results, "CBSD68", "8bit", "estimated", "a command")
    assert [(s.what, s.value) for s in scores] == [
        ("CBSD68, sigma 5, 8-bit noise, level estimated", 35.12),
        ("CBSD68, sigma 15, 8-bit noise, level estimated", 45.12),
    ]
    (float_noise,) = denoise.card_scores(results[:1], "CBSD68", "float", "given", "a command")
    assert float_noise.what == "CBSD68, sigma 5, float noise"


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
        ((".", "--against", "magic"), 1, "no baseline is called"),
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


def test_scores_of_a_card_are_numbers():
    values = {5.0: np.inf, 15.0: np.nan, 25.0: 31.0}
    results = [denoise.Result("m", sigma, {"psnr": value}) for sigma, value in values.items()]
    scores = denoise.card_scores(results, "FLAT", "8bit", "given", "a command")
    assert [score.value for score in scores] == [31.0]
