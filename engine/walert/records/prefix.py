"""The text that a logging framework writes before the JSON of a line."""

from __future__ import annotations

import re
from typing import Final

from walert.errors import ConfigError

REACH: Final = 512
"""Characters of a line in which a prefix may match: a pattern that backtracks stays within milliseconds."""


_ANYTHING: Final = re.compile(r"(?<!\\)\.(?:[*+]|\{\d*,\d*\})")
_MOST_ANYTHING: Final = 2
"""Each repetition that matches anything multiplies the places at which a hostile line makes the pattern try again."""


class Prefix:
    """A `prefix` option, compiled. Raises ConfigError on a pattern that is invalid or may take exponential time."""

    __slots__ = ("_pattern",)

    def __init__(self, pattern: str) -> None:
        if _repeats_a_repeat(pattern):
            raise ConfigError(f"prefix: {pattern!r} repeats a group that repeats or chooses; repeat a [class] instead")
        if len(_ANYTHING.findall(pattern)) > _MOST_ANYTHING:
            raise ConfigError(
                f"prefix: {pattern!r} repeats `.` more than {_MOST_ANYTHING} times; repeat a [class] instead"
            )
        try:
            self._pattern = re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise ConfigError(f"prefix: {pattern!r} is no regular expression: {error}") from None

    def drop(self, data: bytes) -> bytes:
        """The line without its prefix; the whole line where there is none."""
        head = data[:REACH].decode("utf-8", "surrogateescape")
        match = self._pattern.match(head)
        return data[len(head[: match.end()].encode("utf-8", "surrogateescape")) :] if match else data


def _repeats_a_repeat(pattern: str) -> bool:
    """Whether a group that holds a repetition or an alternative is itself repeated: the exponential patterns."""
    holds = [False]
    closed = False  # the group that ended just before this character holds one
    position = 0
    while position < len(pattern):
        character = pattern[position]
        if closed and character in "*+{":
            return True
        closed = False
        if character == "[":
            position = _class_end(pattern, position)
        elif character == "(":
            holds.append(False)
            position += pattern.startswith("(?", position)  # that question mark repeats nothing
        elif character == ")" and len(holds) > 1:
            closed = holds.pop()
            holds[-1] |= closed
        elif character in "*+?{|":
            holds[-1] = True
        position += 2 if character == "\\" else 1
    return False


def _class_end(pattern: str, position: int) -> int:
    """The position of the bracket that closes the character class which opens here."""
    position += 2 if pattern.startswith("[^", position) else 1
    position += pattern.startswith("]", position)
    while position < len(pattern) and pattern[position] != "]":
        position += 2 if pattern[position] == "\\" else 1
    return position
