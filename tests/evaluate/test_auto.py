import json
from types import SimpleNamespace

import numpy as np
import pytest
from scenes import photo

from imgae import Image, write_image
from imgae.cli import main
from imgae.evaluate import auto, auto_tables, drawn
from imgae.evaluate.protocol import Sample
from imgae.picture.pixels import to_uint8
from imgae.synthetic import drawings, fonts


class Fake:
    """A denoiser that does what a function of the image, the level and the strength does."""

    def __init__(self, restore, source="removed"):
        self.restore, self.source = restore, source

    def run(self, image, sigma=None, controls=None):
        strength = controls.strength if controls else 1
        pixels = self.restore(image.pixels, sigma, strength)
        return SimpleNamespace(image=Image(pixels), sigma_source=self.source)


def unchanged(pixels, *_):
    return pixels


def pictures(count=2, side=64):
    return [(str(n), to_uint8(photo(side, side, n))) for n in range(count)]


def subject(restore=unchanged, source="removed", *, real=(), count=15):
    return auto.Subject(Fake(restore, source), pictures(), list(real), count, 64, fonts.ANY)


def measured(part, *about, **more):
    conditions = auto.PARTS[part].conditions(subject(*about, **more))
    return [result for condition in conditions for result in condition.measure()]


def row(table, name):
    line = next(line for line in table.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_clean_drawn_pictures_that_are_harmed_or_taken_for_noisy_ones_are_counted():
    def darken_pages(pixels, *_):
        return pixels // 2 if pixels.mean() > 200 else pixels

    results = measured("drawn", darken_pages, "estimated")
    clean = [result for result in results if result.condition.startswith("clean")]
    harmed = sum(change < -1 for result in clean for change in result.pictures.values())
    assert 0 < harmed < 15
    table = auto_tables.drawn_pictures(results)
    assert f"{harmed} of 15 clean pictures ({harmed / 15:.1%}) are made worse" in table
    assert "15 are taken for pictures with white noise" in table
    assert row(table, "clean: all")[6:8] == [str(harmed), "15"]
    assert "0 are taken" in auto_tables.drawn_pictures(measured("drawn", darken_pages, "removed"))


def test_at_least_as_many_are_drawn_as_asked_for_and_as_many_of_each_kind():
    conditions = [c for c in auto.drawn_conditions(subject(count=16)) if c.group == "clean"]
    assert [len(condition.samples) for condition in conditions] == [2] * len(drawings.KINDS)


def test_without_options_is_compared_with_the_level_given():
    def worse_if_told(pixels, sigma, _):
        return pixels if sigma is None else np.zeros_like(pixels)

    results = measured("drawn", worse_if_told)
    table = auto_tables.changes(results)
    assert float(row(table, "noise 10: all")[8]) > 5
    assert row(table, "clean: all")[8:] == ["", ""]
    by_name = {(result.condition, result.method): result for result in results}
    own, told = (by_name["noise 25: chart", name] for name in (auto.AUTO, auto.TOLD))
    difference = own.pictures["chart 0"] - told.pictures["chart 0"]
    assert row(table, "noise 25: chart")[9] == f"{difference:+.2f}"


def test_gray_pictures_come_in_8_and_16_bits_and_as_rgb():
    made = list(auto.gray_conditions(subject()))
    shapes = {c.group: (c.samples[0].pixels.dtype, c.samples[0].pixels.shape[2]) for c in made}
    assert shapes == {
        "gray, grain": (np.uint8, 1),
        "gray, 8 bits": (np.uint8, 1),
        "gray, 16 bits": (np.uint16, 1),
        "gray as RGB": (np.uint8, 3),
    }
    assert [c.samples[0].level * 255 for c in made[:6]] == pytest.approx(auto.GRAY_NOISE)
    rgb = made[-3].samples[0].pixels
    assert (rgb == rgb[:, :, :1]).all()


def test_impulses_that_go_and_the_light_of_stars_that_stays_are_counted():
    *_, hot, stars = auto.impulse_conditions(subject())

    def figures(condition, restored):
        done = SimpleNamespace(image=Image(restored), sigma_source="")
        return condition.score(condition.samples[0], done)

    clean = hot.samples[0].reference
    assert figures(hot, clean)["gone"] == 1
    assert figures(hot, hot.samples[0].pixels)["gone"] < 0.2
    sky = stars.samples[0].reference
    assert figures(stars, sky)["light"] == 1
    assert figures(stars, np.minimum(sky, 30))["light"] < 0.8
    table = auto_tables.impulses(measured("impulses"))
    assert "hot pixels 0.2% on stars: 0.0% of them within 10 levels" in table
    assert table.count("of a star's light left") == 1


def test_grain_is_weaker_than_the_noise_it_is_made_of_or_as_strong():
    *_, weak, strong = auto.gray_conditions(subject())
    spreads = [np.std(c.samples[0].pixels.astype(int) - c.samples[0].reference)
               for c in (weak, strong)]  # fmt: skip
    assert spreads == pytest.approx([auto.GRAIN / np.sqrt(4 * np.pi), auto.GRAIN], rel=0.1)


def test_shifts_of_means_are_in_levels_and_the_largest_is_shown():
    def lift(pixels, *_):
        return pixels + np.float32(2 / 255) if pixels.dtype.kind == "f" else pixels

    table = auto_tables.means(measured("means", lift))
    assert row(table, "means: flat, told 25")[2:] == ["2.000", "2.000"]
    assert row(table, "means: clean, no options")[2:] == ["0.000", "0.000"]


def test_a_strength_that_removes_no_more_than_the_one_before_shows(monkeypatch):
    monkeypatch.setattr(auto, "STRENGTHS", (0, 0.4, 0.7, 1))

    def darken(pixels, _, strength):
        return (pixels * (1 - min(strength, 0.7) / 10)).astype(np.float32)

    real = [Sample(name, picture / np.float32(255), picture) for name, picture in pictures()]
    table = auto_tables.strengths(measured("strength", darken, real=real))
    lines = table.splitlines()[2:]
    assert [line.split(" | ")[0] for line in lines] == ["| 0", "| 0.4", "| 0.7", "| 1"]
    assert [line.split("|")[4].strip() for line in lines] == ["", "2 of 2", "2 of 2", "0 of 2"]


def test_drawn_pictures_are_not_those_of_training():
    assert drawn.fonts_of([]).odd is False
    ((name, picture), _) = drawn.of_kind("chart", 2, 96)
    assert name == "chart 0"
    held_out = np.random.default_rng(drawings.FIRST_HELD_OUT)
    assert np.array_equal(picture, drawings.draw("chart", 96, held_out))


def test_the_command_prints_the_parts_and_writes_all_figures(tmp_path, capfd):
    for name, pixels in pictures(1):
        write_image(Image(pixels), tmp_path / f"{name}.png")
    where = tmp_path / "a.json"
    command = ["evaluate", "auto", str(tmp_path), "--count", "1", "--side", "64", "--threads", "1",
               "--parts", "drawn,means", "--json", str(where)]  # fmt: skip
    assert main(command) == 0
    out = capfd.readouterr().out
    assert "of 15 clean pictures" in out
    assert "| means: flat, told 25 | 12 |" in out
    rows = json.loads(where.read_text())["results"]
    assert len(rows) == 5 * len(drawings.KINDS) + 2


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--parts", "drawn,flies"], "no part 'flies'; there are drawn, gray"),
        (["--parts", "strength"], "name them with --pairs"),
    ],
)
def test_a_part_that_cannot_be_measured_is_one_sentence(words, sentence, tmp_path, capfd):
    assert main(["evaluate", "auto", str(tmp_path), *words]) == 1
    err = capfd.readouterr().err
    assert sentence in err
    assert err.count("\n") == 1
