"""From a character of a value back to the file: through quotes, escapes, folded lines and blocks.

The walk gives one index into the text for each character of the value. When it counts differently from the parser, which it should not,
the answer is where the value begins: near, and never wrong by a line that does not exist.
"""

from __future__ import annotations

import re
from functools import lru_cache

from walert.documents.compose import Place

_WHITE = re.compile(r"[ \t\r\n]+")
_BREAK = re.compile(r"\r\n|\r|\n")
_ESCAPES = {"x": 4, "u": 6, "U": 10}


def source_index(text: str, place: Place, offset: int) -> int:
    """The index into `text` of the value's character `offset`; of its end for an offset at or past it."""
    if place.style in ("{", "*") or not place.value:
        return place.start
    found = _traced(text, place)
    if len(found) != len(place.value):
        return place.start
    if offset >= len(found):
        return found[-1] + 1
    return found[max(0, offset)]


@lru_cache(maxsize=1)
def _traced(text: str, place: Place) -> tuple[int, ...]:
    # Problems come value by value: those of one value walk it once.
    return tuple(_block(text, place) if place.style in ("|", ">") else _flow(text, place))


def _flow(text: str, place: Place) -> list[int]:
    quote = place.style
    at, stop = (place.start + 1, place.end - 1) if quote else (place.start, place.end)
    found: list[int] = []
    while at < stop:
        white = _WHITE.match(text, at, stop)
        if white:
            found += _folded(text, at, white.end())
            at = white.end()
        elif quote == '"' and text[at] == "\\":
            at = _escape(text, at, stop, found)
        else:
            found.append(at)
            at += 2 if quote == "'" and text[at] == "'" else 1
    return found


def _folded(text: str, start: int, end: int) -> list[int]:
    breaks = [m.start() for m in _BREAK.finditer(text, start, end)]
    if not breaks:
        return list(range(start, end))
    return breaks[1:] or breaks


def _escape(text: str, at: int, stop: int, found: list[int]) -> int:
    if text[at + 1] in "\r\n":
        white = _WHITE.match(text, at + 1, stop)
        end = white.end() if white else at + 2
        found += [m.start() for m in _BREAK.finditer(text, at + 1, end)][1:]
        return end
    found.append(at)
    return at + _ESCAPES.get(text[at + 1], 2)


def _block(text: str, place: Place) -> list[int]:
    header = _BREAK.search(text, place.start)
    if header is None:
        return []
    lines = _lines(text, header.end(), place.value)
    return _literal(lines, len(place.value)) if place.style == "|" else _folded_block(text, lines, len(place.value))


def _lines(text: str, at: int, value: str) -> list[tuple[int, int]]:
    """Start and end of each line's content, indentation taken off, as long as the value may go on."""
    indent = _indent(text, at, value)
    lines: list[tuple[int, int]] = []
    while at <= len(text) and len(lines) <= 2 * len(value) + 2:
        found = _BREAK.search(text, at)
        end = found.start() if found else len(text)
        lines.append((min(at + indent, end), end))
        if found is None:
            break
        at = found.end()
    return lines


def _indent(text: str, at: int, value: str) -> int:
    body = value.lstrip("\n")
    content = re.compile(r"(?:[ ]*(?:\r\n|\r|\n))*").match(text, at)
    first = content.end() if content else at
    spaces = len(text[first:]) - len(text[first:].lstrip(" "))
    return spaces - (len(body) - len(body.lstrip(" ")))


def _literal(lines: list[tuple[int, int]], length: int) -> list[int]:
    found: list[int] = []
    for start, end in lines:
        found += range(start, end + 1)
        if len(found) >= length:
            break
    return found[:length]


def _folded_block(text: str, lines: list[tuple[int, int]], length: int) -> list[int]:
    found: list[int] = []
    held: list[int] = []  # line breaks whose fate the next line decides
    before_more = True  # a break after nothing, or beside a line that is indented further, stays a break
    for start, end in lines:
        if start == end:
            held.append(end)
            continue
        more = text[start] in " \t"
        found += held if before_more or more or len(held) == 1 else held[1:]
        found += range(start, end)
        held, before_more = [end], more
        if len(found) >= length:
            break
    return (found + held)[:length]
