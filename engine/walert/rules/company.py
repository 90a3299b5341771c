"""The files of one run, as `absent` and `stalled` see them: what one file logs is absent from none, and a run is silent when all are. Pure.

Each fold tells when its file was written and which metrics it brought; it asks for what the others did by a moment. So that a replay, which
reads one file after the other, answers as the daemon does, which reads them side by side, everything is kept with its event time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

MOST_SPANS = 64
"""Stretches of writing kept of a file, the newest ones: a silence before them is over for long."""


_FORMER = ""  # stands for files that are gone, and for the others of a run that was taken up again


@dataclass(slots=True)
class _File:
    starts: list[float] = field(default_factory=list)
    ends: list[float] = field(default_factory=list)
    seen: dict[str, float | None] = field(default_factory=dict)  # metric or role -> event time of its first sample

    def write(self, first: float, last: float, gap: float) -> None:
        if self.ends and last <= self.ends[-1]:
            return
        if self.ends and first - self.ends[-1] < gap:
            self.ends[-1] = last
            return
        self.starts.append(first)
        self.ends.append(last)
        del self.starts[:-MOST_SPANS], self.ends[:-MOST_SPANS]

    def newest(self, now: float) -> float | None:
        at = bisect_right(self.starts, now)
        return min(self.ends[at - 1], now) if at else None


class Company:
    """One for a run. `gap` is the shortest silence that any rule asks for, in seconds: shorter ones are no silence."""

    def __init__(self, gap: float = 0.0, *, surveyed: bool = False) -> None:
        self.gap = gap
        self.surveyed = surveyed  # all files were read before: what a fold tells is known
        self._files: dict[str, _File] = {}

    def __len__(self) -> int:
        """How many files it holds."""
        return len(self._files)

    def wrote(self, file: str, first: float, last: float | None = None) -> None:
        """`file` has records from `first` to `last` (event time) without a silence between them."""
        self._files.setdefault(file, _File()).write(first, first if last is None else last, self.gap)

    def logged(self, file: str, metric: str, time: float | None) -> None:
        """`file` has a sample of a metric or role."""
        self._files.setdefault(file, _File()).seen.setdefault(metric, time)

    def restarted(self, file: str) -> None:
        """A fresh start: what `file` logged before counts no more."""
        if not self.surveyed and file in self._files:
            self._files[file].seen.clear()

    def part(self, file: str) -> None:
        """`file` is gone for good: what it logged, and when it was written, counts on without it."""
        gone = self._files.pop(file, None)
        if gone is None:
            return
        former = self._files.setdefault(_FORMER, _File())
        for first, last in zip(gone.starts, gone.ends, strict=True):
            former.write(first, last, self.gap)
        former.seen = gone.seen | former.seen

    def has(self, metric: str, beside: str, now: float | None) -> bool:
        """Whether a file other than `beside` had logged it by `now`."""
        for seen in self._others(beside):
            if metric in seen.seen:
                time = seen.seen[metric]
                if time is None or now is None or time <= now:
                    return True
        return False

    def newest(self, beside: str, now: float) -> float | None:
        """The event time of the newest record, up to `now`, of the files other than `beside`."""
        return max((time for each in self._others(beside) if (time := each.newest(now)) is not None), default=None)

    def returns(self, beside: str, after: float, until: float) -> list[float]:
        """When, between two moments, another file was written again after a silence of its own."""
        return sorted({t for each in self._others(beside) for t in each.starts if after < t < until})

    def surveyed_copy(self) -> Company:
        """For a fold that goes over its file again: what is known now is known all the time."""
        copy = Company(self.gap, surveyed=True)
        for name, each in self._files.items():
            copy._files[name] = _File(list(each.starts), list(each.ends), dict(each.seen))
        return copy

    def _others(self, beside: str) -> Iterator[_File]:
        return (each for name, each in self._files.items() if name != beside)

    def dump(self, file: str) -> dict[str, Any] | None:
        """Plain builtins for the state of `file`; None where it has no company to speak of.

        Of the others only what they logged is kept: when they wrote last is in the state of each.
        """
        if len(self._files) < 2 or file not in self._files:
            return None
        own = self._files[file]
        others: dict[str, float | None] = {}
        for each in self._others(file):
            for metric, time in each.seen.items():
                others.setdefault(metric, time)
        return {"wrote": [*own.starts[-1:], *own.ends[-1:]], "logged": dict(own.seen), "others": others}

    def join(self, file: str, state: Mapping[str, Any] | None) -> None:
        """Add what `dump` gave when the state of `file` was committed."""
        if state is None:
            return
        if state["wrote"]:
            self.wrote(file, *state["wrote"])
        for name, metrics in ((file, state["logged"]), (_FORMER, state["others"])):
            for metric, time in metrics.items():
                self.logged(name, metric, time)
