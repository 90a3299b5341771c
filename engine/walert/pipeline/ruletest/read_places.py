"""Where and when the records of a test stand: their steps, their event times, and which of them `at` means."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from walert.documents import Path
from walert.pipeline.ruletest.notation import Cell, Gap

START = 1704067200.0  # 2024-01-01T00:00:00Z, for tests that say how often but not when
EARLIEST = 978307200.0  # 2001: from here to LATEST a number in a log is a date
LATEST = 4133980800.0  # 2101


class Reader(Protocol):
    """What this needs of the reader of the whole test; paths are below the test."""

    data: dict[str, Any]

    def says(self, key: str) -> bool:
        """Whether the test has this key, sound or not."""

    def entries(self, path: Path) -> Iterator[tuple[Any, Any]]:
        """(key or index, value) of what is sound below `path`."""

    def error(self, path: Path, code: str, what: str, hint: str = "", offset: int | None = None) -> None:
        """Tell a problem."""

    def notation(self, path: Path, text: str) -> list[Cell]:
        """The cells of a series."""

    def seconds(self, path: Path, written: Any) -> float:
        """A duration."""


# --- steps


def read_steps(reader: Reader, records: int | None) -> list[float]:
    """The step of each record; `records` is None when their number is not known."""
    written = reader.data.get("steps", {})
    if isinstance(written, str):
        return _written_steps(reader, written, records)
    count = records or 0
    first, by = _float(written.get("start", 1)), _float(written.get("by", 1))
    if not math.isfinite(first + by * count):
        reader.error(("steps",), "bad-step", "steps must be finite numbers.")
    return [first + by * i for i in range(count)]


def _written_steps(reader: Reader, text: str, records: int | None) -> list[float]:
    cells = reader.notation(("steps",), text)
    steps = [cell for cell in cells if not isinstance(cell, Gap) and math.isfinite(cell)]
    if len(steps) < len(cells):
        reader.error(("steps",), "bad-step", "every record has a step, which is a finite number.")
    elif cells and records is not None and len(cells) != records:
        what = f"there are {len(cells)} steps for {records} records."
        reader.error(("steps",), "bad-step", what, "The longest series decides how many records there are.")
    return steps


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


# --- times


def read_times(reader: Reader, records: int | None) -> list[float] | None:
    """The event time of each record, Unix seconds; None without `every`."""
    if "every" not in reader.data:
        if not reader.says("every"):
            _tell_needless(reader)
        return None
    every = reader.seconds(("every",), reader.data["every"])
    pauses = _pauses(reader, records)
    time, out = _start(reader), []
    for number in range(1, (records or 0) + 1):
        out.append(time)
        time += every + pauses.get(number, 0.0)
    if out and not EARLIEST <= out[0] <= out[-1] < LATEST:
        reader.error(("every",), "bad-time", "the records' times leave the years 2001 to 2100.", "Give another start.")
    return out


def _tell_needless(reader: Reader) -> None:
    for key in ("start", "pauses"):
        if key in reader.data:
            reader.error((key,), "no-time", "without `every` records carry no time.", "Write for example every: 10s.")


def _start(reader: Reader) -> float:
    written = reader.data.get("start", START)
    if not isinstance(written, str):
        return _float(written)
    try:
        moment = dt.datetime.fromisoformat(written.strip())
        # Without a zone it is UTC: a test says the same on every machine.
        return (moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, OverflowError):
        reader.error(("start",), "bad-time", "this is no date and time.", "For example 2024-01-31T12:00:00Z.")
        return START


def _pauses(reader: Reader, records: int | None) -> dict[int, float]:
    """How much longer than `every` nothing is logged after a record."""
    out: dict[int, float] = {}
    for i, pause in reader.entries(("pauses",)):
        after = pause["after"]
        if records is not None and after >= records:
            what = f"no record comes after this pause: there are {records}."
            reader.error(("pauses", i, "after"), "no-such-record", what)
        out[after] = out.get(after, 0.0) + reader.seconds(("pauses", i, "for"), pause["for"])
    return out


# --- places


class Places:
    """Finds the record that `at` means. `records` and `steps` are None when they are not known: then nothing is wrong with a place."""

    def __init__(self, reader: Reader, records: int | None, steps: Sequence[float] | None) -> None:
        self.reader = reader
        self.records = records
        self.known = records is not None and steps is not None
        self.numbers: dict[float, list[int]] = {}
        for number, step in enumerate(steps or (), 1):
            self.numbers.setdefault(step, []).append(number)

    def find(self, path: Path, written: int | str) -> int:
        """The number of the record, one past the last for `end`."""
        if written == "end":
            if not self.reader.says("end"):
                self.reader.error(path, "no-such-record", "this run has no end.", "Write end: finished in the test.")
            return (self.records or 0) + 1
        if isinstance(written, str):
            return self._of_step(path, float(written.removeprefix("step")))
        if self.records is not None and written > self.records:
            self.reader.error(path, "no-such-record", f"there is no record {written}: there are {self.records}.")
        return int(written)

    def _of_step(self, path: Path, step: float) -> int:
        numbers = self.numbers.get(step, [])
        if not self.known:
            return 1
        if not numbers:
            self.reader.error(path, "no-such-record", f"no record has the step {step:g}.")
        elif len(numbers) > 1:
            what = f"the records {numbers[0]} and {numbers[1]} have the step {step:g}."
            self.reader.error(path, "ambiguous-step", what, "Write the number of the record.")
        return numbers[0] if numbers else 1
