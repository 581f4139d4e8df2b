"""The options about picture files, and files and places that make trouble."""

import io
import json
import os
import resource
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from pictures import ICC, XMP, exif

from imgae import Frames, Image, read_image, write_frames, write_image
from imgae.cli import main

RNG = np.random.default_rng(0)
KEEP = ("--model", "darken", "--sigma", "10", "--strength", "0")


@pytest.fixture
def folder(models, tmp_path, monkeypatch):
    """Work in a folder that holds photo.jpg."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    pixels = RNG.integers(60, 200, (40, 50, 3)).astype(np.uint8)
    write_image(Image(pixels, icc=ICC, exif=exif(), xmp=XMP, dpi=(300, 300)), "photo.jpg")
    return work


def failed(capfd, *words, code=1):
    """Run a command that fails, and return its only line."""
    assert main(list(words)) == code
    err = capfd.readouterr().err
    assert err.count("\n") == 1
    return err


def test_the_format_of_results_can_be_named(folder):
    assert main(["denoise", "photo.jpg", "--format", "png", *KEEP]) == 0
    assert Path("photo.denoised.png").read_bytes().startswith(b"\x89PNG")
    assert main(["denoise", "photo.jpg", "-o", "out/", "--format", ".TIF", *KEEP]) == 0
    assert Path("out/photo.denoised.tif").read_bytes()[:2] == b"II"


def test_a_format_and_a_name_of_another_are_refused(folder, capfd):
    words = ("denoise", "photo.jpg", "-o", "a.png", "--format", "tif", *KEEP)
    assert "name different formats" in failed(capfd, *words, code=2)
    assert "is no format that is written" in failed(
        capfd, "denoise", "photo.jpg", "--format", "doc", *KEEP, code=2
    )


def test_the_quality_of_a_jpeg_can_be_chosen(folder, capfd):
    sizes = []
    for quality in ("20", "90"):
        words = ["denoise", "photo.jpg", "-o", "a.jpg", "--overwrite", "--quality", quality]
        assert main([*words, *KEEP]) == 0
        sizes.append(Path("a.jpg").stat().st_size)
    assert sizes[0] < sizes[1] / 2
    capfd.readouterr()
    assert main(["denoise", "photo.jpg", "-o", "a.png", "--quality", "50", *KEEP]) == 0
    assert "PNG has no quality to choose" in capfd.readouterr().err
    assert main(["denoise", "photo.jpg", "-o", "b.jpg", "--quality", "101", *KEEP]) == 2


def test_metadata_can_be_left_out_and_colours_stay(folder):
    assert main(["denoise", "photo.jpg", "--strip-metadata", *KEEP]) == 0
    back = read_image("photo.denoised.jpg")
    assert (back.exif, back.xmp, back.dpi) == (None, None, None)
    assert back.icc == ICC


def test_larger_pictures_than_allowed_are_refused_before_they_are_decoded(folder, capfd):
    told = failed(capfd, "denoise", "photo.jpg", "--max-pixels", "1999", *KEEP)
    assert "50x40 pixels are 0.002 megapixels, more than the 0.001999 that are allowed" in told
    assert main(["denoise", "photo.jpg", "--max-pixels", "2K", *KEEP]) == 0
    for wrong in ("0", "-5", "2T", "x"):
        assert main(["denoise", "photo.jpg", f"--max-pixels={wrong}", *KEEP]) == 2


def test_inks_that_a_format_does_not_get_back_are_told(folder, capfd):
    PIL.Image.new("CMYK", (50, 40), (90, 60, 30, 10)).save("inks.jpg")
    for name, rgb in (("jpg", False), ("tif", False), ("png", True)):
        assert main(["denoise", "inks.jpg", "--cmyk", "--format", name, *KEEP]) == 0
        told = f"inks.denoised.{name}: PNG is not written with inks (CMYK); written as RGB"
        assert (told in capfd.readouterr().err) == rgb
        with PIL.Image.open(f"inks.denoised.{name}") as back:
            assert (back.mode == "RGB") == rgb


def test_names_with_line_breaks_and_escapes_are_shown_in_one_line(folder, capfd):
    name = "a\nb\x1b[31m.jpg"
    Path("photo.jpg").rename(name)
    assert main(["denoise", name, *KEEP]) == 0
    assert Path("a\nb\x1b[31m.denoised.jpg").exists()
    assert capfd.readouterr().out.startswith("a\\nb\\x1b[31m.jpg -> a\\nb\\x1b[31m.denoised.jpg: ")
    Path(name).write_bytes(b"nothing")
    assert failed(capfd, "denoise", name, "--overwrite", *KEEP).startswith("imgae: a\\nb\\x1b[31m")


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes on Linux")
def test_names_that_are_no_text_are_read_and_written(folder, capfd):
    Path("photo.jpg").rename(os.fsdecode(b"p\xff.jpg"))
    assert main(["denoise", os.fsdecode(b"p\xff.jpg"), "--json", *KEEP]) == 0
    assert Path(os.fsdecode(b"p\xff.denoised.jpg")).exists()
    assert json.loads(capfd.readouterr().out)["input"] == os.fsdecode(b"p\xff.jpg")


def test_links_that_lead_nowhere_or_in_a_circle_are_told(folder, capfd):
    Path("a.jpg").symlink_to("b.jpg")
    Path("b.jpg").symlink_to("a.jpg")
    Path("c.jpg").symlink_to("gone.jpg")
    for name, told in (
        ("a.jpg", "cannot be read: Too many levels of symbolic links"),
        ("c.jpg", "a link that leads to no file"),
    ):
        assert failed(capfd, "denoise", name, *KEEP) == f"imgae: {name}: {told}\n"
        assert failed(capfd, "denoise", "photo.jpg", "-o", name, *KEEP).startswith("imgae: ")


@pytest.mark.parametrize(
    "words",
    [
        ("denoise", "LONG.jpg", *KEEP),
        ("denoise", "x/" * 2500 + "a.jpg", *KEEP),
        ("denoise", "photo.jpg", "-o", "LONG.jpg", *KEEP),
        ("denoise", "photo.jpg", "--model", "LONG.onnx"),
        ("inpaint", "photo.jpg", "--mask", "LONG.png"),
        ("mask", "LONG.jpg", "--box", "1,1,2,2", "-o", "m.png"),
    ],
)
def test_names_that_are_too_long_are_told(folder, capfd, words):
    told = failed(capfd, *(word.replace("LONG", "y" * 300) for word in words))
    assert told.startswith(("imgae: yyy", "imgae: x/x/"))
    assert "unexpected" not in told


def test_floats_that_integers_cannot_hold_are_told_with_their_range(folder, capfd):
    ramp = np.linspace(-0.2, 1.5, 2000, dtype=np.float32).reshape(40, 50, 1)
    for name, values, told in (
        ("wide", ramp, "reach from -0.2 to 1.5; what lies outside is clipped; write TIFF, EXR or"),
        ("dark", ramp * np.float32(1e-6), "reach from -2e-07 to 1.5e-06; all of it becomes black"),
        ("usual", ramp.clip(0, 1), None),
    ):
        write_image(Image(values), f"{name}.tif")
        assert main(["denoise", f"{name}.tif", "--format", "png", *KEEP]) == 0
        notes = capfd.readouterr().err
        assert "PNG holds 16 bits; reduced from 32" in notes
        assert (f"PNG holds values from 0 to 1, and the picture's {told}" in notes) == bool(told)
        assert ("values from 0 to 1" in notes) == bool(told)


def test_the_level_of_a_picture_of_a_small_unit_is_no_zero(folder, capfd):
    write_image(Image(RNG.random((40, 50, 3)).astype(np.float32) * np.float32(1e-6)), "small.tif")
    assert main(["denoise", "small.tif", "--json", "--model", "darken", "--sigma", "0.00001"]) == 0
    assert json.loads(capfd.readouterr().out)["sigma"] == 1e-5


def test_masks_are_single_pictures_within_the_same_limit(folder, capfd):
    pages = Frames((read_image("photo.jpg"),) * 2, "pages")
    write_frames(pages, "pages.tif")
    told = failed(capfd, "mask", "pages.tif", "--box", "1,1,2,2", "-o", "m.png")
    assert told == "imgae: pages.tif: holds 2 pictures; imgae mask takes single ones\n"
    told = failed(capfd, "inpaint", "photo.jpg", "--mask", "pages.tif")
    assert "pages.tif: holds 2 pictures; --mask takes single ones" in told
    write_image(Image(np.zeros((80, 50, 1), np.uint8)), "tall.png")
    told = failed(capfd, "inpaint", "photo.jpg", "--mask", "tall.png", "--max-pixels", "3000")
    assert "tall.png: 50x80 pixels are 0.004 megapixels, more than the 0.003" in told


def test_a_file_that_is_written_to_while_it_is_read_is_refused(folder, capfd, monkeypatch):
    real = os.fstat

    def growing(number):
        before = real(number)
        with Path("photo.jpg").open("ab") as file:
            file.write(b"more")
        return before

    monkeypatch.setattr("imgae.io.files.os.fstat", growing)
    assert "changed while it was read" in failed(capfd, "denoise", "photo.jpg", *KEEP)
    assert [path.name for path in Path().iterdir()] == ["photo.jpg"]


@pytest.mark.skipif(sys.platform == "win32", reason="limits of files are POSIX")
def test_a_full_disk_leaves_nothing_behind(folder):
    def little():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))

    before = Path("photo.jpg").read_bytes()
    program = f"""
import signal, sys
from imgae.cli import main
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that writing fails as on a full disk
sys.exit(main({["denoise", "photo.jpg", *KEEP]!r}))"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        preexec_fn=little,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("imgae: photo.denoised.jpg: cannot be written: ")
    assert done.stderr.count("\n") == 1
    assert [path.name for path in Path().iterdir()] == ["photo.jpg"]
    assert Path("photo.jpg").read_bytes() == before


def test_what_was_painted_out_is_in_no_thumbnail(folder):
    small = io.BytesIO()
    PIL.Image.new("RGB", (16, 12), (255, 0, 0)).save(small, "JPEG")
    thumbnail = small.getvalue()
    first = struct.pack("<HHHIII", 1, 0x112, 3, 1, 1, 26)
    second = struct.pack("<H", 3)
    for tag, kind, value in ((0x103, 3, 6), (0x201, 4, 26 + 42), (0x202, 4, len(thumbnail))):
        second += struct.pack("<HHII", tag, kind, 1, value)
    data = b"II*\0\x08\0\0\0" + first + second + bytes(4) + thumbnail
    PIL.Image.open("photo.jpg").save("with.jpg", exif=b"Exif\0\0" + data)
    assert thumbnail in Path("with.jpg").read_bytes()
    assert main(["denoise", "with.jpg", *KEEP]) == 0
    assert thumbnail not in Path("with.denoised.jpg").read_bytes()
