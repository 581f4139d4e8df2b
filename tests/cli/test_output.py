"""What is printed of warnings."""

import argparse
import warnings

import pytest

from imgae import cli
from imgae.cli import output, program
from imgae.errors import warn


@pytest.fixture
def warning_command(monkeypatch):
    def run(_):
        warn("a.png: something is lost")
        warnings.warn("of a library", RuntimeWarning, stacklevel=1)
        warnings.warn("of another", FutureWarning, stacklevel=1)
        return 0

    monkeypatch.setattr(program, "parse", lambda _: argparse.Namespace(run=run))


@pytest.fixture
def usual_warnings():
    """As outside of tests, where warnings are no errors."""
    with warnings.catch_warnings():
        warnings.resetwarnings()
        yield


def test_no_command_prints_a_raw_warning(warning_command, usual_warnings, capfd):
    assert cli.main(["evaluate"]) == 0
    assert capfd.readouterr() == ("", "imgae: note: a.png: something is lost\n")


def test_warnings_of_libraries_are_shown_for_a_bug_report(warning_command, capfd):
    with warnings.catch_warnings(record=True) as shown:
        warnings.resetwarnings()
        cli.main(["evaluate", "--debug"])
    assert [warning.category for warning in shown] == [RuntimeWarning, FutureWarning]


def test_afterwards_warnings_are_as_they_were(warning_command, usual_warnings):
    usual = warnings.showwarning
    cli.main(["evaluate"])
    assert warnings.showwarning is usual


def test_notes_are_printed_when_what_comes_after_them_fails(capfd):
    def fail():
        with output.warnings_as_notes():
            warn("a.png: something is lost")
            raise ValueError("later")

    with pytest.raises(ValueError, match="later"):
        fail()
    assert capfd.readouterr().err == "imgae: note: a.png: something is lost\n"
