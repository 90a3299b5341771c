"""Follows files: reads what is new of each, in turns, and knows a log again through rename, truncation, replacement and restart.

Every decision is made of bytes (`identity`), never of an event: the watcher only says where to look first. In each look, in this order:
files that are known by inode keep their stream if their marks match, else go back to what still does; streams whose path is gone are read
on through their descriptor; an unknown file goes on as the stream whose consumed bytes it begins with, else begins at 0.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from walert.model import Batch, Checkpoint, Source
from walert.tail.batches import batches_of
from walert.tail.descriptors import Descriptors, Notice
from walert.tail.discover import Discovery, covers
from walert.tail.ghosts import Ghosts
from walert.tail.lines import MAX_LINE
from walert.tail.newcomers import Newcomers
from walert.tail.reading import Reading
from walert.tail.roll import Monotonic, Roll
from walert.tail.streams import Stream, saved_stream

GHOSTS = 10_000  # streams without a file that are remembered, beside those that were committed before the start
ROUNDS = 100  # without anything to give, after which the caller has its turn again
HOLD = 1.5  # seconds that waits a file whose beginning is another's, or that has become shorter: it may be about to change again


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
        places = list(saved)
        ghosts = Ghosts((saved_stream(place, max_line_bytes) for place in places), len(places) + GHOSTS)
        self._notice = notice
        self._rotate_wait = rotate_wait
        self._sources = tuple(sources)
        self._discovery = Discovery(self._sources, notice)
        self._roll = Roll(ghosts, Descriptors(max_open, notice), clock, notice, hold)
        self._newcomers = Newcomers(self._roll, max_line_bytes)
        self._reading = Reading(self._roll, self._look_at, max_line_bytes)

    # --- looking

    def scan(self) -> None:
        """Walk the roots and match what is there with what was followed."""
        found = self._discovery.all()
        for key, stream in list(self._roll.live.items()):
            if key not in found:
                self._roll.lose(stream)
                self._roll.mark(stream)  # what is still written to a file without a name is read to its end
        self._newcomers.match(found)
        for stream in self._sizes():
            if stream.gone is None:
                self._roll.is_there(stream)
        self._settle()

    def sweep(self) -> None:
        """Look at what is known: a size that changed is read, a name that points elsewhere is looked up."""
        moved = [stream for stream in self._sizes() if not self._roll.is_there(stream)]
        paths = [stream.path for stream in moved if stream.gone is None]
        for stream in moved:
            self._roll.lose(stream)
            self._roll.mark(stream)
        self._look_at([*paths, *self._newcomers.empty])
        self._settle()

    def mark_dirty(self, paths: Iterable[str]) -> None:
        """Hints: files to read, folders to look into."""
        unknown = []
        for path in paths:
            stream = self._roll.paths.get(path)
            if stream is None:
                unknown.append(path)
            elif not self._roll.is_there(stream):
                self._roll.lose(stream)
                unknown.append(path)
        self._look_at(unknown)

    def _look_at(self, paths: Iterable[str]) -> None:
        self._newcomers.match(self._discovery.among(paths))

    def _sizes(self) -> list[Stream]:
        """Mark what grew or shrank. Returns those of which a descriptor cannot tell."""
        unsure = []
        for stream in self._roll.live.values():
            try:
                if stream.fd is None or stream.gone is not None:
                    unsure.append(stream)
                elif os.lseek(stream.fd, 0, os.SEEK_END) != stream.size:
                    self._roll.mark(stream)
            except OSError:
                self._roll.mark(stream)  # its turn tells why
        return unsure

    def _settle(self) -> None:
        self._reading.let_go()
        self._newcomers.due()
        self._expire()

    def _expire(self) -> None:
        """Files without a name are over when nothing was written for long, or when no name is left anywhere; their place is remembered."""
        now = self._roll.clock.monotonic()
        for stream in self._roll.nameless.values():
            since = now - (stream.gone or now)
            if since < self._roll.hold:
                continue
            if _is_unlinked(stream) or now - stream.active > self._rotate_wait < since:
                stream.ending = True
                self._roll.mark(stream)

    # --- reading

    def read(self, *, budget: int = 1 << 20) -> Iterator[Batch]:
        """One round: at most `budget` bytes of each file that has more. It gives something as long as anything is pending."""
        self._reading.let_go()
        given = False
        for _ in range(ROUNDS):
            if given or not self.pending():
                return
            for stream in self._roll.turns.take():
                if self._roll.is_live(stream):
                    self._roll.turns.drop(stream)
                    for batch in self._reading.turn(stream, budget):
                        given = True
                        yield batch
            self._newcomers.release()
            self._newcomers.match_unknown()

    def pending(self) -> bool:
        """Whether something is left to read without waiting."""
        return bool(self._roll.turns or self._newcomers)

    def rewind(self, checkpoint: Checkpoint) -> None:
        """The commit failed: read again from `checkpoint`; offset 0 is the beginning."""
        stream = next((s for s in self._roll.live.values() if s.id == checkpoint.stream), None)
        if stream is not None:
            stream.go_to(checkpoint)
            stream.fresh = checkpoint.offset == 0
            stream.ending = False
            self._roll.known.add(stream)
            self._roll.mark(stream)
        elif (ghost := self._roll.ghosts.by_id.get(checkpoint.stream)) is not None:
            ghost.go_to(checkpoint)  # its file has become another's since
            self._roll.ghosts.add(ghost)

    # --- the rest

    def set_sources(self, sources: Sequence[Source]) -> None:
        """Other files from now on; those that stay keep their place, the others are let go at once."""
        self._sources = tuple(sources)
        self._discovery = Discovery(self._sources, self._notice)
        for stream in list(self._roll.live.values()):
            if not any(covers(source, stream.path) for source in self._sources):
                self._roll.retire(stream)
        self.scan()

    def status(self) -> FollowStatus:
        """What is followed now."""
        roll = self._roll
        counts = (len(roll.live), len(roll.files), len(roll.ghosts))
        return FollowStatus(*counts, roll.lost, self._reading.flaws, roll.replaced)

    def holding(self) -> bool:
        """Whether a file waits for another look before it is read."""
        return bool(self._roll.held or self._roll.short)

    def idle(self) -> Iterator[Batch]:
        """An empty batch of every file that was read to its end before: where it stands."""
        for stream in list(self._roll.live.values()):
            if stream.source is not None and stream.buffer.offset and stream not in self._roll.turns:
                yield from batches_of(stream, -1, (), stream.modified / 1e9, True, False)

    def streams(self) -> set[str]:
        """The ids of all streams that have a file."""
        return {stream.id for stream in self._roll.live.values()}

    def remembered(self) -> set[str]:
        """Those, and the ids of streams that have none and may be known again."""
        return self.streams() | set(self._roll.ghosts.by_id)

    def close(self) -> None:
        """Give back every descriptor."""
        self._roll.files.close_all()


def _is_unlinked(stream: Stream) -> bool:
    try:
        return stream.fd is not None and os.fstat(stream.fd).st_nlink == 0
    except OSError:
        return False  # a network file system that does not answer
