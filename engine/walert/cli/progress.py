"""A progress bar on stderr, where that is a terminal; nowhere else. No colour, no escape sequence: a carriage return and blanks."""

from __future__ import annotations

import os
import shutil
import sys

_WIDTH = 30


class Bar:
    """`label [####......]  37%`. `on=False`, a pipe and a dumb terminal make it silent. As a context it is gone at the end."""

    def __init__(self, label: str, total: int, *, on: bool = True) -> None:
        self.label, self.total, self.done, self._drawn = label, total, 0, ""
        self.on = on and total > 0 and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def add(self, amount: int) -> None:
        """So much more is done."""
        self.done += amount
        share = min(1.0, self.done / self.total) if self.total else 1.0
        full = int(share * _WIDTH)
        self._draw(f"{self.label} [{'#' * full}{'.' * (_WIDTH - full)}] {share:4.0%}")

    def clear(self) -> None:
        """Make room for a line of output; the next `add` draws again."""
        if self._drawn:
            sys.stderr.write("\r" + " " * len(self._drawn) + "\r")
            sys.stderr.flush()
            self._drawn = ""

    def _draw(self, text: str) -> None:
        text = text[: shutil.get_terminal_size().columns - 1]
        if self.on and text != self._drawn:
            sys.stderr.write("\r" + text)
            sys.stderr.flush()
            self._drawn = text
