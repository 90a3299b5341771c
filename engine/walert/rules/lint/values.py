"""What the linter is given and what it answers: rules as they stand in their file, what is known around it, and remarks with their places."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from walert.documents import Path
from walert.model import Rule
from walert.rules.expression import Condition


class Remark(NamedTuple):
    """Something that is most likely not meant: at `path` of the document or, with an `offset`, at one character of the text there."""

    path: Path
    offset: int | None
    code: str
    what: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A rule without an error, as it stands in its file at `index`; `defaults` are the keys whose values come from the file's defaults."""

    index: int
    rule: Rule
    when: Condition
    clear: Condition | None
    defaults: frozenset[str] = frozenset()
    enabled: bool = True

    def path(self, key: str) -> Path:
        """Where the value of `key` stands in the document."""
        return ("defaults", key) if key in self.defaults else ("rules", self.index, key)

    def conditions(self) -> Iterator[tuple[str, Condition]]:
        """(`when` or `clear`, the condition there)."""
        yield "when", self.when
        if self.clear is not None:
            yield "clear", self.clear

    def names(self, name: str) -> tuple[str, ...]:
        """What `name`, a metric or a role, may stand for in a log: names and patterns."""
        return self.rule.aliases.get(name, (name,))


@dataclass(frozen=True, slots=True)
class Stride:
    """How a metric comes: samples seen, and the median distance between two of them in steps and in seconds, where there is one."""

    count: int
    steps: float | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Logged:
    """What logs hold: their metrics by name, and how records come."""

    metrics: Mapping[str, Stride]
    records: Stride
    timeless: int = 0  # records without a time


@dataclass(frozen=True, slots=True)
class Around:
    """What is known beside the file: the names and patterns that some rule in force asks to be numbers at all, how many rules each group
    has, and what logs hold."""

    finite: frozenset[str] = frozenset()
    groups: Mapping[str, int] = field(default_factory=dict)
    logged: Logged | None = None
