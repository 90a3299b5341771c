"""Windows written into a loop: what `push` and the readers of a full window do, statement for statement, on locals instead of attributes.

Each update here has its model in `windows`: `SampleSeries.push`, `Moments.slide`, `ZScore.against`, `Lowest.slide`, `Ranks.slide`,
`Ema.push`. Statistics that are not written here leave their window to its own `push`.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from typing import Final, NamedTuple

from walert.rules import terms as t
from walert.rules.windows.moments import Moments
from walert.rules.windows.order import Highest, Lowest, Ranks
from walert.rules.windows.running import Ema
from walert.rules.windows.samples import SampleSeries
from walert.rules.windows.scores import ZScore

SPACE: Final[dict[str, object]] = {
    "sqrt": math.sqrt,
    "bisect_left": bisect_left,
    "insort": insort,
    "least": min,
    "there": 0.0,
    "nextafter": math.nextafter,
}
_WRITTEN: Final = {kind.name for kind in (Moments, Lowest, Highest, Ranks, ZScore)}


class Written(NamedTuple):
    """Statements before the loop, for each sample, and after the loop; and expressions for functions of the window, never MISSING.

    In them `n` counts the lines before this one. A window settles after the line at which `n` reaches `due`; `settle` are the statements.
    """

    before: list[str]
    each: list[str]
    after: list[str]
    readers: dict[str, str]
    due: str | None = None
    settle: str = ""


def key_of(node: t.Feature) -> str:
    """Under what a shelf keeps what a feature reads, as far as features are written here."""
    if node.span is not None and node.span.kind != "samples":
        return ""
    amount = node.span.amount if node.span is not None else node.amount
    if amount is None:
        return ""
    return f"ema {amount!r}" if node.function == "ema" else f"{int(amount)} samples"


def can_be_ready(kept: object) -> bool:
    """Whether it is of a kind that can be written at all."""
    return isinstance(kept, Ema) or (
        isinstance(kept, SampleSeries) and kept.times is None and kept.statistics.keys() <= _WRITTEN
    )


def is_ready(kept: object) -> bool:
    """Whether it can be written as it stands: a full window in a scale of 1, an average that has begun."""
    if isinstance(kept, Ema):
        return kept.now is not None
    if not isinstance(kept, SampleSeries) or not can_be_ready(kept) or not kept.full():
        return False
    moments = kept.statistics.get(Moments.name)
    return not isinstance(moments, Moments) or moments.scale == 1.0


def write_window(kept: object, name: str, value: str, lasting: bool) -> Written:
    """The code of one that is ready; `name` is the local that holds it, `value` the sample.

    `lasting`: what is read on a line that leaves the loop matters.
    """
    if isinstance(kept, Ema):
        return _ema(name, value)
    assert isinstance(kept, SampleSeries)
    return _Series(kept, name, value, lasting).written()


def _ema(name: str, value: str) -> Written:
    now, alpha = f"{name}_now", f"{name}_alpha"
    return Written(
        [f"{now} = {name}.now; {alpha} = {name}.alpha"],
        [
            f"{name}_next = {now} + {alpha} * ({value} - {now})",
            f"if not (-INF) < {name}_next < INF: {name}.now = {now}; {name}_next = {name}._apart({value})",
            f"{now} = {name}_next",
        ],
        [f"{name}.now = {now}"],
        {"ema": now},
    )


class _Series:
    def __init__(self, series: SampleSeries, name: str, value: str, lasting: bool) -> None:
        self.lasting = lasting
        self.series, self.name, self.value = series, name, value
        self.before = [f"{name}_values = {name}.values; {name}_keep = {name}_values.append; {name}_due = {name}.due"]
        self.each = [f"{name}_old = {name}_values[0]; {name}_keep({value})"]
        self.after = [f"{name}.steps.extend(steps[-{series.width} :]); {name}.due = {name}_due - n - entered"]
        self.readers: dict[str, str] = {}

    def written(self) -> Written:
        names, name = self.series.statistics, self.name
        store = load = ""
        if ZScore.name in names:  # an early one: it sees the moments of the window before
            self._zscore()
        if Moments.name in names:
            store, load = self._moments()
        if Lowest.name in names:
            self._queue(Lowest.name, ">", "min_over")
        if Highest.name in names:
            self._queue(Highest.name, "<", "max_over")
        if Ranks.name in names:
            self._ranks()
        settle = f"if {name}_due <= n: {store}{name}.settle(); {load}{name}_due = {name}.due + n + 1"
        return Written(self.before, self.each, self.after, self.readers, f"{name}_due", settle)

    def _moments(self) -> tuple[str, str]:
        """`Moments.slide`, in a scale of 1. Returns the statements that put the sums back, and that take them up again."""
        n, width, value = self.name, float(self.series.width), self.value
        m = f"{n}_moments"
        store = f"{m}.shifted = {n}_shifted; {m}.m2 = {n}_m2; "
        parts = ("shifted", "m2", "anchor", "scale", "low", "high")
        load = "; ".join(f"{n}_{part} = {m}.{part}" for part in parts) + f"; {n}_base = {width} * {n}_anchor; "
        look = f"{n}.due = 1; {m}.look({n}_m2); {n}_low = {m}.low; {n}_high = {m}.high"
        self.before.append(f'{m} = {n}.statistics["{Moments.name}"]; {load.removesuffix("; ")}')
        self.each += [
            f"{n}_y = {value} - {n}_anchor; {n}_y_old = {n}_old - {n}_anchor; {n}_by = {n}_y - {n}_y_old; {n}_sum = {n}_shifted + {n}_by",
            f"{n}_m2 = {n}_m2 + {n}_by * ({n}_y + {n}_y_old - ({n}_shifted + {n}_sum) / {width}); {n}_shifted = {n}_sum",
            f"if not {n}_low <= {n}_m2 <= {n}_high:\n {store}{look}\n if not {n}.due: {n}_due = limit = n",
        ]
        self.after.append(store.removesuffix("; "))
        # Settling may bring another scale. This code would then be wrong: the line leaves the loop, and the fold sees the next one.
        unit = f" / {n}_scale" if self.lasting else ""
        self.readers |= {
            "mean": f"{n}_anchor{unit} if {n}_shifted == 0.0 else ({n}_shifted + {n}_base) / {width}{unit}",
            "std": f"sqrt({n}_m2 / {width}){unit} if {n}_m2 > 0.0 else 0.0",
            "sum_over": f"({n}_shifted + {n}_base){unit}",
        }
        return store, f"{load}stop = stop or {n}_scale != 1.0; "

    def _zscore(self) -> None:
        n, width = self.name, float(self.series.width)
        score = f"({self.value} - {n}_anchor - {n}_shifted / {width}) / sqrt({n}_m2 / {width})"
        self.before.append(f'{n}_zscore = {n}.statistics["{ZScore.name}"]; {n}_newest = {n}_zscore.newest')
        self.each.append(f"{n}_newest = {score} if {n}_m2 > 0.0 else NAN")
        self.after.append(f"{n}_zscore.newest = {n}_newest")
        self.readers["zscore"] = f"{n}_newest"

    def _queue(self, statistic: str, beaten: str, function: str) -> None:
        n, value = f"{self.name}_{statistic}", self.value
        self.before.append(f'{n} = {self.name}.statistics["{statistic}"].queue')
        self.each += [
            f"if {n}[0] == {self.name}_old: {n}.popleft()",
            f"while {n} and {n}[-1] {beaten} {value}: {n}.pop()",
            f"{n}.append({value})",
        ]
        self.readers[function] = f"{n}[0]"

    def _ranks(self) -> None:
        n = f"{self.name}_ranks"
        self.before.append(f'{n} = {self.name}.statistics["{Ranks.name}"].sorted')
        self.each += [f"del {n}[bisect_left({n}, {self.name}_old)]", f"insort({n}, {self.value} + 0.0)"]
        below, above = f"{n}[{(self.series.width - 1) // 2}]", f"{n}[{self.series.width // 2}]"
        middle = f"({below} + {above}) / 2.0"
        self.readers["median"] = (
            f"{n}_middle if (-INF) < ({n}_middle := {middle}) < INF else {below} / 2.0 + {above} / 2.0"
        )
