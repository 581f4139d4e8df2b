import io

from imgae.cli import progress


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
