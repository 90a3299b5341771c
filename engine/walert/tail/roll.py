"""Who is who: the streams by inode and by path, those that have lost their name, and those that have no file at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Protocol

from walert.tail.descriptors import Descriptors, Notice
from walert.tail.discover import Found
from walert.tail.ghosts import Ghosts, Look
from walert.tail.identity import Place
from walert.tail.streams import Stream
from walert.tail.turns import Turns

_GONE = (errno.ENOENT, errno.ENOTDIR)


class Monotonic(Protocol):
    """What tells how long ago something was."""

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


class Roll:
    """The streams and what each is bound to. What is `marked` here has a turn at the next read."""

    def __init__(
        self, ghosts: Ghosts, files: Descriptors, clock: Monotonic, notice: Callable[[Notice], None], hold: float
    ) -> None:
        self.live: dict[tuple[int, int], Stream] = {}
        self.paths: dict[str, Stream] = {}
        self.nameless: dict[str, Stream] = {}
        self.ghosts = ghosts
        self.known = Ghosts()  # the live ones, by what a copy of them is known by
        self.held: dict[str, Stream] = {}  # new ones that may be copies
        self.short: dict[str, float] = {}  # shorter than they were, since when, monotonic
        self.turns = Turns()
        self.files = files
        self.clock = clock
        self.notice = notice
        self.hold = hold
        self.lost = self.replaced = 0

    def is_live(self, stream: Stream) -> bool:
        """Whether its file is followed, with a name or without."""
        return self.live.get(stream.key) is stream

    # --- looking

    def mark(self, stream: Stream) -> None:
        """It may have something to read."""
        if stream.held is None:
            self.turns.add(stream)

    def look(self, stream: Stream, found: os.stat_result) -> None:
        """Mark it if it changed. A size that is as it was says little of a file that was written to: its marks are compared then."""
        if found.st_size != stream.size or found.st_mtime_ns != stream.modified:
            self.mark(stream)

    def is_there(self, stream: Stream) -> bool:
        """Whether the stream's path still is its file; if it changed it is read."""
        found = False if stream.gone is not None else self.found(stream)
        if isinstance(found, os.stat_result):
            self.look(stream, found)
        return found is not False

    def found(self, stream: Stream) -> os.stat_result | bool:
        """Its file, as its path shows it; False when that is another or none, True when it cannot be told now."""
        try:
            found = os.stat(stream.path)
        except OSError as error:
            return error.errno not in _GONE  # what cannot be looked at may be there all the same
        return found if (found.st_dev, found.st_ino) == stream.key else False

    # --- binding

    def lose(self, stream: Stream) -> None:
        """Its path is no longer its file."""
        if stream.gone is None:
            stream.gone = self.clock.monotonic()
            self.nameless[stream.id] = stream
            if self.paths.get(stream.path) is stream:
                del self.paths[stream.path]
            self.mark(stream)

    def place(self, stream: Stream, found: Found) -> None:
        """Its file is found at a path."""
        if self.paths.get(stream.path) is stream:
            del self.paths[stream.path]
        moved = stream.buffer.offset > 0 and stream.path != found.path
        stream.path, stream.source, stream.root = found.path, found.source, found.root
        self.paths[found.path] = stream
        if moved:
            stream.told = -1  # its new path is committed, too: it may be all that it is known by after a restart
            self.mark(stream)
        if stream.gone is not None:
            stream.gone, stream.ending = None, False
            self.nameless.pop(stream.id, None)
            self.turns.drop(stream)
            self.mark(stream)
        self.known.add(stream)

    def adopt(self, stream: Stream, look: Look, found: Found) -> None:
        """Bind it to an open file."""
        stream.device, stream.inode, stream.birth = *look.key, look.birth
        stream.gone, stream.restored = None, False
        # A partial line in memory may not be the same in another file: it is read again.
        stream.drop_partial()
        self.place(stream, found)
        self.live[stream.key] = stream
        self.known.add(stream)
        self.files.keep(stream, look.fd)
        stream.note_table(look.fd)
        stream.size, stream.modified = stream.buffer.end, look.stat.st_mtime_ns
        self.look(stream, look.stat)
        if stream.told != stream.buffer.offset:
            self.mark(stream)  # it went back: that is committed, too

    def forget(self, stream: Stream) -> None:
        """It is not followed; its descriptor stays as it is."""
        if self.is_live(stream):
            del self.live[stream.key]
        self.known.remove(stream)
        self.turns.drop(stream)
        self.nameless.pop(stream.id, None)
        self.held.pop(stream.id, None)
        self.short.pop(stream.id, None)

    def unbound(self, stream: Stream) -> Stream:
        """The stream without its file."""
        self.ghosts.remove(stream)
        self.forget(stream)
        self.files.close(stream)
        return stream

    def retire(self, stream: Stream) -> None:
        """Let its file go; its place is remembered."""
        self.unbound(stream)
        stream.drop_partial()
        self.ghosts.add(stream)

    def succeed(self, fresh: Stream, stream: Stream, fd: int) -> None:
        """Another stream begins in the file of one whose bytes are gone from it."""
        fresh.path, fresh.source, fresh.root, fresh.gone = stream.path, stream.source, stream.root, stream.gone
        self.files.detach(stream)
        self.forget(stream)
        stream.drop_partial()
        self.ghosts.add(stream)
        self.live[fresh.key] = fresh
        self.known.add(fresh)
        if fresh.gone is not None:
            self.nameless[fresh.id] = fresh
        elif self.paths.get(stream.path) is stream:
            self.paths[stream.path] = fresh
        self.files.keep(fresh, fd)
        self.mark(fresh)

    # --- what was lost

    def count_lost(self, stream: Stream) -> int:
        """The bytes that were seen of the file and are gone unread."""
        lost = max(0, stream.size - stream.buffer.offset)
        self.lost += lost
        return lost

    def go_back(self, stream: Stream, place: Place) -> None:
        """Read on from an earlier place: what came after it is gone."""
        stream.owed += self.count_lost(stream)
        what = f"was cut or rewritten: it is read again from line {place.line + 1}"
        self.notice(Notice("rewritten", stream.path, what))
        stream.back_to(place)
        self.short.pop(stream.id, None)
