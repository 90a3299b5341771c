"""Follows files: reads what is new of each, in turns, and knows a log again through rename, truncation, replacement and restart.

Every decision is made of bytes (`identity`), never of an event: the watcher only says where to look first. In each look, in this order:
files that are known by inode keep their stream if their marks match, else begin anew; streams whose path is gone are read on through
their descriptor; an unknown file goes on as the stream whose consumed bytes it begins with, else begins at 0.
"""

from __future__ import annotations

import json
import os
import resource
import stat
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from walert.model import Batch, Checkpoint, Flaw, Source
from walert.tail.batches import batches_of
from walert.tail.discover import Found, discover, look_at
from walert.tail.identity import marks_at, matches
from walert.tail.lines import MAX_LINE, Lines, Piece
from walert.tail.streams import Ghosts, Stream, new_stream, saved_stream

CHUNK = 64 << 10
HOLD = 1.5  # seconds that a file whose beginning is another's waits: it may be about to take its place
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


class Monotonic(Protocol):
    """What tells how long ago something was."""

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


class Notice(NamedTuple):
    """Something an operator should see once."""

    kind: str
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class FollowStatus:
    """What is followed, and what was counted: `lost` bytes that were destroyed unread, `flaws` that could be no lines."""

    streams: int
    open: int
    ghosts: int
    lost: int
    flaws: int


def _nobody(notice: Notice) -> None:
    return None


class Follower:
    """The followed files. One thread owns it."""

    def __init__(
        self,
        sources: Sequence[Source],
        saved: Iterable[Checkpoint] = (),
        *,
        clock: Monotonic,
        rotate_wait: float = 600.0,
        max_line_bytes: int = MAX_LINE,
        max_open: int | None = None,
        notice: Callable[[Notice], None] = _nobody,
    ) -> None:
        self.sources = tuple(sources)
        self.clock = clock
        self.rotate_wait = rotate_wait
        self.max_line = max_line_bytes
        self.max_open = max_open or max(16, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        self.notice = notice
        self.live: dict[tuple[int, int], Stream] = {}
        self.ghosts = Ghosts()
        self.ghosts.add(saved_stream(place, max_line_bytes) for place in saved)
        self.lost = self.flaws = 0
        self._paths: dict[str, Stream] = {}
        self._unmatched: dict[tuple[int, int], Found] = {}
        self._dirty: OrderedDict[str, Stream] = OrderedDict()
        self._open: OrderedDict[str, Stream] = OrderedDict()
        self._unreadable: set[str] = set()

    # --- looking

    def scan(self) -> None:
        """Walk the roots and match what is there with what was followed."""
        found = discover(self.sources)
        for key, stream in list(self.live.items()):
            if key not in found:
                self._lose(stream)
        self._match(found)
        self._release()
        self._expire()

    def sweep(self) -> None:
        """Look at what is known: a size that changed is read, a name that points elsewhere is looked up."""
        moved = [stream for stream in self.live.values() if not self._is_there(stream)]
        paths = [stream.path for stream in moved if stream.gone is None]
        for stream in moved:
            self._lose(stream)
            self._mark(stream)  # what is still written to a file without a name is read to its end
        self._match(look_at(self.sources, paths))
        self._release()
        self._expire()

    def mark_dirty(self, paths: Iterable[str]) -> None:
        """Hints: files to read, folders to look into."""
        unknown = []
        for path in paths:
            stream = self._paths.get(path)
            if stream is None:
                unknown.append(path)
            elif not self._is_there(stream):
                self._lose(stream)
                unknown.append(path)
        if unknown:
            self._match(look_at(self.sources, unknown))

    def _is_there(self, stream: Stream) -> bool:
        """Whether the stream's path still is its file; if it grew or shrank it is read."""
        if stream.gone is not None:
            return False
        try:
            found = os.stat(stream.path)
        except OSError:
            return False
        if (found.st_dev, found.st_ino) != stream.key:
            return False
        self._look(stream, found)
        return True

    def _look(self, stream: Stream, found: os.stat_result) -> None:
        if found.st_size != stream.buffer.end or stream.fresh:
            self._mark(stream)

    def _mark(self, stream: Stream) -> None:
        if stream.held is None:
            self._dirty[stream.id] = stream

    def _lose(self, stream: Stream) -> None:
        if stream.gone is None:
            stream.gone = self.clock.monotonic()
            if self._paths.get(stream.path) is stream:
                del self._paths[stream.path]
            self._mark(stream)

    def _match(self, found: dict[tuple[int, int], Found]) -> None:
        """Known inodes first, so that a rename is one before its old name is given to another."""
        for key in [key for key in found if key in self.live]:
            stream, each = self.live[key], found[key]
            stream.gone = None
            self._place(stream, each)
            self._look(stream, each.stat)
        # An unknown file may hold what a nameless one holds unread: that one is read to its end before.
        self._unmatched.update((key, each) for key, each in found.items() if key not in self.live)
        if not self._drains():
            self._match_unknown()

    def _drains(self) -> bool:
        """Whether a file without a name is still to be read."""
        return any(stream.gone is not None for stream in self._dirty.values())

    def _match_unknown(self) -> None:
        found, self._unmatched = self._unmatched, {}
        for key, each in found.items():
            if key not in self.live:
                self._unknown(each)

    def _place(self, stream: Stream, found: Found) -> None:
        if self._paths.get(stream.path) is stream:
            del self._paths[stream.path]
        stream.path, stream.source, stream.root = found.path, found.source, found.root
        self._paths[found.path] = stream

    def _unknown(self, found: Found) -> None:
        fd = self._opened(found.path)
        if fd is None:
            return
        now = os.fstat(fd)
        if not stat.S_ISREG(now.st_mode) or (now.st_dev, now.st_ino) in self.live:
            os.close(fd)
            return
        stream = self._again(fd, now, found.path)
        if stream is None:
            stream = new_stream(now, self.max_line)
            former = self._paths.get(found.path) or self.ghosts.at(found.path)
            stream.replaces = former.id if former is not None else None
            stream.held = self.clock.monotonic() if self._is_copy(fd, now.st_size) else None
        self._adopt(stream, fd, now, found)

    def _again(self, fd: int, now: os.stat_result, path: str) -> Stream | None:
        """The stream that this file goes on with: one without a file, or one whose file has lost its name."""
        ghost = self.ghosts.of(fd, now, path)
        lost = [s for s in self.live.values() if s.gone is not None and s.buffer.offset]
        longest = max(
            (s for s in lost if matches(fd, now.st_size, s.buffer.offset, s.marks)),
            key=lambda s: s.buffer.offset,
            default=None,
        )
        if longest is not None and (ghost is None or longest.buffer.offset >= ghost.buffer.offset):
            del self.live[longest.key]
            self._close(longest)
            return longest
        if ghost is not None:
            self.ghosts.remove(ghost)
        return ghost

    def _adopt(self, stream: Stream, fd: int, now: os.stat_result, found: Found) -> None:
        stream.device, stream.inode, stream.gone = now.st_dev, now.st_ino, None
        # A partial line in memory may not be the same in another file: it is read again.
        stream.drop_partial()
        self._place(stream, found)
        self.live[stream.key] = stream
        self._keep(stream, fd)
        self._look(stream, now)

    def _is_copy(self, fd: int, size: int) -> bool:
        """Whether a new file begins with all that was read of a live one."""
        return any(s.buffer.offset and matches(fd, size, s.buffer.offset, s.marks) for s in self.live.values())

    def _release(self) -> None:
        """Files that waited: by now the log that they were copied from has been truncated, or lives on beside them."""
        now = self.clock.monotonic()
        for stream in [s for s in self.live.values() if s.held is not None and now - s.held >= HOLD]:
            stream.held = None
            if stream.fd is not None:
                former = self._again(stream.fd, os.fstat(stream.fd), stream.path)
                if former is not None:
                    self._take_over(stream, former)
                    continue
            self._mark(stream)

    def _take_over(self, stream: Stream, former: Stream) -> None:
        """The held file is where the former stream goes on."""
        found = Found(stream.path, stream.source or self.sources[0], stream.root, os.fstat(stream.fd or 0))
        fd, stream.fd = stream.fd, None
        self._open.pop(stream.id, None)
        assert fd is not None
        del self.live[stream.key]
        self._adopt(former, fd, found.stat, found)

    def _expire(self) -> None:
        """Those without a name for long are let go; their place is remembered."""
        now = self.clock.monotonic()
        for stream in [s for s in self.live.values() if s.gone is not None and now - s.gone > self.rotate_wait]:
            self._retire(stream)

    def _retire(self, stream: Stream) -> None:
        self.live.pop(stream.key, None)
        self._dirty.pop(stream.id, None)
        self._close(stream)
        self.ghosts.add([stream])

    # --- reading

    def read(self, *, budget: int = 1 << 20) -> Iterator[Batch]:
        """One round: at most `budget` bytes of every file that has more."""
        for stream in list(self._dirty.values()):
            if self._dirty.pop(stream.id, None) is not None and self.live.get(stream.key) is stream:
                yield from self._turn(stream, budget)
        if self._unmatched and not self._drains():
            self._match_unknown()

    def pending(self) -> bool:
        """Whether something is left to read without waiting."""
        return bool(self._dirty or self._unmatched)

    def _turn(self, stream: Stream, budget: int) -> Iterator[Batch]:
        fd = self._descriptor(stream)
        if fd is None:
            return
        found, buffer = os.fstat(fd), stream.buffer
        if not matches(fd, found.st_size, buffer.end, stream.seen):
            if not matches(fd, found.st_size, buffer.offset, stream.marks):
                self._rewritten(stream, found)
                return
            buffer.tail = b""  # only the partial line is another one now
        pieces = self._pieces(stream, fd, found.st_size, budget)
        stream.size = found.st_size
        drained = buffer.end >= found.st_size
        if not drained:
            self._dirty[stream.id] = stream
        ended = drained and stream.gone is not None and found.st_nlink == 0
        if ended:
            pieces += _rest(stream)
        stream.marks, stream.seen = marks_at(fd, buffer.offset), marks_at(fd, buffer.end)
        self.flaws += sum(isinstance(piece, Flaw) for piece in pieces)
        if pieces or ended:
            yield from batches_of(stream, fd, pieces, found.st_mtime, drained, ended)
        if ended:
            self._retire(stream)

    def _pieces(self, stream: Stream, fd: int, size: int, budget: int) -> list[Piece]:
        buffer, pieces = stream.buffer, list[Piece]()
        while budget > 0 and size > buffer.end:
            chunk = os.pread(fd, min(CHUNK, budget), buffer.end)
            if not chunk:
                break
            budget -= len(chunk)
            if chunk[0] == 0 and not chunk.strip(b"\0") and (hole := _hole(fd, buffer.end, size)):
                pieces.append(buffer.skip(hole))
            else:
                pieces += buffer.feed(chunk)
        return pieces

    def _rewritten(self, stream: Stream, found: os.stat_result) -> None:
        """The same inode, other bytes: what was followed is remembered, and the file begins anew."""
        self.lost += max(0, stream.size - stream.buffer.offset)
        self.notice(Notice("rewritten", stream.path, "was truncated or rewritten: it is read from its start"))
        fresh = new_stream(found, self.max_line)
        fresh.path, fresh.source, fresh.root, fresh.gone = stream.path, stream.source, stream.root, stream.gone
        fresh.replaces = stream.id
        fd, stream.fd = stream.fd, None
        self._open.pop(stream.id, None)
        stream.drop_partial()
        self.ghosts.add([stream])
        self.live[fresh.key] = fresh
        if self._paths.get(stream.path) is stream:
            self._paths[stream.path] = fresh
        if fd is not None:
            self._keep(fresh, fd)
        self._mark(fresh)

    # --- descriptors

    def _opened(self, path: str) -> int | None:
        try:
            fd = os.open(path, _FLAGS)
        except OSError as error:
            if path not in self._unreadable:
                self._unreadable.add(path)
                self.notice(Notice("unreadable", path, f"cannot be read: {error.strerror}"))
            return None
        self._unreadable.discard(path)
        return fd

    def _descriptor(self, stream: Stream) -> int | None:
        if stream.fd is None:
            fd = self._opened(stream.path) if stream.gone is None else None
            if fd is None:
                return None
            found = os.fstat(fd)
            if (found.st_dev, found.st_ino) != stream.key:
                os.close(fd)
                return None
            stream.fd = fd
        self._keep(stream, stream.fd)
        return stream.fd

    def _keep(self, stream: Stream, fd: int) -> None:
        """The descriptors used last stay open, but for those of files without a name, which nothing else leads to."""
        stream.fd = fd
        self._open[stream.id] = stream
        self._open.move_to_end(stream.id)
        while len(self._open) > self.max_open:
            named = next((s for s in self._open.values() if s.gone is None), None)
            self._close(named or next(iter(self._open.values())))

    def _close(self, stream: Stream) -> None:
        self._open.pop(stream.id, None)
        if stream.fd is not None:
            os.close(stream.fd)
            stream.fd = None

    # --- the rest

    def rewind(self, checkpoint: Checkpoint) -> None:
        """The commit failed: read again from `checkpoint`; offset 0 is the beginning."""
        for stream in self.live.values():
            if stream.id == checkpoint.stream:
                stream.go_to(checkpoint)
                stream.fresh = checkpoint.offset == 0
                self._mark(stream)

    def set_sources(self, sources: Sequence[Source]) -> None:
        """Other files from now on; those that stay keep their place."""
        self.sources = tuple(sources)
        self.scan()

    def status(self) -> FollowStatus:
        """What is followed now."""
        return FollowStatus(len(self.live), len(self._open), len(self.ghosts), self.lost, self.flaws)

    def holding(self) -> bool:
        """Whether a file waits for another look before it is read."""
        return any(stream.held is not None for stream in self.live.values())

    def idle(self) -> Iterator[Batch]:
        """An empty batch of every file that was read to its end before: where it stands."""
        for stream in self.live.values():
            if stream.source is not None and stream.buffer.offset and stream.id not in self._dirty:
                yield from batches_of(stream, -1, (), self.clock.monotonic(), True, False)

    def streams(self) -> set[str]:
        """The ids of all streams that have a file."""
        return {stream.id for stream in self.live.values()}

    def close(self) -> None:
        """Give back every descriptor."""
        for stream in list(self._open.values()):
            self._close(stream)


def _hole(fd: int, start: int, size: int) -> int:
    """The length of a hole that begins at `start`; 0 where the file system does not tell."""
    try:
        return os.lseek(fd, start, os.SEEK_DATA) - start
    except OSError:
        return 0


def _rest(stream: Stream) -> list[Piece]:
    """The file is gone for good: its partial last line counts if it is whole, else it is a flaw."""
    buffer, rest = stream.buffer, stream.buffer.tail
    if not rest.strip():
        return []
    number, offset = buffer.line + 1, buffer.offset
    buffer.line, buffer.offset, buffer.tail = number, offset + len(rest), b""
    try:
        json.loads(rest)
    except (ValueError, RecursionError):
        return [Flaw(number, offset, len(rest), "the file ended in the middle of this line")]
    return [Lines([rest], number, offset)]
