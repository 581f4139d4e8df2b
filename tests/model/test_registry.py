from pathlib import Path

import pytest

import imgae
from imgae.errors import WeightsError
from imgae.model import registry


def test_a_users_folder_adds_names(models):
    assert registry.find("identity") == models / "identity.onnx"
    assert {"identity", "darken"} <= registry.available().keys()


def test_several_folders_may_be_named(models, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    (other / "mine.onnx").touch()
    monkeypatch.setenv("IMGAE_MODELS", f"{models}:{other}:/does/not/exist")
    assert {"identity", "mine"} <= registry.available().keys()


def test_a_path_leads_to_itself(models):
    path = models / "identity.onnx"
    assert registry.find(path) == registry.find(str(path)) == path


@pytest.mark.parametrize("name", ["nope", "no/such/file.onnx", Path("nope.onnx")])
def test_what_leads_nowhere_is_named(models, name):
    with pytest.raises(WeightsError, match=str(name)):
        registry.find(name)


def test_an_unknown_name_is_told_what_there_is(models):
    with pytest.raises(WeightsError, match="darken, identity"):
        registry.find("nope")


@pytest.mark.parametrize("model", [5, b"x", ["denoise-fast"]])
def test_a_model_is_a_name_or_a_path(model):
    with pytest.raises(WeightsError, match="expected a name or the path of a file"):
        registry.find(model)


def test_an_empty_name_is_no_default(models):
    with pytest.raises(WeightsError, match="no model is called ''"):
        imgae.Denoiser("")
