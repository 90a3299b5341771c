"""What a condition's author is told: findings with an offset into the condition's text, all of them in one pass."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """One thing wrong at `offset` (characters into the condition); `code` is stable, `hint` may be empty."""

    offset: int
    code: str
    what: str
    hint: str = ""


class ConditionError(ValueError):
    """The text is no condition; `problems` holds every finding."""

    def __init__(self, problems: list[Finding]) -> None:
        super().__init__("; ".join(p.what for p in problems))
        self.problems = problems
