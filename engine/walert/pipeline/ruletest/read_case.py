"""One entry of `tests` to one `Case`: what a schema cannot say about series, steps, times, places and expectations."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence
from typing import Any

from walert.documents import Document, Path
from walert.errors import Problem
from walert.model import AlertLevel, Run
from walert.pipeline.ruletest.lines import RESERVED
from walert.pipeline.ruletest.notation import Cell, Gap, parse_series
from walert.pipeline.ruletest.read_expect import read_expectations
from walert.pipeline.ruletest.values import Call, Case
from walert.units import parse_duration

START = 1704067200.0  # 2024-01-01T00:00:00Z, for tests that say how often but not when
EARLIEST = 978307200.0  # 2001: from here to LATEST a number in a log is a date
LATEST = 4133980800.0  # 2101
END = "end"


class CaseReader:
    """Reads the test at `index`; `problems` grows with what is wrong with it. `left` is how many samples the file may still have."""

    def __init__(self, document: Document, index: int, left: int) -> None:
        self.document = document
        self.data: dict[str, Any] = document.data["tests"][index]
        self.index = index
        self.left = left
        self.problems: list[Problem] = []
        self._records_of: dict[float, list[int]] = {}

    def case(self) -> Case | None:
        """The test; None when there is a problem with it."""
        series = self.series()
        records = max((len(cells) for cells in series.values()), default=0)
        self.left -= records * len(series)
        if self.left < 0:
            self.error(("series",), "too-large", "the tests of this file have too many samples.", "Split the file.")
        if self.problems:
            return None  # how many records there are is not known: places cannot be judged
        steps = self.steps(records)
        times = self.times(records)
        if self.problems:
            return None
        for number, step in enumerate(steps, 1):
            self._records_of.setdefault(step, []).append(number)
        return self._finished(series, steps, times)

    def _finished(
        self, series: dict[str, list[Cell]], steps: Sequence[float], times: Sequence[float] | None
    ) -> Case | None:
        calls = self.calls()
        only = frozenset(self.data["only"]) if "only" in self.data else None
        expect = read_expectations(self, only)
        if self.problems:
            return None
        return Case(
            name=self.data["name"], index=self.index, line=self.document.position(("tests", self.index))[0], run=self.run(),
            steps=steps, times=times, series=series, calls=calls, end=self.data.get("end"), expect=expect, only=only,
        )  # fmt: skip

    def error(self, path: Path, code: str, what: str, hint: str = "", offset: int | None = None) -> None:
        """A problem at `path` below this test."""
        self.problems.append(self.document.problem(("tests", self.index, *path), code, what, hint, offset=offset))

    # --- what is logged

    def run(self) -> Run:
        """Who the log belongs to; a run without a name is called `test`."""
        run = self.data.get("run", {})
        return Run("test", run.get("name", "test"), run.get("project"), tuple(run.get("tags", ())))

    def series(self) -> dict[str, list[Cell]]:
        """The cells of each series."""
        out = {}
        for name, text in self.data["series"].items():
            if name in RESERVED:
                self.error(("series", name), "reserved-name", f"`{name}` cannot be a series.", f"Use {RESERVED[name]}.")
            out[name] = self.notation(("series", name), text)
        return out

    def notation(self, path: Path, text: str) -> list[Cell]:
        """The cells of a text in the notation of series."""
        cells, slips = parse_series(text)
        for slip in slips:
            self.error(path, "bad-series", slip.what, slip.hint, slip.offset)
        return cells

    def steps(self, records: int) -> list[float]:
        """The step of each record."""
        written = self.data.get("steps", {})
        if isinstance(written, str):
            return self._written_steps(written, records)
        first, by = float(written.get("start", 1)), float(written.get("by", 1))
        if not math.isfinite(first + by * records):
            self.error(("steps",), "bad-step", "steps must be finite numbers.")
        return [first + by * i for i in range(records)]

    def _written_steps(self, text: str, records: int) -> list[float]:
        cells = self.notation(("steps",), text)
        steps = [cell for cell in cells if not isinstance(cell, Gap) and math.isfinite(cell)]
        if len(steps) < len(cells):
            self.error(("steps",), "bad-step", "every record has a step, which is a finite number.")
        elif cells and len(cells) != records:
            what = f"there are {len(cells)} steps for {records} records: the longest series decides how many there are."
            self.error(("steps",), "bad-step", what)
        return steps

    # --- when

    def times(self, records: int) -> list[float] | None:
        """The event time of each record; None without `every`."""
        if "every" not in self.data:
            for key in ("start", "pauses"):
                if key in self.data:
                    what = "without `every` records carry no time."
                    self.error((key,), "no-time", what, "Write for example every: 10s.")
            return None
        every = self.seconds(("every",), self.data["every"])
        pauses = self.pauses(records)
        time = self.start()
        out = []
        for number in range(1, records + 1):
            out.append(time)
            time += every + pauses.get(number, 0.0)
        if out and not EARLIEST <= out[0] <= out[-1] < LATEST:
            self.error(
                ("every",), "bad-time", "the records' times leave the years 2001 to 2100.", "Give another start."
            )
        return out

    def start(self) -> float:
        """The time of the first record."""
        written = self.data.get("start")
        if written is None:
            return START
        try:
            moment = written if isinstance(written, int | float) else _moment(written)
        except ValueError:
            self.error(("start",), "bad-time", "this is no date and time.", "For example 2024-01-31T12:00:00Z.")
            return START
        return float(moment)

    def pauses(self, records: int) -> dict[int, float]:
        """How much longer than `every` nothing is logged after a record."""
        out: dict[int, float] = {}
        for i, pause in enumerate(self.data.get("pauses", ())):
            if pause["after"] >= records:
                what = f"there are {records} records: no record comes after this pause."
                self.error(("pauses", i, "after"), "no-such-record", what)
            lasts = self.seconds(("pauses", i, "for"), pause["for"])
            out[pause["after"]] = out.get(pause["after"], 0.0) + lasts
        return out

    def seconds(self, path: Path, written: Any) -> float:
        """A duration; 1 after complaining."""
        return self.attempt(path, "bad-duration", 1.0, lambda: parse_duration(written))

    def attempt(self, path: Path, code: str, otherwise: float, read: Callable[[], float]) -> float:
        """What `read` gives; `otherwise` after telling what it complained of."""
        try:
            return read()
        except ValueError as error:
            self.error(path, code, str(error))
            return otherwise

    # --- where

    def place(self, path: Path, written: Any) -> int:
        """The record that `at` names: by number, by step, or the end."""
        records = sum(len(numbers) for numbers in self._records_of.values())
        if written == END:
            if "end" not in self.data:
                self.error(path, "no-such-record", "this test has no end.", "Write end: finished beside its series.")
            return records + 1
        if isinstance(written, str):
            return self._record_of_step(path, float(written.removeprefix("step")))
        if written > records:
            self.error(path, "no-such-record", f"there is no record {written}: there are {records}.")
        return int(written)

    def _record_of_step(self, path: Path, step: float) -> int:
        numbers = self._records_of.get(step, [])
        if not numbers:
            self.error(path, "no-such-record", f"no record has the step {step:g}.")
        elif len(numbers) > 1:
            what = f"the records {numbers[0]} and {numbers[1]} have the step {step:g}."
            self.error(path, "ambiguous-step", what, "Write the number of the record.")
        return numbers[0] if numbers else 1

    def calls(self) -> list[Call]:
        """The `alert()` calls."""
        out = []
        for i, call in enumerate(self.data.get("alerts", ())):
            path: Path = ("alerts", i)
            at = self.place((*path, "at"), call["at"])
            if call["at"] == END:
                self.error((*path, "at"), "no-such-record", "after its end a run makes no calls.")
            level = AlertLevel(call["level"].upper()) if "level" in call else None
            wait = self.seconds((*path, "wait_duration"), call["wait_duration"]) if "wait_duration" in call else None
            out.append(Call(at, call["title"], call.get("text", ""), level, wait))
        return out


def _moment(text: str) -> float:
    moment = dt.datetime.fromisoformat(text.strip())
    # Without a zone it is UTC: a test says the same on every machine.
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
