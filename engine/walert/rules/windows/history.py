"""The samples behind a metric's windows, as doubles in a row: 8 bytes a value and 8 a step, where two floats in two queues take 64.

Windows look back into it from its end: each holds the newest `count` of its samples. What no window holds is dropped now and then.

A window's sums over it are put together from blocks, whose own sums are computed once: an exact re-computation of a window of 20,000
then takes as long as one of 700 would. Blocks begin at every 256th sample ever pushed, so that a restart finds the same ones.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import compress
from typing import Any, Final, Protocol, TypeVar

from walert.rules.windows.packing import pack_marks, unpack_marks

BLOCK: Final = 256
_IN_BLOCKS: Final = 4 * BLOCK  # samples from which on a window is worth taking apart
_SLACK: Final = 16  # samples more than are held, before the oldest are dropped

_P = TypeVar("_P")


class Window(Protocol):
    """What looks back into a history."""

    count: int

    def rebuild(self) -> None:
        """Start over: the newest `count` samples are others than before."""


class History:
    """The newest samples, oldest first. `most` is how many of them are looked at; `begin` numbers the oldest, of all ever pushed."""

    __slots__ = ("_blocks", "_room", "begin_at", "most", "steps", "times", "values", "windows")

    def __init__(self) -> None:
        self.values = array("d")
        self.steps = array("d")
        self.times: array[float] | None = None  # NaN for one not known; kept for those who ask only
        self.windows: list[Window] = []
        self.begin_at = 0
        self._blocks: dict[tuple[object, int], Any] = {}
        self.look_back(0)

    def look_back(self, most: int) -> None:
        """A window looks back so far."""
        self.most = most
        self._room = most + 1 + max(_SLACK, most >> 3)

    def keep_times(self) -> None:
        """Keep the event times of samples from now on; those of samples already here are not known."""
        if self.times is None:
            self.times = array("d", [math.nan]) * len(self.values)

    # --- as a shelf keeps it

    def begin(self, step: float, time: float | None) -> None:
        """The beginning of the file does not matter here."""

    def push(self, value: float, step: float, time: float | None) -> None:
        """The next finite sample. The one before the `most` newest is there for as long as the windows are told."""
        values = self.values
        values.append(value)
        self.steps.append(step)
        if self.times is not None:
            self.times.append(math.nan if time is None else time)
        if len(values) > self._room:
            self.trim(self.most + 1)

    def extend(self, values: list[float], steps: array[float], before: int) -> None:
        """Several samples at once, of which the windows know, after so many that came and are not held any more; no times are kept."""
        if before:
            self.trim(0)
            self.begin_at += before
        self.values.fromlist(values)
        self.steps.extend(steps)
        if len(self.values) > self._room:
            self.trim(self.most + 1)

    def trim(self, keep: int) -> None:
        """Drop all but the newest `keep`."""
        gone = len(self.values) - keep
        if gone <= 0:
            return
        del self.values[:gone], self.steps[:gone]
        if self.times is not None:
            del self.times[:gone]
        self.begin_at += gone
        if self._blocks:
            self._blocks = {key: part for key, part in self._blocks.items() if key[1] >= self.begin_at}

    def rewind(self, step: float) -> None:
        """An attempt begins at `step`: what lies at or beyond it leaves the windows. What left them earlier does not come back."""
        self._trim_to_held()
        stays = [s < step for s in self.steps]
        if all(stays):
            return
        for window in self.windows:
            window.count = sum(stays[len(stays) - window.count :])
        times = None if self.times is None else compress(self.times, stays)
        self._fill(compress(self.values, stays), compress(self.steps, stays), times)
        for window in self.windows:
            window.rebuild()

    def clear(self) -> None:
        """As new: a fresh start of the file."""
        self._fill((), (), ())
        for window in self.windows:
            window.count = 0
            window.rebuild()

    def _trim_to_held(self) -> None:
        self.trim(max((window.count for window in self.windows), default=0))

    def _fill(self, values: Iterable[float], steps: Iterable[float], times: Iterable[float] | None) -> None:
        self.values, self.steps = array("d", values), array("d", steps)
        if self.times is not None:
            self.times = array("d", times if times is not None else [math.nan] * len(self.values))
        self.begin_at = 0
        self._blocks = {}

    def dump(self) -> list[Any]:
        """What the windows hold, as builtins; about 1 kB for 100 samples, 1.6 kB with times."""
        self._trim_to_held()
        times = None if self.times is None else pack_marks([None if t != t else t for t in self.times])
        return [self.values.tolist(), pack_marks(self.steps), times, self.begin_at % BLOCK]

    def load(self, state: list[Any]) -> None:
        """Come to the state that `dump` described; the windows are told by their own."""
        values, steps, times, begin_at = state
        known = None if times is None else (math.nan if t is None else t for t in unpack_marks(times))
        self._fill(values, (s for s in unpack_marks(steps) if s is not None), known)
        self.begin_at = begin_at

    # --- its sums

    def parts(self, count: int, compute: Callable[[Sequence[float], Sequence[float]], _P], name: object) -> list[_P]:
        """What `compute` makes of the values and steps of each part of the newest `count` samples; `name` stands for it.

        The parts of a long window are its blocks, and what it holds of those at its ends.
        """
        size = len(self.values)
        first = size - count
        if count < _IN_BLOCKS:
            return [compute(self.values[first:], self.steps[first:])]
        inner = first + -(self.begin_at + first) % BLOCK
        outer = size - (self.begin_at + size) % BLOCK
        out = [self._block(at, compute, name) for at in range(inner, outer, BLOCK)]
        if first < inner:
            out.insert(0, compute(self.values[first:inner], self.steps[first:inner]))
        if outer < size:
            out.append(compute(self.values[outer:], self.steps[outer:]))
        return out

    def _block(self, at: int, compute: Callable[[Sequence[float], Sequence[float]], _P], name: object) -> _P:
        key = (name, self.begin_at + at)
        if key not in self._blocks:
            self._blocks[key] = compute(self.values[at : at + BLOCK], self.steps[at : at + BLOCK])
        found: _P = self._blocks[key]
        return found
