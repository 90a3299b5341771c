"""Two rule sets over the same logs: what the one says and the other does not. Each file is read once, for both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from walert.model import BadLine
from walert.pipeline.carried import RunRules
from walert.pipeline.logs import LogFile, batches
from walert.pipeline.replay import Replay
from walert.rules.plan import RuleSet

ADDED, REMOVED = "added", "removed"
COMPARED = ("firing", "message")
Row = dict[str, Any]


@dataclass(slots=True)
class Differences:
    """A replay by the rules as they are (`after`) against one by the rules as they were. Iterate `changes()`, then read `counts`."""

    before_rules: RuleSet
    after_rules: RuleSet
    files: Sequence[LogFile]
    on_bad_line: Callable[[LogFile, BadLine], None] | None = None
    carry: bool = False  # whether the rules that runs carry judge them, on both sides
    tell: Callable[[str], None] = lambda text: None
    counts: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)  # (run, title, change, happening)
    before: Replay = field(init=False)
    after: Replay = field(init=False)

    def __post_init__(self) -> None:
        """The two replays."""
        before, after = (RunRules(rules, self.tell) for rules in (self.before_rules, self.after_rules))
        self.before = Replay(self.before_rules, self.files, carried=before if self.carry else None)
        self.after = Replay(self.after_rules, self.files, self.on_bad_line, carried=after if self.carry else None)

    def changes(self, on_read: Callable[[int], None] = lambda size: None) -> Iterator[Row]:
        """Each firing and message that only one of the two has, with `change`; file by file, by line, what is removed first.

        `on_read` hears how many bytes each batch took. Raises `OSError` for a file that cannot be read.
        """
        for file in self.files:
            old: list[Row] = []
            new: list[Row] = []
            for batch, size in batches(file):
                old += _compared(self.before.take(file, batch))
                new += _compared(self.after.take(file, batch))
                on_read(size)
            self.before.end(file)
            self.after.end(file)
            for row in difference(old, new):
                self.counts[row["run"], row["title"], row["change"], row["happening"]] += 1
                yield row

    def total(self, change: str, happening: str) -> int:
        """How many happenings of a kind the change adds or removes."""
        return sum(n for (_, _, c, h), n in self.counts.items() if (c, h) == (change, happening))

    def row(self) -> Row:
        """The summary object: of the replay by the rules as they are, with what the change adds and removes."""
        more = {f"{c}_{h}": self.total(c, h) for c in (ADDED, REMOVED) for h in COMPARED}
        return self.after.totals.row() | more


def _compared(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row["happening"] in COMPARED]


def difference(old: Sequence[Row], new: Sequence[Row]) -> list[Row]:
    """The rows of one file that only one side has. Where a rule stands in its file, and how it spells its condition, is no difference."""
    gone, came = Counter(map(_identity, old)), Counter(map(_identity, new))
    rows = [*_only(old, gone - came, REMOVED), *_only(new, came - gone, ADDED)]
    return sorted(rows, key=lambda row: row["line"])


def _only(rows: Iterable[Row], more: Counter[tuple[Any, ...]], change: str) -> Iterator[Row]:
    for row in rows:
        key = _identity(row)
        if more[key]:
            more[key] -= 1
            yield {"change": change} | row


def _identity(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What makes two happenings the same: their place, title and level; a message also says the same."""
    place = (row["run"], row["file"], row["line"], row["happening"], row["title"], row["level"])
    return (*place, row["text"]) if row["happening"] == "message" else place
