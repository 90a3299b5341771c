"""What a test of rules is made of: the case as written, what happened when it was judged, and what was expected to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from walert.model import AlertLevel, Happening, Run
from walert.pipeline.ruletest.notation import Cell

LIFECYCLE_TITLES = ("Run finished", "Run failed")  # what walert itself says at the end of a run


@dataclass(frozen=True, slots=True)
class Call:
    """An `alert()` call, made right after a record was logged; None for what the call does not name."""

    at: int
    title: str
    text: str
    level: AlertLevel | None
    wait_duration: float | None


@dataclass(frozen=True, slots=True)
class Expectation:
    """One happening that must be, at record `at`. None, and values not named, are not compared. `index` is its place in `expect`."""

    at: int
    happening: Happening
    title: str
    level: AlertLevel | None = None
    text: str | None = None
    text_contains: str | None = None
    suppressed: int | None = None
    values: Mapping[str, float] = field(default_factory=dict)
    index: int = 0


@dataclass(frozen=True, slots=True)
class Case:
    """One test. Records count from 1; `end` stands at `len(steps) + 1`. A series that ends early is missing from there on.

    `times` are Unix seconds, None for records without a time. `only` are the titles looked at, None for all.
    """

    name: str
    index: int
    line: int
    run: Run
    steps: Sequence[float]
    times: Sequence[float] | None
    series: Mapping[str, Sequence[Cell]]
    calls: Sequence[Call]
    end: Literal["finished", "failed"] | None
    expect: Sequence[Expectation]
    only: frozenset[str] | None

    @property
    def records(self) -> int:
        """How many records are judged."""
        return len(self.steps)


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened at record `at`, as `walert replay` tells it. `lifecycle` is walert's own word at the end of a run."""

    at: int
    happening: Happening
    title: str
    level: AlertLevel
    values: Mapping[str, float]
    text: str
    suppressed: int
    lifecycle: bool = False
