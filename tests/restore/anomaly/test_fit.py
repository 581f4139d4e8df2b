"""Fitting: what the file holds, what is left out, and what is refused."""

import numpy as np
import onnx
import PIL.Image
import pytest
import tiny_models
from anomalies import folder_of, scratched, texture, with_features
from damaged import failing

import imgae
from imgae import AnomalyScorer, Image, ImageError, ModelError, write_image
from imgae.model import onnxfile, registry
from imgae.restore.anomaly import fit as fitting
from imgae.restore.anomaly.fit import Options, fit


def test_a_fitted_file_passes_verify(model):
    assert failing(model) == {}


def test_the_card_says_what_it_is(fitted):
    card = fitted.card
    assert (card.name, card.task, card.inputs, card.stride) == ("weave", "anomaly", ("image",), 8)
    assert card.threshold == fitted.threshold.value > max(fitted.scores)
    assert card.false_alarms == 0.05
    assert "12 good pictures" in card.summary
    assert f"known to be 0 to {fitted.threshold.most:.2g} of them" in card.summary
    assert card.sides == (96, 96)
    assert card.halo % 8 == 0
    assert 50 < card.bytes_per_pixel < 1000


def test_the_work_a_pixel_is_that_of_a_large_picture(fitted):
    sizes = onnxfile.sizes_in(
        onnxfile.inferred(onnx.load_from_string(fitted.model), 2000, 3000).graph
    )
    nodes = onnx.load_from_string(fitted.model).graph.node
    large = sum(onnxfile.macs_of(node, sizes) for node in nodes) / (2000 * 3000)
    backbone = fitted_card_of("features").macs_per_pixel
    assert large == pytest.approx(fitted.card.macs_per_pixel, rel=0.12)
    assert backbone < large < 1.2 * backbone


def fitted_card_of(name):
    from imgae.model import session

    return session.load(registry.find(name)).card


def test_good_pictures_are_scored_by_what_is_normal_in_others(fitted, model):
    score = AnomalyScorer(model, threads=1)
    own = [score(texture(number)).score for number in range(12)]
    fresh = [score(texture(number)).score for number in range(100, 112)]
    assert len(fitted.scores) == len(fitted.pictures) == 12
    assert np.mean(fitted.scores) == pytest.approx(np.mean(fresh), rel=0.15)
    assert np.mean(fitted.scores) > 1.03 * np.mean(own)


def test_neighbours_are_left_out_together(monkeypatch):
    """Shots of one thing, which follow one another, would tell of each other."""
    good = [fitting.Good(str(number), (8, 8), number, None) for number in range(23)]
    work = fitting.Work.__new__(fitting.Work)
    work.step = lambda: None
    judged = []
    monkeypatch.setattr(fitting.statistics, "learn", set)
    monkeypatch.setattr(work, "score", lambda one, known: judged.append((one.cells, known)) or 0)
    work.scores(good)
    assert [number for number, _ in judged] == list(range(23))
    for number, known in judged:
        out = sorted(set(range(23)) - known)
        assert number in out
        assert out == list(range(out[0], out[-1] + 1))
        assert 2 <= len(out) <= 3


def test_scores_are_those_of_files_fitted_to_the_others(tmp_path, monkeypatch):
    """Whether cells are kept in memory, or pictures are looked at again."""
    sizes = [(40, 40), (52, 47), (33, 70), (64, 64), (40, 41), (48, 48)]
    (tmp_path / "good").mkdir()
    for number, size in enumerate(sizes):
        write_image(Image(texture(number, *size)), tmp_path / "good" / f"{number}.png")
    paths = sorted((tmp_path / "good").iterdir())
    whole = fit(paths, Options(threads=1))
    learnt = [  # the same cells are drawn, since all are
        fit([path for path in paths if path != out], Options(threads=1)).model for out in paths
    ]
    for path, model, expected in zip(paths, learnt, whole.scores, strict=True):
        (tmp_path / "m.onnx").write_bytes(model)
        found = AnomalyScorer(tmp_path / "m.onnx", threads=1)(imgae.read_image(path))
        assert found.score == pytest.approx(expected, rel=1e-4)
    monkeypatch.setattr(fitting, "MOST_KEPT", 0)
    again = fit(paths, Options(threads=1))
    assert again.scores == pytest.approx(whole.scores, rel=1e-5)
    assert again.model == whole.model


def test_each_picture_is_run_once(tmp_path, monkeypatch):
    seen = []
    usual = fitting.look_at
    monkeypatch.setattr(fitting, "look_at", lambda *rest: seen.append(1) or usual(*rest))
    fit(sorted(folder_of(tmp_path / "good", 7, height=24, width=24).iterdir()), Options(threads=1))
    assert len(seen) == 7


def test_the_same_seed_gives_the_same_file(tmp_path):
    paths = sorted(folder_of(tmp_path / "good", 5, height=40, width=40).iterdir())
    assert fit(paths, Options(threads=1)).model == fit(paths, Options(threads=1)).model


def test_what_cannot_be_read_and_what_is_there_twice_is_left_out(tmp_path):
    folder = folder_of(tmp_path / "good", 5, height=40, width=40)
    write_image(Image(texture(0, 40, 40)), folder / "twice.png")
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "text.png").write_text("no picture")
    paths = sorted(folder.iterdir())
    steps = []
    found = fit(paths, Options(threads=1), progress=lambda done, total: steps.append((done, total)))
    assert len(found.pictures) == 5
    assert [name.rsplit("/")[-1] for name, _ in found.left_out] == [
        "broken.png",
        "text.png",
        "twice.png",
    ]
    assert "the same picture as" in found.left_out[2][1]
    assert steps[-1] == (16, 16)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


@pytest.mark.parametrize(("count", "told"), [(0, "there is none"), (1, "there is 1"), (4, "are 4")])
def test_too_few_pictures_are_refused(tmp_path, count, told):
    folder = folder_of(tmp_path / "good", count, height=24, width=24)
    with pytest.raises(ImageError, match=f"needs 5 of them or more, and .*{told}"):
        fit(sorted(folder.iterdir()), Options(threads=1))


def test_a_backbone_that_does_not_serve_is_refused(tmp_path):
    with pytest.raises(
        ModelError,
        match=r"identity.onnx: a model to denoise; a fit needs one that `imgae train features`",
    ):
        fit([], Options(model=tiny_models.identity(tmp_path / "identity.onnx")))


def test_a_backbone_that_gives_features_is_looked_at_by_them(tmp_path):
    onnx.save(with_features(), tmp_path / "five.onnx")
    paths = sorted(folder_of(tmp_path / "good", 8, height=44, width=50).iterdir())
    found = fit(paths, Options(threads=1, model=tmp_path / "five.onnx"))
    (tmp_path / "m.onnx").write_bytes(found.model)
    assert failing(tmp_path / "m.onnx") == {}
    assert len(found.model) < 30_000
    score = AnomalyScorer(tmp_path / "m.onnx", threads=1)
    assert score(scratched(texture(20, 44, 50), 20, 10)).anomalous


def test_pictures_of_a_few_pixels_are_fitted_to(tmp_path):
    paths = sorted(folder_of(tmp_path / "good", 6, height=5, width=3).iterdir())
    (tmp_path / "m.onnx").write_bytes(fit(paths, Options(threads=1)).model)
    found = AnomalyScorer(tmp_path / "m.onnx", threads=1)(texture(9, 5, 3))
    assert np.isfinite(found.score)


def test_pictures_of_many_kinds_and_sizes_are_fitted_to(tmp_path):
    """Nor is a word said of what a copy of them would lose; a file of two pictures is left out."""
    (tmp_path / "good").mkdir()
    pixels = [texture(number, 30 + 5 * number, 60 - 4 * number) for number in range(6)]
    alpha = np.full(pixels[4].shape[:2], 255, np.uint8)
    alpha[:, :9] = 0
    for name, image in {
        "gray.png": Image(pixels[0][:, :, :1]),
        "deep.png": Image(pixels[1].astype(np.uint16) * 257),
        "float.tif": Image((pixels[2] / 255).astype(np.float32)),
        "rgb.jpg": Image(pixels[3]),
        "alpha.png": Image(pixels[4], alpha=alpha),
    }.items():
        write_image(image, tmp_path / "good" / name)
    PIL.Image.fromarray(pixels[5]).convert("CMYK").save(tmp_path / "good" / "ink.jpg")
    imgae.write_frames([Image(pixels[0]), Image(pixels[1])], tmp_path / "good" / "two.tif")
    found = fit(sorted((tmp_path / "good").iterdir()), Options(threads=1))
    assert len(found.pictures) == 6
    assert [text for _, text in found.left_out if "holds 2" in text]
    assert np.isfinite(found.scores).all()


def test_equal_pictures_but_for_noise_have_a_threshold_above_0(tmp_path):
    (tmp_path / "flat").mkdir()
    for number in range(5):
        pixels = np.full((32, 32, 3), 100, np.uint8)
        pixels[0, number] = 101
        write_image(Image(pixels), tmp_path / "flat" / f"{number}.png")
    found = fit(sorted((tmp_path / "flat").iterdir()), Options(threads=1))
    assert found.card.threshold > 0


def test_pictures_of_one_colour_each_are_fitted_to(tmp_path):
    (tmp_path / "flat").mkdir()
    for number in range(5):
        pixels = np.full((64 + number, 64, 3), 100, np.uint8)
        write_image(Image(pixels), tmp_path / "flat" / f"{number}.png")
    (tmp_path / "m.onnx").write_bytes(
        fit(sorted((tmp_path / "flat").iterdir()), Options(threads=1)).model
    )
    assert failing(tmp_path / "m.onnx") == {}
    score = AnomalyScorer(tmp_path / "m.onnx", threads=1)
    good = np.full((64, 64, 3), 100, np.uint8)
    bad = good.copy()
    bad[20:24, 20:30] = 110
    assert not score(good).anomalous
    assert np.isfinite(score(bad).score)
    assert score(bad).anomalous


def test_nothing_is_left_in_the_temporary_folder_while_pictures_are_looked_at(
    tmp_path, monkeypatch
):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    there = []
    usual = fitting.look_at

    def look_at(*rest):
        there.extend((tmp_path / "temporary").iterdir())
        usual(*rest)

    monkeypatch.setattr(fitting, "look_at", look_at)
    fit(sorted(folder_of(tmp_path / "good", 5, height=24, width=24).iterdir()), Options(threads=1))
    assert there == []
