"""The nodes of a fitted file give what the numbers of a Normal say, computed by numpy."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from anomalies import by_hand, frame, shipped, texture, with_features

from imgae.errors import ModelError
from imgae.model import onnxfile, session
from imgae.model.verify.receptive_field import receptive_field_of
from imgae.restore.anomaly import graph
from imgae.restore.anomaly.normal import (
    Error,
    Features,
    Gaussian,
    Level,
    Memory,
    Normal,
    Usual,
)
from imgae.restore.anomaly.sources import sources_of

BACKBONE = shipped()
LEVELS = (Level("half", 3), Level("quarter"), Level("eighth", 3), Level("code"))
USUAL = Usual((0.5, 0.3, -0.2), (0.7, 0.5, -2.0))
LOW = Usual((-20.0, 1.0, 2.0), (0.7, 0.5, -2.0))


def features(levels=LEVELS, pool=3, kept=5):
    random = np.random.default_rng(0)
    count = sum(sources_of(BACKBONE)[level.source].channels for level in levels)
    matrix = random.normal(0, 0.3, (kept, count)).astype(np.float32)
    return Features(levels, pool, matrix, random.normal(0, 1, kept).astype(np.float32))


def memory(nearest=1, **changes):
    vectors = np.random.default_rng(1).normal(0, 1, (20, 5)).astype(np.float32)
    return Memory(features(**changes), vectors, nearest, USUAL)


NORMALS = {
    "gaussian": Normal((Gaussian(features(), USUAL),), blur=1.0),
    "nearest": Normal((memory(),), blur=0.0),
    "three nearest": Normal((memory(3),), blur=0.7),
    "error": Normal((Error(features(kept=1), 1e-4, LOW),), blur=0.5),
    "sum": Normal((Gaussian(features(), USUAL), memory()), (0.3, 0.7), blur=1.5),
    "max": Normal((Gaussian(features(), USUAL), memory()), (0.3, 0.7), by="max"),
    "quarter": Normal(
        (Gaussian(features(), USUAL), Error(features(kept=1), 1e-4, LOW)), (1, 2), cell=4
    ),
}


def run(model, picture):
    (found,) = session.values_of(model, ["anomaly"], {"image": picture}).values()
    return found


@pytest.mark.parametrize("name", NORMALS)
@pytest.mark.parametrize(("height", "width"), [(40, 51), (1, 1), (9, 64)])
def test_a_graph_computes_what_numpy_does(name, height, width):
    picture = texture(3, height, width).transpose(2, 0, 1)[None] / np.float32(255)
    found = run(graph.anomaly_model(BACKBONE, NORMALS[name]), picture)
    expected = by_hand(BACKBONE, NORMALS[name], picture)
    assert found.shape == (1, 1, height, width)
    assert found.dtype == np.float32
    assert np.abs(found[0, 0] - expected).max() < 1e-4 * max(1, expected.max())
    assert expected.max() > 0


@pytest.mark.parametrize(("height", "width"), [(40, 51), (1, 1), (3, 70)])
def test_features_that_a_backbone_gives_may_be_looked_at(height, width):
    backbone, random = with_features(), np.random.default_rng(2)
    matrix, offset = (random.normal(0, 1, size).astype(np.float32) for size in ((5, 5), 5))
    looked = Features((Level("features"),), 1, matrix, offset)
    normal = Normal((Gaussian(looked, USUAL),), cell=4, blur=0.7)
    picture = texture(3, height, width).transpose(2, 0, 1)[None] / np.float32(255)
    found = run(graph.anomaly_model(backbone, normal), picture)
    expected = by_hand(backbone, normal, picture)
    assert np.abs(found[0, 0] - expected).max() < 1e-4 * max(1, expected.max())
    assert expected.max() > 0
    assert receptive_field_of(graph.anomaly_model(backbone, normal), 8, 32)[1] == 4


@pytest.mark.parametrize("name", NORMALS)
def test_a_graph_is_safe_and_local(name):
    model = graph.anomaly_model(BACKBONE, NORMALS[name])
    onnx.checker.check_model(model, full_check=True)
    onnxfile.refuse_unsafe(model)
    radius, period = receptive_field_of(model, 8, 128)
    assert 40 < radius < 250
    assert period == 8


def test_what_is_not_needed_is_left_out():
    """As the decoder, where nothing looks at what is restored."""
    without, with_it = (graph.anomaly_model(BACKBONE, NORMALS[name]) for name in ("sum", "error"))
    assert len(without.SerializeToString()) < 0.7 * len(with_it.SerializeToString())
    names = {node.name for node in without.graph.node if node.name}
    assert len(names) == len([node for node in without.graph.node if node.name])


def test_levels_that_several_ask_for_are_computed_once():
    one = graph.anomaly_model(BACKBONE, NORMALS["gaussian"])
    two = graph.anomaly_model(BACKBONE, NORMALS["sum"])
    pools = [sum(n.op_type == "AveragePool" for n in m.graph.node) for m in (one, two)]
    assert pools[0] == pools[1]


def test_sources_are_found_by_shape():
    sizes = onnxfile.sizes_in(onnxfile.inferred(BACKBONE, 64, 64).graph)
    found = sources_of(BACKBONE)
    assert {name: (each.channels, each.scale) for name, each in found.items()} == {
        "image": (3, 1),
        "half": (32, 2),
        "quarter": (64, 4),
        "eighth": (128, 8),
        "code": (32, 8),
        "restored": (3, 1),
    }
    for each in found.values():
        assert sizes[each.name] == [1, each.channels, 64 // each.scale, 64 // each.scale]


def test_what_a_backbone_has_not_cannot_be_asked_for():
    node = onnx.helper.make_node("Identity", ["image"], ["restored"])
    info = [
        onnx.helper.make_tensor_value_info(name, 1, ["N", 3, "H", "W"])
        for name in ("image", "restored")
    ]
    model = onnx.helper.make_model(
        onnx.helper.make_graph([node], "g", info[:1], info[1:]),
        opset_imports=[onnx.helper.make_opsetid("", 18)],
    )
    assert sources_of(model).keys() == {"image", "restored"}
    for name in ("half", "code"):
        with pytest.raises(ModelError, match=f"the backbone has no {name}"):
            graph.Nodes(model, 8).source(name)


def test_the_channels_of_cells_are_those_that_features_are_mixed_of():
    picture = texture(1, 40, 51).transpose(2, 0, 1)[None] / np.float32(255)
    normal = NORMALS["gaussian"]
    model = graph.channels_model(BACKBONE, LEVELS, 3, 8)
    (channels,) = session.values_of(model, ["channels"], {"image": picture}).values()
    assert channels.shape == (1, 256, 5, 7)
    (expert,) = normal.experts
    y = np.tensordot(expert.features.matrix, channels[0], 1) + expert.features.offset[:, None, None]
    plain = replace(expert, usual=Usual())
    found = run(graph.anomaly_model(BACKBONE, Normal((plain,), blur=0.0)), picture)
    assert found[0, 0, 0, 0] == pytest.approx(np.sqrt((y[:, 0, 0] ** 2).sum()), rel=1e-4)


def test_the_frame_is_mirrored_or_repeated():
    picture = np.arange(40, dtype=np.float32).reshape(1, 1, 1, 40).repeat(3, 1)
    framed = frame(picture)
    assert framed.shape == (1, 3, 56, 88)
    assert framed[0, 0, 0, 23:26].tolist() == [1, 0, 1]
    assert framed[0, 0, 0, 62:65].tolist() == [38, 39, 38]
