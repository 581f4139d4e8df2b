"""Folders, lists and patterns; runs that go on; reports and tables; standard input and output."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import png_files
import pytest
import tiny_models
from pictures import write_picture as picture

from imgae import Image, read_image, write_image
from imgae.cli import main
from imgae.cli.marking import Marker
from imgae.io import files
from imgae.model.machine import limited_memory
from imgae.restore.denoise import Denoiser
from imgae.restore.inpaint import Inpainter

RNG = np.random.default_rng(0)
DENOISE = ("--model", "darken", "--sigma", "10")


def tree(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def work(models, tmp_path, monkeypatch):
    """Work in a folder that holds photos/a.png, photos/b.jpg, photos/sub/a.png and what is none."""
    tiny_models.fill(models / "white.onnx")
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for number, name in enumerate(("a.png", "b.jpg", "sub/a.png")):
        picture(folder / "photos" / name, number)
    Path("photos/notes.txt").write_text("no picture")
    Path("photos/.hidden.png").write_bytes(b"")
    return folder


def runs(monkeypatch):
    """Count the pictures that are denoised."""
    done = []
    plain = Denoiser.run

    def counting(self, *words, **named):
        done.append(1)
        return plain(self, *words, **named)

    monkeypatch.setattr(Denoiser, "run", counting)
    return done


def test_a_folder_keeps_its_tree_under_the_output(work, capfd):
    assert main(["denoise", "photos", "-r", "-o", "out", *DENOISE]) == 0
    assert tree(work / "out") == ["a.denoised.png", "b.denoised.jpg", "sub/a.denoised.png"]
    out, err = capfd.readouterr()
    assert err == ""
    total, speed, others = out.splitlines()[3:]
    assert total == "3 pictures: 3 done, 0 skipped, 0 failed"
    assert speed.startswith("  0.0018 MP in ")
    assert others == "1 other file there is no picture by its name"
    for name in ("a", "sub/a"):
        before = read_image(f"photos/{name}.png").pixels
        assert np.array_equal(read_image(f"out/{name}.denoised.png").pixels, before - 10)


def test_folders_in_a_folder_are_left_unless_asked_for(work, capfd):
    assert main(["denoise", "photos", "-o", "out", *DENOISE]) == 0
    assert tree(work / "out") == ["a.denoised.png", "b.denoised.jpg"]


def test_several_folders_keep_their_names(work):
    picture("more/a.png")
    assert main(["denoise", "photos", "more", "-o", "out", *DENOISE]) == 0
    assert tree(work / "out") == [
        "more/a.denoised.png",
        "photos/a.denoised.png",
        "photos/b.denoised.jpg",
    ]


def test_a_second_run_takes_no_results_for_pictures(work, capfd):
    for _ in range(2):
        assert main(["denoise", "photos", "-r", "--overwrite", *DENOISE]) == 0
        assert tree(work / "photos") == [
            ".hidden.png", "a.denoised.png", "a.png", "b.denoised.jpg", "b.jpg", "notes.txt",
            "sub/a.denoised.png", "sub/a.png",
        ]  # fmt: skip


def test_results_in_a_folder_of_the_inputs_are_not_searched(work):
    for _ in range(2):
        words = ["denoise", "photos", "-r", "-o", "photos/clean", "--overwrite", *DENOISE]
        assert main(words) == 0
        names = ["a.denoised.png", "b.denoised.jpg", "sub/a.denoised.png"]
        assert tree(work / "photos" / "clean") == names


def test_patterns_and_lists_name_pictures(work, capfd):
    assert main(["denoise", "photos/**/*.png", "-o", "out", *DENOISE]) == 0
    assert tree(work / "out") == ["a.denoised.png", "sub/a.denoised.png"]
    Path("list.txt").write_text("\ufeffphotos/a.png\r\n\n  photos/b.jpg\n", encoding="utf-8")
    assert main(["denoise", "@list.txt", "-o", "two", *DENOISE]) == 0
    assert tree(work / "two") == ["a.denoised.png", "b.denoised.jpg"]
    Path("zero.txt").write_bytes(b"photos/a.png\0photos\0")
    assert main(["denoise", "@zero.txt", "-o", "three", *DENOISE]) == 0
    assert tree(work / "three") == ["a.denoised.png", "b.denoised.jpg"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["empty"], "empty: no pictures in this folder; imgae reads PNG"),
        (["deep"], "deep: no pictures in this folder, but folders: add --recursive"),
        (["*.tif"], "*.tif: no file matches this pattern"),
        (["@no.txt"], "no.txt: the list cannot be read: No such file"),
        (["@void.txt"], "void.txt: the list is empty"),
    ],
)
def test_words_that_lead_to_nothing_are_told(work, capfd, words, told):
    Path("empty").mkdir()
    Path("deep/er").mkdir(parents=True)
    Path("void.txt").write_text("\n")
    assert main(["denoise", *words, *DENOISE]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert told in err
    assert err.count("\n") == 1


def test_two_pictures_never_go_to_one_file(work):
    picture("mixed/a.png", 1)
    picture("mixed/a.JPG", 2)
    picture("mixed/A.tif", 3)
    assert main(["denoise", "mixed", "--format", "png", "-o", "out", *DENOISE]) == 0
    results = tree(work / "out")
    assert len({name.lower() for name in results}) == 3
    picture("lists/x/a.png", 1)
    picture("lists/y/a.png", 2)
    Path("list.txt").write_text("lists/x/a.png\nlists/y/a.png\n")
    assert main(["denoise", "@list.txt", "-o", "flat", *DENOISE]) == 0
    assert len(tree(work / "flat")) == 2


def test_a_file_that_is_named_beside_a_folder_has_a_result_of_its_own(work):
    picture("x/a.png", 5)
    assert main(["denoise", "photos", "x/a.png", "-o", "out", *DENOISE]) == 0
    assert len(tree(work / "out")) == 3


def test_a_suffix_names_results(work, capfd):
    assert main(["denoise", "photos", "--suffix", "_clean", "-o", "out", *DENOISE]) == 0
    assert tree(work / "out") == ["a_clean.png", "b_clean.jpg"]
    assert main(["denoise", "photos", "--suffix", "", "-o", "same", *DENOISE]) == 0
    assert tree(work / "same") == ["a.png", "b.jpg"]


def test_resume_does_what_is_not_done_or_not_current(work, capfd, monkeypatch):
    words = ["denoise", "photos", "-r", "-o", "out", *DENOISE]
    assert main(words) == 0
    done = runs(monkeypatch)
    assert main([*words, "--resume"]) == 0
    assert not done
    out = capfd.readouterr().out
    assert "3 pictures: 0 done, 3 skipped, 0 failed" in out
    assert "skipped       3  done already, and current" in out

    picture("photos/a.png", 9)  # other content
    Path("out/b.denoised.jpg").unlink()
    assert main([*words, "--resume"]) == 0
    assert len(done) == 2
    assert np.array_equal(
        read_image("out/a.denoised.png").pixels, read_image("photos/a.png").pixels - 10
    )
    assert main([*words, "--resume", "--strength", "0.5"]) == 0  # another option
    assert len(done) == 5


def test_resume_leaves_what_others_wrote(work, capfd):
    words = ["denoise", "photos", "-o", "out", *DENOISE]
    Path("out").mkdir()
    picture("out/a.denoised.png", 7)
    mine = Path("out/a.denoised.png").read_bytes()
    assert main([*words, "--resume"]) == 3
    assert "out/a.denoised.png: exists already, and is not known here as a result" in (
        capfd.readouterr().err
    )
    assert Path("out/a.denoised.png").read_bytes() == mine
    picture("out/b.denoised.jpg", 7)  # ours, but changed since
    assert main([*words, "--resume"]) == 1
    assert main([*words, "--resume", "--overwrite"]) == 0
    assert Path("out/a.denoised.png").read_bytes() != mine


def test_what_was_begun_and_not_finished_is_made_again(work):
    from imgae.restore.batches.journal import Journal

    Path("out").mkdir()
    Journal().started([Path("out/a.denoised.png")], Path("photos/a.png"))
    Path("out/a.denoised.png").write_bytes(b"of a run that was killed")
    assert main(["denoise", "photos", "-o", "out", "--resume", *DENOISE]) == 0
    assert tree(work / "out") == ["a.denoised.png", "b.denoised.jpg"]
    read_image("out/a.denoised.png")


def test_skip_existing_looks_at_names_alone(work, capfd):
    Path("out").mkdir()
    Path("out/a.denoised.png").write_bytes(b"anything")
    assert main(["denoise", "photos", "-o", "out", "--skip-existing", *DENOISE]) == 0
    assert Path("out/a.denoised.png").read_bytes() == b"anything"
    assert "skipped       1  its result is there already" in capfd.readouterr().out


def test_the_report_has_a_record_for_each_file(work, capfd):
    Path("photos/broken.png").write_bytes(b"no picture")
    words = ["denoise", "photos", "-o", "out", *DENOISE]
    assert main([*words, "--report", "run.json"]) == 3
    records = json.loads(Path("run.json").read_text())
    assert [record["status"] for record in records] == ["done", "done", "failed"]
    assert records[0]["input"] == "photos/a.png"
    assert records[0]["output"] == "out/a.denoised.png"
    assert records[0]["sigma"] == 10
    assert len(records[0]["input_hash"]) == 40
    assert records[0]["seconds"] > 0
    assert records[2]["message"].startswith("photos/broken.png: not a picture")
    out, err = capfd.readouterr()
    assert "3 pictures: 2 done, 0 skipped, 1 failed" in out
    assert "failed        1  not a picture that can be read" in out
    assert err.count("\n") == 1

    assert main([*words, "--resume", "--report", "run.csv"]) == 3
    rows = list(csv.DictReader(io.StringIO(Path("run.csv").read_text())))
    assert [row["status"] for row in rows] == ["skipped", "skipped", "failed"]
    assert main([*words, "--report", "run.txt"]) == 1


def test_a_dry_run_writes_nothing(work, capfd):
    for command in (["denoise", *DENOISE], ["mask", "--box", "1,1,3,3"]):
        assert main([command[0], "photos", *command[1:], "-o", "out", "--dry-run"]) == 0
        out = capfd.readouterr().out
        assert "photos/a.png -> out/a." in out
        assert "would be written" in out
        assert not Path("out").exists()


def test_a_dry_run_writes_nothing_by_rows_either(work, capfd, monkeypatch):
    monkeypatch.setattr("imgae.restore.batches.work.needed", lambda *_, **__: 1 << 40)
    assert main(["denoise", "photos", "-r", "-o", "out", *DENOISE, "--dry-run"]) == 0
    assert "it would take about" in capfd.readouterr().out
    assert tree(work) == [*(f"photos/{name}" for name in tree(work / "photos"))]


def test_a_dry_run_of_inpaint_says_what_the_run_would_do(work, capfd, monkeypatch):
    filled = []
    plain = Inpainter.run

    def counting(self, *words, **named):
        filled.append(1)
        return plain(self, *words, **named)

    words = ["inpaint", "photos", "--box", "2,2,8,8", "--model", "white", "-o", "out"]
    assert main([*words[:1], "photos/a.png", *words[2:-1], "out/"]) == 0
    before = tree(work)
    capfd.readouterr()
    monkeypatch.setattr(Inpainter, "run", counting)
    assert main([*words, "--dry-run"]) == 3
    out, err = capfd.readouterr()
    assert "out/a.inpainted.png: exists already; --resume" in err
    assert "photos/b.jpg: 30x20, would fill 64 pixels" in out
    assert "2 pictures: 0 done, 1 skipped, 1 failed" in out
    assert "it would take about 1 s for 1 picture" in out
    assert limited_memory() is None
    assert len(filled) == 1  # for the estimate
    for more in (["--skip-existing"], ["--skip-existing", "--json"]):
        assert main([*words, "--dry-run", *more]) == 0
    lines = [line for line in capfd.readouterr().out.splitlines() if line.startswith("{")]
    skipped, record = (json.loads(line) for line in lines)
    assert skipped["message"] == "its result is there already"
    assert (record["input"], record["output"], record["outputs"]) == ("photos/b.jpg", None, [])
    assert tree(work) == before


def test_masks_come_from_a_folder(work, capfd):
    for name, top in (("a_mask.png", 2), ("b.png", 5)):
        mask = np.zeros((20, 30, 1), np.uint8)
        mask[top : top + 3, 2:5] = 255
        Path("masks").mkdir(exist_ok=True)
        write_image(Image(mask), Path("masks") / name)
    words = ["inpaint", "photos", "--mask", "masks", "--model", "white", "-o", "out"]
    assert main([*words, "--format", "png"]) == 0
    assert (read_image("out/a.inpainted.png").pixels[2:5, 2:5] == 255).all()
    assert (read_image("out/b.inpainted.png").pixels[5:8, 2:5] == 255).all()
    picture("photos/c.png", 4)
    assert main([*words, "--resume", "--format", "png"]) == 3
    assert "photos/c.png: no mask for it in masks; expected c_mask.png or c.png" in (
        capfd.readouterr().err
    )
    write_image(Image(255 - mask), "masks/b_mask.png")  # another mask is another result
    assert main([*words, "--resume", "--format", "png", "--json"]) == 3
    rows = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [row["status"] for row in rows] == ["skipped", "done", "failed"]


def test_a_mask_serves_one_picture(work, capfd):
    picture("photos/sub/c.png", 4)
    mask = np.zeros((20, 30, 1), np.uint8)
    mask[2:5, 2:5] = 255
    Path("masks/sub").mkdir(parents=True)
    for name in ("a.png", "b.png", "c.png"):
        write_image(Image(mask), Path("masks", name))
    words = ["inpaint", "photos", "-r", "--mask", "masks", "--model", "white", "-o", "out"]
    assert main(words) == 3
    assert "photos/sub/a.png: no mask for it in masks" in capfd.readouterr().err
    assert tree(work / "out") == [
        "a.inpainted.png", "b.inpainted.jpg", "sub/c.inpainted.png",
    ]  # fmt: skip
    write_image(Image(255 - mask), "masks/sub/a_mask.png")
    assert main([*words, "--resume"]) == 0


def program(*words, data=b""):
    command = [sys.executable, "-m", "imgae", *words]
    return subprocess.run(command, input=data, capture_output=True, check=False)


def test_bytes_go_in_and_out(work):
    assert main(["denoise", "photos/a.png", "-o", "file.png", *DENOISE]) == 0
    data = Path("photos/a.png").read_bytes()
    done = program("denoise", "-", "-o", "-", *DENOISE, data=data)
    assert (done.returncode, done.stdout) == (0, Path("file.png").read_bytes())
    assert done.stderr.startswith(b"standard input -> standard output: 30x20")
    done = program("denoise", "-", "--quiet", "--format", "tif", *DENOISE, data=data)
    assert (done.stdout[:2], done.stderr) == (b"II", b"")
    done = program("denoise", "-", *DENOISE, data=b"no picture")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"imgae: standard input: not a picture")
    done = program("mask", "-", "--box", "1,1,3,3", data=data)
    assert done.stdout[1:4] == b"PNG"


@pytest.mark.parametrize(
    "words",
    [
        ("-", "photos/a.png"),
        ("-", "--json"),
        ("photos", "-o", "-"),
        ("-", "-o", "photos"),
        ("-", "--engine", "ray"),
        ("photos/a.png", "-o", "-", "--engine", "ray"),
    ],
)
def test_standard_streams_are_for_one_picture(work, capfd, words):
    assert main(["denoise", *words, *DENOISE]) == 2
    assert capfd.readouterr().err.count("\n") == 1


def test_a_pipe_that_is_closed_ends_it_without_a_word(work):
    picture("large.png")
    write_image(Image(RNG.integers(0, 255, (600, 600, 3)).astype(np.uint8)), "large.png", True)
    command = [sys.executable, "-m", "imgae", "denoise", "large.png", "-o", "-", *DENOISE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_work_that_cannot_start_leaves_the_report_of_the_run_before(work, capfd):
    Path("run.json").write_text("[]")
    words = ["denoise", "photos", "-o", "out", "--report", "run.json"]
    assert main([*words, "--model", "nonesuch"]) == 1
    assert Path("run.json").read_text() == "[]"
    out, err = capfd.readouterr()
    assert out == ""
    assert "no model is called 'nonesuch'" in err
    assert not Path("out").exists()


def test_a_suffix_names_no_folder(work, capfd):
    assert main(["denoise", "photos", "--suffix", "/clean", *DENOISE]) == 2
    assert "'/clean' names a folder; name one with -o" in capfd.readouterr().err


def test_masks_come_from_what_the_mask_command_made(work):
    assert main(["mask", "photos", "-r", "-o", "masks", "--box", "2,2,3,3"]) == 0
    words = ["inpaint", "photos", "-r", "--mask", "masks", "--model", "white", "-o", "out"]
    assert main([*words, "--format", "png"]) == 0
    assert tree(work / "out") == ["a.inpainted.png", "b.inpainted.png", "sub/a.inpainted.png"]
    for name in ("a", "b", "sub/a"):
        assert (read_image(f"out/{name}.inpainted.png").pixels[2:5, 2:5] == 255).all()


SLOW = """
import os, signal, sys
from imgae.cli import program
from imgae.restore.denoise import Denoiser
from imgae.restore.inpaint import Inpainter
plain, done = Denoiser.run, []
def run(*words, **named):
    done.append(1)
    if len(done) == 3:
        os.kill(os.getpid(), signal.SIGINT)
    return plain(*words, **named)
Denoiser.run = run
program.entry()
"""


def test_ctrl_c_leaves_whole_files_a_whole_report_and_the_table(work):
    for number in range(6):
        picture(f"many/{number}.png", number)
    words = ["denoise", "many", "-o", "out", "--report", "run.json", *DENOISE]
    done = subprocess.run(
        [sys.executable, "-c", SLOW, *words], capture_output=True, check=False, text=True
    )
    assert done.returncode == 130
    assert done.stderr == (
        "imgae: note: the same command with --resume goes on from here\nimgae: interrupted\n"
    )
    records = json.loads(Path("run.json").read_text())
    whole = [record["output"] for record in records if record["status"] == "done"]
    assert whole == [f"out/{name}" for name in tree(work / "out")]
    assert len(whole) < len(records) == 6
    assert f"6 pictures: {len(whole)} done, {6 - len(whole)} skipped, 0 failed" in done.stdout
    assert "not reached before the run was ended" in done.stdout
    assert main([*words, "--resume"]) == 0
    assert len(tree(work / "out")) == 6


def test_a_full_disk_ends_the_run(work, capfd, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("imgae.io.files.write_whole", full)
    assert main(["denoise", "photos", "-r", "-o", "out", "--report", "r.json", *DENOISE]) in (1, 3)
    err = capfd.readouterr().err
    assert err.endswith(
        "imgae: the run ends, since the disk is full; make room, and go on with --resume\n"
    )
    assert "No space left on device" in err
    statuses = [record["status"] for record in json.loads(Path("r.json").read_text())]
    assert statuses[0] == "failed"
    assert len(statuses) == 3


def test_too_little_memory_is_told_once(work, capfd):
    assert main(["denoise", "photos", "--max-memory", "10M", "-o", "out", *DENOISE]) == 1
    assert (
        "--max-memory 10 MiB is too little for a picture of a megapixel" in capfd.readouterr().err
    )
    assert main(["denoise", "photos", "--max-memory", "x", *DENOISE]) == 2
    assert "'x' is neither 'auto' nor an amount of memory" in capfd.readouterr().err


def test_a_picture_that_does_not_fit_says_so_and_others_go_by_rows(work, capfd, monkeypatch):
    monkeypatch.setattr("imgae.restore.batches.work.needed", lambda *_, **__: 1 << 40)
    assert main(["denoise", "photos", "-r", "-o", "out", *DENOISE]) == 3
    err = capfd.readouterr().err
    assert "photos/b.jpg: 30x20 pixels take about 1024.0 GiB of memory, and the limit is" in err
    for name in ("a", "sub/a"):
        before = read_image(f"photos/{name}.png").pixels
        assert np.array_equal(read_image(f"out/{name}.denoised.png").pixels, before - 10)


def test_masks_that_protect_and_those_that_avoid_give_other_keys(work, capfd):
    mask = np.zeros((20, 30, 1), np.uint8)
    mask[3:6, 3:6] = 255
    write_image(Image(mask), "m.png")
    words = ["inpaint", "photos", "--box", "2,2,8,8", "--model", "white", "-o", "out"]
    assert main([*words, "--protect", "m.png"]) == 0
    capfd.readouterr()
    assert main([*words, "--protect", "./m.png", "--resume", "--json"]) == 0
    assert capfd.readouterr().out.count('"skipped"') == 2  # the same file by another name
    assert main([*words, "--avoid", "m.png", "--resume", "--json"]) == 0
    assert capfd.readouterr().out.count('"done"') == 2


def test_pictures_stay_where_names_lead_over_them(work):
    """Through a link to their folder, as one of several results, as masks."""
    picture("photos/a.bmp", 5)
    picture("photos/a-1.png", 6)
    Path("link").symlink_to("photos", target_is_directory=True)
    before = {name: Path("photos", name).read_bytes() for name in tree(work / "photos")}
    box, bare = ["--box", "2,2,3,3"], ["--suffix", "", "--overwrite"]
    fill = ["inpaint", "photos", *box, *bare, "--model", "white", "--variants", "2"]
    assert main(fill) == 0
    assert main(["mask", "photos", *box, *bare]) == 0
    picture("only/a.png", 1)
    picture("only/a.bmp", 2)
    data = Path("only/a.bmp").read_bytes()
    Path("other").symlink_to("only", target_is_directory=True)
    assert main(["denoise", "only", "-o", "other", *bare, "--format", "png", *DENOISE]) == 0
    assert tree(work / "only") == ["a.bmp", "a.bmp.png", "a.png"]
    assert Path("only/a.bmp").read_bytes() == data
    assert {name: Path("photos", name).read_bytes() for name in before} == before


def test_results_and_masks_among_the_pictures_are_left_out_and_counted(work, capfd):
    assert main(["mask", "photos", "-r", "--box", "2,2,3,3"]) == 0
    fill = ["inpaint", "photos", "-r", "--box", "2,2,3,3", "--model", "white", "--variants", "2"]
    assert main(fill) == 0
    capfd.readouterr()
    words = ["denoise", "photos", "-r", "--format", "tif", "-o", "out", *DENOISE]
    assert main(words) == 0
    assert tree(work / "out") == ["a.denoised.tif", "b.denoised.tif", "sub/a.denoised.tif"]
    out = capfd.readouterr().out
    assert "left out as results or masks of other pictures: 9" in out


def test_masks_are_no_pictures(work, capfd):
    assert main(["mask", "photos", "-r", "-o", "photos/masks", "--box", "2,2,3,3"]) == 0
    words = ["inpaint", "photos", "-r", "--model", "white", "-o", "out", "--mask"]
    assert main([*words, "photos/masks"]) == 0
    assert tree(work / "out") == ["a.inpainted.png", "b.inpainted.jpg", "sub/a.inpainted.png"]
    assert "left out as results or masks of other pictures: 3" in capfd.readouterr().out
    Path("photos/masks/a.mask.png").rename("photos/one.png")
    Path("photos/masks/b.mask.png").rename("photos/other.png")
    words = ["inpaint", "photos", "--model", "white", "-o", "again"]
    assert main([*words, "--mask", "photos/one.png", "--protect", "photos/other.png"]) == 0
    assert tree(work / "again") == ["a.inpainted.png", "b.inpainted.jpg"]


def test_a_list_is_not_replaced_by_the_report(work, capfd):
    Path("list.csv").write_text("photos/a.png\n")
    assert main(["denoise", "@list.csv", "-o", "out", "--report", "list.csv", *DENOISE]) == 2
    assert "list.csv would be both a list of pictures and --report" in capfd.readouterr().err
    assert Path("list.csv").read_text() == "photos/a.png\n"


def test_a_picture_is_restored_if_another_word_leads_to_nothing(work, capfd):
    assert main(["denoise", "photos/a.png", "*.xyz", "-o", "out", *DENOISE]) == 3
    assert tree(work / "out") == ["a.denoised.png"]
    assert "*.xyz: no file matches this pattern" in capfd.readouterr().err


def test_a_single_picture_that_is_skipped_says_so(work, capfd):
    words = ["denoise", "photos/a.png", "--skip-existing", *DENOISE]
    assert main(words) == 0
    capfd.readouterr()
    assert main(words) == 0
    told = "photos/a.png -> photos/a.denoised.png: its result is there already\n"
    assert capfd.readouterr().out == told
    assert main([*words, "--quiet"]) == 0
    assert capfd.readouterr() == ("", "")


def test_a_report_in_a_folder_that_is_not_made_is_told_at_once(work, capfd):
    words = ["denoise", "photos", "-o", "out/", "--report", "out/run.json", *DENOISE]
    assert main([*words, "--dry-run"]) == 1
    out, err = capfd.readouterr()
    assert (out, err) == ("", "imgae: out/run.json: there is no folder out\n")
    assert main(words) == 0
    assert Path("out/run.json").exists()


def test_a_picture_that_is_added_takes_no_result_of_another(work, capfd):
    words = ["denoise", "photos", "-o", "out", "--format", "png", "--resume", *DENOISE]
    assert main(words) == 0
    before = Path("out/b.denoised.png").read_bytes()
    picture("photos/b.bmp", 9)  # before b.jpg, by name
    assert main(words) == 0
    assert "3 pictures: 1 done, 2 skipped" in capfd.readouterr().out
    assert tree(work / "out") == ["a.denoised.png", "b.bmp.denoised.png", "b.denoised.png"]
    assert Path("out/b.denoised.png").read_bytes() == before


def test_the_time_for_one_picture_is_estimated(work, capfd):
    assert main(["denoise", "photos/sub", "--dry-run", *DENOISE]) == 0
    assert " for 1 picture of 0.0006 MP in all; photos/sub/a.png took " in capfd.readouterr().out


def test_json_has_an_object_for_each_picture(work, capfd):
    Path("photos/broken.png").write_bytes(b"no picture")
    words = ["denoise", "photos", "-o", "out", "--json", *DENOISE]
    assert main(words) == 3
    rows = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [row["status"] for row in rows] == ["done", "done", "failed"]
    assert rows[2]["message"].startswith("photos/broken.png: not a picture")
    assert main([*words, "--resume"]) == 3
    rows = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [row["status"] for row in rows] == ["skipped", "skipped", "failed"]


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_a_report_keeps_what_earlier_runs_said_and_replaces_no_other_file(work, capfd, kind):
    words = ["denoise", "photos", "-o", "out", "--report", f"run.{kind}", *DENOISE]
    assert main(words) == 0
    assert main([*words, "--resume"]) == 0
    text = Path(f"run.{kind}").read_text()
    rows = json.loads(text) if kind == "json" else list(csv.DictReader(io.StringIO(text)))
    assert [row["status"] for row in rows] == ["skipped", "skipped"]
    assert [float(row["sigma"]) for row in rows] == [10, 10]
    Path("mine.csv").write_text("my list\n")
    Path("mine.json").write_text('{"my": "list"}')
    for dry in ([], ["--dry-run"]):
        assert main([*words[:-5], f"mine.{kind}", *DENOISE, "--overwrite", *dry]) == 1
        assert "is no report of an earlier run" in capfd.readouterr().err
    assert Path("mine.csv").read_text() == "my list\n"


def test_standard_output_takes_all_bytes_though_python_does_not_buffer(work):
    write_image(Image(RNG.integers(0, 255, (300, 300, 3)).astype(np.uint8)), "noise.png")
    assert main(["denoise", "noise.png", "-o", "file.png", *DENOISE]) == 0
    command = [sys.executable, "-u", "-m", "imgae", "denoise", "-", "--quiet", *DENOISE]
    with Path("noise.png").open("rb") as data:
        done = subprocess.run(command, stdin=data, capture_output=True, check=False)
    assert done.returncode == 0
    assert done.stdout == Path("file.png").read_bytes()
    if Path("/dev/full").exists():
        with Path("/dev/full").open("wb") as full, Path("noise.png").open("rb") as data:
            done = subprocess.run(
                command, stdin=data, stdout=full, stderr=subprocess.PIPE, check=False
            )
        assert done.returncode == 1
        assert done.stderr == (
            b"imgae: standard output: cannot be written: No space left on device\n"
        )


def test_a_result_in_the_place_of_its_picture_is_told(work, capfd):
    assert main(["denoise", "photos", "--suffix", "", *DENOISE]) == 1
    assert "photos/a.png: its result would take its own place" in capfd.readouterr().err


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_standard_input_in_which_nothing_is_marked_is_written_as_it_was(work, form):
    out = io.BytesIO()
    PIL.Image.new("RGB", (30, 20), "red").save(out, form, comment="as it was")
    mask = ["--color", "00ff00", "--model", "white"]
    done = subprocess.run(
        [sys.executable, "-m", "imgae", "inpaint", "-", *mask],
        input=out.getvalue(),
        capture_output=True,
        check=True,
    )
    assert b"the picture is written as it was" in done.stderr
    assert done.stdout == out.getvalue()


def test_a_picture_that_changes_before_it_is_written_as_it_was_fails(work, capfd, monkeypatch):
    plain = Marker.__call__

    def marking(self, *words):
        picture("photos/a.png", 7)
        return plain(self, *words)

    monkeypatch.setattr(Marker, "__call__", marking)
    assert main(["inpaint", "photos/a.png", "--color", "00ff00", "--model", "white"]) == 1
    assert "photos/a.png: changed while it was read" in capfd.readouterr().err
    assert not Path("photos/a.inpainted.png").exists()


def test_variants_are_written_one_after_another(work, monkeypatch):
    """So that memory holds one."""
    events = []
    plain, put = Inpainter.run, files.write_file

    def running(self, *words, **named):
        events.append("fill")
        return plain(self, *words, **named)

    def writing(*words):
        events.append("write")
        put(*words)

    monkeypatch.setattr(Inpainter, "run", running)
    monkeypatch.setattr(files, "write_file", writing)
    words = ["inpaint", "photos/a.png", "--box", "2,2,8,8", "--model", "white", "-o", "out/"]
    assert main([*words, "--variants", "3"]) == 0
    assert events == ["fill", "write"] * 3
    assert tree(work / "out") == [f"a.inpainted-{number}.png" for number in (1, 2, 3)]


def test_what_is_taken_without_tiles_has_to_fit(work, capfd):
    image = Image(np.zeros((1000, 1000, 3), np.uint8))
    write_image(image, "large.png")
    words = ["denoise", "large.png", "--max-memory", "600M", *DENOISE]
    assert main([*words, "--tile", "0"]) == 1
    err = capfd.readouterr().err
    assert "large.png: 1000x1000 pixels without tiles take about" in err
    assert main(words) == 0


def test_a_mask_has_to_fit_into_memory(work, capfd, monkeypatch):
    write_image(Image(np.zeros((20, 30, 1), np.uint8)), "m.png")

    def needed(_size, kind, **_):
        return 1 << 40 if kind == "mask" else 1

    monkeypatch.setattr("imgae.restore.batches.work.needed", needed)
    assert main(["inpaint", "photos/a.png", "--mask", "m.png", "--model", "white"]) == 1
    assert "m.png: 30x20 pixels take about 1024.0 GiB of memory" in capfd.readouterr().err


def test_labels_without_a_colour_are_not_told_of_among_many_pictures(work, capfd):
    numbers = np.full((20, 30, 1), 7)
    numbers[3:9, 3:9] = 1
    palette = png_files.chunk(b"PLTE", bytes([0, 0, 0, 255, 0, 0]))
    Path("m.png").write_bytes(png_files.png(numbers, 8, 3, palette))
    words = ["inpaint", "photos", "-r", "-o", "out", "--model", "white"]
    assert main([*words, "--mask", "m.png", "--label", "1"]) == 0
    assert capfd.readouterr().err == ""
