"""Fitting: what the file holds, what is left out, and what is refused."""

import numpy as np
import onnx
import pytest
import tiny_models
from anomalies import folder_of, scratched, texture, with_features
from damaged import failing

from imgae import AnomalyScorer, Image, ImageError, ModelError, write_image
from imgae.restore.anomaly import cells
from imgae.restore.anomaly.cells import cells_of, share_inside
from imgae.restore.anomaly.fit import Options, fit


def test_a_fitted_file_passes_verify(model):
    assert failing(model) == {}


def test_the_card_says_what_it_is(fitted):
    card = fitted.card
    assert (card.name, card.task, card.inputs, card.stride) == ("weave", "anomaly", ("image",), 8)
    assert card.threshold == fitted.threshold.value > max(fitted.scores)
    assert card.false_alarms == 0.05
    assert "12 good pictures" in card.summary
    assert card.halo % 8 == 0
    assert 50 < card.bytes_per_pixel < 1000


def test_good_pictures_are_scored_by_models_that_have_not_learnt_from_them(fitted, model):
    score = AnomalyScorer(model, threads=1)
    own = [score(texture(number)).score for number in range(12)]
    fresh = [score(texture(number)).score for number in range(100, 112)]
    assert len(fitted.scores) == len(fitted.pictures) == 12
    assert np.mean(fitted.scores) > 0.8 * np.mean(fresh)
    assert np.mean(fitted.scores) > 0.9 * np.mean(own)


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
    with pytest.raises(ModelError, match="a model to denoise; give one that encodes pictures"):
        fit([], Options(model=tiny_models.identity(tmp_path / "identity.onnx")))


def test_a_backbone_that_gives_features_is_looked_at_by_them(tmp_path):
    onnx.save(with_features(), tmp_path / "five.onnx")
    paths = sorted(folder_of(tmp_path / "good", 8, height=44, width=50).iterdir())
    found = fit(paths, Options(threads=1, model=tmp_path / "five.onnx"))
    (tmp_path / "m.onnx").write_bytes(found.model)
    assert failing(tmp_path / "m.onnx") == {}
    assert len(found.model) < 20_000
    score = AnomalyScorer(tmp_path / "m.onnx", threads=1)
    assert score(scratched(texture(20, 44, 50), 20, 10)).anomalous


def test_pictures_of_a_few_pixels_are_fitted_to(tmp_path):
    paths = sorted(folder_of(tmp_path / "good", 6, height=5, width=3).iterdir())
    (tmp_path / "m.onnx").write_bytes(fit(paths, Options(threads=1)).model)
    found = AnomalyScorer(tmp_path / "m.onnx", threads=1)(texture(9, 5, 3))
    assert np.isfinite(found.score)


def test_equal_pictures_but_for_noise_have_a_threshold_above_0(tmp_path):
    (tmp_path / "flat").mkdir()
    for number in range(5):
        pixels = np.full((32, 32, 3), 100, np.uint8)
        pixels[0, number] = 101
        write_image(Image(pixels), tmp_path / "flat" / f"{number}.png")
    found = fit(sorted((tmp_path / "flat").iterdir()), Options(threads=1))
    assert found.card.threshold > 0


def test_cells_are_drawn_from_tiles_as_from_the_whole(monkeypatch):
    """Their channels are those of their places, also where a picture is cut into tiles."""

    class Model:
        card = tiny_models.card(stride=8, halo=8)

        def __call__(self, image):
            return image[:, :, ::8, ::8]

        def release(self):
            pass

    rows, columns = np.mgrid[:100, :75]
    image = Image(np.dstack([rows, columns, rows * 0]).astype(np.uint8))
    monkeypatch.setattr(cells, "plan_for", lambda card, h, w, _: tiles(card, h, w))
    found = cells_of(Model(), 8, image, 60, np.random.default_rng(0))
    places = np.rint(found.channels[:, :2] * 255 / 8).astype(int)
    assert len({tuple(place) for place in places}) == 60
    for (row, column), outside in zip(places, found.outside, strict=True):
        inside = [len(range(max(0, at - 3), min(n, at + 4))) for at, n in ((row, 13), (column, 10))]
        assert outside == pytest.approx(1 - inside[0] * inside[1] / 49, abs=1e-6)


def tiles(card, height, width):
    from imgae.model.stitch import plan_for

    return plan_for(card, height, width, 24)


def test_windows_end_at_the_border():
    assert np.rint(share_inside(np.arange(9), 9, 3) * 7).tolist() == [4, 5, 6, 7, 7, 7, 6, 5, 4]
    assert np.rint(share_inside(np.arange(2), 2, 3) * 7).tolist() == [2, 2]
