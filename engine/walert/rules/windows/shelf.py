"""All that is kept over one metric's samples, or over one condition's judgements: windows shared by their readers, and running values."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypeVar

from walert.rules.windows.history import History
from walert.rules.windows.moments import Moments
from walert.rules.windows.order import Highest, Lowest, Ranks
from walert.rules.windows.ranges import RangeSeries
from walert.rules.windows.running import Best, Ema, First, Kept, Streak
from walert.rules.windows.samples import SampleSeries
from walert.rules.windows.scores import MadZ, ZScore
from walert.rules.windows.series import MISSING, Series
from walert.rules.windows.trend import Falls, Trend

Reader = Callable[[], float | None]
"""The present value: a float, NaN where arithmetic has no answer, or MISSING."""

Kind = Literal["samples", "steps", "seconds"]
_K = TypeVar("_K", bound=Kept)

HISTORY: Final = "samples"
"""Under what a shelf keeps the samples of its windows of a number of samples."""


class Shelf:
    """Makes readers and feeds what they read. Readers of the same window share its samples.

    Windows of a number of samples share one history, which stands before them. State is dumped by what a window is ("100 samples"), not by
    who reads it: a changed rule set finds what it still uses.
    """

    __slots__ = ("kept", "things")

    def __init__(self) -> None:
        self.kept: dict[str, Kept] = {}  # by what it is: "100 samples"
        self.things: tuple[Kept, ...] = ()

    def reader(
        self, function: str, *, kind: Kind = "samples", amount: float = 1.0, minimum: int | None = None, q: float = 0.5
    ) -> Reader:
        """A reader of `function` (one of `FUNCTIONS`).

        `kind` and `amount` are the window; `amount` alone is k of `prev` and n of `ema`, `zscore`, `mad_z`. From `minimum` samples on a
        window speaks before it is full. `q` belongs to `quantile`. Make all readers before the first push. Raises `KeyError`.
        """
        made = self._make(function, kind, amount, minimum, q)
        self.things = tuple(self.kept.values())
        return made

    def _make(self, function: str, kind: Kind, amount: float, minimum: int | None, q: float) -> Reader:
        if function in _RUNNING:
            return _RUNNING[function](self, amount)
        if function in _OF_SAMPLES:
            return _OF_SAMPLES[function](self, int(amount))
        series = self.series(kind, amount)
        return _speaking(series, _OF_WINDOWS[function](series, q), minimum)

    def series(self, kind: Kind, amount: float) -> Series:
        """The window of this span, made when nobody asked for it before."""
        if kind == "samples":
            history = self.keep(HISTORY, History, History)
            return self.keep(f"{int(amount)} samples", SampleSeries, lambda: SampleSeries(history, int(amount)))
        return self.keep(f"{float(amount)!r} {kind}", RangeSeries, lambda: RangeSeries(kind, amount))

    def keep(self, key: str, kind: type[_K], make: Callable[[], _K]) -> _K:
        """What is kept under `key`, made when nobody asked for it before."""
        found = self.kept.get(key)
        if isinstance(found, kind):
            return found
        made = make()
        self.kept[key] = made
        return made

    def begin(self, step: float, time: float | None) -> None:
        """Tell the first step and time of the *file*: windows of steps and seconds are full when it is that old."""
        for kept in self.kept.values():
            kept.begin(step, time)

    def push(self, value: float, step: float, time: float | None) -> None:
        """The next finite sample, or judgement as 1.0 or 0.0. Samples that are not finite are the caller's to keep out."""
        for thing in self.things:
            thing.push(value, step, time)

    def rewind(self, step: float) -> None:
        """An attempt begins at `step`: samples at or beyond it leave the windows, `ema` is reseeded, bests are kept."""
        for kept in self.kept.values():
            kept.rewind(step)

    def clear(self) -> None:
        """A fresh start of the file."""
        for kept in self.kept.values():
            kept.clear()

    def dump(self) -> dict[str, list[Any]]:
        """The state as plain builtins, sharing nothing with the shelf."""
        return {key: kept.dump() for key, kept in self.kept.items()}

    def load(self, state: Mapping[str, list[Any]]) -> None:
        """Come to the state that `dump` described. What is not in it starts as new; what nobody reads any more is left out."""
        if HISTORY in self.kept:
            state = _with_history(state)
        for key, kept in self.kept.items():
            if key in state:
                kept.load(state[key])


def joined(again: Mapping[str, list[Any]], kept: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """The state of a shelf: what was kept, and for what it lacks that of a shelf that saw the same samples again."""
    out = {**again, **kept}
    if HISTORY in again and HISTORY in kept:
        out[HISTORY] = max(kept[HISTORY], again[HISTORY], key=_held)
    return out


def _held(history: list[Any]) -> int:
    return len(history[0])


def _with_history(state: Mapping[str, list[Any]]) -> Mapping[str, list[Any]]:
    """Windows once had their samples to themselves; all of a metric's end with the same one, so that the longest holds those of the others."""
    alone = {key: kept for key, kept in state.items() if key.endswith(" samples") and isinstance(kept[0], list)}
    if not alone:
        return state
    histories = [[*kept[:3], 0] for kept in alone.values()]
    if HISTORY in state:
        histories.append(state[HISTORY])
    now = {key: [len(kept[0]), *kept[5:7]] for key, kept in alone.items()}
    return {**state, **now, HISTORY: max(histories, key=_held)}


# --- running values


def _ema(shelf: Shelf, n: float) -> Reader:
    return shelf.keep(f"ema {n!r}", Ema, lambda: Ema(n)).value


def _first(shelf: Shelf, _: float) -> Reader:
    return shelf.keep("first", First, First).value


def _streak(shelf: Shelf, _: float) -> Reader:
    return shelf.keep("streak", Streak, Streak).value


def _best(shelf: Shelf, mode: Literal["min", "max"]) -> Best:
    return shelf.keep(f"best {mode}", Best, lambda: Best(mode))


_RUNNING: Final[dict[str, Callable[[Shelf, float], Reader]]] = {
    "ema": _ema,
    "first": _first,
    "streak": _streak,
    "best_min": lambda shelf, _: _best(shelf, "min").value,
    "best_max": lambda shelf, _: _best(shelf, "max").value,
    "since_best_min": lambda shelf, _: _best(shelf, "min").since,
    "since_best_max": lambda shelf, _: _best(shelf, "max").since,
}


# --- a number of samples


def _prev(shelf: Shelf, k: int) -> Reader:
    series = shelf.series("samples", k + 1)
    return _speaking(series, _oldest(series), None)


_OF_SAMPLES: Final[dict[str, Callable[[Shelf, int], Reader]]] = {
    "prev": _prev,
    "zscore": lambda shelf, n: shelf.series("samples", n).attach(ZScore).value,
    "mad_z": lambda shelf, n: shelf.series("samples", n).attach(MadZ).value,
}


# --- windows


def _speaking(series: Series, compute: Reader, minimum: int | None) -> Reader:
    """`compute`, once the window is full or, with `minimum`, holds as many samples."""
    full = series.full
    if minimum is None and not isinstance(series, SampleSeries):
        return lambda: compute() if full() else MISSING
    need = series.width if isinstance(series, SampleSeries) else 1
    need = need if minimum is None else max(1, min(minimum, need) if isinstance(series, SampleSeries) else minimum)
    return lambda: compute() if series.count >= need else MISSING


def _oldest(series: Series) -> Reader:
    history = series.history
    return lambda: history.values[-series.count]


def _count(series: Series) -> Reader:
    return lambda: float(series.count)


def _delta(series: Series) -> Reader:
    history = series.history
    return lambda: history.values[-1] - history.values[-series.count]


def _pct_change(series: Series) -> Reader:
    history = series.history

    def read() -> float:
        oldest = history.values[-series.count]
        return (history.values[-1] - oldest) / abs(oldest) if oldest else math.nan

    return read


def _quantile(series: Series, q: float) -> Reader:
    ranks = series.attach(Ranks)
    return lambda: ranks.quantile(q)


_OF_WINDOWS: Final[dict[str, Callable[[Series, float], Reader]]] = {
    "mean": lambda series, _: series.attach(Moments).mean,
    "std": lambda series, _: series.attach(Moments).std,
    "sum_over": lambda series, _: series.attach(Moments).total,
    "frac": lambda series, _: series.attach(Moments).mean,
    "median": lambda series, _: series.attach(Ranks).median,
    "quantile": _quantile,
    "min_over": lambda series, _: series.attach(Lowest).value,
    "max_over": lambda series, _: series.attach(Highest).value,
    "count": lambda series, _: _count(series),
    "delta": lambda series, _: _delta(series),
    "pct_change": lambda series, _: _pct_change(series),
    "slope": lambda series, _: series.attach(Trend).slope,
    "rate": lambda series, _: series.attach(Falls).rate,
}

FUNCTIONS: Final = frozenset(_RUNNING | _OF_SAMPLES | _OF_WINDOWS)
"""The functions that a shelf can keep; `since_best(x, "min")` is `since_best_min` here."""
