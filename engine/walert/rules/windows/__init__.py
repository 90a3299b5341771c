"""What conditions remember of the past: windows over the last finite samples, and running values such as `ema`.

    shelf = Shelf()                                        # of one metric (or of one condition's judgements)
    mean = shelf.reader("mean", kind="samples", amount=100)
    shelf.push(0.7, step=12.0, time=1_700_000_000.0)       # finite samples only
    mean()                                                 # a float, NaN where arithmetic has no answer, or MISSING

Windows of one metric share its samples; `mean`, `std`, `sum_over`, `slope` and `zscore` of one window share one running computation. A push
costs O(1) whatever the window's length (order statistics: O(log n) and the move of an array). `dump` and `load` are exact: a fold that
goes on from a dump answers bit for bit as one that never stopped.
"""

from __future__ import annotations

from walert.rules.windows.ranges import RangeSeries
from walert.rules.windows.running import Best, Ema, First, Streak
from walert.rules.windows.samples import SampleSeries
from walert.rules.windows.series import MISSING, Series
from walert.rules.windows.shelf import FUNCTIONS, Shelf, joined

__all__ = [
    "FUNCTIONS",
    "MISSING",
    "Best",
    "Ema",
    "First",
    "RangeSeries",
    "SampleSeries",
    "Series",
    "Shelf",
    "Streak",
    "joined",
]
