"""What must not be shown of a file: URLs hold tokens and passwords, and an error message or a printed line may hold a URL."""

from __future__ import annotations

import re
from collections.abc import Sequence

_STAR = "*"
_AFTER_SCHEME = re.compile(r"""(?<=://)[^\s"']+""")
_URL_VALUE = re.compile(r"""\burl["']?[ \t]*:[ \t]*("(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s"'][^,}\n]*)""", re.IGNORECASE)
_URL_KEY = re.compile(r"""\burl["']?[ \t]*:(?!//)""", re.IGNORECASE)
# Controls, zero-width and invisible characters, marks that turn the reading direction, tags, lone surrogates. Not among them are the joiners
# that emoji and many scripts need.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u200b\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_SHOWN_OR_NOT = re.compile(r"""(\$\{[A-Za-z_][A-Za-z0-9_]*\})|[^\s"']""")


def mask(text: str) -> str:
    """`text` with everything after a `://` starred out, its length kept."""
    return _AFTER_SCHEME.sub(lambda m: _STAR * len(m[0]), text)


def printable(text: str) -> str:
    """`text` without what would steer a terminal: control characters and marks that turn the reading direction."""
    return text if text.isprintable() else "".join(char if char.isprintable() else "\ufffd" for char in text)


def hidden(text: str, allowed: str = "") -> int | None:
    """Where the first character stands that nobody sees or that turns the reading direction; None when there is none but `allowed` ones."""
    return next((m.start() for m in _HIDDEN.finditer(text) if m[0] not in allowed), None)


def mask_lines(lines: Sequence[str]) -> list[str]:
    """Lines of a configuration fit to be shown: URLs and values of `url:` starred out, each line's length kept.

    A `url:` whose value goes on in further lines hides these as well, up to one that is not indented more than the key.
    """
    shown: list[str] = []
    inside: int | None = None
    for line in lines:
        indent = len(line) - len(line.lstrip(" "))
        if inside is not None and (indent > inside or not line.strip()):
            shown.append(_hide(line))
            continue
        match = _URL_KEY.search(line)
        inside = _column_of_key(line, match.start()) if match else None
        shown.append(mask(_line(line, match.end()) if match else line))
    return shown


def _line(line: str, start: int) -> str:
    # In a block the value goes to the end of the line; in braces further keys follow, and each url among them counts.
    if "{" not in line[:start]:
        return line[:start] + _hide(line[start:])
    return _URL_VALUE.sub(lambda m: m[0][: m.start(1) - m.start()] + _hide(m[1]), line)


def _column_of_key(line: str, at: int) -> int | None:
    # Inside braces on one line nothing goes on below; in a block the key's own column is what later lines are measured by.
    return None if "{" in line[:at] and "}" in line[at:] else len(line) - len(line.lstrip(" -"))


def _hide(value: str) -> str:
    return _SHOWN_OR_NOT.sub(lambda m: m[1] or _STAR, value)
