"""Windows written into a loop: what `push` and the readers of a full window do, statement for statement, on locals instead of attributes.

Each update here has its model in `windows`: `SampleSeries.push`, `Moments.slide`, `ZScore.against`, `Lowest.slide`, `Ranks.slide`,
`Trend.slide`, `Ema.push`. Statistics that are not written here leave their window to its own `push`.

The samples themselves go through a `Reel`, from which a metric's history learns of them after the loop.
"""

from __future__ import annotations

import math
import sys
from array import array
from bisect import bisect_left, insort
from collections.abc import Collection
from functools import partial
from typing import Final, Literal, NamedTuple

from walert.rules import terms as t
from walert.rules.skim.reel import Reel, places
from walert.rules.windows.moments import Moments
from walert.rules.windows.order import Highest, Lowest, Ranks
from walert.rules.windows.running import Ema
from walert.rules.windows.samples import SampleSeries
from walert.rules.windows.scores import MadZ, ZScore
from walert.rules.windows.trend import FALL, FAR, Trend

SPACE: Final[dict[str, object]] = {
    "sqrt": math.sqrt,
    "bisect_left": bisect_left,
    "insort": insort,
    "doubles": partial(array, "d"),
    "reel": Reel,
    "places": places,
    "zip": zip,
    "abs": abs,
    "least": min,
    "there": 0.0,
    "nextafter": math.nextafter,
}
_WRITTEN: Final = {kind.name for kind in (Moments, Lowest, Highest, Ranks, ZScore, MadZ, Trend)}
# Chains of comparisons take nearly twice as long as the same comparisons joined by `and`.
_LEAST, _MOST = repr(-sys.float_info.max), repr(sys.float_info.max)
_ENDS: Final = frozenset({"delta", "pct_change", "prev"})


class Leaving(NamedTuple):
    """What leaves a window of `width` samples: of its values, or of its steps."""

    of: Literal["values", "steps"]
    width: int


class Written(NamedTuple):
    """Statements before the loop, for each sample, and after the loop; and expressions for functions of the window, never MISSING.

    In them `n` counts the lines before this one. `along` are the locals that hold what leaves a window at this line; `early` are tests that
    leave the loop. A window settles after the line at which `n` reaches `due`; `settle` are the statements.
    """

    before: list[str]
    each: list[str]
    after: list[str]
    readers: dict[str, str]
    along: dict[str, Leaving]
    early: list[str]
    due: str | None = None
    settle: str = ""


def key_of(node: t.Feature) -> str:
    """Under what a shelf keeps what a feature reads, as far as features are written here."""
    if node.function == "prev":
        return f"{int(node.amount or 1.0) + 1} samples"
    if node.span is None or node.span.kind != "samples":
        return ""
    return f"ema {node.span.amount!r}" if node.function == "ema" else f"{int(node.span.amount)} samples"


def can_be_ready(kept: object) -> bool:
    """Whether it is of a kind that can be written at all."""
    return isinstance(kept, Ema) or (isinstance(kept, SampleSeries) and kept.statistics.keys() <= _WRITTEN)


def readiness(kept: object) -> float:
    """The scale in which it can be written as it stands: a full window, an average that has begun; 0 if it cannot be."""
    if isinstance(kept, Ema):
        return 0.0 if kept.now is None else 1.0
    if not isinstance(kept, SampleSeries) or not can_be_ready(kept) or not kept.full():
        return 0.0
    moments = kept.statistics.get(Moments.name)
    return moments.scale if isinstance(moments, Moments) else 1.0


def write_window(kept: object, name: str, value: str, flush: str, lasting: bool, asked: Collection[str]) -> Written:
    """The code of one that is ready; `name` is the local that holds it, `value` the sample.

    `flush` are the statements that bring its history up to date; `lasting`: what is read on a line that leaves the loop matters; `asked`
    are the functions that are read of it.
    """
    if isinstance(kept, Ema):
        return _ema(name, value)
    assert isinstance(kept, SampleSeries)
    return _Series(kept, name, value, lasting, asked).written(flush)


def _ema(name: str, value: str) -> Written:
    now, alpha = f"{name}_now", f"{name}_alpha"
    return Written(
        [f"{now} = {name}.now; {alpha} = {name}.alpha"],
        [
            f"{name}_next = {now} + {alpha} * ({value} - {now})",
            f"if not ({_LEAST} <= {name}_next and {name}_next <= {_MOST}): {name}.now = {now}; {name}_next = {name}._apart({value})",
            f"{now} = {name}_next",
        ],
        [f"{name}.now = {now}"],
        {"ema": now},
        {},
        [],
    )


class _Series:
    def __init__(self, series: SampleSeries, name: str, value: str, lasting: bool, asked: Collection[str]) -> None:
        self.series, self.name, self.value, self.asked = series, name, value, asked
        self.scale = readiness(series)
        # Settling may bring another scale. This code would then be wrong: the line leaves the loop, and the fold sees the next one.
        self.unit = f" / {name}_scale" if lasting or self.scale != 1.0 else ""
        self.scaled = "" if self.scale == 1.0 else f" * {name}_scale"
        self.before = [f"{name}_due = {name}.due"]
        self.each: list[str] = []
        self.after = [f"{name}.due = {name}_due - n - entered"]
        self.along: dict[str, Leaving] = {}
        self.early: list[str] = []
        self.readers: dict[str, str] = {"count": repr(float(series.width))}
        self.store = self.load = ""

    def written(self, flush: str) -> Written:
        names, name = self.series.statistics, self.name
        for kind, write in _CODE.items():
            if kind in names:
                write(self)
        if names:
            self.along[f"{name}_old"] = Leaving("values", self.series.width)
        if not _ENDS.isdisjoint(self.asked):
            self._ends()
        settle = f"if {name}_due <= n: {self.store}{flush}{name}.settle(); {self.load}{name}_due = {name}.due + n + 1"
        return Written(self.before, self.each, self.after, self.readers, self.along, self.early, f"{name}_due", settle)

    def _ends(self) -> None:
        """The newest sample and the oldest after it came."""
        first = f"{self.name}_first"
        self.along[first] = Leaving("values", self.series.width - 1)
        self.readers |= {
            "delta": f"({self.value} - {first})",
            "pct_change": f"(({self.value} - {first}) / abs({first}) if {first} else NAN)",
            "prev": first,
        }

    def moments(self) -> None:
        """`Moments.slide`."""
        n, width, value = self.name, float(self.series.width), self.value
        m = f"{n}_moments"
        parts = ("shifted", "m2", "anchor", "scale", "low", "high")
        store = f"{m}.shifted = {n}_shifted; {m}.m2 = {n}_m2; "
        load = "; ".join(f"{n}_{part} = {m}.{part}" for part in parts) + f"; {n}_base = {width} * {n}_anchor; "
        look = f"{n}.due = 1; {m}.look({n}_m2); {n}_low = {m}.low; {n}_high = {m}.high"
        self.before.append(f'{m} = {n}.statistics["{Moments.name}"]; {load.removesuffix("; ")}')
        self.each += [
            f"{n}_y = {value}{self.scaled} - {n}_anchor; {n}_by = {n}_y - ({n}_y_old := {n}_old{self.scaled} - {n}_anchor)",
            f"{n}_m2 += {n}_by * ({n}_y + {n}_y_old - ({n}_shifted + ({n}_shifted := {n}_shifted + {n}_by)) * {1.0 / width!r})",
            f"if not ({n}_low <= {n}_m2 and {n}_m2 <= {n}_high):\n {store}{look}\n if not {n}.due: {n}_due = limit = n",
        ]
        self.after.append(store.removesuffix("; "))
        unit = self.unit
        self.readers |= {
            "mean": f"{n}_anchor{unit} if {n}_shifted == 0.0 else ({n}_shifted + {n}_base) / {width}{unit}",
            "std": f"sqrt({n}_m2 / {width}){unit} if {n}_m2 > 0.0 else 0.0",
            "sum_over": f"({n}_shifted + {n}_base){unit}",
        }
        self.store += store
        self.load += f"{load}stop = stop or {n}_scale != {self.scale!r}; "

    def zscore(self) -> None:
        """`ZScore.against`: it sees the moments of the window before."""
        n, width = self.name, float(self.series.width)
        score = f"({self.value}{self.scaled} - {n}_anchor - {n}_shifted / {width}) / sqrt({n}_m2 / {width})"
        self._score(ZScore.name, f"{score} if {n}_m2 > 0.0 else NAN")

    def mad_z(self) -> None:
        """`MadZ.against`: it sees the ranks of the window before."""
        self._score(MadZ.name, f"{self.name}_{MadZ.name}.against({self.value})")

    def _score(self, statistic: str, score: str) -> None:
        n = f"{self.name}_{statistic}"
        self.before.append(f'{n} = {self.name}.statistics["{statistic}"]; {n}_newest = {n}.newest')
        self.each.append(f"{n}_newest = {score}")
        self.after.append(f"{n}.newest = {n}_newest")
        self.readers[statistic] = f"{n}_newest"

    def lowest(self) -> None:
        """`Lowest.slide`."""
        self._queue(Lowest.name, ">", "min_over")

    def highest(self) -> None:
        """`Highest.slide`."""
        self._queue(Highest.name, "<", "max_over")

    def _queue(self, statistic: str, beaten: str, function: str) -> None:
        n, value = f"{self.name}_{statistic}", self.value
        self.before.append(f'{n} = {self.name}.statistics["{statistic}"].queue')
        self.each += [
            f"if {n}[0] == {self.name}_old: {n}.popleft()",
            f"while {n} and {n}[-1] {beaten} {value}: {n}.pop()",
            f"{n}.append({value})",
        ]
        self.readers[function] = f"{n}[0]"

    def ranks(self) -> None:
        """`Ranks.slide`."""
        n = f"{self.name}_ranks"
        self.before.append(f'{n} = {self.name}.statistics["{Ranks.name}"].sorted')
        self.each += [f"del {n}[bisect_left({n}, {self.name}_old)]", f"insort({n}, {self.value} + 0.0)"]
        below, above = f"{n}[{(self.series.width - 1) // 2}]", f"{n}[{self.series.width // 2}]"
        middle = f"({below} + {above}) / 2.0"
        self.readers["median"] = (
            f"{n}_middle if {_LEAST} <= ({n}_middle := {middle}) and {n}_middle <= {_MOST} else {below} / 2.0 + {above} / 2.0"
        )

    def trend(self) -> None:
        """`Trend.slide`; where it would come to very distant steps, the line is left to the fold."""
        n, v, width = self.name, f"{self.name}_trend", float(self.series.width)
        parts = ("oldest", "sum_steps", "sum_values", "cross", "m2", "peak")
        load = "; ".join(f"{v}_{part} = {v}.{part}" for part in ("anchor_step", "anchor_value", *parts)) + "; "
        store = "; ".join(f"{v}.{part} = {v}_{part}" for part in parts) + "; "
        self.before.append(f'{v} = {n}.statistics["{Trend.name}"]; {load.removesuffix("; ")}')
        self.along[f"{v}_next"] = Leaving("steps", self.series.width - 1)
        self.early += [f"not (-{FAR!r}) < {step} - {v}_anchor_step < {FAR!r}" for step in ("step", f"{v}_oldest")]
        self.each += [
            f"{v}_t = step - {v}_anchor_step; {v}_t_old = {v}_oldest - {v}_anchor_step; {v}_moved = {v}_t - {v}_t_old",
            f"{v}_y = {self.value}{self.scaled} - {v}_anchor_value; {v}_by = {v}_y - ({n}_old{self.scaled} - {v}_anchor_value)",
            f"{v}_steps = {v}_sum_steps + {v}_moved; {v}_values = {v}_sum_values + {v}_by",
            f"{v}_m2 = {v}_m2 + {v}_moved * ({v}_t + {v}_t_old - ({v}_sum_steps + {v}_steps) / {width})",
            f"{v}_cross = {v}_cross + ({v}_moved * ({v}_y - {v}_values / {width}) + ({v}_t_old - {v}_sum_steps / {width}) * {v}_by)",
            f"{v}_sum_steps = {v}_steps; {v}_sum_values = {v}_values; {v}_oldest = {v}_next",
            f"if {v}_m2 > {v}_peak: {v}_peak = {v}_m2\nelif {v}_m2 < {v}_peak * {FALL!r}: {n}_due = limit = n",
        ]
        self.after.append(store.removesuffix("; "))
        self.readers["slope"] = f"{v}_cross / {v}_m2{self.unit} if {v}_m2 > 0.0 else NAN"
        self.store += store
        self.load += load


_CODE: Final = {
    ZScore.name: _Series.zscore,
    MadZ.name: _Series.mad_z,
    Moments.name: _Series.moments,
    Lowest.name: _Series.lowest,
    Highest.name: _Series.highest,
    Ranks.name: _Series.ranks,
    Trend.name: _Series.trend,
}
"""In the order in which statistics are told."""
