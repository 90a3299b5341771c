"""One entry of `tests` to one `Case`: what a schema cannot say about series, places and expectations.

What the schema refuses is left out and the rest is read all the same, so that nothing hides behind the first mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from walert.documents import Document, Path
from walert.errors import Problem
from walert.model import AlertLevel, Run
from walert.pipeline.ruletest.lines import RESERVED
from walert.pipeline.ruletest.notation import Cell, parse_series
from walert.pipeline.ruletest.read_expect import read_expectations
from walert.pipeline.ruletest.read_places import Places, read_steps, read_times
from walert.pipeline.ruletest.values import Call, Case
from walert.units import parse_duration

END = "end"


class CaseReader:
    """Reads the test at `index`; `problems` grows with what is wrong with it. `left` is how many samples the file may still have."""

    def __init__(self, document: Document, lines: Sequence[str], index: int, left: int) -> None:
        self.document = document
        self.lines = lines
        self.index = index
        self.left = left
        self.problems: list[Problem] = []
        self.data = dict(self.entries(()))

    def case(self) -> Case | None:
        """The test; None when there is a problem with it."""
        series = self.series()
        records = max((len(cells) for cells in series.values()), default=0)
        self.left -= records * len(series)
        if self.left < 0:
            self.error(("series",), "too-large", "the tests of this file have too many samples.", "Split the file.")
        # With a mistake in a series it is not known how many records there are, and no place can be judged.
        known = records if self.document.sound(self.path("series")) and not self.problems else None
        before = len(self.problems)
        steps = read_steps(self, known)
        sure = len(self.problems) == before and self.document.sound(self.path("steps"))
        times = read_times(self, known)
        places = Places(self, known, steps if sure else None)
        calls = self.calls(places)
        only = frozenset(self.data["only"]) if "only" in self.data else None
        expect = read_expectations(self, places, only)
        if self.problems or not self.document.sound(self.path()):
            return None
        return Case(
            name=self.data["name"], index=self.index, line=self.document.position(self.path())[0], run=self.run(), steps=steps,
            times=times, series=series, calls=calls, end=self.data.get("end"), expect=expect, only=only,
        )  # fmt: skip

    # --- what the parts share

    def path(self, *path: str | int) -> Path:
        """A path below this test, from the document's root."""
        return ("tests", self.index, *path)

    def entries(self, path: Path) -> Iterator[tuple[Any, Any]]:
        """(key or index, value) of the sound entries of the mapping or list at `path` below this test; what holds others counts as sound."""
        value: Any = self.document.data["tests"][self.index]
        for key in path:
            value = value.get(key, ()) if isinstance(value, dict) else value[key]
        rows = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, each in rows:
            if self.document.sound(self.path(*path, key)) or (not path and key in _PARTS):
                yield key, each

    def says(self, key: str) -> bool:
        """Whether the test has this key, sound or not."""
        return key in self.document.data["tests"][self.index]

    def error(self, path: Path, code: str, what: str, hint: str = "", offset: int | None = None) -> None:
        """A problem at `path` below this test."""
        self.problems.append(self.document.problem(self.path(*path), code, what, hint, offset=offset))

    def notation(self, path: Path, text: str) -> list[Cell]:
        """The cells of a text in the notation of series."""
        cells, slips = parse_series(text)
        for slip in slips:
            self.error(path, "bad-series", slip.what, slip.hint, slip.offset)
        return cells

    def seconds(self, path: Path, written: Any) -> float:
        """A duration; 1 after complaining."""
        try:
            return parse_duration(written)
        except ValueError as error:
            self.error(path, "bad-duration", str(error))
            return 1.0

    # --- the parts

    def run(self) -> Run:
        """Who the log belongs to; a run without a name is called `test`."""
        run = self.data.get("run", {})
        return Run("test", run.get("name", "test"), run.get("project"), tuple(run.get("tags", ())))

    def series(self) -> dict[str, list[Cell]]:
        """The cells of each series."""
        out = {}
        for name, text in self.entries(("series",)):
            if name in RESERVED:
                self.error(("series", name), "reserved-name", f"`{name}` cannot be a series.", f"Use {RESERVED[name]}.")
            out[name] = self.notation(("series", name), text if isinstance(text, str) else self.raw(("series", name)))
        return out

    def raw(self, path: Path) -> str:
        """A plain number as it stands in the file: to YAML `0x10` is 16, and here ten zeros are meant."""
        line, column = self.document.position(self.path(*path))
        return re.split(r"[\s,\]}]", self.lines[line - 1][column - 1 :], maxsplit=1)[0]

    def calls(self, places: Places) -> list[Call]:
        """The `alert()` calls."""
        return [self.call(i, call, places) for i, call in self.entries(("alerts",))]

    def call(self, i: int, call: dict[str, Any], places: Places) -> Call:
        """One `alert()` call."""
        path = ("alerts", i, "at")
        if call["at"] == END:
            self.error(path, "no-such-record", "after its end a run makes no calls.")
        at = 1 if call["at"] == END else places.find(path, call["at"])
        level = AlertLevel(call["level"].upper()) if "level" in call else None
        wait = self.seconds(("alerts", i, "wait_duration"), call["wait_duration"]) if "wait_duration" in call else None
        return Call(at, call["title"], call.get("text", ""), level, wait)


_PARTS = ("series", "alerts", "expect", "pauses")
