"""Whether an alert is silenced: what matches a silence in force is decided, listed and counted as ever, but not sent. Pure.

Title, run and project are globs, and a text without wildcards means itself; a level means that level and below. What a silence leaves open
matches everything; what it states must match all together.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from typing import Protocol, TypeVar

from walert.model import Alert, AlertLevel


class Silence(Protocol):
    """What has to be known of a silence. `starts` and `ends` are Unix seconds of the daemon's clock."""

    @property
    def title(self) -> str | None:
        """A glob of the title as written."""

    @property
    def run(self) -> str | None:
        """A glob of the run's name or id."""

    @property
    def project(self) -> str | None:
        """A glob of the run's project."""

    @property
    def level(self) -> str | None:
        """The highest level that is silenced."""

    @property
    def starts(self) -> float:
        """From then on."""

    @property
    def ends(self) -> float:
        """Until then, excluded."""


S = TypeVar("S", bound=Silence)


def silenced_by(alert: Alert, silences: Iterable[S], now: float) -> S | None:
    """The first silence in force at `now` that matches `alert`, or None."""
    return next((one for one in silences if one.starts <= now < one.ends and matches(one, alert)), None)


def matches(silence: Silence, alert: Alert) -> bool:
    """Whether the silence means this alert, whenever it is in force."""
    run = alert.run
    return (
        _is_meant(silence.title, alert.title)
        and _is_meant(silence.run, run.name, run.id)
        and _is_meant(silence.project, run.project or "")
        and (silence.level is None or alert.level.severity <= AlertLevel(silence.level).severity)
    )


def _is_meant(pattern: str | None, *values: str) -> bool:
    # `Loss [val]` is a title before it is a glob.
    return pattern is None or any(value == pattern or fnmatch.fnmatchcase(value, pattern) for value in values)
