import onnx
from damaged import external, failing

from imgae.cli import main


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
