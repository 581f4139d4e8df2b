"""`imgae train report`: what it prints and writes."""

import json
import subprocess
import sys

import pytest
import reported

from imgae.cli import main


def test_one_run_gets_a_page_in_its_folder_again_and_again(tmp_path, capsys):
    folder = reported.write(tmp_path / "run")
    for _ in range(2):
        assert main(["train", "report", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == [
        "run", "task", "variant", "step", "minutes", "last", "best", "images/s", "state"
    ]  # fmt: skip
    assert lines[1].split() == [
        *("run", "denoise", "tiny", "400/400", "4.0", "28.40", "dB", "28.40", "dB", "at", "400"),
        *("125", "finished"),
    ]
    assert lines[2] == f"page: {folder / 'report.html'}"
    assert (folder / "report.html").read_text().startswith("<!doctype html>")


def test_several_runs_share_a_page_that_replaces_nothing_unasked(tmp_path, capsys):
    one = reported.write(tmp_path / "a", rival=("denoise-fast", 28.0))
    two = reported.write(tmp_path / "b", crop=64)
    words = ["train", "report", str(one), "-o", str(tmp_path / "both.html"), str(two)]
    assert main(words) == 0
    out, err = capsys.readouterr()
    assert "28.00 dB (denoise-fast)" in out
    assert "note: Not validated on the same pictures as a, so scores do not compare: b." in err
    assert main(words) == 1
    assert "both.html: exists already; add --overwrite" in capsys.readouterr().err
    assert main([*words, "--overwrite"]) == 0


def test_json_is_an_object_a_run_and_writes_no_page(tmp_path, capsys):
    folder = reported.write(tmp_path / "run")
    with (folder / "log.jsonl").open("a") as file:
        file.write('{"step": 4')
    assert main(["train", "report", str(folder), "--json"]) == 0
    out, err = capsys.readouterr()
    (found,) = map(json.loads, out.splitlines())
    assert (found["run"], found["best"], found["damaged_lines"]) == (str(folder), 28.4, 1)
    assert "1 damaged line of log.jsonl is left out" in err
    assert not (folder / "report.html").exists()


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ((), 2, "the following arguments are required: RUN/; see imgae train report --help"),
        (("none",), 1, "none: no run here; it has no config.json"),
        (("run", "-o", "page.png"), 1, "page.png: a page is an HTML file; name it so, as in"),
        (("run", "-o", "no/page.html"), 1, "there is no folder"),
        (("run", "--steps", "3"), 2, "unrecognized arguments: --steps"),
    ],
)
def test_what_cannot_be_reported_is_one_sentence(
    tmp_path, monkeypatch, capsys, words, code, sentence
):
    reported.write(tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    assert main(["train", "report", *words]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert sentence in line


def test_a_report_needs_no_torch(tmp_path):
    folder = reported.write(tmp_path / "run")
    program = (
        f"import sys; from imgae.cli import main; main(['train', 'report', {str(folder)!r}]); "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "False"
