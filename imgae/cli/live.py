"""The line of `imgae train` that says how far a run is."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from imgae.cli.output import say

if TYPE_CHECKING:
    from imgae.training.loop import Measure


class LiveLine:
    """One line that rewrites itself on a terminal; elsewhere a line at each validation."""

    def __init__(self, measure: "Measure", hidden: bool) -> None:
        self.measure = measure
        self.hidden = hidden
        self.live = sys.stderr is not None and sys.stderr.isatty()
        self.begun = False
        self.score = ""
        self.rival = ""

    def note(self, message: str) -> None:
        self.close()
        say(message, sys.stderr)

    def below(self, show: Callable[..., None]) -> Callable[..., None]:
        """Let what shows warnings begin on a line of its own."""

        def show_below(*warning: Any) -> None:
            self.close()
            show(*warning)

        return show_below

    def update(self, record: dict[str, Any]) -> None:
        scored = self.measure.name in record
        if scored:
            if "compare" in record:
                self.rival = (
                    f" ({record['compare_model']}: {self.measure.shown(record['compare'])})"
                )
            self.score = f"  validation {self.measure.shown(record[self.measure.name])}{self.rival}"
        if self.hidden or not (self.live or scored):
            return
        minutes, seconds = divmod(record["seconds_left"], 60)
        line = (
            f"step {record['step']}/{record['steps']}  {minutes}:{seconds:02d} left  "
            f"loss {record['loss']:.4f}  {record['images_per_second']:.0f} images/s" + self.score
        )
        if self.live:
            print(f"\r{line}\033[K", end="", file=sys.stderr, flush=True)
            self.begun = True
        else:
            say(line, sys.stderr)

    def close(self) -> None:
        """End the line that rewrites itself, so that others can follow."""
        if self.begun:
            print(file=sys.stderr)
            self.begun = False
