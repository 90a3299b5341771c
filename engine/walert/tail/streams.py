"""One followed stream: a log's worth of bytes with its place, and the proofs by which the place is found again."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

from walert.model import Checkpoint, Source
from walert.tail.identity import Marks, Place, born, digest, marks_at, matches, read_at
from walert.tail.lines import MAX_LINE, LineBuffer
from walert.tail.tables import Table, delimiter_of, regrown, table_at

UNREAD = Marks(digest(b""), 0, digest(b""))
_STEP = 1 << 18
_TRAIL = 8  # earlier places that are remembered; the newer, the closer together


@dataclass(slots=True, eq=False)
class Stream:
    """A log that is read, or was. `marks` prove its first `buffer.offset` bytes, `seen` those with the partial line in memory."""

    id: str
    path: str
    device: int
    inode: int
    birth: float | None
    buffer: LineBuffer
    marks: Marks = UNREAD
    seen: Marks = UNREAD
    source: Source | None = None
    root: str = ""
    fd: int | None = None
    size: int = 0  # at the last turn
    owed: int = 0  # bytes that were gone before they were read, not told yet
    modified: int = -1  # mtime at the last look, nanoseconds
    told: int = 0  # the offset of the last batch
    fresh: bool = False
    restored: bool = False  # from a committed place, its file not found yet
    replaces: str | None = None
    gone: float | None = None  # when its path was lost, monotonic
    held: float | None = None  # since when it waits, its beginning being another's, monotonic
    original: Stream | None = None  # whose copy it may be
    active: float = 0.0  # when it last grew, monotonic
    ending: bool = False  # nothing more is expected of its file
    trail: list[Place] = field(default_factory=list)
    table: Table | None = None  # of a table, as it was when it was read to `buffer`
    header: bytes | None = None  # of a table that was written anew with more columns: to be given before what is new

    @property
    def key(self) -> tuple[int, int]:
        """Device and inode: a hint, no proof."""
        return (self.device, self.inode)

    def checkpoint(self, marks: Marks, offset: int, line: int, discarding: bool = False) -> Checkpoint:
        """A place in this stream, to be committed."""
        return Checkpoint(self.id, self.path, self.device, self.inode, self.birth, *marks, offset, line, discarding)

    def go_to(self, place: Checkpoint) -> None:
        """Read on from a committed place."""
        self.buffer = LineBuffer(place.offset, place.line, place.discarding, self.buffer.max_line)
        self.marks = self.seen = Marks(place.head, place.head_length, place.mark) if place.offset else UNREAD
        self.told = place.offset
        self.trail = [earlier for earlier in self.trail if earlier.offset <= place.offset]

    def drop_partial(self) -> None:
        """Forget the partial line in memory: it is read again."""
        self.buffer.forget_partial()
        self.seen = self.marks

    def copy(self) -> Stream:
        """The same place, to go back to."""
        return replace(self, buffer=self.buffer.copy(), trail=list(self.trail))

    def restore(self, before: Stream) -> None:
        """Go back to a place that `copy` kept."""
        self.buffer, self.marks, self.seen, self.trail = before.buffer, before.marks, before.seen, before.trail

    def prove(self, fd: int) -> None:
        """Take the marks of where the reading is now, and remember the place."""
        buffer = self.buffer
        self.marks = marks_at(fd, buffer.offset)
        self.seen = marks_at(fd, buffer.end) if buffer.end > buffer.offset else self.marks
        if buffer.offset and not buffer.discarding and (not self.trail or self.trail[-1].offset < buffer.offset):
            self.trail.append(Place(buffer.offset, buffer.line, self.marks))
            if len(self.trail) > _TRAIL:
                # Every second of the older ones goes: close together at the end, where files are cut, and far apart before.
                self.trail[:-2] = self.trail[:-2:2]

    def proven(self, fd: int, size: int) -> Place | None:
        """The last remembered place before which the open file is still as it was read."""
        return next((p for p in reversed(self.trail) if matches(fd, size, p.offset, p.marks)), None)

    def note_table(self, fd: int) -> None:
        """Remember how a table stands where it is read to, for the day on which it is written anew."""
        delimiter = delimiter_of(self.source, self.path)
        if delimiter is not None and (self.table is None or self.table.line != self.buffer.line):
            self.table = table_at(fd, self.buffer.offset, self.buffer.line, delimiter)

    def regrow(self, fd: int, size: int) -> bool:
        """Whether the open file is the table that was read, written anew with more columns; then reading goes on behind what was read."""
        delimiter = delimiter_of(self.source, self.path)
        if self.table is None or delimiter is None or self.table.line != self.buffer.line:
            return False
        found = regrown(fd, size, self.table, delimiter)
        if found is None:
            return False
        self.header = found.header
        self.back_to(Place(found.offset, self.buffer.line, marks_at(fd, found.offset)))
        self.trail, self.table = [], None
        self.note_table(fd)
        return True

    def end_of(self, fd: int, size: int) -> Place:
        """The last line's end in the open file, all of whose `size` bytes are known to have been read."""
        start = self.proven(fd, size) or Place(0, 0, UNREAD)
        at, line, end = start.offset, start.line, start.offset
        while at < size and (chunk := read_at(fd, min(_STEP, size - at), at)):
            count = chunk.count(b"\n")
            line += count
            end = at + chunk.rfind(b"\n") + 1 if count else end
            at += len(chunk)
        return Place(end, line, marks_at(fd, end)) if end else Place(0, 0, UNREAD)

    def back_to(self, place: Place) -> None:
        """Read on from a remembered place: what came after it is no longer there."""
        self.buffer = LineBuffer(place.offset, place.line, False, self.buffer.max_line)
        self.marks = self.seen = place.marks
        self.trail = [earlier for earlier in self.trail if earlier.offset <= place.offset]


def new_stream(fd: int, found: os.stat_result, max_line: int) -> Stream:
    """A stream that nobody has read yet."""
    buffer = LineBuffer(max_line=max_line)
    return Stream(os.urandom(16).hex(), "", found.st_dev, found.st_ino, born(fd), buffer, fresh=True)


def saved_stream(place: Checkpoint, max_line: int = MAX_LINE) -> Stream:
    """A stream as it was committed, its file not found yet."""
    stream = Stream(place.stream, place.path, place.device, place.inode, place.birth, LineBuffer(max_line=max_line))
    stream.go_to(place)
    stream.restored = True
    return stream
