import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from damaged import failing

from imgae.model import onnxfile, registry
from imgae.model.verify.reference import REFERENCE_KEY, add_reference

SCRIPT = Path(__file__).parents[3] / "scripts/add_reference.py"


def test_a_reference_leaves_weights_and_card_alone(fast, tmp_path):
    path = tmp_path / "again.onnx"
    onnx.save(fast, path)
    add_reference(path)
    assert onnx.load(path) == fast
    assert len(onnxfile.metadata(fast, REFERENCE_KEY)) < 20_000


def test_a_model_without_a_card_or_a_reference_is_told_so(small):
    model = onnx.load(small)
    del model.metadata_props[:]
    onnx.save(model, small)
    assert failing(small) == {"card": "it has no imgae model card inside"}
    model = onnx.load(registry.find("detect"))
    onnxfile.set_metadata(model, REFERENCE_KEY, "no base64!")
    onnx.save(model, small)
    assert failing(small) == {"reference": "the stored output cannot be read"}
    kept = [entry for entry in model.metadata_props if entry.key != REFERENCE_KEY]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.save(model, small)
    assert "none is stored; `scripts/add_reference.py FILE`" in failing(small)["reference"]


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
