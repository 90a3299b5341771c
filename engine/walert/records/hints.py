"""Options that a file's lines ask for and its source does not have: what a person would find by looking at them. Pure.

Each option is proposed only where the lines speak for it, and the next is looked for as if the ones before had been taken.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import Any, Final, NamedTuple

from walert.model import Source
from walert.records.detect import Detected, detect
from walert.records.json_lines import JsonReader, NotJson
from walert.records.names import normal, number
from walert.records.prefix import Prefix
from walert.records.times import from_number, from_text

ANY_TEXT: Final = "[^{]*"
"""The prefix that is proposed: everything before the object."""
_NAMES: Final = ("event_name", "metric", "metric_name", "name", "key", "tag")
_VALUES: Final = ("value", "val", "scalar", "scalar_value")
_COUNTERS: Final = ("step", "iter", "epoch", "tick", "kimg", "update", "batch", "token", "sample", "round")
_ENOUGH: Final = 5  # records that a metric must rise through to be taken for a step without a name that says so


class Hint(NamedTuple):
    """One option, and the sentence that speaks for it."""

    options: Mapping[str, Any]
    why: str


def hints(path: str, lines: Sequence[bytes], source: Source) -> tuple[Source, tuple[Hint, ...]]:
    """The source with the options that the lines ask for, and those options one by one."""
    found: list[Hint] = []
    for look in _LOOKS:
        hint = look(detect(path, lines, source), lines)
        if hint is not None:
            found.append(hint)
            source = replace(source, **hint.options)
    return source, tuple(found)


def _prefix(detected: Detected, lines: Sequence[bytes]) -> Hint | None:
    """Most lines end with an object, and something stands before it."""
    if detected.source.prefix or detected.source.format != "jsonl":
        return None
    filled = [line.strip() for line in lines if line.strip()]
    objects = [line for line in filled if line.find(b"{") > 0 and line.endswith(b"}") and line[:1] != b"["]
    wanted = replace(detected.source, prefix=ANY_TEXT)
    if not objects or len(detect("", objects, wanted).records) <= len(detected.records):
        return None
    return Hint({"prefix": ANY_TEXT}, "text stands before the JSON of its lines")


def _strings(detected: Detected, lines: Sequence[bytes]) -> Hint | None:
    """At least half of the values are numbers written as texts."""
    if detected.source.strings == "numbers" or detected.source.format != "jsonl":
        return None
    written = numeric = 0
    for value in _leaves(_objects(detected.source, lines)):
        if isinstance(value, str):
            found = number(value)
            written += found is not None and isfinite(found)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            numeric += 1
    return Hint({"strings": "numbers"}, "its numbers are written as strings") if written > numeric else None


def _pivot(detected: Detected, lines: Sequence[bytes]) -> Hint | None:
    """Every line names one metric and gives its value."""
    source = detected.source
    records = list(_objects(source, lines))
    if source.pivot or source.format != "jsonl" or not records:
        return None
    name = next((key for key in _NAMES if all(isinstance(record.get(key), str) for record in records)), None)
    value = next((key for key in _VALUES if all(_is_number(record.get(key)) for record in records)), None)
    if name is None or value is None:
        return None
    return Hint({"pivot": (name, value)}, f"each line is one metric, called by `{name}`, with the value of `{value}`")


def _step(detected: Detected, lines: Sequence[bytes]) -> Hint | None:
    """No key is known as a step, and one counts up from record to record."""
    records = [record for record in detected.records if record.event is None]
    if set(detected.steps) != {""} or len(records) < 2 or detected.source.step:
        return None
    rising = [name for name in detected.metrics if _counts([record.metrics.get(name) for record in records])]
    named = [name for name in rising if any(word in name.lower() for word in _COUNTERS)]
    chosen = next(iter(named or (rising if len(records) >= _ENOUGH else ())), None)
    return None if chosen is None else Hint({"step": (chosen,)}, f"`{chosen}` counts up from record to record")


def _time(detected: Detected, lines: Sequence[bytes]) -> Hint | None:
    """No key is known as a time, and one holds dates in every record."""
    records = [record for record in detected.records if record.event is None]
    if set(detected.times) != {""} or detected.source.time:
        return None
    numeric = [
        name
        for name in detected.metrics
        if all((value := record.metrics.get(name)) is not None and from_number(value) for record in records)
    ]
    raw = [] if detected.source.format != "jsonl" else list(_objects(detected.source, lines))
    keys = raw[0] if raw else ()
    written = [key for key in keys if all(isinstance(r.get(key), str) and from_text(r[key]) for r in raw)]
    chosen = next(iter((*numeric, *map(normal, written))), None)
    return None if chosen is None else Hint({"time": (chosen,)}, f"`{chosen}` holds dates")


_LOOKS: Final[tuple[Callable[[Detected, Sequence[bytes]], Hint | None], ...]] = (
    _prefix,
    _strings,
    _pivot,
    _step,
    _time,
)


def _objects(source: Source, lines: Sequence[bytes]) -> Iterator[Mapping[str, Any]]:
    """The lines that are JSON objects, as they are written; walert's own events left out."""
    prefix, reader = Prefix(source.prefix) if source.prefix else None, JsonReader()
    for line in lines:
        try:
            value = reader.read(prefix.drop(line).strip() if prefix else line.strip())
        except NotJson:
            continue
        if isinstance(value, dict) and "_walert" not in value:
            yield value


def _leaves(records: Iterable[Mapping[str, Any]]) -> Iterator[Any]:
    """The values of the records, and of the objects directly in them."""
    for record in records:
        for value in record.values():
            yield from value.values() if isinstance(value, dict) else (value,)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _counts(values: Sequence[float | None]) -> bool:
    """Whether whole numbers rise with every record, and are no dates."""
    whole = [value for value in values if value is not None and isfinite(value) and value == int(value)]
    if len(whole) < len(values) or from_number(whole[0]) is not None:
        return False
    return all(earlier < later for earlier, later in itertools.pairwise(whole))
