"""Pieces of a file to batches: contiguous lines first, then the flaws behind them, each batch with the place after it."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace

from walert.model import Batch, Checkpoint, Flaw, Source
from walert.tail.identity import HEAD, MARK, hole_at, marks_at
from walert.tail.lines import LineBuffer, Lines, Piece
from walert.tail.streams import UNREAD, Stream

CHUNK = 64 << 10
_STEP = 1 << 20
Group = tuple[Lines | None, list[Flaw]]


def read_on(fd: int, buffer: LineBuffer, size: int, budget: int) -> tuple[list[Piece], bytes]:
    """What follows in an open file of `size` bytes, `budget` of them at most, and the first 64 of those that were read."""
    pieces, first = list[Piece](), b""
    while budget > 0 and size > buffer.end:
        wanted = min(CHUNK, budget, size - buffer.end)
        chunk = os.pread(fd, wanted, buffer.end)
        first = first or chunk[:MARK]
        budget -= len(chunk)
        if chunk[:1] == b"\0" and not buffer.tail and (hole := hole_at(fd, buffer.end, size)):
            buffer.skip(hole)
        else:
            pieces += buffer.feed(chunk)
        if len(chunk) < wanted:
            break  # it has just become shorter
    return pieces, first


def grouped(pieces: Sequence[Piece]) -> list[Group]:
    """Neighbouring lines joined; a flaw ends the group of the lines before it."""
    groups: list[Group] = []
    for piece in pieces:
        if isinstance(piece, Flaw):
            if not groups:
                groups.append((None, []))
            groups[-1][1].append(piece)
        elif groups and groups[-1][0] is not None and not groups[-1][1]:
            groups[-1][0].lines.extend(piece.lines)
        else:
            groups.append((piece, []))
    return groups


def batches_of(
    stream: Stream, fd: int, pieces: Sequence[Piece], modified: float, drained: bool, ended: bool
) -> Iterator[Batch]:
    """The batches of one turn. The last says whether the file is drained, and whether it is gone."""
    assert stream.source is not None
    groups = grouped(pieces) or [(None, [])]
    for i, (lines, flaws) in enumerate(groups):
        last = i == len(groups) - 1
        place = _last_place(stream) if last else _place(stream, fd, groups[i + 1])
        fresh, replaces, owed = stream.fresh, stream.replaces, stream.owed
        stream.fresh, stream.owed = False, 0
        if owed:
            flaws = [Flaw(0, place.offset, owed, "bytes that were gone before they were read"), *flaws]
        yield Batch(
            source=stream.source,
            root=stream.root,
            path=stream.path,
            lines=lines.lines if lines else [],
            first_line=lines.number if lines else place.line + 1,
            first_offset=lines.offset if lines else place.offset,
            flaws=tuple(flaws),
            checkpoint=place,
            modified=modified,
            fresh=fresh,
            ended=ended and last,
            caught_up=drained and last,
            replaces=replaces if fresh else None,
        )


def header_batch(stream: Stream, modified: float) -> Iterator[Batch]:
    """The new header of a table that was written anew, alone: after it the place is behind all that was read before."""
    header, stream.header = stream.header, None
    if header is None or stream.source is None:
        return
    stream.told = stream.buffer.offset
    place = _last_place(stream)
    yield Batch(stream.source, stream.root, stream.path, [header], 1, 0, (), place, modified)


def _last_place(stream: Stream) -> Checkpoint:
    buffer = stream.buffer
    return stream.checkpoint(stream.marks, buffer.offset, buffer.line, buffer.discarding)


def _place(stream: Stream, fd: int, after: Group) -> Checkpoint:
    """Where the next group begins: a flaw may be longer than was known when it was told."""
    offset, line = _begin(after)
    return stream.checkpoint(marks_at(fd, offset), offset, line)


def rest_of(buffer: LineBuffer) -> list[Piece]:
    """The file is gone for good: its partial last line counts if it is whole, else it is a flaw."""
    rest = buffer.tail
    if not rest.strip():
        return []
    number, offset = buffer.line + 1, buffer.offset
    buffer.line, buffer.offset, buffer.tail = number, offset + len(rest), b""
    try:
        json.loads(rest)
    except (ValueError, RecursionError):
        return [Flaw(number, offset, len(rest), "the file ended in the middle of this line")]
    return [Lines([rest], number, offset)]


def iter_file(path: str, source: Source, root: str | None = None) -> Iterator[Batch]:
    """One file once, from its start to its present end, by the same framing; a partial last line is left waiting.

    A pipe is read to its end. The checkpoints name no stream. `OSError` as it comes.
    """
    with open(path, "rb", buffering=0) as file:
        found = os.fstat(file.fileno())
        regular = stat.S_ISREG(found.st_mode)
        head = marks_at(file.fileno(), min(HEAD, found.st_size)) if regular else UNREAD
        start = Checkpoint("", path, found.st_dev, found.st_ino, None, head.head, head.head_length, "", 0, 0)
        buffer = LineBuffer()
        while chunk := file.read(_STEP):
            if (
                regular
                and chunk[0] == 0
                and not buffer.tail
                and (hole := hole_at(file.fileno(), buffer.end, found.st_size))
            ):
                buffer.skip(hole)
                file.seek(buffer.end)
                continue
            groups = grouped(buffer.feed(chunk))
            for i, (lines, flaws) in enumerate(groups):
                last = i == len(groups) - 1
                offset, line = (buffer.offset, buffer.line) if last else _begin(groups[i + 1])
                yield Batch(
                    source=source,
                    root=root or os.path.dirname(path),
                    path=path,
                    lines=lines.lines if lines else [],
                    first_line=lines.number if lines else line + 1,
                    first_offset=lines.offset if lines else offset,
                    flaws=tuple(flaws),
                    checkpoint=replace(start, offset=offset, line=line, discarding=last and buffer.discarding),
                    modified=found.st_mtime,
                )


def _begin(group: Group) -> tuple[int, int]:
    """The offset where a group begins, and the lines before it."""
    lines, _ = group
    assert lines is not None  # only the first group can be without: flaws are put to what is before them
    return lines.offset, lines.number - 1
