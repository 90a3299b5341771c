"""The `expect` list of a test to its expectations: an entry with several happenings becomes one of each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Protocol

from walert.documents import Path
from walert.model import AlertLevel, Happening
from walert.pipeline.ruletest.read_places import Places
from walert.pipeline.ruletest.values import Expectation

_SPOKEN = (Happening.MESSAGE, Happening.SUPPRESSED)
_OF_SPEECH = ("text", "text_contains", "suppressed")


class Reader(Protocol):
    """What this needs of the reader of the whole test; paths are below the test."""

    def entries(self, path: Path) -> Iterator[tuple[Any, Any]]:
        """(key or index, value) of what is sound below `path`."""

    def error(self, path: Path, code: str, what: str, hint: str = "", offset: int | None = None) -> None:
        """Tell a problem."""


def read_expectations(reader: Reader, places: Places, only: frozenset[str] | None) -> list[Expectation]:
    """Every expectation of the test, in the order written."""
    out: list[Expectation] = []
    for index, entry in reader.entries(("expect",)):
        if only is not None and entry["title"] not in only:
            what = "this title is not among those of `only`."
            reader.error(("expect", index, "title"), "not-looked-at", what, "Add it there.")
        at = places.find(("expect", index, "at"), entry["at"])
        values = {name: _number(value) for name, value in entry.get("values", {}).items()}
        out += _expectations(index, entry, at, values)
    return out


def _expectations(index: int, entry: dict[str, Any], at: int, values: dict[str, float]) -> Iterator[Expectation]:
    written = entry["happening"]
    happenings = [Happening(each) for each in ([written] if isinstance(written, str) else written)]
    spoken = any(happening in _SPOKEN for happening in happenings)
    for happening in happenings:
        # Beside a message, a text is the message's: the transition's own says why.
        speech = {} if spoken and happening not in _SPOKEN else {k: entry[k] for k in _OF_SPEECH if k in entry}
        level = AlertLevel(entry["level"].upper()) if "level" in entry else None
        yield Expectation(at, happening, entry["title"], level, values=values, index=index, **speech)


def _number(value: Any) -> float:
    """A value as written: a number, or the spelling of one that is not finite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
