"""A metric's course in one line of text, for every receiver: `loss ▂▁▁▁▂▅█ 0.31 to 12.4`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from walert.dispatch.wording import from_data
from walert.model import Curve

WIDTH = 24
"""Characters of one metric's course: what fits on a phone beside its name."""
MOST = 2

_BLOCKS = "▁▂▃▄▅▆▇█"
_LEVEL = "▄"  # of what does not move
_NAN, _UP, _DOWN = "×", "↑", "↓"
_DECADES = 1_000.0  # a positive course that spans more is shown by its logarithm


def sparkline(curves: Sequence[Curve]) -> str | None:
    """The courses of the first `MOST` metrics, each with its name and range; None when none has two samples.

    `×` stands for NaN, `↑` and `↓` for infinities: one of them in a stretch is shown whatever else is in it.
    """
    return "   ".join(_course(curve) for curve in curves[:MOST] if len(curve.values) > 1) or None


def _course(curve: Curve) -> str:
    blocks = "".join(marks(curve.values))
    finite = [value for value in curve.values if math.isfinite(value)]
    low, high = (min(finite), max(finite)) if finite else (math.nan, math.nan)
    span = f" {low:.4g}" + (f" to {high:.4g}" if high > low else "") if finite else ""
    return f"{' '.join(from_data(curve.name).split())} {blocks}{span}"


def marks(values: Sequence[float], width: int = WIDTH) -> Iterator[str]:
    """One character a stretch of samples, at most `width` of them."""
    stretches = [stretch for stretch in _stretches(values, width) if stretch]
    means = [_mean(stretch) for stretch in stretches]
    finite = [mean for mean in means if math.isfinite(mean)]
    low, high = (min(finite), max(finite)) if finite else (0.0, 0.0)
    bend = math.log if low > 0 and high / low > _DECADES else float
    bottom, top = bend(low) if finite else 0.0, bend(high) if finite else 0.0
    for mean in means:
        yield _mark(bend(mean) if math.isfinite(mean) else mean, bottom, top)


def _stretches(values: Sequence[float], width: int) -> Iterator[Sequence[float]]:
    """The samples in `width` parts of nearly one size; the newest sample is a part of its own, since it is the news."""
    count = len(values) - 1
    parts = min(width - 1, count)
    for part in range(parts):
        yield values[part * count // parts : (part + 1) * count // parts]
    yield values[count:]


def _mean(stretch: Sequence[float]) -> float:
    """The mean of a stretch; the first that is not finite, if any is."""
    odd = next((value for value in stretch if not math.isfinite(value)), None)
    return odd if odd is not None else math.fsum(value / len(stretch) for value in stretch)


def _mark(value: float, low: float, high: float) -> str:
    if value != value:
        return _NAN
    if math.isinf(value):
        return _UP if value > 0 else _DOWN
    if not high > low:
        return _LEVEL
    span = high - low
    share = (value - low) / span if math.isfinite(span) else (value / 2 - low / 2) / (high / 2 - low / 2)
    return _BLOCKS[min(int(share * len(_BLOCKS)), len(_BLOCKS) - 1)]
