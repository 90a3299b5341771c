"""How a series is written: `1x10 nan x3 (0.5 _)x4 1..0/10`. A text in, one cell a record out, every mistake with its place.

    sequence = item {space item}        item = (number | word | ramp | "(" sequence ")") ["x" count]
    word = "_" | "null" | "nan" | ["+" | "-"] "inf"        ramp = number ".." number ["/" count]

A count may stand apart from its item (`nan x3`). Nothing is expanded beyond the limit, and nesting is bounded.
"""

from __future__ import annotations

import enum
import math
import re
from dataclasses import dataclass, field

MAX_RECORDS = 100_000
MAX_DEPTH = 10
MAX_SLIPS = 20  # told of a series: who made so many will look again


class Gap(enum.Enum):
    """What a record may hold instead of a number."""

    MISSING = "_"  # the key is not there
    NULL = "null"  # JSON's null: what it means is the source's `nulls` policy


Cell = float | Gap


@dataclass(frozen=True, slots=True)
class Slip:
    """Something wrong in a series; `offset` in characters."""

    offset: int
    what: str
    hint: str = ""


def parse_series(text: str, limit: int = MAX_RECORDS) -> tuple[list[Cell], list[Slip]]:
    """The cells of a series, and everything wrong with it; the cells are of use only when nothing is."""
    parser = _Parser(text, limit)
    try:
        cells = parser.sequence(0)
    except _Stop:
        return [], parser.slips
    if not cells and not parser.slips:
        parser.slips.append(Slip(0, "there is no value in this series.", _EXAMPLES))
    return cells, parser.slips


_NUMBER = r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?"
_RAMP = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?:/(\d+))?", re.ASCII)
_SCALAR = re.compile(rf"{_NUMBER}|(?i:null|nan|[+-]?inf)|_", re.ASCII)
_TIMES = re.compile(r"\s*x(\d+)(?=[\s()]|\Z)", re.ASCII)
_ENDS = re.compile(r"(?:x\d+)?(?:[\s()]|\Z)", re.ASCII)
_WORD = re.compile(r"[^\s()]+")
_SPACE = re.compile(r"\s*")
_EXAMPLES = "Write for example 1.5, 1x10, nan, null, _x3, 1..10, 1..0/10 or (1 2 nan)x3."


class _Stop(Exception):
    """Going on would cost too much."""


@dataclass(slots=True)
class _Parser:
    text: str
    limit: int
    at: int = 0
    slips: list[Slip] = field(default_factory=list)

    def sequence(self, depth: int) -> list[Cell]:
        """Items up to the end, or up to the parenthesis that closes this depth."""
        cells: list[Cell] = []
        while (char := self._next()) and not (char == ")" and depth):
            start = self.at
            if char == ")":
                self._slip(start, "there is no ( for this parenthesis.")
                self.at += 1
                continue
            item = self._group(depth) if char == "(" else self._item()
            times = self._times()
            if len(cells) + len(item) * times > self.limit:
                self._stop(start, f"the series has more than {self.limit:,} records here.")
            cells += item * times
        return cells

    def _next(self) -> str:
        space = _SPACE.match(self.text, self.at)
        self.at = space.end() if space else self.at
        return self.text[self.at : self.at + 1]

    def _group(self, depth: int) -> list[Cell]:
        start, told = self.at, len(self.slips)
        if depth == MAX_DEPTH:
            self._stop(start, f"parentheses are nested deeper than {MAX_DEPTH} levels.")
        self.at += 1
        cells = self.sequence(depth + 1)
        if self.at == len(self.text):
            self._stop(start, "this parenthesis is not closed.")
        self.at += 1
        if not cells and len(self.slips) == told:
            self._slip(start, "there is nothing between these parentheses.")
        return cells

    def _item(self) -> list[Cell]:
        start = self.at
        for pattern, read in ((_RAMP, self._ramp), (_SCALAR, self._scalar)):
            match = pattern.match(self.text, start)
            if match and _ENDS.match(self.text, match.end()):
                self.at = match.end()
                return read(match)
        word = _WORD.match(self.text, start)
        self.at = word.end() if word else start + 1
        self._slip(start, f"`{_short(self.text[start : self.at])}` is no value.", _EXAMPLES)
        return []

    def _scalar(self, match: re.Match[str]) -> list[Cell]:
        word = match[0].lower()
        if word in ("_", "null"):
            return [Gap(word)]
        value = float(word)
        if math.isinf(value) and "inf" not in word:
            self._slip(match.start(), f"`{_short(word)}` is too large for a number.", "Write inf if it is meant.")
        return [value]

    def _ramp(self, match: re.Match[str]) -> list[Cell]:
        first, last = float(match[1]), float(match[2])
        if not math.isfinite(last - first):
            self._slip(match.start(), "this ramp is too large for numbers.")
            return []
        if match[3] is not None:
            return self._divided(first, last, match)
        if first != int(first) or last != int(last) or max(abs(first), abs(last)) > 2**53:
            hint = f"Say how many values: {_short(match[0])}/10."
            self._slip(match.start(), "a ramp without a count goes from one whole number to another.", hint)
            return []
        if abs(last - first) >= self.limit:
            self._stop(match.start(), f"the series has more than {self.limit:,} records here.")
        way = 1 if first <= last else -1
        return [float(n) for n in range(int(first), int(last) + way, way)]

    def _divided(self, first: float, last: float, match: re.Match[str]) -> list[Cell]:
        count = self._count(match[3], match.start(3))
        if count < 2:
            self._slip(match.start(3), "a ramp has at least 2 values.")
            return []
        steps = range(count - 1)
        return [*(first + (last - first) * i / (count - 1) for i in steps), last]

    def _times(self) -> int:
        match = _TIMES.match(self.text, self.at)
        if match is None:
            return 1
        self.at = match.end()
        count = self._count(match[1], match.start(1))
        if count == 0:
            self._slip(match.start(1), "an item cannot stand there no times.", "Leave it out.")
        return count

    def _count(self, digits: str, at: int) -> int:
        if len(digits) > 9 or int(digits) > self.limit:
            self._stop(at, f"the series has more than {self.limit:,} records here.")
        return int(digits)

    def _slip(self, at: int, what: str, hint: str = "") -> None:
        self.slips.append(Slip(at, what, hint))
        if len(self.slips) >= MAX_SLIPS:
            raise _Stop

    def _stop(self, at: int, what: str) -> None:
        self._slip(at, what)
        raise _Stop


def _short(text: str) -> str:
    return text if len(text) <= 30 else text[:29] + "…"
