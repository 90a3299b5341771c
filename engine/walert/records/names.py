"""What keys and spellings mean: one separator, the step and time keys, numbers written as text."""

from __future__ import annotations

from math import inf, isfinite, nan
from typing import Final

STEP_KEYS: Final = (
    "_step",
    "step",
    "global_step",
    "global_step/max_steps",  # ms-swift: "10/100"
    "trainer/global_step",
    "current_steps",
    "iteration",
    "training_iteration",
    "iter",
    "num_updates",
    "num_timesteps",
    "time/total_timesteps",
    "total_timesteps",
    "update",
    "batch",
    "epoch",
)
"""Where a record's step is looked for, first to last."""

FRACTION_KEY: Final = "global_step/max_steps"
"""The one key whose text `10/100` is a step without the source naming it."""

WITHIN_EPOCH: Final = frozenset({"iter", "batch"})
"""Keys that count within an epoch, and so are no step, when `epoch` stands beside them."""

TIME_KEYS: Final = ("_timestamp", "timestamp", "ts", "time_us", "time", "created_at", "wall_time")
"""Where a record's time is looked for, first to last."""

EPOCH_KEYS: Final = ("epoch", "train/epoch")

NON_FINITE: Final = {
    "NaN": nan,
    "nan": nan,
    "null": nan,
    "Infinity": inf,
    "-Infinity": -inf,
    "inf": inf,
    "-inf": -inf,
}
"""The only texts that are numbers without the source saying so."""

_NUMBER_ENDS: Final = tuple("0123456789.")


def normal(key: str) -> str:
    """The metric name of a key: `/` and `.` are the same separator.

    Nothing else changes: spaces stay, and so do leading, trailing and doubled separators (`/loss` is not `loss`). A
    lone surrogate, which no file, terminal or message can carry, becomes `?`.
    """
    name = key.replace(".", "/")
    return name if name.isascii() else name.encode("utf-8", "replace").decode("utf-8")


def number(text: str) -> float | None:
    """The number that a text spells, or None.

    Plain decimal spellings and those of `NON_FINITE`; a number too large for a float is infinite, as in JSON. Python's
    own extras (`1_000`, `infinity`, digits of other scripts) are text.
    """
    try:
        value = float(text)
    except ValueError:
        return NON_FINITE.get(text.strip())
    if isfinite(value):
        return None if "_" in text or not text.isascii() else value
    text = text.strip()
    return value if text.endswith(_NUMBER_ENDS) and "_" not in text and text.isascii() else NON_FINITE.get(text)


def counted(text: str) -> float | None:
    """The step that a text spells: `10`, or the 10 of `10/100`; None if it spells none that is finite."""
    value = number(text.partition("/")[0])
    return value if value is not None and isfinite(value) else None


def as_float(value: float) -> float:
    """A number as a float; an integer too large for one is infinite."""
    try:
        return float(value)
    except OverflowError:
        return inf if value > 0 else -inf
