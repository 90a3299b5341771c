"""One stream's turn: is its file still what was read of it, what is new, and is it over."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from walert.model import Batch, Flaw
from walert.tail.batches import batches_of, header_batch, read_on, rest_of
from walert.tail.descriptors import Notice
from walert.tail.identity import Place, head_of, matches, read_at
from walert.tail.lines import Piece
from walert.tail.roll import Roll
from walert.tail.streams import Stream, new_stream
from walert.tail.tables import delimiter_of, may_regrow


class Reading:
    """Gives streams their turns. `look` is asked to look at paths at once."""

    def __init__(self, roll: Roll, look: Callable[[Iterable[str]], None], max_line: int) -> None:
        self.roll = roll
        self.flaws = 0
        self._look = look
        self._max_line = max_line
        self._over: list[Stream] = []  # their last batch was given

    def let_go(self) -> None:
        """Those whose last batch was taken, and not taken back."""
        over, self._over = self._over, []
        for stream in over:
            if stream.ending and self.roll.is_live(stream):
                self.roll.retire(stream)

    def turn(self, stream: Stream, budget: int) -> Iterator[Batch]:
        """What is new of it, `budget` bytes at most."""
        try:
            batches = self._batches(stream, budget)
        except OSError as error:
            # Read again at the next sweep, from the place that is proven.
            self.roll.files.fault(stream.path, error)
            self.roll.files.close(stream)
            return
        if stream.ending and stream not in self.roll.turns:
            self._over.append(stream)
            if not batches:
                self.let_go()
        yield from batches

    def _batches(self, stream: Stream, budget: int) -> list[Batch]:
        fd = self.roll.files.of(stream)
        if fd is None:
            return list(batches_of(stream, -1, (), 0.0, True, True)) if stream.ending and not stream.fresh else []
        found = os.fstat(fd)
        if not self._still_the_same(stream, fd, found):
            return []
        if stream.fresh and stream.replaces is None and not self._succeeds(stream):
            return []
        header = list(header_batch(stream, found.st_mtime))
        try:
            pieces = self._pieces(stream, fd, found.st_size, budget)
        except OSError:
            stream.header = header[0].lines[0] if header else None
            raise
        if pieces is None:
            # It was rewritten while it was read: what came of it is not of one piece. Looked at again in the next sweep.
            stream.size = -1
            return header
        stream.note_table(fd)
        return header + self._given(stream, fd, found, pieces)

    def _given(self, stream: Stream, fd: int, found: os.stat_result, pieces: list[Piece]) -> list[Batch]:
        stream.size, stream.modified = found.st_size, found.st_mtime_ns
        drained = stream.buffer.end >= found.st_size
        if not drained:
            self.roll.turns.again(stream)
        elif stream.buffer.unwritten:
            stream.drop_partial()
            stream.size = -1  # looked at again in each sweep
        ended = drained and stream.ending
        if ended and (rest := rest_of(stream.buffer)):
            pieces += rest
            stream.prove(fd)
        if pieces:
            stream.active = self.roll.clock.monotonic()
        self.roll.known.add(stream)
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

    # --- the same file as before

    def _still_the_same(self, stream: Stream, fd: int, found: os.stat_result) -> bool:
        """Whether the file goes on where it was read to; if not, it is read from where it is still known, or anew."""
        whole = matches(fd, found.st_size, stream.buffer.end, stream.seen)
        if whole or matches(fd, found.st_size, stream.buffer.offset, stream.marks):
            if not whole:
                stream.drop_partial()  # only the partial line is another one now
            self.roll.short.pop(stream.id, None)
            return True
        place = stream.proven(fd, found.st_size)
        if place is None and stream.regrow(fd, found.st_size):
            self.roll.short.pop(stream.id, None)
            self.roll.notice(
                Notice(
                    "columns",
                    stream.path,
                    f"was written anew with other columns: goes on behind line {stream.buffer.line}",
                )
            )
            return True
        if self._may_grow_back(stream, fd, found.st_size, place) or self._may_regrow(stream, fd, found.st_size):
            return False
        if place is None:
            self._rewritten(stream, fd, found)
            return False
        self.roll.go_back(stream, place)
        return True

    def _may_grow_back(self, stream: Stream, fd: int, size: int, place: Place | None) -> bool:
        """Whether a file that is shorter than it was waits for another look: its writer may be writing all of it anew."""
        if stream.gone is not None or size >= stream.buffer.offset or (place is not None and place.offset == size):
            return False
        if 0 < stream.marks.head_length <= size and head_of(fd, stream.marks.head_length) != stream.marks.head:
            return False
        if self.roll.found(stream) is False:
            self.roll.lose(stream)
            self._look([stream.path])
            return True
        now = self.roll.clock.monotonic()
        if stream.id not in self.roll.short:
            self.roll.short[stream.id] = now
            # A copy that was made of it comes first.
            self._look(path for path in _beside(stream.path) if path not in self.roll.paths)
        return now - self.roll.short[stream.id] < self.roll.hold

    def _may_regrow(self, stream: Stream, fd: int, size: int) -> bool:
        """Whether a table that begins with more columns than before waits for another look: its rows may still be written."""
        delimiter = delimiter_of(stream.source, stream.path)
        if stream.table is None or delimiter is None or not may_regrow(fd, size, stream.table, delimiter):
            return False
        stream.size = -1  # looked at again in each sweep
        now = self.roll.clock.monotonic()
        return now - self.roll.short.setdefault(stream.id, now) < self.roll.hold

    def _rewritten(self, stream: Stream, fd: int, found: os.stat_result) -> None:
        """The same inode, other bytes: what was followed is remembered, and the file begins anew."""
        self.roll.notice(Notice("rewritten", stream.path, "was truncated or rewritten: it is read from its start"))
        fresh = new_stream(fd, found, self._max_line)
        fresh.owed = self.roll.count_lost(stream)
        self.roll.succeed(fresh, stream, fd)

    # --- another file in its place

    def _succeeds(self, stream: Stream) -> bool:
        """Whether a new stream may begin: what it replaces is read to its end before."""
        former = self._former(stream)
        if former is None:
            return True
        if former.gone is not None and self.roll.is_live(former):
            former.ending = True
            self.roll.mark(former)
            self.roll.turns.add(stream)
            return False
        stream.replaces = former.id
        if former.restored:
            former.restored = False
            self.roll.replaced += 1
            what = f"is another file than the one that was read to line {former.buffer.line}; whatever followed there is gone"
            self.roll.notice(Notice("replaced", former.path, what))
        return True

    def _former(self, stream: Stream) -> Stream | None:
        """What a new stream's path led to before, if that is over: its file is gone, or other bytes are in it."""
        former = self.roll.known.at(stream.path, stream) or self.roll.ghosts.at(stream.path)
        if former is None or any(held.original is former for held in self.roll.held.values()):
            return None
        if former.fd is not None and os.fstat(former.fd).st_nlink:
            return None  # it was renamed, and may still be written to
        return former


def _beside(path: str) -> list[str]:
    """The files in the folder of `path`, links left out: a log is called by its own name."""
    try:
        with os.scandir(os.path.dirname(path)) as entries:
            return [entry.path for entry in entries if entry.is_file(follow_symlinks=False)]
    except OSError:
        return []
