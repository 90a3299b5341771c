"""One followed stream: a log's worth of bytes with its place, and the files that it can be found in again."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from walert.model import Checkpoint, Source
from walert.tail.identity import Marks, birth, digest, head_of, matches
from walert.tail.lines import MAX_LINE, LineBuffer

UNREAD = Marks(digest(b""), 0, digest(b""))


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
    size: int = 0  # at the last look
    fresh: bool = False
    replaces: str | None = None
    gone: float | None = None  # when its path was lost, monotonic
    held: float | None = None  # since when it waits, its beginning being another's, monotonic

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

    def drop_partial(self) -> None:
        """Forget the partial line in memory: it is read again."""
        self.buffer.tail, self.seen = b"", self.marks


def new_stream(found: os.stat_result, max_line: int) -> Stream:
    """A stream that nobody has read yet."""
    buffer = LineBuffer(max_line=max_line)
    return Stream(uuid.uuid4().hex, "", found.st_dev, found.st_ino, birth(found), buffer, fresh=True)


def saved_stream(place: Checkpoint, max_line: int = MAX_LINE) -> Stream:
    """A stream as it was committed, its file not found yet."""
    stream = Stream(place.stream, place.path, place.device, place.inode, place.birth, LineBuffer(max_line=max_line))
    stream.go_to(place)
    return stream


@dataclass(slots=True)
class Ghosts:
    """Streams without a file: each may come back under another name or inode. Found by the beginning of a file."""

    by_id: dict[str, Stream] = field(default_factory=dict)
    _by_head: dict[tuple[int, str], dict[str, Stream]] = field(default_factory=dict)
    _by_path: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.by_id)

    def add(self, streams: Iterable[Stream]) -> None:
        """Remember streams."""
        for stream in streams:
            self.by_id[stream.id] = stream
            self._by_head.setdefault((stream.marks.head_length, stream.marks.head), {})[stream.id] = stream
            self._by_path[stream.path] = stream.id

    def remove(self, stream: Stream) -> None:
        """It has a file again."""
        self.by_id.pop(stream.id, None)
        key = (stream.marks.head_length, stream.marks.head)
        same = self._by_head.get(key, {})
        same.pop(stream.id, None)
        if not same:
            self._by_head.pop(key, None)
        if self._by_path.get(stream.path) == stream.id:
            del self._by_path[stream.path]

    def at(self, path: str) -> Stream | None:
        """The newest stream that was lost at `path`."""
        return self.by_id.get(self._by_path.get(path, ""))

    def of(self, fd: int, found: os.stat_result, path: str) -> Stream | None:
        """The stream whose consumed bytes the open file begins with: of its inode, else of its path, else the longest."""
        alike = list(alike_in(self._by_head, fd, found.st_size))
        alike.sort(key=lambda s: (s.key != (found.st_dev, found.st_ino), s.path != path, -s.buffer.offset))
        return next((s for s in alike if matches(fd, found.st_size, s.buffer.offset, s.marks)), None)


def alike_in(by_head: dict[tuple[int, str], dict[str, Stream]], fd: int, size: int) -> Iterator[Stream]:
    """Streams that begin as the open file does and have been read beyond nothing."""
    for length in {length for length, _ in by_head if 0 < length <= size}:
        yield from by_head.get((length, head_of(fd, length)), {}).values()
