"""Attempts: how a file shows that its run went back to an earlier step, and went on from there.

Steps are kept per metric, since writers number their validation lines apart (mmengine counts epochs there). A record goes back when some
metric's step is below its last one and no metric's is above its last one or new.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any

from walert.model import Record

INTERLEAVED_AFTER = 10  # records that go back, among WITHIN records: several writers, no restarts
WITHIN = 100


class Return(StrEnum):
    """What a record is to the attempts of its file."""

    NONE = "goes on"
    ATTEMPT = "a new attempt from an earlier step"
    FRESH = "from the file's first step: a fresh start"


class Attempts:
    """The attempts of one file. `number` counts from 1; `interleaved` is set once and for good."""

    def __init__(self) -> None:
        self.number = 1
        self.interleaved = False
        self.last: dict[str, float] = {}
        self.highest = float("-inf")
        self.first: float | None = None
        self.announced = False  # a start record came, the first step after it is not known yet
        self.count = 0
        self.returns: list[int] = []  # the ordinals of the newest records that went back

    def start(self) -> None:
        """A start record: the next step begins an attempt, unless it is the file's first."""
        self.announced = self.first is not None

    def see(self, record: Record) -> Return:
        """What `record` is; its steps are taken note of."""
        if not record.has_step or not record.metrics:
            return Return.NONE
        self.count += 1
        if self.first is None:
            self.first = record.step
        verdict = self._verdict(record)
        if verdict is not Return.NONE:
            self._begin(record.step, verdict)
        for name in record.metrics:
            self.last[name] = record.step
        self.highest = max(self.highest, record.step)
        return verdict

    def went_on(self, names: Iterable[str], step: float, count: int) -> None:
        """So many records of these metrics came, each at a higher step than any before; `step` is the last one's."""
        self.count += count
        self.last.update(dict.fromkeys(names, step))
        self.highest = step

    def _verdict(self, record: Record) -> Return:
        announced, self.announced = self.announced, False
        back = record.step <= self.highest and self._goes_back(record)
        if back and not announced:
            self._count_return()
        if self.interleaved or not (back or announced):
            return Return.NONE
        assert self.first is not None
        return Return.FRESH if record.step <= self.first else Return.ATTEMPT

    def _goes_back(self, record: Record) -> bool:
        last = [self.last.get(name) for name in record.metrics]
        ahead = any(step is None or step < record.step for step in last)
        return not ahead and any(step is not None and step > record.step for step in last)

    def _count_return(self) -> None:
        self.returns = [*self.returns[-INTERLEAVED_AFTER:], self.count]
        if len(self.returns) > INTERLEAVED_AFTER and self.count - self.returns[0] < WITHIN:
            self.interleaved = True

    def _begin(self, step: float, verdict: Return) -> None:
        self.number += 1
        if verdict is Return.FRESH:
            self.last.clear()
            self.first = self.highest = step
            return
        # What was logged beyond this step will be logged again: that is no second going back.
        self.last = {name: min(last, step) for name, last in self.last.items()}
        self.highest = step

    def dump(self) -> list[Any]:
        """Plain builtins for the state file."""
        return [
            self.number, self.interleaved, dict(self.last), self.highest, self.first, self.announced, self.count, list(self.returns)
        ]  # fmt: skip

    @classmethod
    def load(cls, state: list[Any]) -> Attempts:
        """The attempts that `dump` described."""
        made = cls()
        made.number, made.interleaved, last, made.highest, made.first, made.announced, made.count, returns = state
        made.last, made.returns = dict(last), list(returns)
        return made


def steps_of(attempts: Attempts) -> Mapping[str, float]:
    """The newest step of each metric, for `explain` and tests."""
    return attempts.last
