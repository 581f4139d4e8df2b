import pytest
import tiny_models

from imgae import ModelError
from imgae.model import session
from imgae.model.card import Score
from imgae.model.scores import write_scores

pytest.importorskip("onnx", reason="onnx is not installed")
SCORES = (Score("somewhere", 30.0, "dB PSNR", "a command"), Score("else", 0.9, "F1", "another"))


def test_scores_replace_those_there_and_nothing_else(tmp_path):
    path = tiny_models.identity(tmp_path / "m.onnx", sha256="abc", scores=(SCORES[1],))
    before = session.load(path).card
    write_scores(path, iter(SCORES))
    after = session.load(path).card
    assert after.scores == SCORES
    assert (after.name, after.sha256, after.recipe) == (before.name, before.sha256, before.recipe)
    assert [file.name for file in tmp_path.iterdir()] == ["m.onnx"]


def test_a_file_that_holds_no_card_is_told_by_name(tmp_path):
    path = tmp_path / "m.onnx"
    for data in (None, b"no model"):
        if data:
            path.write_bytes(data)
        with pytest.raises(ModelError, match=r"m\.onnx"):
            write_scores(path, SCORES)
    tiny_models.save(path, [tiny_models.helper.make_node("Identity", ["image"], ["restored"])])
    with pytest.raises(ModelError, match=r"m\.onnx: its card cannot be read"):
        write_scores(path, SCORES)


@pytest.mark.parametrize("value", [float("inf"), float("-inf"), float("nan")])
def test_a_score_that_no_card_can_hold_leaves_the_file_as_it_was(tmp_path, value):
    path = tiny_models.identity(tmp_path / "m.onnx", scores=SCORES)
    before = path.read_bytes()
    with pytest.raises(ModelError, match=r"m\.onnx: .*scores"):
        write_scores(path, [SCORES[0], Score("flat", value, "dB PSNR", "a command")])
    assert path.read_bytes() == before
