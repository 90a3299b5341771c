"""Which keys of a record are its step, its time and its epoch: decided once for each set of keys."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import Final, NamedTuple

from walert.model import Source
from walert.records.names import EPOCH_KEYS, FRACTION_KEY, STEP_KEYS, TIME_KEYS, WITHIN_EPOCH, normal
from walert.records.times import from_number, from_text


class Plan(NamedTuple):
    """Names of one shape. `steps` and `times` may serve, first to last; `counters` are step keys that may not."""

    steps: tuple[str, ...]
    counters: tuple[str, ...]
    times: tuple[str, ...]
    epochs: tuple[str, ...]


class Planner:
    """What a source says about step and time. Its own keys come before the ones that everybody writes."""

    __slots__ = ("_named", "_steps", "counters", "texts", "times")

    def __init__(self, source: Source) -> None:
        self._named = tuple(normal(key) for key in source.step)
        self._steps = tuple(dict.fromkeys((*self._named, *STEP_KEYS)))
        self.times: Final = tuple(dict.fromkeys((*(normal(key) for key in source.time), *TIME_KEYS)))
        self.texts: Final = frozenset((*self._named, FRACTION_KEY))
        """Keys whose text may be a step, such as `10/100`."""
        self.counters: Final = frozenset((*self._steps, *self.times, *EPOCH_KEYS))
        """Keys that say which record it is."""

    def plan(self, names: Iterable[str]) -> Plan:
        """The plan for records with these numeric names. `iter` and `batch` beside a numeric `epoch` are no step."""
        present = frozenset(names)
        within = (WITHIN_EPOCH if "epoch" in present else frozenset()).difference(self._named)
        counters = present.intersection(self._steps)
        return Plan(
            steps=tuple(name for name in self._steps if name in counters and name not in within),
            counters=tuple(sorted(counters & within)),
            times=tuple(name for name in self.times if name in present),
            epochs=tuple(name for name in EPOCH_KEYS if name in present),
        )

    def time(self, numbers: dict[str, float], texts: dict[str, str]) -> float | None:
        """The time of a record some of whose time keys are texts; takes the dates out of `numbers`."""
        found = None
        for name in self.times:
            at = take_time(numbers, (name,))
            if at is None and name in texts:
                at = from_text(texts[name])
            found = at if found is None else found
        return found


def take_epoch(numbers: dict[str, float], plan: Plan) -> float | None:
    """The finite epoch of a record, or None."""
    for name in plan.epochs:
        if -inf < numbers[name] < inf:
            return numbers[name]
    return None


def take_step(numbers: dict[str, float], plan: Plan) -> float | None:
    """The step of a record, or None; takes every step key out of `numbers`."""
    step = None
    for name in plan.steps:
        value = numbers.pop(name)
        if step is None and -inf < value < inf:
            step = value
    for name in plan.counters:
        del numbers[name]
    return step


def take_time(numbers: dict[str, float], names: tuple[str, ...]) -> float | None:
    """The first plausible date among `names`, Unix seconds, or None; takes dates out of `numbers`, not durations."""
    found = None
    for name in names:
        at = from_number(numbers[name]) if name in numbers else None
        if at is not None:
            del numbers[name]
            found = at if found is None else found
    return found
