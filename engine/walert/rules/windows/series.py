"""A window over a history, and the statistics that follow its samples as they come and go.

A window holds finite samples only; the caller keeps others out. It is one of

- the last n samples (`SampleSeries`), full when it holds n;
- those of the last w steps or seconds (`RangeSeries`): at a newest sample at s the half-open range (s - w, s], full when the file is w old
  (newest mark minus the first of the *file*) and it holds two samples. It never holds more than `MOST_SAMPLES`: then the oldest leave.

Statistics are told after the window has changed. They ask for an exact re-computation (`settle`) by setting `due` to 0; it comes at
the end of the push, and at the latest after `SETTLE_AFTER` times as many pushes as the window holds samples, which bounds drift.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from typing import Any, ClassVar, Final, Self, TypeVar

from walert.rules.windows.history import History

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


class Series(ABC):
    """A window: the newest `count` samples of `history`, with the statistics attached to it."""

    __slots__ = ("_told", "count", "due", "history", "statistics")

    def __init__(self, history: History) -> None:
        self.history = history
        history.windows.append(self)
        self.count = 0
        self.due = SETTLE_AFTER
        self.statistics: dict[str, Statistic] = {}
        self._wire()

    def attach(self, kind: type[_S]) -> _S:
        """The statistic of this kind, made when nobody asked for it before."""
        found = self.statistics.get(kind.name)
        if isinstance(found, kind):
            return found
        if kind.needs_times:
            self.history.keep_times()
        made = kind.of(self)
        self.statistics[kind.name] = made
        made.rebuild()
        self._wire()
        return made

    def _wire(self) -> None:
        self._told: tuple[Statistic, ...] = tuple(sorted(self.statistics.values(), key=lambda s: not s.early))

    def values(self) -> array[float]:
        """The samples held, oldest first."""
        return self.history.values[len(self.history.values) - self.count :]

    def steps(self) -> array[float]:
        """Their steps."""
        return self.history.steps[len(self.history.steps) - self.count :]

    def oldest_step(self) -> float:
        """The step of the oldest sample held; 0 when there is none."""
        return self.history.steps[-self.count] if self.count else 0.0

    @abstractmethod
    def begin(self, step: float, time: float | None) -> None:
        """Tell the first step and time of the *file*."""

    @abstractmethod
    def push(self, value: float, step: float, time: float | None) -> None:
        """The next finite sample: its value, step, and Unix time if it has one."""

    @abstractmethod
    def full(self) -> bool:
        """Whether the window may speak."""

    def settle(self) -> None:
        """Re-compute every statistic exactly."""
        for statistic in self.statistics.values():
            statistic.settle()
        self.due = SETTLE_AFTER * max(self.count, 1)

    def rebuild(self) -> None:
        """Start over from the samples held."""
        for statistic in self.statistics.values():
            statistic.rebuild()
        self.due = SETTLE_AFTER * max(self.count, 1)

    @abstractmethod
    def rewind(self, step: float) -> None:
        """An attempt begins at `step`."""

    @abstractmethod
    def clear(self) -> None:
        """As new: a fresh start of the file."""

    @abstractmethod
    def dump(self) -> list[Any]:
        """Builtins from which `load` restores this window bit for bit."""

    @abstractmethod
    def load(self, state: list[Any]) -> None:
        """Come to the state that `dump` described."""

    def dump_statistics(self) -> list[Any]:
        """When to settle, and what the statistics keep."""
        return [self.due, {name: statistic.dump() for name, statistic in self.statistics.items()}]

    def load_statistics(self, due: int, states: dict[str, Any]) -> None:
        """Come to the state that `dump_statistics` described. A statistic that it does not know is computed from the samples."""
        self.rebuild()
        for name in sorted(
            self.statistics, key=lambda name: name not in states
        ):  # what builds on another comes after it
            if name in states:
                self.statistics[name].load(states[name])
            else:
                self.statistics[name].rebuild()
        self.due = due
