"""The buffer behind a window: the samples that it holds now, and the statistics that follow them as they come and go.

A window holds finite samples only; the caller keeps others out. It is one of

- the last n samples (`SampleSeries`), full when it holds n;
- those of the last w steps or seconds (`RangeSeries`): at a newest sample at s the half-open range (s - w, s], full when the file is w old
  (newest mark minus the first of the *file*) and it holds two samples. It never holds more than `MOST_SAMPLES`: then the oldest leave.

Statistics are told after the buffer has changed. They ask for an exact re-computation (`settle`) by setting `due` to 0; it comes at
the end of the push, and at the latest after `SETTLE_AFTER` times as many pushes as the window holds samples, which bounds drift.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable
from itertools import compress
from typing import Any, ClassVar, Final, Literal, Self, TypeVar

from walert.rules.windows.packing import pack_marks, unpack_marks

MISSING: Final = None
"""The value of a window that is not full, or of what was never seen."""

MOST_SAMPLES: Final = 100_000
SETTLE_AFTER: Final = 16


class Statistic(ABC):
    """What follows the samples of one series. `early` ones are told of a sample while the others still show the window before it."""

    name: ClassVar[str]
    early: ClassVar[bool] = False
    needs_times: ClassVar[bool] = False
    __slots__ = ()

    @classmethod
    @abstractmethod
    def of(cls, series: Series) -> Self:
        """The statistic of `series`, still empty; what it builds on is attached to `series` first."""

    @abstractmethod
    def add(self, value: float) -> None:
        """`value` came, nothing left."""

    @abstractmethod
    def drop(self, old: float) -> None:
        """`old`, the oldest, left."""

    @abstractmethod
    def slide(self, value: float, old: float) -> None:
        """`value` came and `old` left."""

    @abstractmethod
    def rebuild(self) -> None:
        """Start over from what the series holds."""

    def settle(self) -> None:
        """Re-compute exactly what may have drifted; nothing, for statistics that only move samples about."""
        return

    def dump(self) -> Any:
        """What `rebuild` could not tell from the samples alone, as builtins."""
        return None

    def load(self, state: Any) -> None:
        """Come to the state that `dump` described; the series holds its samples again already."""
        self.rebuild()


_S = TypeVar("_S", bound=Statistic)
Push = Callable[[float, float, float | None], None]


class Series(ABC):
    """The samples of one metric in one window, oldest first, with the statistics attached to it."""

    __slots__ = (
        "_adds",
        "_drops",
        "_slides",
        "due",
        "origin_step",
        "origin_time",
        "statistics",
        "steps",
        "times",
        "values",
    )

    def __init__(self, most: int) -> None:
        self.values: deque[float] = deque(maxlen=most)
        self.steps: deque[float] = deque(maxlen=most)
        self.times: deque[float | None] | None = None  # kept for those who ask only
        self.origin_step: float | None = None
        self.origin_time: float | None = None
        self.due = SETTLE_AFTER
        self.statistics: dict[str, Statistic] = {}
        self._wire()

    def attach(self, kind: type[_S]) -> _S:
        """The statistic of this kind, made when nobody asked for it before."""
        found = self.statistics.get(kind.name)
        if isinstance(found, kind):
            return found
        if kind.needs_times:
            self.keep_times()
        made = kind.of(self)
        self.statistics[kind.name] = made
        made.rebuild()
        self._wire()
        return made

    def keep_times(self) -> None:
        """Keep the event times of samples from now on; those of samples already here are not known."""
        if self.times is None:
            self.times = deque([None] * len(self.values), maxlen=self.values.maxlen)

    def _wire(self) -> None:
        ordered = sorted(self.statistics.values(), key=lambda s: not s.early)
        self._adds: tuple[Callable[[float], None], ...] = tuple(s.add for s in ordered)
        self._drops: tuple[Callable[[float], None], ...] = tuple(s.drop for s in ordered)
        self._slides: tuple[Callable[[float, float], None], ...] = tuple(s.slide for s in ordered)

    def begin(self, step: float, time: float | None) -> None:
        """Tell the first step and time of the *file*; the first told stand. Without, the first sample's count."""
        if self.origin_step is None:
            self.origin_step = step
        if self.origin_time is None:
            self.origin_time = time

    @abstractmethod
    def push(self, value: float, step: float, time: float | None) -> None:
        """The next finite sample: its value, step, and Unix time if it has one."""

    def pusher(self) -> Push:
        """The fastest way to push, for the statistics attached so far; it leaves the series exactly as `push` would."""
        return self.push

    @abstractmethod
    def full(self) -> bool:
        """Whether the window may speak."""

    def settle(self) -> None:
        """Re-compute every statistic exactly."""
        for statistic in self.statistics.values():
            statistic.settle()
        self.due = SETTLE_AFTER * max(len(self.values), 1)

    def rewind(self, step: float) -> None:
        """An attempt begins at `step`: what lies at or beyond it leaves the window. What left it earlier does not come back."""
        stays = [s < step for s in self.steps]
        if all(stays):
            return
        self._fill(compress(list(self.values), stays), compress(list(self.steps), stays), self._times_that(stays))
        self._rebuild()

    def _times_that(self, stays: list[bool]) -> Iterable[float | None] | None:
        return None if self.times is None else compress(list(self.times), stays)

    def _fill(self, values: Iterable[float], steps: Iterable[float], times: Iterable[float | None] | None) -> None:
        """New content in the same deques: readers hold on to them."""
        for kept, content in ((self.values, list(values)), (self.steps, list(steps))):
            kept.clear()
            kept.extend(content)
        if self.times is not None:
            content_of_times = list(times) if times is not None else [None] * len(self.values)
            self.times.clear()
            self.times.extend(content_of_times)

    def _rebuild(self) -> None:
        for statistic in self.statistics.values():
            statistic.rebuild()
        self.due = SETTLE_AFTER * max(len(self.values), 1)

    def clear(self) -> None:
        """As new: a fresh start of the file."""
        self.origin_step = self.origin_time = None
        self._fill((), (), ())
        self._rebuild()

    def dump(self) -> list[Any]:
        """Builtins from which `load` restores this window bit for bit; about 1 kB for 100 samples, 1.6 kB with times."""
        times = None if self.times is None else pack_marks(self.times)
        rest = {name: statistic.dump() for name, statistic in self.statistics.items()}
        return [list(self.values), pack_marks(self.steps), times, self.origin_step, self.origin_time, self.due, rest]

    def load(self, state: list[Any]) -> None:
        """Come to the state that `dump` described. A statistic that it does not know is computed from the samples."""
        values, steps, times, self.origin_step, self.origin_time, due, rest = state
        self._fill(
            values, (s for s in unpack_marks(steps) if s is not None), None if times is None else unpack_marks(times)
        )
        self._rebuild()
        for name, statistic in self.statistics.items():
            if name in rest:
                statistic.load(rest[name])
        self.due = due


class RangeSeries(Series):
    """The finite samples of the last `width` steps or seconds of event time.

    Marks that jump back by less than `width` (writers that interleave, clocks that are set) leave what lies ahead in place; a sample
    further away than that, in either direction, leaves. A sample without a time is not held by a window of seconds, which is MISSING
    until one with a time comes.
    """

    __slots__ = ("kind", "newest", "width")

    def __init__(self, kind: Literal["steps", "seconds"], width: float) -> None:
        super().__init__(MOST_SAMPLES)
        self.kind = kind
        self.width = width
        self.newest: float | None = None
        if kind == "seconds":
            self.keep_times()

    def push(self, value: float, step: float, time: float | None) -> None:
        """The next finite sample; those out of its range leave first."""
        self.begin(step, time)
        mark = self.newest = step if self.kind == "steps" else time
        if mark is None:
            return
        self._leave(mark)
        self.values.append(value)
        self.steps.append(step)
        if self.times is not None:
            self.times.append(time)
        for add in self._adds:
            add(value)
        self.due = due = self.due - 1
        if due < 0:
            self.settle()

    def _marks(self) -> deque[float]:
        # In a window of seconds every sample has a time: others are not held.
        return self.steps if self.kind == "steps" else self.times  # type: ignore[return-value]

    def _leave(self, mark: float) -> None:
        marks, values = self._marks(), self.values
        low, high = mark - self.width, mark + self.width
        while marks and (not low < marks[0] < high or len(values) == MOST_SAMPLES):
            old = values.popleft()
            self.steps.popleft()
            if self.times is not None:
                self.times.popleft()
            for drop in self._drops:
                drop(old)

    def full(self) -> bool:
        """Whether the file is `width` old at the newest sample, and two samples are here."""
        origin = self.origin_step if self.kind == "steps" else self.origin_time
        if self.newest is None or origin is None:
            return False
        return self.newest - origin >= self.width and len(self.values) >= 2

    def rewind(self, step: float) -> None:
        """As for every series; the newest mark is that of the newest sample left."""
        held = len(self.values)
        super().rewind(step)
        if len(self.values) < held:
            self.newest = self._marks()[-1] if self.values else None

    def clear(self) -> None:
        """As new: a fresh start of the file."""
        super().clear()
        self.newest = None

    def dump(self) -> list[Any]:
        """As for every series, with the newest mark."""
        return [*super().dump(), self.newest]

    def load(self, state: list[Any]) -> None:
        """Come to the state that `dump` described."""
        *common, self.newest = state
        super().load(common)
