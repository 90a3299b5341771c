"""What flows through `walert suggest`: what a log holds, what was measured of a metric, and the rules learned from it. Frozen, no behaviour."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from walert.levels import AlertLevel
from walert.pipeline.logs import LogFile


class Sense(StrEnum):
    """What is good for a metric."""

    FALLS = "to fall"
    RISES = "to rise"
    LOW = "to stay low"
    HIGH = "to stay high"
    WITHIN = "to stay within bounds"


@dataclass(slots=True)
class Extent:
    """A metric of one log: how many samples, their bounds, and whether they only ever went one way. Filled sample by sample."""

    count: int = 0
    not_finite: int = 0
    low: float = float("inf")
    high: float = float("-inf")
    newest: float | None = None
    rises: bool = True
    falls: bool = True
    first_step: float = 0.0
    last_step: float = 0.0


@dataclass(slots=True)
class LogFacts:
    """One log: its records, its metrics, what each role of the packs stands for in it, and its longest silence in seconds."""

    file: LogFile
    records: int = 0
    bad_lines: int = 0
    first_bad: int = 0
    timed: int = 0
    silence: float = 0.0
    metrics: dict[str, Extent] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    crowded: bool = False  # more metrics than are looked at


@dataclass(frozen=True, slots=True)
class Subject:
    """What rules are learned about: a metric, or a role where logs name it differently. `names` are its names, the first to be tried first."""

    name: str
    names: tuple[str, ...]
    sense: Sense
    role: str | None

    @property
    def is_role(self) -> bool:
        """Whether the rules name a role of `aliases`."""
        return self.names != (self.name,)


@dataclass(frozen=True, slots=True)
class Series:
    """The finite samples of a subject in one log, with their steps; `lost` is the longest row of samples that were no numbers."""

    values: array[float]
    steps: array[float]
    lost: int


@dataclass(frozen=True, slots=True)
class Learned:
    """A rule with one learned threshold.

    `shape` is its condition with `{x}` where the threshold stands; `extremes` are the worst value of each log on that scale, and the
    threshold lies beyond the worst of them, upwards if `upper`, by `margin` at least and never under `least`. `why` says what was measured.
    """

    title: str
    subject: str
    shape: str
    level: AlertLevel
    text: str
    why: str
    extremes: tuple[float, ...] = ()
    upper: bool = True
    neutral: float = 0.0
    margin: float = 0.0
    least: float | None = None
    limit: float | None = None  # past which the rule would say nothing: then it is dropped
    for_: str | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A learned rule with its threshold set. `left_out` counts the logs that would cross it if it were learned from the others alone."""

    learned: Learned
    threshold: float | None
    when: str
    left_out: int | None
    widened: int = 0


@dataclass(frozen=True, slots=True)
class Basis:
    """What it all was learned from."""

    logs: tuple[str, ...]
    runs: int
    records: int
    subjects: tuple[Subject, ...]
    notes: Mapping[str, str]  # of each subject: how many logs, samples, from where to where
    partial: frozenset[str]  # subjects that some logs do not hold
    set_aside: tuple[str, ...]  # metrics that no rule is made for, each with its reason
