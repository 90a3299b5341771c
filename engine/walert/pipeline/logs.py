"""The logs that a replay, `explain` or `check` reads: a file, its batches, and whose log it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from walert.model import BadLine, Batch, Run, Source
from walert.pipeline.runs import identify
from walert.tail import iter_file


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file to replay: `path` on disk, `shown` as its user gave it, `root` the LOG argument it was found under."""

    path: str
    shown: str
    root: str
    source: Source


def numbered(batch: Batch) -> Iterator[tuple[int, int, bytes]]:
    """(line number, offset, bytes) of each line."""
    offset = batch.first_offset
    for number, data in enumerate(batch.lines, batch.first_line):
        yield number, offset, data
        offset += len(data) + 1


def first_line(batch: Batch) -> tuple[int, int, bytes] | None:
    """(line number, offset, bytes) of the first line that is not blank in a batch's file; None where that is gone."""
    try:
        for earlier in iter_file(batch.path, batch.source, batch.root):
            for place in numbered(earlier):
                if place[2].strip():
                    return place
    except OSError:
        pass
    return None


def batches(file: LogFile) -> Iterator[tuple[Batch, int]]:
    """The batches of a file, each with the bytes that it took."""
    at = 0
    for batch in iter_file(file.path, file.source, file.root):
        end = max(at, batch.checkpoint.offset)
        yield batch, end - at
        at = end


def run_of(file: LogFile) -> Run:
    """Whose log a file is, by its first line that is not blank. Raises `OSError`."""
    return identify(file.source, file.root, file.path, event_of(file), None)


def event_of(file: LogFile) -> Mapping[str, Any] | None:
    """The `_walert` object of a file's first line that is not blank, if any. Raises `OSError`."""
    for batch in iter_file(file.path, file.source, file.root):
        offset = batch.first_offset
        for number, data in enumerate(batch.lines, batch.first_line):
            if data.strip():
                return first_event(file.source, file.path, data, number, offset)
            offset += len(data) + 1
    return None


def first_event(source: Source, path: str, data: bytes, number: int, offset: int) -> Mapping[str, Any] | None:
    """The `_walert` object of a file's first record: it says whose the file is."""
    if b"_walert" not in data:
        return None
    from walert.records import Decoder

    record = Decoder(source, path).decode(data, number, offset)
    return None if record is None or isinstance(record, BadLine) else record.event
