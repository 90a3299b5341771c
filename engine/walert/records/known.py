"""The writers known by their files: which options their lines need, told by the file's name and its first record."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any, Final, Literal

from walert.model import Source
from walert.records.json_lines import JsonReader, NotJson
from walert.records.names import EPOCH_KEYS, STEP_KEYS, normal
from walert.records.rows import DELIMITERS, NotRow, Rows, is_header

Format = Literal["jsonl", "csv", "tsv"]

_BY_NAME: Final[Mapping[str, Format]] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
}
_ROTATED: Final = re.compile(r"\.\d{1,9}\Z")
_VERL: Final = ("training/", "actor/", "critic/", "val-core/", "val-aux/", "timing_s/", "train/lr(1e-3)")


def guess(path: str, head: list[bytes], source: Source) -> Source:
    """The source with what `format: auto` leaves open filled in, a function of the file's name and first lines only.

    `head` may be empty. What the source says itself stands; a source with a `format` is returned as it is.
    """
    if source.format != "auto":
        return source
    lines = [line for line in head if line.strip()]
    form = format_of(path, lines[0] if lines else b"")
    resolved = replace(source, format=form)
    if form == "jsonl":
        first = next((record for record in map(_record, lines) if record is not None), None)
        return resolved if first is None else recognise(first, resolved)
    return resolved


def format_of(path: str, line: bytes) -> Format:
    """How a file is written: by its name, else by its first line that is not blank."""
    name = _ROTATED.sub("", PurePath(path).name)
    known = _BY_NAME.get(PurePath(name).suffix.lower())
    if known is not None:
        return known
    for kind in ("tsv", "csv"):
        if not line.lstrip().startswith((b"{", b"[")) and _heads_a_table(kind, line):
            return "tsv" if kind == "tsv" else "csv"
    return "jsonl"


def _heads_a_table(kind: str, line: bytes) -> bool:
    """Whether a line is a header with several columns, one of which counts steps: prose with commas is no table."""
    if line.count(DELIMITERS[kind].encode()) == 0:
        return False
    try:
        cells = Rows(kind).cells(line)
    except NotRow:
        return False
    return is_header(cells) and not {normal(cell) for cell in cells}.isdisjoint((*STEP_KEYS, *EPOCH_KEYS))


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        value = JsonReader().read(line)
    except NotJson:
        return None
    return value if isinstance(value, dict) else None


def recognise(record: Mapping[str, Any], source: Source) -> Source:
    """The source with the options that the writer of a file's first record needs, where it has none of its own."""
    for is_its, resolve in _WRITERS:
        if is_its(record):
            return resolve(source)
    return source


def _is_verl(record: Mapping[str, Any]) -> bool:
    """Exactly `step` and `data`, with one of verl's own groups below: `data` alone may be anybody's."""
    data = record.get("data")
    return record.keys() == {"step", "data"} and isinstance(data, dict) and any(key.startswith(_VERL) for key in data)


def _is_levanter(record: Mapping[str, Any]) -> bool:
    return isinstance(record.get("event"), str) and isinstance(record.get("tracker"), str) and "metrics" in record


def _is_stylegan(record: Mapping[str, Any]) -> bool:
    progress = record.get("Progress/kimg")
    return isinstance(progress, dict) and "mean" in progress


def _is_torchtitan(record: Mapping[str, Any]) -> bool:
    return isinstance(record.get("event_name"), str) and "time_us" in record


_WRITERS: Final[tuple[tuple[Callable[[Mapping[str, Any]], bool], Callable[[Source], Source]], ...]] = (
    (_is_verl, lambda source: replace(source, root=source.root or "data")),
    (_is_levanter, lambda source: replace(source, root=source.root or "metrics")),
    (_is_stylegan, lambda source: replace(source, step=source.step or ("Progress/kimg/mean",))),
    (_is_torchtitan, lambda source: replace(source, pivot=source.pivot or ("event_name", "value"))),
)
