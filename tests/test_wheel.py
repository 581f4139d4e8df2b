"""What is released: one version, and what scripts/check_wheel lets into the wheel.

The script itself builds nothing; .ci/run builds the wheel and has it checked and used.
"""

import importlib.util
import io
import re
import sys
import tarfile
import tomllib
import zipfile
from importlib.machinery import SourceFileLoader

import pytest
from documents import PAGES, README, ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def load_script():
    loader = SourceFileLoader("check_wheel", str(ROOT / "scripts" / "check_wheel"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


check_wheel = load_script()


def description():
    """What a package index shows, by the rules of pyproject.toml."""
    rules = PROJECT["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    text = "".join((ROOT / part["path"]).read_text() for part in rules["fragments"])
    for rule in rules["substitutions"]:
        text = re.sub(rule["pattern"], rule["replacement"], text)
    return text


def test_the_description_leads_nowhere_that_an_index_has_not():
    assert check_wheel.faults_of_description(README.read_text())  # and the README does
    text = description()
    assert check_wheel.faults_of_description(text) == []
    assert "![" not in text
    assert "each beside what" not in text  # the caption goes with its picture
    assert "pip install" in text
    assert "docs/limits.md" in text


def test_the_version_is_written_once():
    assert "version" in PROJECT["project"]["dynamic"]
    assert "version" not in PROJECT["project"]
    text = (ROOT / PROJECT["tool"]["hatch"]["version"]["path"]).read_text()
    assert len(re.findall(r'^__version__ = "\d+\.\d+\.\d+"$', text, re.MULTILINE)) == 1


def test_the_classifiers_name_every_python_from_the_least_that_is_required():
    required = PROJECT["project"]["requires-python"].removeprefix(">=3.")
    named = [
        int(line.rpartition(".")[2])
        for line in PROJECT["project"]["classifiers"]
        if re.search(r":: 3\.\d+$", line)
    ]
    assert named == list(range(int(required), max(named) + 1))


def test_every_extra_that_a_page_or_a_message_names_is_one():
    named = set()
    for path in [*PAGES, *(ROOT / "imgae").rglob("*.py")]:
        text = path.read_text()
        for names in re.findall(r"(?:imgae|'\.)\[([a-z,]+)\]'", text):
            named |= set(names.split(","))
        named |= set(re.findall(r"needs_extra\(\s*\"([a-z]+)\"", text))
    assert named - PROJECT["project"]["optional-dependencies"].keys() == set()
    assert named >= {"verify", "train", "bench", "test", "lint", "hosts", "release"}


GOOD = {
    "imgae/__init__.py": b"",
    "imgae/cli/server/static/index.html": b"",
    "imgae/py.typed": b"",
    "imgae/weights/denoise-fast.onnx": b"",
    "imgae-0.1.0.dist-info/METADATA": b"Name: imgae\n\n" + b"words " * 100,
}


def wheel_of(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_a_wheel_of_modules_and_models_is_fine(tmp_path):
    assert check_wheel.check_wheel(wheel_of(tmp_path / "a.whl", GOOD)) == []


@pytest.mark.parametrize(
    "name",
    [
        "imgae/weights/EXPERIMENTS.md",
        "imgae/weights/benchmark.json",
        "docs/study/prior.png",
        "tests/test_wheel.py",
        "weights/denoise-fast.onnx",
    ],
)
def test_a_wheel_with_anything_else_is_refused(name, tmp_path):
    (fault,) = check_wheel.check_wheel(wheel_of(tmp_path / "a.whl", GOOD | {name: b""}))
    assert fault == f"{name} does not belong there"


@pytest.mark.parametrize("name", GOOD)
def test_a_wheel_that_lacks_something_is_refused(name, tmp_path):
    files = {key: value for key, value in GOOD.items() if key != name}
    if name.endswith("METADATA"):
        files["imgae-0.1.0.dist-info/METADATA"] = b"Name: imgae\n\n"
    assert len(check_wheel.check_wheel(wheel_of(tmp_path / "a.whl", files))) == 1


@pytest.mark.parametrize("link", ["![a](examples/a.png)", "[a](docs/a.md)", '<img src="a.png">'])
def test_a_description_with_a_relative_link_is_refused(link, tmp_path):
    metadata = GOOD["imgae-0.1.0.dist-info/METADATA"] + link.encode()
    files = GOOD | {"imgae-0.1.0.dist-info/METADATA": metadata}
    (fault,) = check_wheel.check_wheel(wheel_of(tmp_path / "a.whl", files))
    assert "leads nowhere" in fault


def test_an_sdist_with_installed_packages_is_refused(tmp_path, capsys):
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name in ("imgae-0.1.0/imgae/a.py", "imgae-0.1.0/examples/node/node_modules/b.js"):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    faults = check_wheel.check_sdist(path)
    assert "examples/node/node_modules/b.js does not belong there" in faults
    assert re.search(r"modules +1 files", capsys.readouterr().out)


def test_a_program_that_fails_ends_the_check(tmp_path):
    with pytest.raises(SystemExit, match="exit code 3"):
        check_wheel.run([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)
