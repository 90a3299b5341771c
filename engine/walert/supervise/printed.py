"""Metrics that a program prints: lines of standard output that are a JSON object or a printed dict, as trainers write them."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from walert.supervise.last_lines import plain

MAX_LINE = 1 << 20  # bytes of a line that are looked at
MAX_LITERAL = 16_384  # characters of a printed dict
MAX_DIGITS = 400  # of a number
_WORDS = re.compile(r"(?<![\w'\"./])(-?)(nan|inf)(?![\w'\"./])")
_SCALARS = re.compile(
    r"\b(?:np\.|numpy\.)?(?:float|int|uint|tensor|array|bfloat)\d*\(([-+0-9.eE]{1,40}|nan|-?inf)[^()]{0,80}\)"
)


class Printed:
    """Takes bytes as they come, gives the metrics of each whole line."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> Iterator[Mapping[str, Any]]:
        """The metrics in what came, line by line. A line that is too long is no record."""
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest if len(rest) <= MAX_LINE else b"\0"
        for line in lines:
            found = metrics_of(line)
            if found is not None:
                yield found


def metrics_of(line: bytes) -> Mapping[str, Any] | None:
    """The numbers of a printed line, nested ones as they are nested; None when it is no object or holds none."""
    if b"{" not in line or len(line) > MAX_LINE or line.startswith(b"\0"):
        return None
    text = plain(line.decode("utf-8", "replace")).rstrip("\r").rpartition("\r")[2].strip()
    if not (text.startswith("{") and text.endswith("}")):
        return None
    value = _json(text)
    found = _numbers(_literal(text) if value is None else value, 0)
    return found if isinstance(found, dict) and found else None


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _literal(text: str) -> Any:
    if len(text) > MAX_LITERAL:
        return None
    text = _WORDS.sub(r"'\1\2'", _SCALARS.sub(r"\1", text))
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _numbers(value: Any, depth: int) -> Any:
    """What of a value can be a metric: numbers, and text that is one; None for the rest."""
    if isinstance(value, dict) and depth < 16:
        found = {str(key): _numbers(item, depth + 1) for key, item in value.items()}
        return {key: item for key, item in found.items() if item is not None and item != {}}
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and len(value) > MAX_DIGITS:
        return None
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return None
