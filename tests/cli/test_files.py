"""Where results go, and what is refused before the work."""

import os
from pathlib import Path

import numpy as np
import pytest
import tiny_models

from imgae import Image, read_image, write_image
from imgae.cli import main
from imgae.model import session

RNG = np.random.default_rng(0)
DENOISE = ("--model", "darken", "--sigma", "10")
BOX = ("--model", "white", "--box", "1,1,5,5")


@pytest.fixture
def folder(models, tmp_path, monkeypatch):
    """Work in a folder that holds photo.png, photo.denoised.png and mask.png."""
    tiny_models.fill(models / "white.onnx")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    for name in ("photo.png", "photo.denoised.png", "mask.png"):
        write_image(Image(RNG.integers(60, 200, (40, 50, 3)).astype(np.uint8)), name)
    return work


@pytest.fixture
def no_models(monkeypatch):
    """Loading a model fails the test."""

    def load(*_, **__):
        pytest.fail("a model was loaded")

    monkeypatch.setattr(session, "load", load)


def contents(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("denoise", "photo.png", "photo.denoised.png", *DENOISE),
            "photo.denoised.png would be both an input and the result of photo.png",
        ),
        (
            ("denoise", "photo.denoised.png", "photo.png", *DENOISE),
            "photo.denoised.png would be both an input and the result of photo.png",
        ),
        (
            ("denoise", "mask.png", "./mask.png", *DENOISE),
            "mask.denoised.png would be both the result of mask.png and the result of mask.png",
        ),
        (("inpaint", "photo.png", *BOX, "--save-mask", "photo.png"), "an input and --save-mask"),
        (("inpaint", "photo.png", *BOX, "--preview", "photo.inpainted.png"), "and --preview"),
        (
            ("inpaint", "photo.png", "--mask", "mask.png", "-o", "mask.png", *BOX[:2]),
            "mask.png would be both --mask and the result of photo.png",
        ),
        (
            ("inpaint", "photo.png", "--mask", "mask.png", "--save-mask", "mask.png", *BOX[:2]),
            "mask.png would be both --mask and --save-mask",
        ),
        (
            ("mask", "photo.png", *BOX[2:], "-o", "photo.png"),
            "photo.png would be both an input and the mask of photo.png",
        ),
        (
            ("mask", "photo.png", "--mask", "mask.png", "-o", "mask.png"),
            "mask.png would be both --mask and the mask of photo.png",
        ),
    ],
)
def test_a_file_for_two_uses_is_refused_before_the_work(folder, no_models, capfd, words, told):
    before = contents(folder)
    assert main([*words, "--overwrite"]) == 2
    err = capfd.readouterr().err
    assert told in err
    assert err.count("\n") == 1
    assert contents(folder) == before


def test_an_input_that_is_not_there_yet_is_no_output_either(folder, no_models, capfd):
    Path("photo.denoised.png").unlink()
    assert main(["denoise", "photo.png", "photo.denoised.png", *DENOISE]) == 2
    assert "photo.denoised.png would be both" in capfd.readouterr().err


def hard(link, target):
    """Two names of one file, as other letters are where a file system ignores their case."""
    os.link(target, link)


def soft(link, target):
    Path(link).symlink_to(target)


@pytest.mark.parametrize("link", [hard, soft])
@pytest.mark.parametrize(
    ("words", "clash"),
    [
        (("denoise", "photo.png", "other.png", *DENOISE), "photo.denoised.png"),
        (("denoise", "photo.png", "-o", "other.png", *DENOISE), "photo.png"),
        (("inpaint", "mask.png", *BOX, "--preview", "other.png"), "mask.png"),
        (("inpaint", "photo.png", "--mask", "mask.png", "-o", "other.png", *BOX[:2]), "mask.png"),
        (("mask", "photo.png", *BOX[2:], "-o", "other.png"), "photo.png"),
    ],
)
def test_the_same_file_under_another_name_is_refused(folder, no_models, capfd, link, words, clash):
    link("other.png", clash)
    before = contents(folder)
    assert main([*words, "--overwrite"]) == 1
    err = capfd.readouterr().err
    assert "which is the same file" in err
    assert "other.png" in err
    assert clash in err
    assert contents(folder) == before


def test_the_same_file_through_a_linked_folder_is_refused(folder, no_models, capfd):
    Path("again").symlink_to(".")
    words = ("inpaint", "photo.png", *BOX, "--save-mask", "new.png", "--preview", "again/new.png")
    assert main(list(words)) == 1
    assert "which is the same file" in capfd.readouterr().err


@pytest.mark.parametrize("output", ["photo.png", "./photo.png"])
def test_a_picture_may_be_replaced_by_its_own_result(folder, output):
    before = read_image("photo.png").pixels
    assert main(["denoise", "photo.png", "-o", output, "--overwrite", *DENOISE]) == 0
    assert np.array_equal(read_image("photo.png").pixels, before - 10)
    assert main(["inpaint", "photo.png", "-o", output, "--overwrite", *BOX]) == 0
    assert (read_image("photo.png").pixels[1:6, 1:6] == 255).all()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("denoise", "photo.png", *DENOISE), "photo.denoised.png: exists already"),
        (("denoise", "photo.png", "mask.png", "-o", "plain", *DENOISE), "plain is a file"),
        (("denoise", "photo.png", "-o", "photo.png/a/", *DENOISE), "photo.png is a file"),
        (("inpaint", "photo.png", *BOX, "--save-mask", "mask.png"), "mask.png: exists already"),
        (("inpaint", "photo.png", *BOX, "--preview", "p.xcf"), "p.xcf: cannot tell the format"),
        (("inpaint", "photo.png", *BOX, "--preview", "no/p.png"), "there is no folder no"),
        (
            ("inpaint", "photo.png", *BOX, "-o", "new/", "--save-mask", "new/m.xcf"),
            "m.xcf: cannot tell the format",
        ),
        (("mask", "photo.png", "--detect", "dust", "-o", "mask.png"), "mask.png: exists already"),
    ],
)
def test_outputs_are_checked_before_a_model_loads(folder, no_models, capfd, words, told):
    Path("plain").write_bytes(b"")
    before = contents(folder)
    assert main(list(words)) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert told in err
    assert err.count("\n") == 1
    assert contents(folder) == before


def test_no_model_loads_if_no_output_of_several_can_be_written(folder, no_models, capfd):
    write_image(read_image("mask.png"), "mask.denoised.png")
    assert main(["denoise", "photo.png", "mask.png", *DENOISE]) == 1
    err = capfd.readouterr().err
    assert err.count("exists already") == err.count("\n") == 2


def test_outputs_that_can_be_written_are_though_others_cannot(folder, capfd):
    assert main(["denoise", "photo.png", "mask.png", *DENOISE]) == 3
    out, err = capfd.readouterr()
    assert err.startswith("imgae: photo.denoised.png: exists already")
    assert out.startswith("mask.png -> mask.denoised.png")


def test_a_mask_may_be_saved_in_the_folder_that_is_made(folder):
    words = ("photo.png", *BOX, "-o", "new/", "--save-mask", "new/m.png", "--preview", "new/p.png")
    assert main(["inpaint", *words]) == 0
    assert {path.name for path in Path("new").iterdir()} == {
        "m.png",
        "p.png",
        "photo.inpainted.png",
    }


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("z.svg", "imgae does not read SVG files"),
        ("Z.XCF", "imgae does not read XCF files"),
        ("scan", "its name has no extension"),
    ],
)
@pytest.mark.parametrize("more", [(), ("-o", "out/")])
def test_a_picture_of_another_format_is_named_as_it_was_typed(
    folder, no_models, capfd, name, kind, more
):
    Path(name).write_bytes(b"something")
    assert main(["denoise", name, *more, *DENOISE]) == 1
    err = capfd.readouterr().err
    assert err.startswith(f"imgae: {name}: {kind}; it reads PNG, JPEG, TIFF, ")
    assert "denoised" not in err
    assert not Path("out").exists()


def test_a_picture_with_another_ending_is_read_if_the_output_is_named(folder):
    Path("mask.png").rename("scan.xcf")
    assert main(["denoise", "scan.xcf", "-o", "out.png", *DENOISE]) == 0
    assert Path("out.png").exists()


def test_a_folder_or_a_missing_file_among_pictures_does_not_stop_the_others(folder, capfd):
    Path("more").mkdir()
    words = ["denoise", "photo.png", "more", "nothere.png", "-o", "out/", *DENOISE]
    assert main(words) == 3
    err = capfd.readouterr().err
    assert "more: no pictures in this folder; imgae reads PNG" in err
    assert "nothere.png: no such file" in err
    assert [path.name for path in Path("out").iterdir()] == ["photo.denoised.png"]


def test_several_pictures_are_not_written_to_a_name_that_is_a_picture(folder, no_models, capfd):
    assert main(["denoise", "photo.png", "mask.png", "-o", "both.png", *DENOISE]) == 2
    assert "-o both.png names one picture, and several were given" in capfd.readouterr().err
    assert not Path("both.png").exists()


@pytest.mark.parametrize("words", [("",), ("photo.png", "-o", "")])
def test_an_empty_name_is_told(folder, capfd, words):
    assert main(["denoise", *words, *DENOISE]) == 2
    assert "a file's name is empty" in capfd.readouterr().err


def test_folders_that_stay_empty_are_taken_away(folder):
    Path("broken.png").write_bytes(b"no picture")
    assert main(["denoise", "broken.png", "-o", "x/y/", *DENOISE]) == 1
    assert not Path("x").exists()


def test_a_model_is_not_written_over(folder, models, capfd):
    model = Path("model.png")
    model.write_bytes((models / "identity.onnx").read_bytes())
    before = model.read_bytes()
    words = ["photo.png", "--model", "./model.png", "-o", "model.png", "--overwrite"]
    for command in (["denoise"], ["inpaint", "--box", "1,1,5,5"]):
        assert main([command[0], *words, *command[1:]]) in (1, 2)
        assert "the model" in capfd.readouterr().err
        assert model.read_bytes() == before
