import io

import pytest

from imgae.cli import progress
from imgae.restore.batches.record import Record


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_no_bar_where_there_is_no_terminal(monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    with progress.tile_progress("a.png", hidden=False) as advance:
        assert advance is None


def test_no_bar_when_asked_for_none(monkeypatch):
    monkeypatch.setattr("sys.stderr", Terminal())
    with progress.tile_progress("a.png", hidden=True) as advance:
        assert advance is None


def test_a_bar_for_what_takes_more_than_a_second(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    with progress.tile_progress("a.png", hidden=False) as advance:
        advance(1, 4)
        advance(4, 4)
    assert "a.png" in terminal.getvalue()


def test_no_bar_for_what_is_done_within_a_second(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress.tile_progress("a.png", hidden=False) as advance:
        advance(1, 2)
        advance(2, 2)
    assert terminal.getvalue() == ""


def settled(name, pixels):
    return Record(name, None, "done", details={"pixels": pixels})


def test_a_bar_counts_pictures_and_hides_those_of_tiles(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress.batch_progress(3, hidden=False) as advance:
        advance(settled("photos/a[b].png", 2_000_000))
        with progress.tile_progress("a.png", hidden=False) as tiles:
            assert tiles is None
        advance(settled("photos/b\n.png", 1))
    seen = terminal.getvalue()
    assert "2/3" in seen
    assert "MP/s" in seen
    assert "b\\n.png" in seen
    with progress.tile_progress("a.png", hidden=False) as tiles:
        assert tiles is not None


@pytest.mark.parametrize(("count", "hidden"), [(1, False), (3, True)])
def test_no_bar_for_one_picture_or_when_asked_for_none(monkeypatch, count, hidden):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    with progress.batch_progress(count, hidden=hidden) as advance:
        advance(settled("a.png", 1))
    assert terminal.getvalue() == ""
