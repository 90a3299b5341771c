"""What must not be shown of a file: URLs hold tokens and passwords, and an error message or a printed line may hold a URL."""

from __future__ import annotations

import re
from collections.abc import Sequence

_STAR = "*"
_AFTER_SCHEME = re.compile(r"""(?<=://)[^\s"']+""")
_URL_VALUE = re.compile(r"""\burl["']?[ \t]*:[ \t]*("(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s"'][^,}\n]*)""", re.IGNORECASE)
_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")


def mask(text: str) -> str:
    """`text` with everything after a `://` starred out, its length kept."""
    return _AFTER_SCHEME.sub(lambda m: _STAR * len(m[0]), text)


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
        match = _URL_VALUE.search(line) or re.search(r"\burl[\"']?[ \t]*:[ \t]*$", line)
        inside = _column_of_key(line, match.start()) if match else None
        shown.append(mask(_URL_VALUE.sub(_hide_value, line)))
    return shown


def _column_of_key(line: str, at: int) -> int | None:
    # Inside braces on one line nothing goes on below; in a block the key's own column is what later lines are measured by.
    return None if "{" in line[:at] and "}" in line[at:] else len(line) - len(line.lstrip(" -"))


def _hide_value(match: re.Match[str]) -> str:
    start = match.start(1) - match.start()
    return match[0][:start] + _hide(match[1])


def _hide(value: str) -> str:
    bare = value.strip().strip("\"'")
    if _VARIABLE.fullmatch(bare) or not bare:
        return value
    return re.sub(r"""[^\s"']""", _STAR, value)
