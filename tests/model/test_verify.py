"""`imgae verify`: shipped files pass, and every kind of damage fails in the row that names it."""

import json
import platform
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_models

onnx = pytest.importorskip("onnx", reason="onnx is not installed")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from imgae.cli import main  # noqa: E402
from imgae.model import (  # noqa: E402
    onnxfile,
    registry,
    session,
)
from imgae.model.card import METADATA_KEY, ModelCard  # noqa: E402
from imgae.model.verify import worker as apart  # noqa: E402
from imgae.model.verify.checks import (  # noqa: E402
    REFERENCE_KEY,
    SAME_OUTPUT,
    Subject,
    add_reference,
    check_effect,
    check_file,
)
from imgae.model.verify.receptive_field import UnknownReachError, reach_of  # noqa: E402
from imgae.model.verify.worker import Check  # noqa: E402

SHIPPED = sorted(registry.available())
SCRIPT = Path(__file__).parents[2] / "scripts/add_reference.py"


def failing(path):
    return {check.name: check.finding for check in check_file(path) if check.passed is False}


def not_run(path):
    return [check.name for check in check_file(path) if check.passed is None]


@pytest.fixture
def fast():
    """denoise-fast, to be damaged."""
    return onnx.load(registry.find("denoise-fast"))


@pytest.fixture
def small(tmp_path):
    """A model that passes: the picture is blurred where there is a level."""
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    kernel[range(3), range(3)] = 1 / 9
    nodes = [
        helper.make_node("Pad", ["image", "around"], ["padded"], mode="edge"),
        helper.make_node("Conv", ["padded", "kernel"], ["blurred"], name="blur"),
        helper.make_node("Sub", ["blurred", "image"], ["apart"]),
        helper.make_node("Mul", ["sigma", "hundred"], ["much"]),
        helper.make_node("Min", ["much", "most"], ["share"]),
        helper.make_node("Mul", ["apart", "share"], ["part"]),
        helper.make_node("Add", ["image", "part"], ["restored"]),
    ]
    constants = {
        "kernel": kernel,
        "around": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "hundred": np.float32([100]),
        "most": np.float32([1]),
    }
    card = tiny_models.card(
        halo=1, training_data=("none",), precision="fp32", macs_per_pixel=81, bytes_per_pixel=64
    )
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
    checks = apart.verify(registry.find(name))
    assert [check for check in checks if not check.passed] == []
    names = [check.name for check in checks]
    assert names[:6] == ["safe", "checker", "card", "hash", "claims", "loads"]
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
    ("halo", "sees"),
    [(48, "sees 90 pixels"), (88, "sees 90"), (192, "sees 90"), (1648, "sees 90"), (2056, "2048")],
)
def test_a_wrong_halo_in_the_card_is_found(fast, tmp_path, halo, sees):
    path = tmp_path / "halo.onnx"
    onnx.save(fast, path)
    change_card(path, halo=halo)
    wrong = failing(path)
    assert sees in wrong["card" if halo > 2048 else "halo"]


def test_a_halo_too_small_is_found_by_probing_alone(fast, tmp_path, monkeypatch):
    path = tmp_path / "halo.onnx"
    onnx.save(fast, path)
    change_card(path, halo=88)
    monkeypatch.setattr("imgae.model.verify.receptive_field.POINTWISE", frozenset())
    wrong = failing(path)
    assert list(wrong) == ["halo"]
    assert "not derivable from the graph (Sub)" in wrong["halo"]


def test_a_thin_halo_too_small_is_found(tmp_path):
    path = tmp_path / "thin.onnx"
    onnx.save(onnx.load(registry.find("inpaint")), path)
    change_card(path, thin_halo=184)
    assert failing(path) == {"thin halo": "the card says 184; the graph sees 192 pixels far"}


def test_a_wrong_stride_is_found(fast, tmp_path):
    path = tmp_path / "stride.onnx"
    onnx.save(fast, path)
    change_card(path, stride=4)
    assert {"stride", "tiles"} <= failing(path).keys()


def shifted(model, by, operator="Add"):
    """Add a constant to what a model gives, or do otherwise with it."""
    output = model.graph.output[0].name
    last = next(node for node in model.graph.node if output in node.output)
    last.output[0] = "before"
    model.graph.initializer.append(numpy_helper.from_array(np.float32([by]), "shift"))
    model.graph.node.append(helper.make_node(operator, ["before", "shift"], [output]))
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


def constant(model, name, values):
    model.graph.initializer.append(numpy_helper.from_array(np.array(values), name))


def cast(model):
    constant(model, "wide", np.float32([1, 1, 1e5, 1e5]))
    model.graph.node.append(helper.make_node("Cast", ["wide"], ["size"], to=TensorProto.INT64))
    model.graph.node.add(op_type="Expand", input=["most", "size"], output=["x"])


def power(model):
    constant(model, "base", [10, 10])
    constant(model, "exponent", [5, 5])
    model.graph.node.add(op_type="Pow", input=["base", "exponent"], output=["size"])
    model.graph.node.add(op_type="Expand", input=["most", "size"], output=["x"])


def largest(model):
    constant(model, "one", [100_000, 1])
    constant(model, "other", [1, 100_000])
    model.graph.node.add(op_type="Max", input=["one", "other"], output=["size"])
    model.graph.node.add(op_type="ConstantOfShape", input=["size"], output=["x"])


def product(model):
    constant(model, "factors", [100_000, 100_000])
    model.graph.node.add(op_type="ReduceProd", input=["factors"], output=["size"])
    model.graph.node.add(op_type="Tile", input=["most", "size"], output=["x"])


def scaled(model):
    constant(model, "root", np.float32([1, 1, 1e2, 1e2]))
    model.graph.node.add(op_type="Mul", input=["root", "root"], output=["scales"])
    model.graph.node.add(op_type="Resize", input=["blurred", "", "scales"], output=["x"])


def all_pairs(model):
    constant(model, "rows", [0, 0, -1])
    constant(model, "columns", [0, -1, 3])
    model.graph.node.add(op_type="Reshape", input=["image", "rows"], output=["a"])
    model.graph.node.add(op_type="Reshape", input=["image", "columns"], output=["b"])
    model.graph.node.add(op_type="MatMul", input=["b", "a"], output=["x"])


def work(model):
    constant(model, "first", np.zeros((1200, 3, 3, 3), np.float32))
    constant(model, "second", np.zeros((1200, 1200, 3, 3), np.float16))
    model.graph.node.append(
        helper.make_node("Cast", ["second"], ["second32"], to=TensorProto.FLOAT)
    )
    model.graph.node.add(op_type="Conv", input=["image", "first"], output=["x"])
    model.graph.node.add(op_type="Conv", input=["x", "second32"], output=["y"])


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
        (cast, "the size of x does not follow from the picture's"),
        (power, "the size of x does not follow"),
        (largest, "the size of x does not follow"),
        (product, "the size of x does not follow"),
        (scaled, "the size of x does not follow"),
        (all_pairs, "x would have 6.18e+11 values for a picture of 1024x768"),
        (work, "it would take 1.14e+07 multiply-accumulates a pixel"),
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
    model = onnx.load(registry.find("detect"))
    onnxfile.set_metadata(model, REFERENCE_KEY, "no base64!")
    onnx.save(model, small)
    assert failing(small) == {"reference": "the stored one cannot be read"}
    kept = [entry for entry in model.metadata_props if entry.key != REFERENCE_KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.save(model, small)
    assert "none is stored; `scripts/add_reference.py FILE`" in failing(small)["reference"]


def test_another_output_than_at_export_is_found(small):
    model = onnx.load(small)
    model.graph.node[2].input[:] = ["image", "blurred"]
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
        checks = check_file(small)
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
    assert main(["verify", "--json", "none.onnx"]) == 1
    missing = json.loads(capfd.readouterr().out)
    assert (missing["path"], missing["passed"]) == ("none.onnx", False)
    assert missing["checks"][0]["finding"] == "none.onnx: no such model file"
    assert main(["verify"]) == 2


def test_without_onnx_the_extra_is_named(small, monkeypatch, capfd):
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert main(["verify", str(small)]) == 1
    assert "pip install 'imgae[verify]'" in capfd.readouterr().err


def test_a_reference_leaves_weights_and_card_alone(fast, tmp_path):
    path = tmp_path / "again.onnx"
    onnx.save(fast, path)
    add_reference(path)
    assert onnx.load(path) == fast
    assert len(onnxfile.metadata(fast, REFERENCE_KEY)) < 20_000


def test_verifying_loads_no_torch(small):
    program = (
        "import sys\nfrom pathlib import Path\nfrom imgae.model.verify.checks import check_file\n"
    )
    program += f"print(len(check_file(Path({str(small)!r}))), 'torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "15 False\n"


def test_a_name_that_is_no_text_is_found_before_a_runtime_meets_it(small):
    small.write_bytes(small.read_bytes().replace(b"blurred", b"\xe7lurred", 1))
    assert failing(small) == {"safe": "damaged: a name or a text in it is not UTF-8"}


def dead_division(model):
    """What nobody reads, but onnxruntime computes when it loads the file."""
    constant(model, "least", np.int32([-(2**31)]))
    constant(model, "minus", np.int32([-1]))
    model.graph.node.add(op_type="Div", input=["least", "minus"], output=["x"])


@pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64") or sys.platform != "linux",
    reason="such a division raises a signal on x86 under Linux",
)
def test_a_file_that_kills_its_process_fails_and_the_next_is_checked(small, tmp_path, capfd):
    model = onnx.load(small)
    dead_division(model)
    hostile = tmp_path / "hostile.onnx"
    onnx.save(model, hostile)
    change_card(hostile, sha256=onnxfile.weights_hash(model))
    assert main(["verify", "--json", str(hostile), str(small)]) == 1
    first, second = map(json.loads, capfd.readouterr().out.splitlines())
    assert (first["passed"], second["passed"]) == (False, True)
    rows = {row["name"]: (row["passed"], row["finding"]) for row in first["checks"]}
    assert list(rows) == [row["name"] for row in second["checks"]]
    assert rows["claims"][0]
    assert rows["loads"] == (False, "killed by signal SIGFPE")
    assert rows["runs"] == rows["reference"] == (None, "not run")


SENT = """
import json, os, signal, time
rows = [("safe", True, "fine"), ("loads", None, "running"), ("runs", None, "not run")]
print(json.dumps([dict(zip(("name", "passed", "finding"), row)) for row in rows]), flush=True)
print("[", end="", flush=True)
"""


@pytest.mark.parametrize(
    ("end", "finding"),
    [
        ("time.sleep(60)", "took more than 2 seconds"),
        ("os._exit(3)", "its process ended with code 3: no message"),
        ("raise SystemExit('a\\x1b[2J')", "its process ended with code 1: a\\x1b[2J"),
    ],
)
def test_a_process_that_ends_early_fails_the_check_it_was_at(monkeypatch, tmp_path, end, finding):
    monkeypatch.setattr(apart, "PROGRAM", SENT + end)
    monkeypatch.setattr(apart, "MOST_SECONDS", 2)
    assert apart.verify(tmp_path) == [
        Check("safe", passed=True, finding="fine"),
        Check("loads", passed=False, finding=finding),
        Check("runs", None, "not run"),
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit address space")
def test_the_process_has_little_memory(monkeypatch, tmp_path):
    program = (
        "from imgae.model.verify.worker import limit_process; limit_process(); bytearray(5 << 30)"
    )
    monkeypatch.setattr(apart, "PROGRAM", program)
    (row,) = apart.verify(tmp_path)
    assert row.finding == "its process ended with code 1: MemoryError"


def test_a_name_can_neither_forge_a_row_nor_steer_a_terminal(small, capfd):
    model = onnx.load(small)
    external(model)
    kernel = next(t for t in model.graph.initializer if t.name == "kernel")
    kernel.name = "k\n  hash  pass  fine\x1b[2J\x9b\u202e" + "k" * 5000
    onnx.save(model, small)
    finding = failing(small)["safe"]
    assert finding.startswith(r"k\n  hash  pass  fine\x1b[2J\x9b\u202ekkk")
    assert len(finding) < 500
    assert main(["verify", str(small)]) == 1
    assert capfd.readouterr().out.count("\n") == 17


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"precision": "banana"}, "its precision is fp16, not banana"),
        ({"precision": "int8"}, "its precision is fp16, not int8"),
        ({"colour": "BGR"}, "its colour is RGB, sRGB transfer curve, not BGR"),
        ({"macs_per_pixel": 49_000}, "its multiply-accumulates a pixel are 49952, not 49000"),
        ({"bytes_per_pixel": 1}, "it cannot take 1 bytes a pixel"),
    ],
)
def test_a_false_claim_of_the_card_is_found(fast, tmp_path, changes, finding):
    path = tmp_path / "claims.onnx"
    onnx.save(fast, path)
    change_card(path, **changes)
    assert failing(path) == {"claims": finding}


def test_other_versions_than_the_contract_says_are_found(small):
    model = onnx.load(small)
    model.opset_import[0].version, model.ir_version = 17, 8
    onnx.save(model, small)
    assert failing(small) == {"claims": "its opset is 17, not 18; its IR version is 8, not 9"}


def test_one_integer_operator_does_not_make_a_file_int8(fast, tmp_path):
    constant(fast, "byte", np.int8([1]))
    constant(fast, "step", np.float32(1))
    fast.graph.node.add(op_type="DequantizeLinear", input=["byte", "step"], output=["x"])
    kernel = numpy_helper.from_array(np.zeros((4096, 3, 3, 3), np.int8), "idle")
    fast.graph.initializer.append(kernel)
    fast.graph.node.add(op_type="DequantizeLinear", input=["idle", "step"], output=["idle32"])
    fast.graph.node.add(op_type="Conv", input=["image", "idle32"], output=["y"])
    path = tmp_path / "dead.onnx"
    onnx.save(fast, path)
    change_card(path, sha256=onnxfile.weights_hash(fast))
    rows = {check.name: check for check in check_file(path)}
    assert rows["claims"].passed
    assert rows["reference"].limit == SAME_OUTPUT


def test_half_a_level_between_tiles_is_found_in_int8_too(tmp_path):
    """What is added depends on how wide the picture is."""
    model = shifted(onnx.load(registry.find("denoise-fast-int8")), 0.5 / 255 / (25 / 255))
    nodes = [
        helper.make_node("Shape", ["image"], ["width"], start=3, end=4),
        helper.make_node("Cast", ["width"], ["wide"], to=TensorProto.FLOAT),
        helper.make_node("Sin", ["wide"], ["odd"]),
        helper.make_node("Mul", ["odd", "sigma"], ["odd sigma"]),
        helper.make_node("Mul", ["odd sigma", "shift"], ["odd shift"]),
    ]
    model.graph.node[-1].input[1] = "odd shift"
    for node in nodes:
        model.graph.node.insert(len(model.graph.node) - 1, node)
    path = tmp_path / "wide.onnx"
    onnx.save(model, path)
    change_card(path, sha256=onnxfile.weights_hash(model))
    add_reference(path)
    assert failing(path).keys() == {"stride", "tiles", "settings"}


def test_a_denoiser_that_leaves_the_noise_is_found(small):
    model = onnx.load(small)
    much = next(t for t in model.graph.initializer if t.name == "most")
    much.CopyFrom(numpy_helper.from_array(np.float32([0.4]), "most"))
    onnx.save(model, small)
    change_card(small, sha256=onnxfile.weights_hash(model))
    add_reference(small)
    assert failing(small).keys() == {"effect"}
    assert failing(small)["effect"].startswith("of noise in flat pictures 6")


def test_a_denoiser_that_is_not_told_the_level_must_remove_noise_too():
    card = tiny_models.card(inputs=("image",))
    asleep = Subject(Path(), onnx.ModelProto(), card, lambda image: image)
    awake = replace(asleep, model=lambda image: image * 0 + image.mean((2, 3), keepdims=True))
    assert check_effect(asleep).figure == 1
    assert check_effect(awake).figure < 1e-4


@pytest.mark.parametrize(
    ("operator", "by", "finding"),
    [
        ("Mul", 0, "a scratch on flat pictures is found to 0"),
        ("Mul", 1.5, "probabilities from "),
        ("Sub", 0.01, "probabilities from -0.01"),
    ],
)
def test_a_detector_that_finds_nothing_or_no_probabilities_is_found(
    tmp_path, operator, by, finding
):
    model = shifted(onnx.load(registry.find("detect")), by, operator)
    path = tmp_path / "detect.onnx"
    onnx.save(model, path)
    change_card(path, sha256=onnxfile.weights_hash(model))
    add_reference(path)
    assert failing(path).keys() == {"effect"}
    assert failing(path)["effect"].startswith(finding)


def laid_out(path, to, between):
    """Reshape the picture, do something, reshape it back, and add it to the picture."""
    nodes = [
        helper.make_node("Reshape", ["image", "to"], ["rows"]),
        *between,
        helper.make_node("Shape", ["image"], ["shape"]),
        helper.make_node("Reshape", ["changed", "shape"], ["back"]),
        helper.make_node("Add", ["image", "back"], ["restored"]),
    ]
    numbers = {"to": to, "one": [1], "minus": [-1], "start": [-1], "end": [-(2**40)], "axis": [2]}
    constants = {name: np.array(values) for name, values in numbers.items()}
    return onnx.load(tiny_models.save(path, nodes, constants, inputs=("image",)))


def test_pictures_laid_out_as_rows_are_followed(tmp_path):
    between = [helper.make_node("Relu", ["rows"], ["changed"])]
    assert reach_of(laid_out(tmp_path / "a.onnx", [0, 0, -1], between), 8, 8) == (0, 1)


@pytest.mark.parametrize("to", [[0, -1, 16], [0, 16, -1], [0, -1, 3]])
def test_other_layouts_than_rows_are_not_followed(tmp_path, to):
    between = [helper.make_node("Relu", ["rows"], ["changed"])]
    with pytest.raises(UnknownReachError):
        reach_of(laid_out(tmp_path / "a.onnx", to, between), 8, 8)


def test_only_pointwise_operators_are_followed_on_rows(tmp_path):
    turned = helper.make_node("Slice", ["rows", "start", "end", "axis", "minus"], ["changed"])
    with pytest.raises(UnknownReachError, match="Slice"):
        reach_of(laid_out(tmp_path / "a.onnx", [0, 0, -1], [turned]), 8, 8)
    means = [
        helper.make_node("ReduceMean", ["rows", "one"], ["mean"]),
        helper.make_node("Sub", ["rows", "mean"], ["changed"]),
    ]
    with pytest.raises(UnknownReachError, match="ReduceMean"):
        reach_of(laid_out(tmp_path / "b.onnx", [0, 0, -1], means), 8, 8)


@pytest.mark.parametrize("name", ["none.onnx", "text.onnx", "cardless.onnx"])
def test_the_script_that_stores_references_tells_in_one_sentence(small, tmp_path, name):
    (tmp_path / "text.onnx").write_text("These are no weights.\n")
    model = onnx.load(small)
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "cardless.onnx")
    done = subprocess.run(
        [sys.executable, SCRIPT, tmp_path / name], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"{tmp_path / name}: ")
    assert done.stderr.count("\n") == 1
