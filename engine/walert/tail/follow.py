"""Follows files: reads what is new of each, in turns, and knows a log again through rename, truncation, replacement and restart.

Every decision is made of bytes (`identity`), never of an event: the watcher only says where to look first. In each look, in this order:
files that are known by inode keep their stream if their marks match, else go back to what still does; streams whose path is gone are read
on through their descriptor; an unknown file goes on as the stream whose consumed bytes it begins with, else begins at 0.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from walert.model import Batch, Checkpoint, Flaw, Source
from walert.tail.batches import batches_of, read_on, rest_of
from walert.tail.descriptors import Descriptors, Notice
from walert.tail.discover import Discovery, Found, covers
from walert.tail.ghosts import Ghosts, Look, look_at_file
from walert.tail.identity import Place, head_of, matches, read_at
from walert.tail.lines import MAX_LINE, Piece
from walert.tail.streams import Stream, new_stream, saved_stream
from walert.tail.turns import Turns

GHOSTS = 10_000  # streams without a file that are remembered, beside those that were committed before the start
HOLD = 1.5  # seconds that a file whose beginning is another's waits: it may be about to take its place
HOLD_MOST = 60.0  # the same, while it grows as a copy does
_GONE = (errno.ENOENT, errno.ENOTDIR)
_PACKED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ")


class Monotonic(Protocol):
    """What tells how long ago something was."""

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


@dataclass(frozen=True, slots=True)
class FollowStatus:
    """What is followed, and what was counted.

    `lost` bytes were destroyed unread, `flaws` could be no lines, `replaced` files took the path of one whose rest was never seen.
    """

    streams: int
    open: int
    ghosts: int
    lost: int
    flaws: int
    replaced: int


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
        hold: float = HOLD,
        max_line_bytes: int = MAX_LINE,
        max_open: int | None = None,
        notice: Callable[[Notice], None] = _nobody,
    ) -> None:
        self.clock = clock
        self.rotate_wait = rotate_wait
        self.hold = hold
        self.max_line = max_line_bytes
        self.notice = notice
        self.live: dict[tuple[int, int], Stream] = {}
        places = list(saved)
        self.ghosts = Ghosts((saved_stream(place, max_line_bytes) for place in places), len(places) + GHOSTS)
        self.lost = self.flaws = self.replaced = 0
        self._sources = tuple(sources)
        self._discovery = Discovery(self._sources, notice)
        self._files = Descriptors(max_open, notice)
        self._known = Ghosts()  # the live ones, by what a copy of them is known by
        self._paths: dict[str, Stream] = {}
        self._unmatched: dict[tuple[int, int], Found] = {}
        self._empty: dict[str, Found] = {}  # nobody can tell yet what they are
        self._held: dict[str, Stream] = {}
        self._short: dict[str, float] = {}  # shorter than they were, since when, monotonic
        self._due: list[Stream] = []  # held long enough
        self._nameless: dict[str, Stream] = {}
        self._over: list[Stream] = []  # their last batch was given
        self._turns = Turns()

    # --- looking

    def scan(self) -> None:
        """Walk the roots and match what is there with what was followed."""
        found = self._discovery.all()
        for key, stream in list(self.live.items()):
            if key not in found:
                self._lose(stream)
                self._mark(stream)  # what is still written to a file without a name is read to its end
        self._match(found)
        for stream in self._sizes():
            if stream.gone is None:
                self._is_there(stream)
        self._settle()

    def sweep(self) -> None:
        """Look at what is known: a size that changed is read, a name that points elsewhere is looked up."""
        unsure = self._sizes()
        moved = [stream for stream in unsure if not self._is_there(stream)]
        paths = [stream.path for stream in moved if stream.gone is None] + list(self._empty)
        for stream in moved:
            self._lose(stream)
            self._mark(stream)
        if paths:
            self._match(self._discovery.among(paths))
        self._settle()

    def _sizes(self) -> list[Stream]:
        """Mark what grew or shrank. Returns those of which a descriptor cannot tell."""
        unsure = []
        for stream in self.live.values():
            try:
                if stream.fd is None or stream.gone is not None:
                    unsure.append(stream)
                elif os.lseek(stream.fd, 0, os.SEEK_END) != stream.size:
                    self._mark(stream)
            except OSError:
                self._mark(stream)  # its turn tells why
        return unsure

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
            self._match(self._discovery.among(unknown))

    def _is_there(self, stream: Stream) -> bool:
        """Whether the stream's path still is its file; if it changed it is read."""
        if stream.gone is not None:
            return False
        try:
            found = os.stat(stream.path)
        except OSError as error:
            return error.errno not in _GONE  # what cannot be looked at now may be there all the same
        if (found.st_dev, found.st_ino) != stream.key:
            return False
        self._look(stream, found)
        return True

    def _look(self, stream: Stream, found: os.stat_result) -> None:
        # A size that is as it was says little of a file that was written to: its marks are compared.
        if found.st_size != stream.size or found.st_mtime_ns != stream.modified:
            self._mark(stream)

    def _mark(self, stream: Stream) -> None:
        if stream.held is None:
            self._turns.add(stream)

    def _lose(self, stream: Stream) -> None:
        if stream.gone is None:
            stream.gone = self.clock.monotonic()
            self._nameless[stream.id] = stream
            if self._paths.get(stream.path) is stream:
                del self._paths[stream.path]
            self._mark(stream)

    def _match(self, found: dict[tuple[int, int], Found]) -> None:
        """Known inodes first, so that a rename is one before its old name is given to another."""
        for key, each in found.items():
            stream = self.live.get(key)
            if stream is None or self._gave_its_number_away(stream, each):
                self._unmatched[key] = each
            else:
                self._seen(stream, each)
        # An unknown file may hold what a nameless one holds unread: that one is read to its end before.
        if self._unmatched and not self._turns.nameless:
            self._match_unknown()

    def _gave_its_number_away(self, stream: Stream, found: Found) -> bool:
        """Whether the inode of a file that nobody held open was given to another: then the stream is remembered without it."""
        if stream.fd is not None or stream.path == found.path:
            return False
        fd = self._files.open(found.path)
        if fd is None:
            return False
        try:
            look = look_at_file(fd, found.path)
            told = look.birth is not None and stream.birth is not None
            same = look.birth == stream.birth if told else look.begins(stream)
        except OSError:
            same = True  # its turn tells why
        finally:
            os.close(fd)
        if not same:
            self._lose(stream)
            self.lost += max(0, stream.size - stream.buffer.end)
            self._retire(stream)
        return not same

    def _seen(self, stream: Stream, found: Found) -> None:
        stream.source, stream.root = found.source, found.root
        if stream.gone is not None or (stream.path != found.path and not self._is_there(stream)):
            self._place(stream, found)
        if found.anew:
            self._look(stream, found.stat)

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
        if stream.gone is not None:
            stream.gone, stream.ending = None, False
            self._nameless.pop(stream.id, None)
            self._turns.drop(stream)
            self._mark(stream)
        self._known.add(stream)

    # --- files that nobody knows

    def _unknown(self, found: Found) -> None:
        self._empty.pop(found.path, None)
        if found.anew and not found.stat.st_size:
            self._empty[found.path] = found
            return
        fd = self._files.open(found.path)
        if fd is None:
            return
        try:
            look = look_at_file(fd, found.path)
            stream = None if look.key in self.live else self._stream_for(look)
        except OSError as error:
            self._files.fault(found.path, error)
            stream = None
        if stream is None:
            os.close(fd)
        else:
            self._adopt(stream, look, found)

    def _stream_for(self, look: Look) -> Stream | None:
        """The stream that goes on in this file, or a new one; None for a file that holds no lines."""
        stream = self._again(look)
        if stream is not None or not look.head:
            return stream
        if look.head.startswith(_PACKED):
            self.notice(Notice("skipped", look.path, "is compressed: it is not read"))
            return None
        stream = new_stream(look.fd, look.stat, self.max_line)
        stream.original = self._known.copied_in(look) or self._copied_before(look)
        if stream.original is not None:
            stream.held = self.clock.monotonic()
            self._held[stream.id] = stream
        return stream

    def _copied_before(self, look: Look) -> Stream | None:
        """A log beside this file that has just become shorter, when the file is what it was before more of it was read."""
        folder = os.path.dirname(look.path)
        short = (s for s in self.live.values() if s.id in self._short) if self._short else iter(())
        return next(
            (s for s in short if os.path.dirname(s.path) == folder and s.proven(look.fd, look.stat.st_size)), None
        )

    def _former(self, stream: Stream) -> Stream | None:
        """What another stream's path led to before, if that is over: its file is gone, or other bytes are in it."""
        former = self._known.at(stream.path, stream) or self.ghosts.at(stream.path)
        if former is None or any(held.original is former for held in self._held.values()):
            return None
        if former.fd is not None and os.fstat(former.fd).st_nlink:
            return None  # it was renamed, and may still be written to
        return former

    def _succeeds(self, stream: Stream) -> bool:
        """Whether a new stream may begin: what it replaces is read to its end before."""
        former = self._former(stream)
        if former is None:
            return True
        if former.gone is not None and self.live.get(former.key) is former:
            former.ending = True
            self._mark(former)
            self._turns.add(stream)
            return False
        stream.replaces = former.id
        if former.restored:
            former.restored = False
            self.replaced += 1
            what = f"is another file than the one that was read to line {former.buffer.line}; whatever followed there is gone"
            self.notice(Notice("replaced", former.path, what))
        return True

    def _again(self, look: Look) -> Stream | None:
        """The stream that this file goes on with: one without a file, or one whose file has lost its name."""
        ghost, lost = self.ghosts.of(look), self._known.of(look, lost=True)
        if lost is not None and (ghost is None or lost.buffer.offset >= ghost.buffer.offset):
            return self._unbound(lost)
        return self._unbound(ghost) if ghost is not None else self._shortened(look)

    def _shortened(self, look: Look) -> Stream | None:
        """The stream of this path, put back to an earlier state: a backup restored, a log cut to where its training resumes."""
        at = (self._known.at(look.path), self.ghosts.at(look.path))
        for stream in (s for s in at if s is not None and s.path not in self._paths):
            place = stream.proven(look.fd, look.stat.st_size)
            if place is not None:
                self._go_back(stream, place)
                return self._unbound(stream)
        return None

    def _unbound(self, stream: Stream) -> Stream:
        """The stream without its file."""
        self.ghosts.remove(stream)
        self._forget(stream)
        self._files.close(stream)
        return stream

    def _forget(self, stream: Stream) -> None:
        if self.live.get(stream.key) is stream:
            del self.live[stream.key]
        self._known.remove(stream)
        self._turns.drop(stream)
        self._nameless.pop(stream.id, None)
        self._held.pop(stream.id, None)
        self._short.pop(stream.id, None)

    def _adopt(self, stream: Stream, look: Look, found: Found) -> None:
        stream.device, stream.inode, stream.birth = *look.key, look.birth
        stream.gone, stream.restored = None, False
        # A partial line in memory may not be the same in another file: it is read again.
        stream.drop_partial()
        self._place(stream, found)
        self.live[stream.key] = stream
        self._known.add(stream)
        self._files.keep(stream, look.fd)
        stream.size, stream.modified = stream.buffer.end, look.stat.st_mtime_ns
        self._look(stream, look.stat)

    def _settle(self) -> None:
        now = self.clock.monotonic()
        self._let_go()
        self._due = [s for s in self._held.values() if s.held is not None and now - s.held >= self.hold]
        self._expire()

    def _release(self) -> None:
        """Files that waited: by now the log that they were copied from has been truncated, or lives on beside them.

        Not before that log had its turn, which is where the truncation shows.
        """
        due, self._due = self._due, []
        for stream in due:
            if stream.id in self._held and not self._decided(stream):
                self._held.pop(stream.id)
                stream.held = stream.original = None
                self._mark(stream)

    def _decided(self, stream: Stream) -> bool:
        """Whether the file that waited is where another stream goes on, or must wait on."""
        try:
            fd = self._files.of(stream)
            if fd is None or stream.source is None:
                return False
            look = look_at_file(fd, stream.path)
            if self._is_under_way(stream, look):
                return True
            former = self._again(look) or self._overtaken(stream, look)
        except OSError as error:
            self._files.fault(stream.path, error)
            return False
        if former is None:
            return False
        self._files.detach(stream)
        self._forget(stream)
        self._adopt(former, look, Found(stream.path, stream.source, stream.root, look.stat))
        return True

    def _is_under_way(self, stream: Stream, look: Look) -> bool:
        """Whether the file still grows as a copy does, or the log that it may be copied from is about to be decided on."""
        original = stream.original
        if original is None or self.live.get(original.key) is not original:
            return False
        if original.id in self._short:
            return True
        grown, stream.size = look.stat.st_size != stream.size, look.stat.st_size
        waited = self.clock.monotonic() - (stream.held or 0.0)
        return grown and waited < HOLD_MOST and (look.begins(original) or look.is_part_of(original))

    def _overtaken(self, stream: Stream, look: Look) -> Stream | None:
        """The log that this file is a copy of, truncated after more of it had been read: all of the copy was read."""
        former = stream.original
        if former is None or self.ghosts.by_id.get(former.id) is not former:
            return None
        if look.stat.st_size >= former.buffer.offset:
            return None
        former.back_to(former.end_of(look.fd, look.stat.st_size))
        return self._unbound(former)

    def _let_go(self) -> None:
        """Those whose last batch was taken, and not taken back."""
        over, self._over = self._over, []
        for stream in over:
            if stream.ending and self.live.get(stream.key) is stream:
                self._retire(stream)

    def _expire(self) -> None:
        """Files without a name are over when nothing was written for long, or when no name is left anywhere; their place is remembered."""
        now = self.clock.monotonic()
        for stream in self._nameless.values():
            since = now - (stream.gone or now)
            if since >= self.hold and (self._is_unlinked(stream) or now - stream.active > self.rotate_wait < since):
                stream.ending = True
                self._mark(stream)

    def _is_unlinked(self, stream: Stream) -> bool:
        try:
            return stream.fd is not None and os.fstat(stream.fd).st_nlink == 0
        except OSError:
            return False  # a network file system that does not answer

    def _retire(self, stream: Stream) -> None:
        self._unbound(stream)
        stream.drop_partial()
        self.ghosts.add(stream)

    # --- reading

    def read(self, *, budget: int = 1 << 20) -> Iterator[Batch]:
        """One round: at most `budget` bytes of each file that has more. It gives something as long as anything is pending."""
        self._let_go()
        given = False
        while self.pending() and not given:
            for stream in self._turns.take():
                if self.live.get(stream.key) is stream:
                    self._turns.drop(stream)
                    for batch in self._turn(stream, budget):
                        given = True
                        yield batch
            self._release()
            if self._unmatched and not self._turns.nameless:
                self._match_unknown()

    def pending(self) -> bool:
        """Whether something is left to read without waiting."""
        return bool(self._turns or self._unmatched or self._due)

    def _turn(self, stream: Stream, budget: int) -> Iterator[Batch]:
        try:
            batches = self._batches(stream, budget)
        except OSError as error:
            # Read again at the next sweep, from the place that is proven.
            self._files.fault(stream.path, error)
            self._files.close(stream)
            return
        if stream.ending and stream not in self._turns:
            self._over.append(stream)
            if not batches:
                self._let_go()
        yield from batches

    def _batches(self, stream: Stream, budget: int) -> list[Batch]:
        fd = self._files.of(stream)
        if fd is None:
            return list(batches_of(stream, -1, (), 0.0, True, True)) if stream.ending and not stream.fresh else []
        found = os.fstat(fd)
        if not self._still_the_same(stream, fd, found):
            return []
        if stream.fresh and stream.replaces is None and not self._succeeds(stream):
            return []
        pieces = self._pieces(stream, fd, found.st_size, budget)
        if pieces is None:
            # It was rewritten while it was read: what came of it is not of one piece. Looked at again in the next sweep.
            stream.size = -1
            return []
        stream.size, stream.modified = found.st_size, found.st_mtime_ns
        drained = stream.buffer.end >= found.st_size
        if not drained:
            self._turns.again(stream)
        elif stream.buffer.unwritten:
            stream.drop_partial()
            stream.size = -1  # looked at again in each sweep
        ended = drained and stream.ending
        if ended and (rest := rest_of(stream.buffer)):
            pieces += rest
            stream.prove(fd)
        if pieces:
            stream.active = self.clock.monotonic()
        self._known.add(stream)
        self.flaws += sum(isinstance(piece, Flaw) for piece in pieces)
        if not (pieces or (ended and not stream.fresh) or stream.told != stream.buffer.offset):
            return []
        stream.told = stream.buffer.offset
        return list(batches_of(stream, fd, pieces, found.st_mtime, drained, ended))

    def _pieces(self, stream: Stream, fd: int, size: int, budget: int) -> list[Piece] | None:
        """What is new, with the place after it proven; None, and nothing has changed, when the file was rewritten meanwhile."""
        before = stream.copy()
        try:
            pieces, first = read_on(fd, stream.buffer, size, budget)
            stream.prove(fd)
            now, start = os.fstat(fd).st_size, before.buffer.end
            if matches(fd, now, start, before.seen) and read_at(fd, len(first), start) == first:
                return pieces
        except OSError:
            stream.restore(before)
            raise
        stream.restore(before)
        return None

    def _still_the_same(self, stream: Stream, fd: int, found: os.stat_result) -> bool:
        """Whether the file goes on where it was read to; if not, it is read from where it is still known, or anew."""
        buffer = stream.buffer
        if matches(fd, found.st_size, buffer.end, stream.seen):
            self._short.pop(stream.id, None)
            return True
        if matches(fd, found.st_size, buffer.offset, stream.marks):
            stream.drop_partial()  # only the partial line is another one now
            self._short.pop(stream.id, None)
            return True
        place = stream.proven(fd, found.st_size)
        if self._may_grow_back(stream, fd, found.st_size, place):
            return False
        if place is None:
            self._rewritten(stream, fd, found)
            return False
        self._go_back(stream, place)
        return True

    def _may_grow_back(self, stream: Stream, fd: int, size: int, place: Place | None) -> bool:
        """Whether a file that is shorter than it was waits for another look: its writer may be writing all of it anew."""
        if stream.gone is not None or size >= stream.buffer.offset or (place is not None and place.offset == size):
            return False
        if 0 < stream.marks.head_length <= size and head_of(fd, stream.marks.head_length) != stream.marks.head:
            return False
        now = self.clock.monotonic()
        if stream.id not in self._short:
            self._short[stream.id] = now
            # A copy that was made of it comes first.
            self._match(self._discovery.among([os.path.dirname(stream.path)]))
        return now - self._short[stream.id] < self.hold

    def _count_lost(self, stream: Stream) -> int:
        """What was seen of the file and is gone unread."""
        lost = max(0, stream.size - stream.buffer.offset)
        self.lost += lost
        return lost

    def _go_back(self, stream: Stream, place: Place) -> None:
        stream.owed += self._count_lost(stream)
        what = f"was cut or rewritten: it is read again from line {place.line + 1}"
        self.notice(Notice("rewritten", stream.path, what))
        stream.back_to(place)
        self._short.pop(stream.id, None)

    def _rewritten(self, stream: Stream, fd: int, found: os.stat_result) -> None:
        """The same inode, other bytes: what was followed is remembered, and the file begins anew."""
        self.notice(Notice("rewritten", stream.path, "was truncated or rewritten: it is read from its start"))
        fresh = new_stream(fd, found, self.max_line)
        fresh.owed = self._count_lost(stream)
        fresh.path, fresh.source, fresh.root, fresh.gone = stream.path, stream.source, stream.root, stream.gone
        self._files.detach(stream)
        self._forget(stream)
        stream.drop_partial()
        self.ghosts.add(stream)
        self.live[fresh.key] = fresh
        self._known.add(fresh)
        if fresh.gone is not None:
            self._nameless[fresh.id] = fresh
        elif self._paths.get(stream.path) is stream:
            self._paths[stream.path] = fresh
        self._files.keep(fresh, fd)
        self._mark(fresh)

    # --- the rest

    def rewind(self, checkpoint: Checkpoint) -> None:
        """The commit failed: read again from `checkpoint`; offset 0 is the beginning."""
        for stream in self.live.values():
            if stream.id == checkpoint.stream:
                stream.go_to(checkpoint)
                stream.fresh = checkpoint.offset == 0
                stream.ending = False
                self._known.add(stream)
                self._mark(stream)

    def set_sources(self, sources: Sequence[Source]) -> None:
        """Other files from now on; those that stay keep their place."""
        self._sources = tuple(sources)
        self._discovery = Discovery(self._sources, self.notice)
        for stream in list(self.live.values()):
            if not any(covers(source, stream.path) for source in self._sources):
                self._retire(stream)
        self.scan()

    def status(self) -> FollowStatus:
        """What is followed now."""
        return FollowStatus(len(self.live), len(self._files), len(self.ghosts), self.lost, self.flaws, self.replaced)

    def holding(self) -> bool:
        """Whether a file waits for another look before it is read."""
        return bool(self._held or self._short)

    def idle(self) -> Iterator[Batch]:
        """An empty batch of every file that was read to its end before: where it stands."""
        for stream in list(self.live.values()):
            if stream.source is not None and stream.buffer.offset and stream not in self._turns:
                yield from batches_of(stream, -1, (), stream.modified / 1e9, True, False)

    def streams(self) -> set[str]:
        """The ids of all streams that have a file."""
        return {stream.id for stream in self.live.values()}

    def close(self) -> None:
        """Give back every descriptor."""
        self._files.close_all()
