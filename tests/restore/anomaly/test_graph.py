"""The nodes of a fitted file give what the numbers of a Normal say, computed by numpy."""

import numpy as np
import onnx
import pytest
from anomalies import blurred, by_hand, channels_of, frame, shipped, texture, with_features

from imgae.model import onnxfile, session
from imgae.model.verify.receptive_field import receptive_field_of
from imgae.restore.anomaly import graph
from imgae.restore.anomaly.normal import CELL, LOOKS, Expert, Look, Normal, Usual

SHIPPED, FIVE = shipped(), with_features()
BACKBONES = {32: SHIPPED, 5: FIVE}
"""By their channels."""
USUAL = Usual((-0.5, 0.3, -0.2), (0.7, 0.5, -2.0))
LATE = Usual((2.0, 1.0, 2.0), (0.4, -0.2, 0.5), (0.1, 0.4))
SIZES = [(40, 51), (1, 1), (9, 64), (3, 70)]


def expert(look, usual, channels=32):
    random = np.random.default_rng(len(look.levels))
    count = sum(channels if level.source == "features" else 3 for level in look.levels)
    matrix = random.normal(0, 0.5, (count, count)).astype(np.float32)
    return Expert(look, matrix, random.normal(0, 1, count).astype(np.float32), usual)


def normal_of(channels=32):
    usuals = zip(LOOKS, (USUAL, LATE, LATE), strict=True)
    return Normal(tuple(expert(look, usual, channels) for look, usual in usuals))


def picture_of(height, width, seed=3):
    return texture(seed, height, width).transpose(2, 0, 1)[None] / np.float32(255)


def run(model, picture):
    (found,) = session.values_of(model, ["anomaly"], {"image": picture}).values()
    return found


@pytest.mark.parametrize("channels", BACKBONES)
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_graph_computes_what_numpy_does(channels, height, width):
    backbone, normal = BACKBONES[channels], normal_of(channels)
    picture = picture_of(height, width)
    found = run(graph.anomaly_model(backbone, normal), picture)
    expected = by_hand(backbone, normal, picture)
    assert found.shape == (1, 1, height, width)
    assert found.dtype == np.float32
    assert found[0, 0] == pytest.approx(expected, rel=tolerance(picture))
    assert expected.min() > 0


def tolerance(picture):
    """Of one colour, what varies is rounding, of which the logarithm is taken."""
    return 2e-4 if picture.size > 3 else 5e-3


@pytest.mark.parametrize("number", range(len(LOOKS)))
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_an_expert_alone_computes_what_numpy_does(number, height, width):
    normal = Normal(normal_of().experts[number : number + 1])
    picture = picture_of(height, width)
    found = run(graph.anomaly_model(SHIPPED, normal), picture)
    expected = by_hand(SHIPPED, normal, picture)
    assert found[0, 0] == pytest.approx(expected, rel=tolerance(picture), abs=2e-4)


def test_no_surprise_is_too_large_to_be_told():
    """Though e to its power is no number."""
    normal = Normal((expert(LOOKS[1], Usual((-500.0, 0, 0), (0.05, 0, 0))),))
    found = run(graph.anomaly_model(FIVE, normal), picture_of(16, 24))
    assert np.isfinite(found).all()
    assert found.min() > 9000
    calm = Normal((expert(LOOKS[1], Usual((500.0, 0, 0), (0.05, 0, 0))),))
    assert run(graph.anomaly_model(FIVE, calm), picture_of(16, 24)).max() == 0


@pytest.mark.parametrize("channels", BACKBONES)
def test_a_graph_is_safe_and_local(channels):
    model = graph.anomaly_model(BACKBONES[channels], normal_of(channels))
    onnx.checker.check_model(model, full_check=True)
    onnxfile.refuse_unsafe(model)
    radius, period = receptive_field_of(model, 8, 128)
    assert 24 < radius < 200
    assert period == 8


def test_what_lies_beyond_the_radius_changes_nothing():
    model = graph.anomaly_model(SHIPPED, normal_of())
    radius, _ = receptive_field_of(model, 8, 128)
    side = -(-radius // 8) * 8
    picture = picture_of(32, 2 * side + 64)
    other = picture.copy()
    other[..., 2 * side + 32 :] = picture_of(32, 32, seed=4)
    before, after = run(model, picture), run(model, other)
    assert np.abs(before - after)[..., : side + 32].max() < 1e-5
    assert np.abs(before - after)[..., side + 32 :].max() > 0.1


def test_what_is_not_needed_is_left_out():
    whole, part = (
        graph.anomaly_model(SHIPPED, Normal(experts))
        for experts in (normal_of().experts, normal_of().experts[1:])
    )
    assert len(part.SerializeToString()) < 30_000 < len(whole.SerializeToString())
    names = [node.name for node in whole.graph.node if node.name]
    assert len(set(names)) == len(names)


def test_the_picture_is_padded_once_and_by_the_frame_alone():
    """What the backbone pads, and what it cuts its features back to, is left out."""

    def kinds(model):
        return [node.op_type for node in model.graph.node]

    model = graph.anomaly_model(FIVE, normal_of(5))
    assert kinds(FIVE).count("Pad") == 1
    assert kinds(model).count("Pad") == 3  # the frame, mirrored and repeated; and of what is fine
    assert kinds(FIVE).count("Slice") == 1
    assert kinds(model).count("Slice") == len(LOOKS) + 1  # of each expert, and of the map


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_the_channels_of_cells_are_those_that_experts_look_at(height, width):
    picture = picture_of(height, width)
    model = graph.channels_model(SHIPPED, LOOKS)
    inputs = {"image": picture}
    seen = session.values_of(model, [out.name for out in model.graph.output], inputs).values()
    framed = frame(picture)
    (features,) = session.values_of(SHIPPED, ["features"], {"image": framed}).values()
    rows, columns = -(-height // CELL), -(-width // CELL)
    whole, *tones = seen
    assert whole.shape == (1, 4 * 32, rows, columns)
    for part, (down, across) in enumerate([(0, 0), (0, 1), (1, 0), (1, 1)]):
        inner = features[0, :, 6 + down :: 2, 6 + across :: 2][:, :rows, :columns]
        channels = whole[0, part * 32 : (part + 1) * 32]
        assert np.abs(channels - inner).max() < 1e-4 * np.abs(features).max()
    image = framed[0].astype(np.float64)
    sources = {"image": image, "detail": image - blurred(image)}
    for look, channels in zip(LOOKS[1:], tones, strict=True):
        expected = channels_of(look, sources, CELL)[:, 3:, 3:][:, :rows, :columns]
        assert channels[0] == pytest.approx(expected, rel=5e-3, abs=2e-3)


def test_the_frame_is_mirrored_or_repeated():
    picture = np.arange(40, dtype=np.float32).reshape(1, 1, 1, 40).repeat(3, 1)
    framed = frame(picture)
    assert framed.shape == (1, 3, 56, 88)
    assert framed[0, 0, 0, 23:26].tolist() == [1, 0, 1]
    assert framed[0, 0, 0, 62:65].tolist() == [38, 39, 38]


def test_a_look_of_one_part_may_look_at_features():
    look = Look(LOOKS[0].levels)
    random = np.random.default_rng(5)
    matrix, offset = (random.normal(0, 1, size).astype(np.float32) for size in ((5, 5), 5))
    normal = Normal((Expert(look, matrix, offset, USUAL),))
    picture = picture_of(20, 33)
    found = run(graph.anomaly_model(FIVE, normal), picture)
    assert np.abs(found[0, 0] - by_hand(FIVE, normal, picture)).max() < 1e-4
