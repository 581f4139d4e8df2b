import json
import subprocess
import sys

import pytest
from damaged import change_card, small_model

from imgae.cli import main


@pytest.fixture
def small(tmp_path):
    return small_model(tmp_path / "small.onnx")


def test_the_command_prints_rows_and_json_and_its_exit_code(small, capfd):
    assert main(["verify", str(small)]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[0] == f"{small}: passes"
    assert lines[1].startswith("  safe       pass  it needs no other file")
    change_card(small, name="")
    assert main(["verify", "--json", str(small), str(small)]) == 1
    first, second = map(json.loads, capfd.readouterr().out.splitlines())
    assert first == second
    assert (first["path"], first["passed"]) == (str(small), False)
    (card,) = [check for check in first["checks"] if check["name"] == "card"]
    assert card == {"name": "card", "passed": False, "finding": "its card leaves empty: name",
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
    said = capfd.readouterr().err
    assert said == "imgae: verifying needs onnx; install it with: pip install 'imgae[verify]'\n"


VERIFY = """
import sys
from imgae.cli import main
code = main(["verify", sys.argv[1]])
print(code, sorted({"onnx", "onnxruntime", "numpy"} & set(sys.modules)))
"""


def test_only_the_worker_loads_onnx(small):
    """Loading it takes a second, and a strange file must not be near."""
    done = subprocess.run(
        [sys.executable, "-c", VERIFY, small], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "0 []"
