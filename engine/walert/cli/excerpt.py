"""The line that a problem is about, with a caret under its place, fit for a terminal."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from walert.documents import printable

WIDTH = 110
_MARGIN = "    "


def excerpt(lines: Sequence[str], line: int, column: int) -> list[str]:
    """The 1-based `line` of `lines` and a caret under the 1-based `column`; nothing when there is no such line."""
    if not 1 <= line <= len(lines) or not lines[line - 1].strip():
        return []
    # A file may hold escape sequences and marks that turn the reading direction: nothing of that reaches the terminal.
    text = printable(lines[line - 1].replace("\t", " "))
    at = min(column - 1, len(text))
    start = max(0, at - WIDTH * 2 // 3) if len(text) > WIDTH else 0
    cut = text[start : start + WIDTH]
    head, tail = "…" if start else "", "…" if start + WIDTH < len(text) else ""
    return [f"{_MARGIN}{head}{cut}{tail}", f"{_MARGIN}{' ' * len(head)}{_blank(cut[: at - start])}^"]


def _blank(text: str) -> str:
    return " " * sum(_width(char) for char in text)


def _width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
