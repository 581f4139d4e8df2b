import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from onnx import helper

import imgae
import imgae.restore.denoise
from imgae import Frames, Image, read_image, write_image
from imgae.cli import main
from imgae.io.files import encode, write_file

RNG = np.random.default_rng(0)
KEYS = (  # in this order
    "input",
    "output",
    "status",
    "width",
    "height",
    "frames",
    "pixels",
    "sigma",
    "sigma_source",
    "caution",
    "notes",
    "model",
    "device",
    "tiles",
    "seconds",
    "megapixels_per_second",
)


@pytest.fixture
def folder(models, tmp_path, monkeypatch):
    """Work in an empty folder that holds photo.png, with the tiny models at hand."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    write_image(Image(RNG.integers(60, 200, (40, 50, 3)).astype(np.uint8)), "photo.png")
    return work


def run(capfd, *words):
    code = main(words)
    out, err = capfd.readouterr()
    return code, out, err


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_the_default_output_lies_beside_the_input(folder, capfd):
    code, out, err = run(capfd, "denoise", "photo.png", "--model", "darken", "--sigma", "10")
    assert (code, err) == (0, "")
    assert out.startswith(
        "photo.png -> photo.denoised.png: 50x40, noise level 10 (given), tiny on "
    )
    assert out.endswith(" MP/s\n")
    expected = read_image("photo.png").pixels - 10
    assert np.array_equal(read_image("photo.denoised.png").pixels, expected)
    assert names(folder) == ["photo.denoised.png", "photo.png"]


def test_json_has_one_object_a_file_with_the_documented_keys(folder, capfd):
    write_image(read_image("photo.png"), "b.png")
    code, out, err = run(
        capfd,
        "denoise",
        "photo.png",
        "b.png",
        "-o",
        "out",
        "--model",
        "identity",
        "--tile",
        "32",
        "--json",
    )
    records = [json.loads(line) for line in out.splitlines()]
    assert (code, err) == (0, "")
    assert [list(record) for record in records] == [list(KEYS)] * 2
    assert records[0]["output"] == "out/photo.denoised.png"
    assert records[0]["sigma_source"] == "estimated"
    assert (records[0]["width"], records[0]["height"], records[0]["tiles"]) == (50, 40, 4)


def test_quiet_prints_nothing(folder, capfd):
    assert run(capfd, "denoise", "photo.png", "--model", "identity", "--quiet") == (0, "", "")


def test_the_extension_of_o_sets_the_format(folder, capfd):
    assert run(capfd, "denoise", "photo.png", "-o", "a.webp", "--model", "identity")[0] == 0
    assert np.array_equal(read_image("a.webp").pixels, read_image("photo.png").pixels)
    assert run(capfd, "denoise", "photo.png", "-o", "new/", "--model", "identity")[0] == 0
    assert Path("new/photo.denoised.png").exists()


def test_strength_0_gives_the_inputs_pixels(folder, capfd):
    run(capfd, "denoise", "photo.png", "--model", "darken", "--sigma", "50", "--strength", "0")
    assert np.array_equal(read_image("photo.denoised.png").pixels, read_image("photo.png").pixels)


def test_one_bad_file_of_several_does_not_stop_the_others(folder, capfd):
    Path("bad.png").write_text("no picture")
    options = ("-o", "out", "--model", "identity")
    code, out, err = run(capfd, "denoise", "bad.png", "photo.png", *options)
    assert code == 3
    assert err.startswith("imgae: bad.png: not a picture")
    assert err.count("\n") == 1
    assert "photo.png -> out/photo.denoised.png" in out
    assert names(folder / "out") == ["photo.denoised.png"]
    assert run(capfd, "denoise", "bad.png", "no.png", *options)[0] == 1


def no_onnx(folder):
    (folder / "m.onnx").write_bytes(b"nonsense")


def no_card(folder):
    tiny_models.save(folder / "m.onnx", [helper.make_node("Identity", ["image"], ["restored"])])


def truncated(folder):
    data = (folder / "photo.png").read_bytes()
    (folder / "photo.png").write_bytes(data[: len(data) // 2])


def text(folder):
    (folder / "photo.png").write_text("hello")


def empty(folder):
    (folder / "photo.png").write_bytes(b"")


def exists(folder):
    (folder / "photo.denoised.png").write_bytes(b"mine")


def nothing(_):
    return


PHOTO = ("denoise", "photo.png", "--model", "identity")


@pytest.mark.parametrize(
    ("prepare", "words", "code", "sentence"),
    [
        (truncated, PHOTO, 1, "photo.png: damaged or cut short"),
        (text, PHOTO, 1, "photo.png: not a picture that can be read"),
        (empty, PHOTO, 1, "photo.png: empty, 0 bytes"),
        (exists, PHOTO, 1, "photo.denoised.png: exists already; add --overwrite, or name"),
        (nothing, ("denoise", "no.png", "--model", "identity"), 1, "no.png: no such file"),
        (nothing, ("denoise", "*.tif", "--model", "identity"), 1, "*.tif: no file matches this"),
        (nothing, ("denoise", "@no.txt", "--model", "identity"), 1, "the list cannot be read"),
        (nothing, (*PHOTO, "-o", "no/a.png"), 1, "there is no folder no"),
        (nothing, (*PHOTO, "-o", "a.xyz"), 1, "cannot tell the format"),
        (nothing, ("denoise", "photo.png", "--model", "nope"), 1, "no model is called 'nope'"),
        (no_onnx, ("denoise", "photo.png", "--model", "m.onnx"), 1, "m.onnx: not an ONNX model"),
        (no_card, ("denoise", "photo.png", "--model", "./m.onnx"), 1, "no imgae model card"),
        (nothing, (*PHOTO, "--device", "cuda"), 1, "CUDA was asked for"),
        (
            nothing,
            (*PHOTO, "--sigma", "-3"),
            2,
            "'-3' is neither 'auto' nor a number",
        ),
        (nothing, (*PHOTO, "--sigma", "nan"), 2, "'nan' is neither"),
        (nothing, (*PHOTO, "--sigma", "loud"), 2, "'loud' is neither 'auto' nor"),
        (nothing, (*PHOTO, "--strength", "2.1"), 2, "'2.1' is not a number from 0 to 2"),
        (nothing, (*PHOTO, "--grain", "2"), 2, "'2' is not a number from 0 to 1"),
        (nothing, (*PHOTO, "--tile", "-1"), 2, "'-1' is neither 'auto' nor a whole number from 0"),
        (nothing, (*PHOTO, "--device", "tpu"), 2, "invalid choice: 'tpu'"),
        (nothing, (*PHOTO, "--threads", "0"), 2, "--threads"),
        (nothing, (*PHOTO, "--colour"), 2, "--colour"),
        (nothing, (*PHOTO, "-output", "a"), 2, "-output is no option; did you mean --output?"),
        (nothing, (*PHOTO, "-o", "new"), 1, "end it in / for a new folder"),
        (nothing, ("denoise", "photo.png", "--model", "denoise-fsat"), 1, "did you mean denoise"),
        (nothing, ("denoise",), 2, "PICTURE"),
        (nothing, ("polish", "photo.png"), 2, "polish"),
        (
            nothing,
            ("denoise", "photo.png", "./photo.png", "-o", "x/"),
            2,
            "would be both the result of",
        ),
    ],
)
def test_a_failure_is_one_sentence_its_code_and_nothing_left(
    folder, capfd, prepare, words, code, sentence
):
    prepare(folder)
    before = {name: (folder / name).read_bytes() for name in names(folder)}
    got, out, err = run(capfd, *words)
    assert got == code
    assert sentence in err
    assert err.startswith("imgae: ")
    assert err.count("\n") == 1
    assert out == ""
    assert {name: (folder / name).read_bytes() for name in names(folder)} == before


def as_ordinary_user(words):
    """Run in a child that is no superuser; return its exit code."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if os.geteuid() == 0:
        os.setuid(65534)
    os._exit(main(words))


def test_a_folder_that_cannot_be_written_is_told_before_the_work(folder, capfd):
    write_image(read_image("photo.png"), "warm.png")  # what loads late is loaded now
    main([*PHOTO, "--quiet"])
    open_to_all = Path(tempfile.mkdtemp())
    shutil.copy("photo.png", open_to_all)
    try:
        open_to_all.chmod(0o555)
        os.chdir(open_to_all)
        code = as_ordinary_user(PHOTO)
        out, err = capfd.readouterr()
        assert (code, out) == (1, "")
        assert err == "imgae: photo.denoised.png: the folder . cannot be written to\n"
        assert names(open_to_all) == ["photo.png"]
    finally:
        os.chdir(folder)
        shutil.rmtree(open_to_all)


def test_debug_gives_the_traceback(folder, capfd):
    with pytest.raises(imgae.ImageError):
        main(["denoise", "no.png", "--model", "identity", "--debug"])


def test_notes_go_to_standard_error(folder, capfd):
    image = read_image("photo.png")
    write_image(Image(image.pixels, np.full((40, 50), 90, np.uint8)), "alpha.png")
    code, _, err = run(capfd, "denoise", "alpha.png", "-o", "a.jpg", "--model", "identity")
    assert code == 0
    assert err == "imgae: note: a.jpg: JPEG holds no transparency; the picture is laid on white\n"


def test_models_lists_names_files_and_what_is_wrong_with_some(folder, models, capfd):
    no_onnx(models)
    code, out, err = run(capfd, "models", "--json")
    records = {record["name"]: record for record in map(json.loads, out.splitlines())}
    assert code == 0
    assert {"identity", "darken"} <= records.keys()
    assert records["identity"]["path"] == str(models / "identity.onnx")
    assert "m.onnx: not an ONNX model" in err
    code, out, _ = run(capfd, "models")
    assert "darken" in out


def test_help_names_every_command(capfd):
    code, out, _ = run(capfd)
    assert code == 0
    for command in ("denoise", "models", "doctor", "train", "export"):
        assert command in out


def test_version(capfd):
    assert run(capfd, "--version") == (0, f"imgae {imgae.__version__}\n", "")


def test_python_m_imgae_is_the_same_program():
    done = subprocess.run(
        [sys.executable, "-m", "imgae", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"imgae {imgae.__version__}\n"


def test_pictures_may_stand_on_both_sides_of_options(folder, capfd):
    write_image(read_image("photo.png"), "b.png")
    code, out, _ = run(capfd, "denoise", "photo.png", "--model", "identity", "b.png")
    assert (code, out.count("\n")) == (0, 2)


def test_nan_in_a_file_is_one_sentence(folder, capfd):
    pixels = np.full((9, 9, 3), 0.5, np.float32)
    pixels[4, 4] = np.nan
    write_file(Path("nan.tif"), encode(Frames((Image(pixels),)), Path("nan.tif")), overwrite=False)
    for options in (("--sigma", "10"), ()):
        code, out, err = run(capfd, "denoise", "nan.tif", "--model", "identity", *options)
        assert (code, out) == (1, "")
        assert err == (
            "imgae: nan.tif: the picture holds NaN or infinity; expected finite values on [0, 1]\n"
        )
    assert "nan.denoised.tif" not in names(folder)


def test_a_surprise_in_one_file_does_not_stop_the_others(folder, capfd, monkeypatch):
    real = imgae.restore.denoise.Denoiser.run

    def surprising(denoiser, image, *rest):
        if image.width == 7:
            raise ZeroDivisionError("surprise")
        return real(denoiser, image, *rest)

    monkeypatch.setattr(imgae.restore.denoise.Denoiser, "run", surprising)
    write_image(Image(np.zeros((7, 7, 3), np.uint8)), "odd.png")
    code, out, err = run(capfd, "denoise", "odd.png", "photo.png", "--model", "identity")
    assert (code, out.count("\n")) == (3, 1)
    assert err == "imgae: odd.png: unexpected error: surprise\n"


def test_a_folder_made_for_nothing_is_taken_away(folder, capfd):
    Path("bad.png").write_text("no picture")
    assert run(capfd, "denoise", "bad.png", "-o", "new/", "--model", "identity")[0] == 1
    assert run(capfd, "denoise", "photo.png", "-o", "new/", "--model", "nope")[0] == 1
    assert names(folder) == ["bad.png", "photo.png"]


PROGRAM = [sys.executable, "-m", "imgae", "denoise"]


def test_whoever_stops_listening_does_not_stop_the_work(folder):
    for number in range(3):
        write_image(read_image("photo.png"), f"{number}.png")
    command = f"{' '.join(PROGRAM)} 0.png 1.png 2.png --model identity --sigma 9"
    for ending in ("| true", ">&-", "2>&-", ">/dev/full", ""):
        done = subprocess.run(
            ["bash", "-c", f"PYTHONIOENCODING=ascii {command} --overwrite {ending}"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        assert all(Path(f"{number}.denoised.png").exists() for number in range(3))
        for number in range(3):
            Path(f"{number}.denoised.png").unlink()


def wait_until_it_listens(number):
    """Wait until a process has a handler of its own for SIGTERM, and a little longer."""
    status = Path(f"/proc/{number}/status")
    end = time.monotonic() + 30
    while status.exists() and time.monotonic() < end:
        caught = status.read_text().split("SigCgt:")[1].split()[0]
        if int(caught, 16) >> (signal.SIGTERM - 1) & 1:
            break
        time.sleep(0.02)
    time.sleep(1)


def test_a_request_to_terminate_leaves_nothing_half_done(folder):
    write_image(Image(np.zeros((3000, 3000, 3), np.uint8)), "large.png")
    words = ("large.png", "--model", "identity", "--sigma", "9", "--tile", "8")
    process = subprocess.Popen([*PROGRAM, *words],
                               stderr=subprocess.PIPE, text=True)  # fmt: skip
    wait_until_it_listens(process.pid)
    process.terminate()
    _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "imgae: interrupted\n")
    assert names(folder) == ["large.png", "photo.png"]


def test_an_interruption_while_modules_load_is_one_line():
    program = """
import runpy, sys
class Interruption:
    def find_spec(self, name, *_):
        if name == "imgae.cli.options":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interruption())
runpy.run_module("imgae", run_name="__main__")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (130, "imgae: interrupted\n")


def test_options_of_control_reach_the_picture(folder, capfd):
    half = ("--luma", "0.5", "--chroma", "0.5")
    assert run(capfd, "denoise", "photo.png", "--model", "darken", "--sigma", "20", *half)[0] == 0
    expected = read_image("photo.png").pixels - 10
    assert np.array_equal(read_image("photo.denoised.png").pixels, expected)
    grain = ("--model", "identity", "--grain", "0.5", "-o", "grain.png")
    assert run(capfd, "denoise", "photo.png", *grain)[0] == 0
    change = read_image("grain.png").pixels.astype(int) - read_image("photo.png").pixels
    assert 1 < change.std() < 5
    for name in ("strength", "luma", "chroma", "detail", "grain"):
        assert run(capfd, "denoise", "photo.png", f"--{name}", "2.5")[0] == 2


def test_without_options_the_line_says_which_models_and_what_they_removed(folder, capfd, estimator):
    code, out, _ = run(capfd, "denoise", "photo.png")
    assert code == 0
    assert re.search(r"noise level 25.5 \(estimated\), denoise-[a-z0-9-]+ on cpu", out)
    estimator(white=-1.0, share=1.0, rest=0.1)
    _, out, _ = run(capfd, "denoise", "photo.png", "--overwrite")
    names = r"denoise-camera(-int8)? \+ denoise-[a-z0-9-]+ on cpu"
    assert re.search(r"noise level [\d.]+ \(measured from what was removed\), " + names, out)
    estimator(white=-1.0)
    _, out, _ = run(capfd, "denoise", "photo.png", "--overwrite")
    assert "noise level 0 (measured from what was removed), looking on cpu" in out


def test_strength_above_1_removes_more(folder, capfd):
    words = ("denoise", "photo.png", "--model", "darken", "--sigma", "10", "--overwrite")
    assert run(capfd, *words, "--strength", "1.5", "--luma", "1.4", "--chroma", "1.4")[0] == 0
    expected = read_image("photo.png").pixels - 21
    assert np.array_equal(read_image("photo.denoised.png").pixels, expected)


def test_what_else_was_done_is_a_note_and_in_json(folder, capfd):
    write_image(Image(RNG.integers(0, 4096, (40, 50, 1)).astype(np.uint16)), "twelve.png")
    code, out, err = run(capfd, "denoise", "twelve.png", "--model", "identity", "--json")
    assert code == 0
    (note,) = json.loads(out)["notes"]
    assert err == f"imgae: note: twelve.png: {note}\n"
    assert note.startswith("the picture uses at most 1/16 of its range")


def test_nothing_is_left_in_the_users_folder(folder, tmp_path):
    """As onnxruntime's telemetry leaves an identifier, unless it is told not to."""
    home = tmp_path / "home"
    home.mkdir()
    gone = ("ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME", "XDG_STATE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in gone}
    words = ["photo.png", "--model", "identity", "--sigma", "9"]
    subprocess.run([*PROGRAM, *words], check=True, env={**environment, "HOME": str(home)})
    assert list(home.rglob("*")) == []
