"""`${NAME}`, `${NAME:-default}` and `$$` in the texts of a configuration.

A name is looked up in the environment, then as a file in `$CREDENTIALS_DIRECTORY`, as systemd and container hosts hand secrets over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from walert.documents import read_bounded

MAX_CREDENTIAL = 65_536

_SPOT = re.compile(r"\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}|\{)")


class Unfilled(NamedTuple):
    """A variable that cannot be filled in, at `offset` of the text. `what` names it and never holds a value."""

    offset: int
    code: str
    what: str
    hint: str


def fill(text: str, environ: Mapping[str, str]) -> tuple[str, list[Unfilled]]:
    """`text` with its variables filled in, once: what a value holds is not looked at again."""
    unfilled: list[Unfilled] = []

    def one(match: re.Match[str]) -> str:
        if match[0] == "$$":
            return "$"
        if match[1] is None:
            what = "a variable is written ${NAME} or ${NAME:-default}."
            unfilled.append(Unfilled(match.start(), "bad-variable", what, "Write $${ for a plain ${."))
            return ""
        value = _lookup(match[1], environ)
        if match[2] is not None and not value:
            return match[3]
        if value is None:
            hint = f"Set it, or put a file {match[1]} into $CREDENTIALS_DIRECTORY, or write ${{{match[1]}:-default}}."
            unfilled.append(Unfilled(match.start(), "unset-variable", f"the variable {match[1]} is not set.", hint))
        return value or ""

    return _SPOT.sub(one, text), unfilled


def _lookup(name: str, environ: Mapping[str, str]) -> str | None:
    if name in environ:
        return environ[name]
    folder = environ.get("CREDENTIALS_DIRECTORY")
    if not folder:
        return None
    try:
        return read_bounded(Path(folder, name), MAX_CREDENTIAL)[:MAX_CREDENTIAL].decode("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        return None
