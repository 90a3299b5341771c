"""Tables that are written anew when a column appears, as Lightning's CSVLogger does: other bytes, but the same rows.

A header that holds all columns of before, and the last row that was read, cell for cell, at the same line, prove it: reading goes on
behind that row. Anything else is another table.
"""

from __future__ import annotations

import csv
import os
from typing import NamedTuple

from walert.model import Source
from walert.tail.identity import read_at

MAX_ROW = 1 << 16  # bytes of a header or a row that is compared
_STEP = 1 << 18
_KINDS = {"csv": ",", "tsv": "\t"}


class Table(NamedTuple):
    """What a table was when its first `line` lines had been read: its columns and the last of these lines, as cells."""

    columns: tuple[str, ...]
    row: tuple[str, ...]
    line: int


class Regrown(NamedTuple):
    """Where a table that was written anew goes on, and its new header, without the newline."""

    offset: int
    header: bytes


def delimiter_of(source: Source | None, path: str) -> str | None:
    """What divides the cells of a followed file; None for one that is no table by its entry or name."""
    if source is None or source.prefix is not None:
        return None
    kind = path.rpartition(".")[2].lower() if source.format == "auto" else source.format
    return _KINDS.get(kind)


def table_at(fd: int, offset: int, line: int, delimiter: str) -> Table | None:
    """The table in an open file whose first `line` lines end at `offset`; None where there is no row yet, or one that is too long."""
    if line < 2:
        return None
    start = max(0, offset - MAX_ROW)
    header = read_at(fd, min(MAX_ROW, offset), 0).partition(b"\n")[0]
    row = read_at(fd, offset - start, start)[:-1].rpartition(b"\n")[2]
    columns, cells = _cells(header, delimiter), _cells(row, delimiter)
    return Table(columns, cells, line) if columns and len(cells) == len(columns) else None


def regrown(fd: int, size: int, table: Table, delimiter: str) -> Regrown | None:
    """Where the open file goes on with `table`, of which it holds every row read; None if it is another one, or not yet as long."""
    header = read_at(fd, min(MAX_ROW, size), 0).partition(b"\n")[0]
    columns = _cells(header, delimiter)
    if not set(table.columns) <= set(columns):
        return None
    ends = _line_ends(fd, size, table.line)
    if ends is None or ends[1] - ends[0] > MAX_ROW:
        return None
    cells = _cells(read_at(fd, ends[1] - ends[0], ends[0]), delimiter)
    held = {name: cell for name, cell in zip(columns, cells, strict=False) if cell}
    read = {name: cell for name, cell in zip(table.columns, table.row, strict=True) if cell}
    return Regrown(ends[1] + 1, header) if len(cells) == len(columns) and held == read else None


def may_regrow(fd: int, size: int, table: Table, delimiter: str) -> bool:
    """Whether the beginning of the open file is that of the table with more columns, being written."""
    header, newline, _ = read_at(fd, min(MAX_ROW, size), 0).partition(b"\n")
    return not newline or set(table.columns) < set(_cells(header, delimiter))


def _line_ends(fd: int, size: int, line: int) -> tuple[int, int] | None:
    """The offsets at which a line begins and at which its newline stands; None if the file has fewer complete lines."""
    at = begin = 0
    while at < size and (chunk := os.pread(fd, min(_STEP, size - at), at)):
        here = 0
        while line and (end := chunk.find(b"\n", here)) >= 0:
            line -= 1
            if not line:
                return begin, at + end
            here = end + 1
            begin = at + here
        at += len(chunk)
    return None


def _cells(line: bytes, delimiter: str) -> tuple[str, ...]:
    """The cells of a line without the spaces around them; none for what is no row."""
    try:
        text = line.decode("utf-8").rstrip("\r")
        return tuple(cell.strip() for cell in next(csv.reader([text], delimiter=delimiter, strict=True)))
    except (UnicodeDecodeError, csv.Error, StopIteration):
        return ()
