"""Nested values -> flat numbers: names, nulls, bounds. What a file has logged before decides what a null means."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import Any, Final, NamedTuple

from walert.model import Source
from walert.records.names import NON_FINITE, as_float, counted, normal, number
from walert.records.plan import Planner

MAX_NAMES: Final = 10_000
"""Metrics of a file; what comes after them is counted and ignored."""
MAX_NESTING: Final = 32
"""Levels of nested objects that are metrics; what lies deeper is counted and ignored."""
MAX_NAME_LENGTH: Final = 512
_MAX_LEVELS: Final = 128
_MAX_LEVEL_KEYS: Final = 512  # a longer level is not remembered, nor one of longer keys: memory is bounded
_MAX_LEVEL_TEXT: Final = 16_384


class Flat(NamedTuple):
    """One record's values by their final names. `texts` holds only what may be a time, or a pivot's name."""

    numbers: dict[str, float]
    texts: dict[str, str]


class Level(NamedTuple):
    """The keys of one object: their full names as written, and as they count; empty for those left out.

    `ignored` of the latter are left out because of a bound.
    """

    written: tuple[str, ...]
    names: tuple[str, ...]
    ignored: int


class Flattener:
    """Flattens the records of one file. When two spellings of one name meet in a record, the later one wins.

    `firsts` maps every name of the file to whether its first value was null (or an object, whose place cannot be NaN);
    `ignored` counts the values left out because of a bound.
    """

    __slots__ = (
        "_levels",
        "_nulls",
        "_numeric",
        "_pivot",
        "_planner",
        "_rename",
        "_root",
        "_texts",
        "firsts",
        "ignored",
        "rooted",
    )

    def __init__(self, source: Source, planner: Planner, firsts: dict[str, bool], ignored: int) -> None:
        self.firsts = firsts
        self.ignored = ignored
        self._planner = planner
        self._nulls = source.nulls
        self._numeric = source.strings == "numbers"
        self.rooted: Final = bool(source.root)
        self._root = normal(source.root) + "/" if source.root else ""
        self._rename = {normal(old): normal(new) for old, new in source.rename.items()}
        self._pivot = (normal(source.pivot[0]), normal(source.pivot[1])) if source.pivot else None
        self._texts = frozenset((*planner.times, *(self._pivot or ())))
        self._levels: dict[tuple[str, tuple[str, ...]], Level] = {}

    def object(self, record: Mapping[str, Any]) -> Flat | None:
        """The values of one JSON object; None if the source's root or pivot finds nothing in it."""
        flat = Flat({}, {})
        self._walk(record, "", flat, 1)
        return self._selected(flat)

    def row(self, columns: tuple[str, ...], cells: list[str]) -> Flat | None:
        """The values of one table row; empty cells are missing, cells that are no numbers are texts."""
        filled = {name: cell for name, cell in zip(columns, cells, strict=True) if cell}
        level = self.level("", filled)
        flat = Flat({}, {})
        for name, cell in zip(level.names, filled.values(), strict=True):
            found = number(cell)
            if found is None:
                self._text(name, cell, flat, numeric=False)
            else:
                flat.numbers[name] = found
        self.ignored += level.ignored
        return self._selected(flat)

    def level(self, prefix: str, record: Mapping[str, Any]) -> Level:
        """The names of one object's keys. The first value of a name decides what a null under it will mean."""
        keys = tuple(record)
        level = self._levels.get((prefix, keys))
        return level if level is not None else self._new_level(prefix, keys, record)

    def _new_level(self, prefix: str, keys: tuple[str, ...], record: Mapping[str, Any]) -> Level:
        written = tuple(normal(prefix + key) for key in keys)
        chosen = [self._chosen(name) for name in written]
        names = tuple(map(self._known, chosen, (_is_placeholder(value) for value in record.values())))
        level = Level(written, names, sum(1 for choice, name in zip(chosen, names, strict=True) if choice and not name))
        if len(keys) <= _MAX_LEVEL_KEYS and sum(map(len, keys)) <= _MAX_LEVEL_TEXT:
            if len(self._levels) >= _MAX_LEVELS:
                self._levels.clear()
            self._levels[prefix, keys] = level
        return level

    def _chosen(self, name: str) -> str:
        """The name after root and rename; empty if the source leaves it out."""
        if self._root:
            if name.startswith(self._root):
                name = name[len(self._root) :]
            elif name not in self._planner.counters:
                return ""
        return self._rename.get(name, name)

    def _known(self, name: str, placeholder: bool) -> str:
        """The same name if the file has it or has room for it; else empty."""
        if name in self.firsts or not name:
            return name
        if len(self.firsts) >= MAX_NAMES or len(name) > MAX_NAME_LENGTH:
            return ""
        self.firsts[name] = placeholder
        return name

    def _walk(self, record: Mapping[str, Any], prefix: str, flat: Flat, depth: int) -> None:
        level = self.level(prefix, record)
        self.ignored += level.ignored
        numbers = flat.numbers
        for name, written, value in zip(level.names, level.written, record.values(), strict=True):
            kind = value.__class__
            if kind is float:
                numbers[name] = value
            elif kind is int:
                numbers[name] = as_float(value)
            elif kind is str:
                self._text(name, value, flat, self._numeric)
            elif value is None:
                self._null(name, flat)
            elif kind is dict:
                self._descend(value, written, flat, depth + 1)

    def _descend(self, record: Mapping[str, Any], written: str, flat: Flat, depth: int) -> None:
        if depth > MAX_NESTING:
            self.ignored += 1
        elif record:
            self._walk(record, written + "/", flat, depth)

    def _text(self, name: str, value: str, flat: Flat, numeric: bool) -> None:
        found = NON_FINITE.get(value)
        if found is None and numeric:
            found = number(value)
        if found is None and name in self._planner.texts:
            found = counted(value)
        if found is not None:
            flat.numbers[name] = found
        elif name in self._texts:
            flat.texts[name] = value

    def _null(self, name: str, flat: Flat) -> None:
        if self._pivot and name == self._pivot[1]:
            flat.texts[name] = ""  # what it means depends on the name that stands beside it
        elif self.null_counts(name):
            flat.numbers[name] = nan

    def null_counts(self, name: str) -> bool:
        """Whether null is NaN here; else it is missing."""
        return self._nulls == "nan" or (self._nulls == "auto" and not self.firsts.get(name, True))

    def _selected(self, flat: Flat) -> Flat | None:
        flat.numbers.pop("", None)
        if self._pivot:
            return self._pivoted(flat, *self._pivot)
        return None if self._root and self._planner.counters.issuperset(flat.numbers) else flat

    def _pivoted(self, flat: Flat, name_key: str, value_key: str) -> Flat | None:
        """The one metric that a line names, with the keys that tell its step and time."""
        label, null = flat.texts.pop(name_key, ""), value_key in flat.texts
        name = self._known(self._rename.get(normal(label), normal(label)), null)
        self.ignored += bool(label and not name)
        value = nan if null and self.null_counts(name) else flat.numbers.get(value_key)
        if not name or value is None:
            return None
        numbers = {key: number for key, number in flat.numbers.items() if key in self._planner.counters}
        numbers[name] = value
        return Flat(numbers, flat.texts)


def _is_placeholder(value: object) -> bool:
    return value is None or isinstance(value, dict)
