"""Follows files: reads what is new of each, in turns, and knows a log again through rename, truncation, replacement and restart.

Every decision is made of bytes (`identity`), never of an event: the watcher only says where to look first.
"""

from __future__ import annotations

import os
import resource
import stat
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from walert.model import Batch, Checkpoint, Flaw, Source
from walert.tail.discover import Found, covers, discover, root_of
from walert.tail.identity import Marks, birth, digest, marks_at, matches
from walert.tail.lines import MAX_LINE, LineBuffer, Lines

CHUNK = 64 << 10
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK


class Monotonic(Protocol):
    """What tells how long ago something was."""

    def monotonic(self) -> float:
        """Seconds that never go back."""


class Notice(NamedTuple):
    """Something an operator should see once."""

    kind: str
    path: str
    text: str


@dataclass(frozen=True, slots=True)
class FollowStatus:
    """What is followed, and what was counted."""

    streams: int
    open: int
    ghosts: int
    lost_bytes: int
    flaws: int


@dataclass(slots=True)
class _Stream:
    id: str
    path: str
    device: int
    inode: int
    birth: float | None
    buffer: LineBuffer
    marks: Marks
    source: Source | None = None
    root: str = ""
    fd: int | None = None
    fresh: bool = False
    replaces: str | None = None
    replaced: str | None = None  # as `replaces`, for as long as it lives
    gone: float | None = None  # when its path was lost, monotonic
    dirty: bool = True
    held: bool = False  # its beginning equals that of another: looked at once more before it is read

    @property
    def key(self) -> tuple[int, int]:
        return (self.device, self.inode)


_UNREAD = Marks(digest(b""), 0, digest(b""))


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
        notice: Callable[[Notice], None] = lambda notice: None,
    ) -> None:
        self.sources = tuple(sources)
        self.clock = clock
        self.rotate_wait = rotate_wait
        self.max_line = max_line_bytes
        self.max_open = max_open or max(16, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        self.notice = notice
        self.live: OrderedDict[tuple[int, int], _Stream] = OrderedDict()
        self.ghosts: dict[str, _Stream] = {c.stream: self._saved(c) for c in saved}
        self.lost = self.flaws = 0
        self._open: OrderedDict[str, _Stream] = OrderedDict()

    def _saved(self, c: Checkpoint) -> _Stream:
        buffer = LineBuffer(c.offset, c.line, c.discarding, self.max_line)
        return _Stream(
            c.stream,
            c.path,
            c.device,
            c.inode,
            c.birth,
            buffer,
            Marks(c.head, c.head_length, c.mark),
            gone=self.clock.monotonic(),
        )

    # --- looking

    def scan(self) -> None:
        """Walk the roots and match what is there with what was followed."""
        found = discover(self.sources)
        for key, stream in list(self.live.items()):
            if key in found:
                self._seen(stream, found[key])
            elif stream.gone is None:
                stream.gone = self.clock.monotonic()
                stream.dirty = True
        for key, each in found.items():
            if key not in self.live:
                self._unknown(key, each)
        self._expire()

    def sweep(self) -> None:
        """Look at what is known: a size that changed is read, a name that points elsewhere is looked up."""
        again = False
        for stream in list(self.live.values()):
            if stream.gone is not None:
                stream.dirty = True
                continue
            try:
                found = os.stat(stream.path)
            except OSError:
                again = True
                continue
            if (found.st_dev, found.st_ino) != stream.key:
                again = True
            elif found.st_size != stream.buffer.end or stream.held:
                stream.dirty = True
        if again:
            self.scan()

    def mark_dirty(self, paths: Iterable[str]) -> None:
        """Hints: files to read, folders to look into."""
        known = {stream.path: stream for stream in self.live.values()}
        again = False
        for path in paths:
            if path in known and not self._moved(known[path]):
                known[path].dirty = True
            elif any(covers(source, path) or path.startswith(root_of(source)) for source in self.sources):
                again = True
        if again:
            self.scan()

    def _moved(self, stream: _Stream) -> bool:
        try:
            found = os.stat(stream.path)
        except OSError:
            return True
        return (found.st_dev, found.st_ino) != stream.key

    def _seen(self, stream: _Stream, found: Found) -> None:
        stream.path, stream.source, stream.root, stream.gone = found.path, found.source, found.root, None
        if found.stat.st_size != stream.buffer.end or stream.held:
            stream.dirty = True

    def _unknown(self, key: tuple[int, int], found: Found) -> None:
        try:
            fd = os.open(found.path, _FLAGS)
        except OSError as error:
            self.notice(Notice("unreadable", found.path, f"cannot be read: {error.strerror}"))
            return
        try:
            now = os.fstat(fd)
            if not stat.S_ISREG(now.st_mode):
                return
            known = self._ghost_of(fd, now)
            held = known is None and self._is_copy(fd, now)
        finally:
            os.close(fd)
        if known is not None:
            self.ghosts.pop(known.id, None)
            self.live.pop(known.key, None)
            self._close(known)
            known.device, known.inode = key
            stream = known
        else:
            stream = self._new(now)
            stream.held = held
            stream.replaces = stream.replaced = self._at(found.path)
        self._seen(stream, found)
        stream.dirty = True
        self.live[key] = stream

    def _new(self, found: os.stat_result) -> _Stream:
        buffer = LineBuffer(0, 0, False, self.max_line)
        return _Stream(uuid.uuid4().hex, "", found.st_dev, found.st_ino, birth(found), buffer, _UNREAD, fresh=True)

    def _at(self, path: str) -> str | None:
        """The stream that this path held before: lost for good, not renamed."""
        for ghost in self.ghosts.values():
            if ghost.path == path:
                return ghost.id
        return None

    def _ghost_of(self, fd: int, found: os.stat_result) -> _Stream | None:
        """The longest of those without a path whose consumed bytes this file begins with."""
        lost = [*self.ghosts.values(), *(s for s in self.live.values() if s.gone is not None)]
        for ghost in sorted(lost, key=lambda s: -s.buffer.offset):
            if ghost.buffer.offset and matches(fd, found.st_size, ghost.buffer.offset, ghost.marks):
                return ghost
        return None

    def _is_copy(self, fd: int, found: os.stat_result) -> bool:
        """A new file that begins as a live one does: it may be about to take its place."""
        return any(s.buffer.offset and matches(fd, found.st_size, s.buffer.offset, s.marks) for s in self.live.values())

    def _expire(self) -> None:
        """Those without a path for long are let go; their place is remembered as a ghost."""
        now = self.clock.monotonic()
        for key, stream in list(self.live.items()):
            if stream.gone is not None and now - stream.gone > self.rotate_wait:
                del self.live[key]
                self._close(stream)
                self.ghosts[stream.id] = stream

    # --- reading

    def read(self, *, budget: int = 1 << 20) -> Iterator[Batch]:
        """One round: a batch of at most `budget` bytes of every file that has more."""
        for stream in [s for s in self.live.values() if s.dirty]:
            if stream.held:
                stream.held = False  # one look has passed
                continue
            yield from self._turn(stream, budget)

    def pending(self) -> bool:
        """Whether something is left to read without waiting."""
        return any(s.dirty and not s.held for s in self.live.values())

    def _turn(self, stream: _Stream, budget: int) -> Iterator[Batch]:
        fd = self._descriptor(stream)
        if fd is None:
            return
        found = os.fstat(fd)
        size, buffer = found.st_size, stream.buffer
        begun = buffer.offset or buffer.tail
        if begun and (size < buffer.end or not matches(fd, size, buffer.offset, stream.marks)):
            self._rewritten(stream, found)
            return
        taken: list[Lines | Flaw] = []
        while size > buffer.end and budget > 0:
            chunk = os.pread(fd, min(CHUNK, budget), buffer.end)
            if not chunk:
                break
            budget -= len(chunk)
            taken += buffer.feed(chunk)
        stream.marks = marks_at(fd, buffer.offset)
        drained = buffer.end >= size
        stream.dirty = not drained
        ended = drained and stream.gone is not None and found.st_nlink == 0
        if taken or ended:
            yield from self._batches(stream, taken, found.st_mtime, drained, ended)
        if ended:
            self.live.pop(stream.key, None)
            self._close(stream)

    def _batches(
        self, stream: _Stream, taken: list[Lines | Flaw], modified: float, drained: bool, ended: bool
    ) -> Iterator[Batch]:
        """Contiguous lines, then what cannot be a line, each group with the place after it."""
        groups: list[tuple[Lines | None, list[Flaw]]] = []
        for piece in taken:
            if isinstance(piece, Flaw):
                self.flaws += 1
                if not groups:
                    groups.append((None, []))
                groups[-1][1].append(piece)
            elif groups and groups[-1][0] is not None and not groups[-1][1]:
                groups[-1][0].lines.extend(piece.lines)
            else:
                groups.append((piece, []))
        groups = groups or [(None, [])]
        for i, (lines, flaws) in enumerate(groups):
            last = i == len(groups) - 1
            yield self._batch(stream, lines, flaws, modified, drained and last, ended and last, last)

    def _batch(
        self,
        stream: _Stream,
        lines: Lines | None,
        flaws: list[Flaw],
        modified: float,
        drained: bool,
        ended: bool,
        last: bool,
    ) -> Batch:
        assert stream.source is not None
        checkpoint = self._checkpoint(stream) if last else self._checkpoint_at(stream, lines, flaws)
        made = Batch(
            source=stream.source, root=stream.root, path=stream.path, lines=lines.lines if lines else [],
            first_line=lines.number if lines else checkpoint.line + 1, first_offset=lines.offset if lines else checkpoint.offset,
            flaws=tuple(flaws), checkpoint=checkpoint, modified=modified, fresh=stream.fresh, ended=ended, caught_up=drained,
            replaces=stream.replaces,
        )  # fmt: skip
        stream.fresh, stream.replaces = False, None
        return made

    def _checkpoint(self, stream: _Stream) -> Checkpoint:
        buffer = stream.buffer
        return self._place(stream, stream.marks, buffer.offset, buffer.line, buffer.discarding)

    def _place(self, stream: _Stream, marks: Marks, offset: int, line: int, discarding: bool = False) -> Checkpoint:
        return Checkpoint(
            stream.id, stream.path, stream.device, stream.inode, stream.birth, *marks, offset, line, discarding
        )

    def _checkpoint_at(self, stream: _Stream, lines: Lines | None, flaws: list[Flaw]) -> Checkpoint:
        end, line = (0, 0)
        if lines is not None:
            end, line = (
                lines.offset + sum(map(len, lines.lines)) + len(lines.lines),
                lines.number + len(lines.lines) - 1,
            )
        for flaw in flaws:
            end, line = flaw.offset + flaw.size, flaw.line or line
        marks = marks_at(stream.fd, end) if stream.fd is not None else stream.marks
        return self._place(stream, marks, end, line)

    def _rewritten(self, stream: _Stream, found: os.stat_result) -> None:
        """The same inode, other bytes: what was followed is remembered, and the file begins anew."""
        unread = max(0, len(stream.buffer.tail))
        self.lost += unread
        self.notice(Notice("rewritten", stream.path, "was truncated or rewritten: it is read from its start"))
        fresh = self._new(found)
        fresh.path, fresh.source, fresh.root = stream.path, stream.source, stream.root
        fresh.replaces = fresh.replaced = stream.id
        fresh.fd = stream.fd
        if stream.fd is not None:
            self._open.pop(stream.id, None)
            self._open[fresh.id] = fresh
        stream.fd, stream.gone = None, self.clock.monotonic()
        self.ghosts[stream.id] = stream
        self.live[fresh.key] = fresh

    def _descriptor(self, stream: _Stream) -> int | None:
        if stream.fd is None:
            if stream.gone is not None:
                stream.dirty = False
                return None
            try:
                fd = os.open(stream.path, _FLAGS)
            except OSError as error:
                self.notice(Notice("unreadable", stream.path, f"cannot be read: {error.strerror}"))
                stream.dirty = False
                return None
            found = os.fstat(fd)
            if (found.st_dev, found.st_ino) != stream.key:
                os.close(fd)
                return None
            stream.fd = fd
        self._open[stream.id] = stream
        self._open.move_to_end(stream.id)
        while len(self._open) > self.max_open:
            self._close(next(iter(self._open.values())))
        return stream.fd

    def _close(self, stream: _Stream) -> None:
        self._open.pop(stream.id, None)
        if stream.fd is not None:
            os.close(stream.fd)
            stream.fd = None

    # --- the rest

    def rewind(self, checkpoint: Checkpoint) -> None:
        """The commit failed: read again from `checkpoint`."""
        for stream in self.live.values():
            if stream.id == checkpoint.stream:
                stream.buffer = LineBuffer(checkpoint.offset, checkpoint.line, checkpoint.discarding, self.max_line)
                stream.marks = Marks(checkpoint.head, checkpoint.head_length, checkpoint.mark)
                if checkpoint.offset == 0:
                    stream.marks, stream.fresh, stream.replaces = _UNREAD, True, stream.replaced
                stream.dirty = True

    def set_sources(self, sources: Sequence[Source]) -> None:
        """Other files from now on; those that stay keep their place."""
        self.sources = tuple(sources)
        self.scan()

    def status(self) -> FollowStatus:
        """What is followed now."""
        return FollowStatus(len(self.live), len(self._open), len(self.ghosts), self.lost, self.flaws)

    def close(self) -> None:
        """Give back every descriptor."""
        for stream in list(self._open.values()):
            self._close(stream)


def iter_file(path: str, source: Source, root: str | None = None, *, follow: bool = False) -> Iterator[Batch]:
    """One file once, from its start to its present end."""
    buffer = LineBuffer()
    with open(path, "rb", buffering=0) as file:
        found = os.fstat(file.fileno())
        head = marks_at(file.fileno(), min(256, found.st_size))
        while chunk := file.read(1 << 18):
            for piece in buffer.feed(chunk):
                lines, flaws = (piece, ()) if isinstance(piece, Lines) else (None, (piece,))
                checkpoint = Checkpoint(
                    "",
                    path,
                    found.st_dev,
                    found.st_ino,
                    None,
                    head.head,
                    head.head_length,
                    "",
                    buffer.offset,
                    buffer.line,
                )
                yield Batch(
                    source=source, root=root or os.path.dirname(path), path=path, lines=lines.lines if lines else [],
                    first_line=lines.number if lines else buffer.line, first_offset=lines.offset if lines else buffer.offset, flaws=flaws,
                    checkpoint=checkpoint, modified=found.st_mtime,
                )  # fmt: skip
