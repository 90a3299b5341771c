"""What a replay came to, title by title: when each first fired, how often it was told and held back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Line:
    """One title of one run. `first` is the row of its first firing, None for one that never fired (an `alert()`, or only pending)."""

    level: str
    first: Mapping[str, Any] | None = None
    messages: int = 0


@dataclass(slots=True)
class Tally:
    """The lines, in the order in which their titles were first heard of."""

    lines: dict[tuple[str, str], Line] = field(default_factory=dict)

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one happening."""
        line = self.lines.setdefault((row["run"], row["title"]), Line(row["level"]))
        if row["happening"] == "firing" and line.first is None:
            line.first = row
        line.messages += row["happening"] == "message"

    def table(self, held: Mapping[tuple[str, str], int]) -> list[tuple[object, ...]]:
        """Rows of run, title, level, first firing, messages, suppressed; `held` as `Replay.held`."""
        return [
            (run, title, line.level, _place(line.first), line.messages, held.get((run, title), 0))
            for (run, title), line in self.lines.items()
        ]


def _place(row: Mapping[str, Any] | None) -> str:
    return "" if row is None else f"line {row['line']}, step {row['step']}"
