"""From samples of healthy runs to rules: what is asked of each metric, and what the runs themselves came to on that scale. Pure.

Every rule asks for persistence (so many samples in a row), since single samples say little; and every threshold lies beyond the worst of
all runs, by as much as they differ and by a quarter at least, more where there are few.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from walert.levels import AlertLevel
from walert.pipeline.suggest.extremes import against_best, against_median, beyond
from walert.pipeline.suggest.values import Learned, Sense, Series, Subject
from walert.rules.spelling import metric
from walert.units import format_duration

SILENCE = 300.0  # seconds: shorter silences are nothing to tell of
WIDTHS = ((200, 20), (100, 10), (30, 5), (10, 3))  # samples of a log -> how many in a row count as persistent
POINTS = (0.25, 0.6)  # of the shortest log: from there on a level is asked for
RISEN, FALLEN = 1.5, 0.6  # no rule speaks below one and a half times, or above six tenths of, a metric's own median
FEW = 3  # logs: with fewer, nothing is said of a metric that only has bounds
OVERFIT = 1.2  # nor while a validation loss is within a fifth of its best


@dataclass(frozen=True, slots=True)
class _Material:
    """A subject and its series. `asks` is how conditions name it, `called` how people do."""

    subject: Subject
    series: Sequence[Series]
    logs: int

    @property
    def asks(self) -> str:
        return metric(self.subject.name)

    @property
    def width(self) -> int:
        usual = median(len(each.values) for each in self.series)
        return next((width for least, width in WIDTHS if usual >= least), 0)

    @property
    def range(self) -> float:
        """From the lowest value of all logs to the highest."""
        return max(max(each.values) for each in self.series) - min(min(each.values) for each in self.series)

    @property
    def positive(self) -> bool:
        return all(min(each.values) > 0 for each in self.series)

    def each(self, measure: Callable[[Series], float | None]) -> tuple[float, ...]:
        """What the measure comes to in each log where there is enough for it."""
        found = (measure(series) for series in self.series)
        return tuple(value for value in found if value is not None and math.isfinite(value))


def learn(subject: Subject, series: Sequence[Series], logs: int) -> list[Learned]:
    """The rules for one subject, from its series in the logs that hold it; `logs` is how many there are in all."""
    filled = [each for each in series if each.values]
    if not filled:
        return []
    material = _Material(subject, filled, logs)
    rules = list(_not_finite(material, series))
    if material.width:
        rules += [rule for learner in _LEARNERS[subject.sense] for rule in learner(material)]
    return rules


def learn_silence(silences: Sequence[float]) -> list[Learned]:
    """One rule on how long a run may be silent, from the longest silence of each log that carries times, in seconds."""
    if not silences:
        return []
    worst = max(silences)
    span = max(SILENCE, math.ceil(3 * worst / 60) * 60.0)
    measured = spread(silences, shown=lambda seconds: format_duration(math.ceil(seconds)))
    return [
        Learned(
            "Run is silent", "", f'stalled("{format_duration(span)}")', AlertLevel.WARN,
            "Nothing was logged for " + format_duration(span) + "; the last record was step {step}.",
            f"The longest silence of each run: {measured}. Three times the longest, and five minutes at least.",
        )
    ]  # fmt: skip


# --- what is asked


def _not_finite(of: _Material, series: Sequence[Series]) -> Iterator[Learned]:
    """Numbers that are none; where healthy runs have some in a row (loss scalers do), half as many again and two more are asked for."""
    sense, lost = of.subject.sense, max(each.lost for each in series)
    if sense is Sense.WITHIN or (sense is Sense.RISES and lost):
        return
    count = sum(len(each.values) for each in series)
    why = f"In none of {count:,} samples." if not lost else f"The longest row of them in a healthy run: {lost}."
    level = AlertLevel.ERROR if sense is Sense.FALLS or of.subject.role == "grad_norm" else AlertLevel.WARN
    yield Learned(
        f"{of.subject.name} is not finite", of.subject.name, f"not isfinite({of.asks})", level,
        f"{of.subject.name} is {_field(of)} at step {{step}}.", why, for_=str(lost + lost // 2 + 2) if lost else None,
    )  # fmt: skip


def _risen(of: _Material) -> Iterator[Learned]:
    """A row of samples far above what the metric was lately."""
    if of.subject.role == "lr":
        return  # warm-up and restarts are meant
    width, base, least = of.width, of.width * 5, of.width * 2
    x, name, ratio = of.asks, of.subject.name, of.positive
    found = of.each(lambda s: against_median(s.values, width, base, least, True, ratio))
    window = f"median({x}, {base}, min={least})"
    shape = f"min_over({x}, {width}) > {{x}} * {window}" if ratio else f"min_over({x}, {width}) - {window} > {{x}}"
    if found:
        yield Learned(
            f"{name} stays above what it was", name, shape, AlertLevel.WARN,
            f"{name} is {_field(of)} at step {{step}}: {width} times in a row it was further above its median than in any healthy run.",
            f"The lowest of {width} samples {'as a multiple of' if ratio else 'less'} the median of the last {base}, at its highest in each run",
            found, neutral=1.0 if ratio else 0.0, margin=0.0 if ratio else of.range / 10, least=RISEN if ratio else None,
        )  # fmt: skip


def _dropped(of: _Material) -> Iterator[Learned]:
    """A row of samples far below what the metric was lately."""
    width, base, least = of.width, of.width * 5, of.width * 2
    x, name = of.asks, of.subject.name
    found = of.each(lambda s: against_median(s.values, width, base, least, False, True)) if of.positive else ()
    if found:
        yield Learned(
            f"{name} stays below what it was", name, f"max_over({x}, {width}) < {{x}} * median({x}, {base}, min={least})", AlertLevel.WARN,
            f"{name} is {_field(of)} at step {{step}}: {width} times in a row it was further below its median than in any healthy run.",
            f"The highest of {width} samples as a multiple of the median of the last {base}, at its lowest in each run",
            found, upper=False, neutral=1.0, least=FALLEN, limit=0.0,
        )  # fmt: skip


def _level(of: _Material) -> Iterator[Learned]:
    """Where every run was by a certain step."""
    upper, x, name, width = of.subject.sense is Sense.FALLS, of.asks, of.subject.name, of.width
    side = "above" if upper else "below"
    begin = median(median(each.values[:width]) for each in of.series)
    shortest = min(each.steps[-1] for each in of.series)
    window, sign = ("min_over", ">") if upper else ("max_over", "<")
    for since in dict.fromkeys(
        _round(math.ceil(shortest * part) if shortest > 8 else shortest * part, up=True) for part in POINTS
    ):
        found = of.each(lambda s, since=since: beyond(s.values, s.steps, width, since, upper))  # type: ignore[misc]
        if len(found) == len(of.series) and all((v < begin) if upper else (v > begin) for v in found):
            yield Learned(
                f"{name} is {'higher' if upper else 'lower'} than it should be from step {since:.15g} on", name,
                f"{window}({x}, {width}) {sign} {{x}} and step >= {since:.15g}", AlertLevel.WARN,
                f"{name} is {_field(of)} at step {{step}}: no healthy run was {side} {{x}} for {width} samples by then.",
                f"The {'highest' if upper else 'lowest'} that {width} samples in a row all passed from step {since:.15g} on, in each run",
                found, upper=upper, neutral=begin, limit=begin,
            )  # fmt: skip


def _past_best(of: _Material) -> Iterator[Learned]:
    """A validation metric that has left its best behind."""
    upper, x, name, width = of.subject.sense is Sense.FALLS, of.asks, of.subject.name, of.width
    if of.subject.role == "loss" or (upper and not of.positive):
        return
    found = of.each(lambda s: against_best(s.values, width, upper))
    shape = (
        f"min_over({x}, {width}) > {{x}} * best_min({x})"
        if upper
        else f"best_max({x}) - max_over({x}, {width}) > {{x}}"
    )
    if found:
        least = OVERFIT if upper else of.range / 10
        yield Learned(
            f"{name} has left its best behind", name, shape, AlertLevel.WARN,
            f"{name} is {_field(of)} at step {{step}}: {width} times in a row it was further from its best than in any healthy run.",
            f"The {'lowest of' if upper else 'best less the highest of'} {width} samples{' as a multiple of the best' if upper else ''}, "
            "at its highest in each run",
            found, neutral=1.0 if upper else 0.0, least=least,
        )  # fmt: skip


def _bounds(of: _Material) -> Iterator[Learned]:
    """The bounds within which a metric stayed, whatever it means."""
    if of.logs < FEW:
        return
    x, name, width = of.asks, of.subject.name, of.width
    lowest = min(min(each.values) for each in of.series)
    middle = median(median(each.values) for each in of.series)
    for upper in (True, False):
        window, sign, word = ("min_over", ">", "above") if upper else ("max_over", "<", "below")
        found = of.each(lambda s, upper=upper: beyond(s.values, s.steps, width, -math.inf, upper))  # type: ignore[misc]
        if found:
            yield Learned(
                f"{name} is {word} its bounds", name, f"{window}({x}, {width}) {sign} {{x}}", AlertLevel.INFO,
                f"{name} is {_field(of)} at step {{step}}: no healthy run was {word} {{x}} for {width} samples.",
                f"The {'highest' if upper else 'lowest'} that {width} samples in a row all passed, in each run",
                found, upper=upper, neutral=middle, margin=of.range / 4, limit=0.0 if lowest >= 0 and not upper else None,
            )  # fmt: skip


def _ceiling(of: _Material) -> Iterator[Learned]:
    """The highest that a metric may be, in three samples in a row."""
    x, name = of.asks, of.subject.name
    found = of.each(lambda s: beyond(s.values, s.steps, 3, -math.inf, True))
    if found:
        yield Learned(
            f"{name} is above its bounds", name, f"min_over({x}, 3) > {{x}}", AlertLevel.WARN,
            f"{name} is {_field(of)} at step {{step}}: no healthy run was above {{x}} three times in a row.",
            "The highest that three samples in a row all passed, in each run", found,
        )  # fmt: skip


_Learner = Callable[[_Material], Iterator[Learned]]
_LEARNERS: Mapping[Sense, tuple[_Learner, ...]] = {
    Sense.FALLS: (_risen, _level, _past_best),
    Sense.RISES: (_level, _past_best),
    Sense.LOW: (_risen, _ceiling),
    Sense.HIGH: (_dropped,),
    Sense.WITHIN: (_bounds,),
}


# --- thresholds


def threshold(rule: Learned, widened: int = 0) -> float | None:
    """Where the threshold lies, widened so many times over; None where the rule has none."""
    return _beyond_all(rule, rule.extremes, widened) if rule.extremes else None


def says_nothing(rule: Learned, value: float | None) -> bool:
    """Whether the threshold lies where no failure would cross it: past where runs begin, or past nothing at all."""
    if value is None or rule.limit is None:
        return False
    return value >= rule.limit if rule.upper else value <= rule.limit


def left_out(rule: Learned) -> int | None:
    """How many logs would cross the threshold that the others alone give; None for one log alone."""
    if len(rule.extremes) < 2:
        return None
    crossed = 0
    for i, extreme in enumerate(rule.extremes):
        others = _beyond_all(rule, (*rule.extremes[:i], *rule.extremes[i + 1 :]), 0)
        crossed += extreme > others if rule.upper else extreme < others
    return crossed


def _beyond_all(rule: Learned, extremes: Sequence[float], widened: int) -> float:
    """The worst, and past it by the spread of the runs or a quarter of the way from what is usual; by more where there are few."""
    worst = max(extremes) if rule.upper else min(extremes)
    spread_of_runs, usual = abs(worst - median(extremes)), 0.25 * abs(worst - rule.neutral)
    slack = max(spread_of_runs, usual, rule.margin) * (1 + 2 / len(extremes)) * 2**widened
    value = worst + slack if rule.upper else worst - slack
    if rule.least is not None:
        value = max(value, rule.least) if rule.upper else min(value, rule.least)
    return _round(value, up=rule.upper)


def _round(value: float, up: bool) -> float:
    """Three digits, away from the runs."""
    if not value or not math.isfinite(value):
        return value
    digits = 2 - math.floor(math.log10(abs(value)))
    rounded = round(value, digits)
    if (rounded < value) if up else (rounded > value):
        rounded = round(rounded + (10.0**-digits if up else -(10.0**-digits)), digits)
    return rounded


def spread(values: Sequence[float], upper: bool = True, shown: Callable[[float], str] = "{:.4g}".format) -> str:
    """The median, the tenth that is worst, and the worst of some values, as people read it."""
    ordered = sorted(values, reverse=not upper)
    tenth = ordered[math.ceil(0.9 * len(ordered)) - 1]
    return f"median {shown(median(ordered))}, worst tenth {shown(tenth)}, worst {shown(ordered[-1])}"


def _field(of: _Material) -> str:
    """The metric's value in a text."""
    return "{" + of.asks + ":.4g}"
