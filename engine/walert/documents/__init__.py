"""YAML files that people write, as data with a place for every key and value.

`load_document` reads one file's text: safely, bounded, as YAML 1.2, and holds it against a JSON Schema. It never raises for what is in
the text; everything wrong is a `Problem` with line and column, all of them in one pass. yaml's door is `compose`, jsonschema's `validate`.
"""

from __future__ import annotations

import bisect
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from walert.documents.compose import Composed, Path, Place, compose
from walert.documents.mask import hidden, mask, mask_lines, printable
from walert.documents.reading import MAX_BYTES, read_bounded
from walert.documents.trace import source_index
from walert.documents.validate import Finding, findings
from walert.errors import Problem

__all__ = [
    "MAX_BYTES",
    "Document",
    "Path",
    "hidden",
    "load_document",
    "mask",
    "mask_lines",
    "printable",
    "read_bounded",
]


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML file: its `data` (None when it could not be read), and every problem found in it, in file order.

    A `Path` is the keys and indices that lead to a value: `("rules", 0, "when")`. Lines and columns are 1-based and count characters.
    """

    file: str
    text: str
    data: Any
    problems: tuple[Problem, ...]
    broken: frozenset[Path]
    _around: frozenset[Path]
    _places: Mapping[Path, Place]
    _lines: tuple[int, ...]

    def position(self, path: Path) -> tuple[int, int]:
        """Where the value at `path` begins; of the nearest value around it when there is none."""
        return self._at(self._nearest(path).start)

    def key_position(self, path: Path) -> tuple[int, int]:
        """Where the key that leads to the value at `path` begins; where the value does when it has no key."""
        place = self._nearest(path)
        return self._at(place.start if place.key is None else place.key)

    def locate(self, path: Path, offset: int) -> tuple[int, int]:
        """Where the character `offset` of the text at `path` stands in the file, through quotes, escapes, folds and blocks."""
        return self._at(source_index(self.text, self._nearest(path), offset))

    def sound(self, path: Path) -> bool:
        """Whether nothing is wrong at, below or around `path`, so that a reader may rely on the schema there."""
        return path not in self._around and not _below(path, self.broken)

    def problem(self, path: Path, code: str, what: str, hint: str = "", *, offset: int | None = None) -> Problem:
        """A further problem of this file, at the value at `path` or at one character of it."""
        line, column = self.position(path) if offset is None else self.locate(path, offset)
        return _problem(self.file, line, column, code, what, hint)

    def _nearest(self, path: Path) -> Place:
        while path not in self._places and path:
            path = path[:-1]
        return self._places.get(path, Place(0, 0, "", ""))

    def _at(self, index: int) -> tuple[int, int]:
        return _line_column(self._lines, index)


def load_document(text: str | bytes, file: str, schema: Mapping[str, Any] | None) -> Document:
    """Read the text of `file` and hold it against `schema`. Never raises for what is in the text."""
    composed = compose(text)
    lines = tuple(composed.lines)
    wrong = [] if composed.unreadable or schema is None else findings(composed.data, schema)
    problems = {_composition_problem(file, lines, *slip) for slip in composed.slips}
    problems |= {_schema_problem(file, lines, composed, f) for f in wrong if not _below(f.path, composed.broken)}
    broken = frozenset(composed.broken) | {f.path for f in wrong}
    around = frozenset(path[:size] for path in broken for size in range(len(path) + 1))
    return Document(file, composed.text, composed.data, tuple(sorted(problems)), broken, around, composed.places, lines)


def _composition_problem(file: str, lines: tuple[int, ...], index: int, code: str, what: str, hint: str) -> Problem:
    line, column = (0, 0) if index < 0 else _line_column(lines, index)
    return _problem(file, line, column, code, what, hint)


def _schema_problem(file: str, lines: tuple[int, ...], composed: Composed, finding: Finding) -> Problem:
    path = finding.path
    while path not in composed.places and path:
        path = path[:-1]
    place = composed.places.get(path, Place(0, 0, "", ""))
    at_key = finding.at_key and path == finding.path and place.key is not None
    line, column = _line_column(lines, place.key if at_key and place.key is not None else place.start)
    return _problem(file, line, column, finding.code, finding.what, finding.hint)


def _problem(file: str, line: int, column: int, code: str, what: str, hint: str) -> Problem:
    return Problem(file, line, column, code, printable(what), printable(hint))


def _below(path: Path, broken: Collection[Path]) -> bool:
    return any(path[:size] in broken for size in range(len(path) + 1))


def _line_column(lines: tuple[int, ...], index: int) -> tuple[int, int]:
    line = bisect.bisect_right(lines, index)
    return line, index - lines[line - 1] + 1
