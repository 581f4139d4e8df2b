"""`imgae verify`: shipped files pass, and every kind of damage fails in the row that names it."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import tiny_models

onnx = pytest.importorskip("onnx", reason="onnx is not installed")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from imgae import onnxfile, session, weights  # noqa: E402
from imgae.card import METADATA_KEY, ModelCard  # noqa: E402
from imgae.cli import main  # noqa: E402
from imgae.verify import REFERENCE_KEY, Check, add_reference, verify  # noqa: E402

SHIPPED = sorted(weights.available())


def failing(path):
    return {check.name: check.finding for check in verify(path) if check.passed is False}


def not_run(path):
    return [check.name for check in verify(path) if check.passed is None]


@pytest.fixture
def fast():
    """denoise-fast, to be damaged."""
    return onnx.load(weights.find("denoise-fast"))


@pytest.fixture
def small(tmp_path):
    """A model that passes: 0.9 of the picture is kept, 0.1 blurred, where there is a level."""
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    kernel[range(3), range(3)] = 1 / 9
    nodes = [
        helper.make_node("Pad", ["image", "around"], ["padded"], mode="edge"),
        helper.make_node("Conv", ["padded", "kernel"], ["blurred"], name="blur"),
        helper.make_node("Sub", ["blurred", "image"], ["apart"]),
        helper.make_node("Min", ["sigma", "most"], ["share"]),
        helper.make_node("Mul", ["apart", "share"], ["part"]),
        helper.make_node("Add", ["image", "part"], ["restored"]),
    ]
    constants = {
        "kernel": kernel,
        "around": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "most": np.float32([0.1]),
    }
    card = tiny_models.card(halo=1, training_data=("none",))
    path = tiny_models.save(tmp_path / "small.onnx", nodes, constants, card.to_json())
    change_card(path, sha256=onnxfile.weights_hash(onnx.load(path)))
    add_reference(path)
    return path


def change_card(path, **changes):
    model = onnx.load(path)
    card = ModelCard.from_json(onnxfile.metadata(model, METADATA_KEY))
    onnxfile.set_metadata(model, METADATA_KEY, replace(card, **changes).to_json())
    onnxfile.write_model(model, path)


@pytest.mark.parametrize("name", SHIPPED)
def test_what_ships_passes(name):
    checks = verify(weights.find(name))
    assert [check for check in checks if not check.passed] == []
    names = [check.name for check in checks]
    assert names[:5] == ["safe", "checker", "card", "hash", "loads"]
    assert ("thin halo" in names) == (name == "inpaint")
    assert names[-1] == "reference"
    (halo,) = [check for check in checks if check.name == "halo"]
    assert "by the graph; " in halo.finding


def test_a_small_model_passes(small):
    assert failing(small) == {}


def test_a_flipped_byte_in_a_kernel_is_found(fast, tmp_path):
    path = tmp_path / "flipped.onnx"
    data = bytearray(fast.SerializeToString())
    kernel = next(t for t in fast.graph.initializer if len(t.dims) == 4).raw_data
    data[data.index(kernel) + 1001] ^= 0x10
    path.write_bytes(data)
    assert "sha256" in failing(path)["hash"]


@pytest.mark.parametrize(
    ("halo", "sees"), [(48, "sees 90 pixels"), (88, "sees 90"), (192, "sees 90")]
)
def test_a_wrong_halo_in_the_card_is_found(fast, tmp_path, halo, sees):
    path = tmp_path / "halo.onnx"
    onnx.save(fast, path)
    change_card(path, halo=halo)
    assert sees in failing(path)["halo"]


def test_a_halo_too_small_is_found_by_probing_alone(fast, tmp_path, monkeypatch):
    path = tmp_path / "halo.onnx"
    onnx.save(fast, path)
    change_card(path, halo=88)
    monkeypatch.setattr("imgae.reach.POINTWISE", frozenset())
    wrong = failing(path)
    assert list(wrong) == ["halo"]
    assert "not derivable from the graph (Sub)" in wrong["halo"]


def test_a_thin_halo_too_small_is_found(tmp_path):
    path = tmp_path / "thin.onnx"
    onnx.save(onnx.load(weights.find("inpaint")), path)
    change_card(path, thin_halo=184)
    assert failing(path) == {"thin halo": "the card says 184; the graph sees 192 pixels far"}


def test_a_wrong_stride_is_found(fast, tmp_path):
    path = tmp_path / "stride.onnx"
    onnx.save(fast, path)
    change_card(path, stride=4)
    assert {"stride", "tiles"} <= failing(path).keys()


def shifted(model, by):
    """Add a constant to what a model gives."""
    last = next(node for node in model.graph.node if "restored" in node.output)
    last.output[0] = "before"
    model.graph.initializer.append(numpy_helper.from_array(np.float32([by]), "shift"))
    model.graph.node.append(helper.make_node("Add", ["before", "shift"], ["restored"]))
    return model


def test_an_output_two_levels_brighter_is_found(fast, tmp_path):
    path = tmp_path / "bright.onnx"
    onnx.save(shifted(fast, 2 / 255), path)
    change_card(path, sha256=onnxfile.weights_hash(fast))
    assert failing(path).keys() == {"levels", "identity", "reference"}


def test_a_model_that_sees_the_whole_picture_is_found(fast, tmp_path):
    model = shifted(fast, 0)
    model.graph.node[-1].input[1] = "average"
    model.graph.node.insert(0, helper.make_node("GlobalAveragePool", ["image"], ["average"]))
    path = tmp_path / "whole.onnx"
    onnx.save(model, path)
    assert "looks at the whole picture" in failing(path)["halo"]


def external(model):
    tensor = next(t for t in model.graph.initializer if t.name == "kernel")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secret")


def external_constant(model):
    node = model.graph.node.add(op_type="Constant", output=["secret"])
    tensor = TensorProto(data_type=1, dims=[2], data_location=TensorProto.EXTERNAL)
    node.attribute.add(name="value", type=4, t=tensor)


def custom(model):
    model.graph.node[2].domain = "com.example"


def unknown(model):
    model.graph.node[2].op_type = "Subb"


def function(model):
    model.functions.add(name="Sub", domain="", output=["x"])


def loop(model):
    node = model.graph.node.add(op_type="If", input=["sigma"], output=["x"])
    node.attribute.add(name="then_branch", type=5).g.name = "inner"


def no_bytes(model):
    model.graph.initializer[0].dims[0] = 1 << 40


def huge(model):
    model.graph.initializer.append(numpy_helper.from_array(np.full(4, 1 << 20), "size"))
    model.graph.node.add(op_type="ConstantOfShape", input=["size"], output=["x"])


def enlarged(model):
    scales = np.float32([1, 1, 1e4, 1e4])
    model.graph.initializer.append(numpy_helper.from_array(scales, "scales"))
    model.graph.node.add(op_type="Resize", input=["blurred", "", "scales"], output=["x"])


def computed(model):
    model.graph.initializer.append(numpy_helper.from_array(np.array([1 << 12]), "times"))
    model.graph.node.add(op_type="Shape", input=["image"], output=["shape"])
    model.graph.node.add(op_type="Mul", input=["shape", "times"], output=["larger"])
    model.graph.node.add(op_type="Expand", input=["most", "larger"], output=["x"])


def opset(model):
    model.opset_import[0].version = 1000


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (external, "kernel lies in another file"),
        (external_constant, "lies in another file"),
        (custom, "com.example.Sub is no standard ONNX operator"),
        (unknown, "ai.onnx.Subb is no standard"),
        (function, "functions of its own"),
        (loop, "If holds a graph"),
        (no_bytes, "holds 324 bytes, not "),
        (huge, "x would have 1.21e"),
        (enlarged, "x would have "),
        (computed, "x would have "),
        (opset, "[1000], are not known"),
    ],
)
def test_what_is_not_safe_is_refused_and_not_run(small, monkeypatch, change, sentence):
    model = onnx.load(small)
    change(model)
    small.write_bytes(model.SerializeToString())
    monkeypatch.setattr(session, "load", None)
    monkeypatch.setattr(session, "values_of", None)
    wrong = failing(small)
    assert list(wrong) == ["safe"]
    assert sentence in wrong["safe"]
    assert len(not_run(small)) > 8


def test_a_card_that_lacks_an_input_is_found(small):
    change_card(small, inputs=("image",))
    assert "it takes image, sigma; its card says image" in failing(small)["card"]
    assert "halo" in not_run(small)


def test_a_fixed_size_is_found(small):
    model = onnx.load(small)
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 512
    onnx.save(model, small)
    assert "image is anyx3x512xany" in failing(small)["card"]


def test_a_model_without_a_card_or_a_reference_is_told_so(small):
    model = onnx.load(small)
    del model.metadata_props[:]
    onnx.save(model, small)
    assert failing(small) == {"card": "it has no imgae model card inside"}
    model = onnx.load(weights.find("detect"))
    onnxfile.set_metadata(model, REFERENCE_KEY, "no base64!")
    onnx.save(model, small)
    assert failing(small) == {"reference": "the stored one cannot be read"}
    del model.metadata_props[1:]
    onnx.save(model, small)
    assert "none is stored; `scripts/add_reference.py FILE`" in failing(small)["reference"]


def test_another_output_than_at_export_is_found(small):
    model = onnx.load(small)
    model.graph.node[1].attribute.add(name="group", type=2, i=1)
    model.graph.node[4].op_type = "Div"
    onnx.save(model, small)
    assert "reference" in failing(small)


@pytest.mark.parametrize("data", [b"", b"These are no weights.\n", b"\x89PNG\r\n\x1a\n" * 9])
def test_a_file_that_is_no_model_is_told_in_one_sentence(tmp_path, capfd, data):
    path = tmp_path / "text.onnx"
    path.write_bytes(data)
    assert "damaged, or not an ONNX model" in failing(path)["safe"]
    assert main(["verify", str(path)]) == 1
    assert "Traceback" not in "".join(capfd.readouterr())


def test_a_truncated_file_is_told_in_one_sentence(fast, tmp_path):
    path = tmp_path / "short.onnx"
    path.write_bytes(fast.SerializeToString()[:-100_000])
    assert list(failing(path)) == ["safe"]


def test_flipped_bytes_anywhere_make_no_traceback_and_are_mostly_found(small):
    data = small.read_bytes()
    random = np.random.default_rng(0)
    framing = len(data) - len(onnxfile.metadata(onnx.load(small), REFERENCE_KEY))
    found = 0
    for place in random.integers(0, framing, 60):
        small.write_bytes(data[:place] + bytes([data[place] ^ 1 << 4]) + data[place + 1 :])
        checks = verify(small)
        assert all(isinstance(check, Check) for check in checks)
        found += any(check.passed is False for check in checks)
    assert found > 15  # the rest lies in names and in the card's texts


def test_the_command_prints_rows_and_json_and_its_exit_code(small, capfd):
    assert main(["verify", str(small)]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == f"{small}: passes"
    assert lines[1].startswith("  safe       pass  nothing outside")
    change_card(small, name="")
    assert main(["verify", "--json", str(small), str(small)]) == 1
    first, second = map(json.loads, capfd.readouterr().out.splitlines())
    assert first == second
    assert (first["path"], first["passed"]) == (str(small), False)
    (card,) = [check for check in first["checks"] if check["name"] == "card"]
    assert card == {"name": "card", "passed": False, "finding": "its card does not say: name",
                    "figure": None, "limit": None}  # fmt: skip
    assert main(["verify", str(small.with_name("none.onnx"))]) == 1
    assert "no such model file" in capfd.readouterr().err
    assert main(["verify"]) == 2


def test_without_onnx_the_extra_is_named(small, monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "imgae.verify", None)
    monkeypatch.delattr("imgae.verify", raising=False)
    assert main(["verify", str(small)]) == 1
    assert "pip install '.[train]'" in capfd.readouterr().err


def test_a_reference_leaves_weights_and_card_alone(fast, tmp_path):
    path = tmp_path / "again.onnx"
    onnx.save(fast, path)
    add_reference(path)
    assert onnx.load(path) == fast
    assert len(onnxfile.metadata(fast, REFERENCE_KEY)) < 20_000


def test_verifying_loads_no_torch(small):
    program = f"import sys\nfrom imgae.cli import main\nmain(['verify', {str(small)!r}])\n"
    program += "print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "False"


def test_a_name_that_is_no_text_is_found_before_a_runtime_meets_it(small):
    small.write_bytes(small.read_bytes().replace(b"blurred", b"\xe7lurred", 1))
    assert failing(small) == {"safe": "damaged: a name or a text in it is not UTF-8"}
