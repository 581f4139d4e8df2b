"""The documents hold to the code: commands, options, links, Python, names and numbers."""

import argparse
import importlib
import re

import anomalies
import pytest
from documents import (
    CARDS,
    GUIDES,
    PAGES,
    README,
    ROOT,
    anchors,
    blocks,
    commands,
    first_cells,
    inline_code,
    links,
    name_of,
    rows,
)
from test_structure import MAY_IMPORT

import imgae
from imgae.cli import main, parse, parser, report, train

UNCLEAR = (
    *("sees for itself", "see for itself", "adds up", "add up", "photographs have another"),
    *("and is none", "leave the others", "others away", "left away", "asked for was"),
    *("asked for were", "asked were", "are of the channel over", "nor has", "is no match"),
    *("no numbers any more", "peers", "mirrorings", "rectifier", "rectified"),
    *("made noise", "made camera", "made on the same", "steering"),
)
"""Phrases that stopped readers, and words that are not the field's (docs/index.md has those)."""


def every_parser():
    """Each command by its words, from the real parser."""

    def walk(one, words):
        yield words, one
        for action in one._actions:
            if isinstance(action, argparse._SubParsersAction):
                for name, other in action.choices.items():
                    yield from walk(other, (*words, name))

    found = dict(walk(parser(), ()))
    lookup = importlib.import_module("imgae.training.tasks.lookup")
    for name in train.TASKS:  # the options of a task are made when it is named
        found["train", name] = train.task_parser(argparse.ArgumentParser, lookup.load(name))
    found["train", report.NAME] = report.parser(argparse.ArgumentParser)
    return found


PARSERS = every_parser()


def options_of(*starts):
    """Every option of the commands that begin with one of these words."""
    return {
        option
        for words, one in PARSERS.items()
        for start in starts
        if words[: len(start)] == start
        for option in one._option_string_actions
    }


def identifier(value):
    return name_of(value) if hasattr(value, "relative_to") else " ".join(value)


COMMANDS = sorted({command for page in PAGES for command in commands(page)})


@pytest.mark.parametrize("command", COMMANDS, ids=identifier)
def test_every_command_line_is_one(command):
    if command not in PARSERS and command[-1] != "--help":  # not only named in a sentence
        parse(list(command))


def test_a_command_line_that_is_none_would_be_found():
    assert len(COMMANDS) > 50
    with pytest.raises(SystemExit):
        parse(["denoise", "photo.png", "--sharpen"])


TABLES = {
    "docs/denoise.md": [("denoise",)],
    "docs/inpaint.md": [("inpaint",)],
    "docs/serve.md": [("serve",)],
    "docs/anomaly.md": [("anomaly",)],
    "docs/train.md": [("train",), ("export",)],
    "docs/evaluate.md": [("evaluate",)],
}


@pytest.mark.parametrize("name", TABLES)
def test_every_option_of_a_table_is_one_of_the_pages_command(name):
    shown = re.findall(r"`(--[a-z0-9-]+)", " ".join(first_cells(ROOT / name)))
    assert len(shown) > 4
    assert set(shown) - options_of(*TABLES[name]) == set()


def training_options():
    """For each task, its options by name: what the table calls them, and their defaults."""
    lookup = importlib.import_module("imgae.training.tasks.lookup")
    found = {}
    for name in train.TASKS:
        settings = {each[1].name: each for each in lookup.load(name).settings.options()}
        found[name] = {}
        for action in PARSERS["train", name]._actions:
            option = action.option_strings[-1]
            default = action.default
            if option in settings:
                field, _, check = settings[option]
                default = getattr(lookup.load(name).settings(), field)
                given = default not in (None, "", (), False) or field == "seed"
                written = " ".join(check.written(default)) if given else ""
            else:
                written = str(default or "")
            if option not in ("--help", "--debug"):
                found[name][option] = written
    return found


def option_rows(width):
    """Rows of docs/train.md of that many cells that begin with an option: names, other cells."""
    return [
        (re.findall(r"`(--[a-z0-9-]+)", cells[0]), [cell.strip("`") for cell in cells[1:]])
        for cells in rows(ROOT / "docs" / "train.md")
        if len(cells) == width and cells[0].startswith("`-")
    ]


def test_the_page_on_training_lists_every_common_option_with_its_default():
    tasks = training_options().values()
    common = set.intersection(*(set(options.items()) for options in tasks))
    shown = {(name, cells[-1]) for names, cells in option_rows(3) for name in names}
    assert shown == {(name, default or "-") for name, default in common}
    assert len(shown) > 15


def test_the_page_on_training_lists_the_options_of_each_task_with_their_defaults():
    tasks = training_options()
    common = set.intersection(*(set(options.items()) for options in tasks.values()))
    own = {
        (task, name, default or "-")
        for task, options in tasks.items()
        for name, default in set(options.items()) - common
    }
    shown = {
        (task, name, cells[-1])
        for names, cells in option_rows(4)
        for name in names
        for task in re.findall(r"[a-z]+", cells[0])
    }
    assert shown == own
    weights = importlib.import_module("imgae.training.tasks.code").WEIGHTS
    assert weights in (ROOT / "docs" / "train.md").read_text().replace("`", "")


def test_the_page_on_training_says_what_may_stand_beside_resume():
    lookup = importlib.import_module("imgae.training.tasks.lookup")
    settings = {each[1].name for each in lookup.load("denoise").settings.options()}
    options = set(training_options()["denoise"]) - settings - {"--resume"}
    text = " ".join((ROOT / "docs" / "train.md").read_text().split())
    (sentence,) = re.findall(r"Beside `--resume`.*?\.", text)
    named = set(re.findall(r"`(-[\w-]+)`", sentence)) - {"--resume"}
    assert named == {"-o" if option == "--output" else option for option in options}


@pytest.mark.parametrize("page", PAGES, ids=identifier)
def test_every_option_that_a_sentence_names_is_one(page):
    known = options_of(())
    named = {
        option
        for code in inline_code(page)
        if code.startswith(("imgae ", "--"))
        for option in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", code)
    }
    assert named - known == set()


@pytest.mark.parametrize("page", PAGES, ids=identifier)
def test_links_and_pictures_lead_somewhere(page):
    for target in links(page):
        if re.match(r"https?:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        assert file.is_relative_to(ROOT), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=identifier)
def test_paths_that_a_page_names_are_there(page):
    packages = "|".join(name for name in MAY_IMPORT if name.isalpha())
    for code in inline_code(page):
        if re.fullmatch(rf"({packages})/[\w/]+(\.py)?", code):
            assert (ROOT / "imgae" / code).exists(), code
        elif re.fullmatch(r"(imgae|tests|scripts|docs|weights|examples)/[\w/.-]*", code):
            path = ROOT / code
            assert (path.parent if path.stem == "NAME" else path).exists(), code


def test_source_files_name_pages_that_are_there():
    for path in (ROOT / "imgae").rglob("*.py"):
        for name in re.findall(r"\b(?:weights|docs|examples)/[\w/-]+\.md\b", path.read_text()):
            assert (ROOT / name).exists(), f"{path.name}: {name}"


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """An empty folder that holds the examples and the models, to work in."""
    for name in ("examples", "weights"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def prepare_anomalies(folder):
    """Write a model of good pictures, and a picture that is anomalous."""
    anomalies.folder_of(folder / "good", 5)
    assert main(["anomaly", "fit", "good", "-o", "part.onnx", "--threads", "1"]) == 0
    bad = anomalies.scratched(anomalies.texture(9))
    imgae.write_image(imgae.Image(bad), "part.png")


PROGRAMS = [page for page in (README, *GUIDES) if blocks(page, "python")]


@pytest.mark.parametrize("page", PROGRAMS, ids=identifier)
def test_the_python_of_a_page_runs(page, capsys, reader):
    names = {}
    if page.name == "anomaly.md":
        prepare_anomalies(reader)
        capsys.readouterr()
    for text in blocks(page, "python"):
        exec(compile(text, name_of(page), "exec"), names)  # noqa: S102 - our own documents
        printed = re.findall(r"^print\(.*\)  # (.+)$", text, re.MULTILINE)
        assert printed == capsys.readouterr().out.splitlines() or not printed


def test_the_readme_and_the_pages_on_python_and_embedding_hold_python():
    names = {name_of(page) for page in PROGRAMS}
    assert names >= {"README.md", "docs/python.md", "docs/embed.md"}


@pytest.mark.parametrize("page", PAGES, ids=identifier)
def test_no_page_holds_a_phrase_that_stopped_readers(page):
    text = " ".join(page.read_text().lower().split())
    assert [phrase for phrase in UNCLEAR if phrase in text] == []


@pytest.mark.parametrize("words", PARSERS, ids=lambda words: " ".join(words) or "imgae")
def test_no_help_holds_a_phrase_that_stopped_readers(words, capsys):
    assert main([*words, "--help"]) == 0
    text = " ".join(capsys.readouterr().out.lower().split())
    assert [phrase for phrase in UNCLEAR if phrase in text] == []


def test_the_table_of_packages_is_the_one_that_is_enforced():
    shown = {
        cells[0].strip("`"): set(re.findall(r"`([a-z.]+)`", cells[2]))
        for cells in rows(ROOT / "ARCHITECTURE.md")
        if len(cells) == 3 and cells[0].strip("`") in MAY_IMPORT
    }
    assert shown == MAY_IMPORT


def test_every_script_is_explained():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    named = set(re.findall(r"`scripts/([\w.]+)", text))
    assert named == {path.name for path in (ROOT / "scripts").iterdir() if path.is_file()}


def test_every_model_has_its_line():
    shipped = sorted(path.stem for path in (ROOT / "weights").glob("*.onnx"))
    for page in (ROOT / "docs" / "models.md", CARDS[0]):
        listed = [cell.strip("`") for cell in first_cells(page) if cell.startswith("`")]
        assert sorted(set(listed)) == shipped


def test_every_public_name_is_explained():
    page = " ".join(inline_code(ROOT / "docs" / "python.md"))
    names = [name for name in imgae.__all__ if not name.endswith("Error") and name[0] != "_"]
    assert [name for name in names if not re.search(rf"\b{name}\b", page)] == []


def test_every_page_is_reached_from_the_readme():
    reached, waiting = set(), [README]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        targets = [target.partition("#")[0] for target in links(page)]
        waiting += [(page.parent / t).resolve() for t in targets if t.endswith(".md")]
    assert {name_of(page) for page in GUIDES} <= {name_of(page) for page in reached}
