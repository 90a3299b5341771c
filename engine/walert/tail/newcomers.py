"""Files that nobody knows yet: each goes on as the stream whose consumed bytes it begins with, or is a new one.

A file that begins with all that was read of a log that still is there waits for one look: it may be a copy that is about to take over.
"""

from __future__ import annotations

import os

from walert.tail.descriptors import Notice
from walert.tail.discover import Found
from walert.tail.ghosts import Look, look_at_file
from walert.tail.roll import Roll
from walert.tail.streams import Stream, new_stream

HOLD_MOST = 60.0  # seconds that a file waits while it grows as a copy does
_PACKED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"BZh", b"\xfd7zXZ")


class Newcomers:
    """Matches found files with streams."""

    def __init__(self, roll: Roll, max_line: int) -> None:
        self.roll = roll
        self.max_line = max_line
        self.empty: dict[str, Found] = {}  # nobody can tell yet what they are
        self._unmatched: dict[tuple[int, int], Found] = {}
        self._due: list[Stream] = []  # held long enough

    def __bool__(self) -> bool:
        return bool(self._unmatched or self._due)

    def match(self, found: dict[tuple[int, int], Found]) -> None:
        """Known inodes first, so that a rename is one before its old name is given to another."""
        for key, each in found.items():
            stream = self.roll.live.get(key)
            if stream is None or self._gave_its_number_away(stream, each):
                self._unmatched[key] = each
            else:
                self._seen(stream, each)
        self.match_unknown()

    def match_unknown(self) -> None:
        """The others, once no file without a name is left to be read: an unknown file may hold what that one holds unread."""
        if self.roll.turns.nameless:
            return
        found, self._unmatched = self._unmatched, {}
        for key, each in found.items():
            if key not in self.roll.live:
                self._unknown(each)

    def due(self) -> None:
        """Those that have waited long enough are decided on at the end of the next round."""
        now = self.roll.clock.monotonic()
        self._due = [s for s in self.roll.held.values() if s.held is not None and now - s.held >= self.roll.hold]

    def release(self) -> None:
        """Files that waited: by now the log that they were copied from has been truncated, or lives on beside them.

        Not before that log had its turn, which is where the truncation shows.
        """
        due, self._due = self._due, []
        for stream in due:
            if stream.id in self.roll.held and not self._decided(stream):
                self.roll.held.pop(stream.id)
                stream.held = stream.original = None
                self.roll.mark(stream)

    # --- known inodes

    def _gave_its_number_away(self, stream: Stream, found: Found) -> bool:
        """Whether the inode of a file that nobody held open was given to another: then the stream is remembered without it."""
        if stream.fd is not None or stream.path == found.path:
            return False
        fd = self.roll.files.open(found.path)
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
            self.roll.lose(stream)
            self.roll.lost += max(0, stream.size - stream.buffer.end)
            self.roll.retire(stream)
        return not same

    def _seen(self, stream: Stream, found: Found) -> None:
        stream.source, stream.root = found.source, found.root
        if stream.gone is not None or (stream.path != found.path and not self.roll.is_there(stream)):
            self.roll.place(stream, found)
        if found.anew:
            self.roll.look(stream, found.stat)

    # --- unknown ones

    def _unknown(self, found: Found) -> None:
        self.empty.pop(found.path, None)
        if found.anew and not found.stat.st_size:
            self.empty[found.path] = found
            return
        fd = self.roll.files.open(found.path)
        if fd is None:
            return
        try:
            look = look_at_file(fd, found.path)
            stream = None if look.key in self.roll.live else self._stream_for(look)
        except OSError as error:
            self.roll.files.fault(found.path, error)
            stream = None
        if stream is None:
            os.close(fd)
        else:
            self.roll.adopt(stream, look, found)

    def _stream_for(self, look: Look) -> Stream | None:
        """The stream that goes on in this file, or a new one; None for a file that holds no lines."""
        stream = self._again(look)
        if stream is not None or not look.head:
            return stream
        if look.head.startswith(_PACKED):
            self.roll.notice(Notice("skipped", look.path, "is compressed: it is not read"))
            return None
        stream = new_stream(look.fd, look.stat, self.max_line)
        stream.original = self.roll.known.copied_in(look) or self._copied_before(look)
        if stream.original is not None:
            stream.held = self.roll.clock.monotonic()
            self.roll.held[stream.id] = stream
        return stream

    def _again(self, look: Look) -> Stream | None:
        """The stream that this file goes on with: one without a file, or one whose file has lost its name."""
        ghost, lost = self.roll.ghosts.of(look), self.roll.known.of(look, lost=True)
        if lost is not None and (ghost is None or lost.buffer.offset >= ghost.buffer.offset):
            return self.roll.unbound(lost)
        return self.roll.unbound(ghost) if ghost is not None else self._shortened(look)

    def _shortened(self, look: Look) -> Stream | None:
        """The stream of this path, put back to an earlier state: a backup restored, a log cut to where its training resumes."""
        at = (self.roll.known.at(look.path), self.roll.ghosts.at(look.path))
        for stream in (s for s in at if s is not None and s.path not in self.roll.paths):
            place = stream.proven(look.fd, look.stat.st_size)
            if place is not None:
                self.roll.go_back(stream, place)
                return self.roll.unbound(stream)
        return None

    # --- copies

    def _copied_before(self, look: Look) -> Stream | None:
        """A log beside this file that has just become shorter, when the file is what it was before more of it was read."""
        if not self.roll.short:
            return None
        folder, size = os.path.dirname(look.path), look.stat.st_size
        short = (s for s in self.roll.live.values() if s.id in self.roll.short and os.path.dirname(s.path) == folder)
        return next((s for s in short if s.proven(look.fd, size)), None)

    def _decided(self, stream: Stream) -> bool:
        """Whether the file that waited is where another stream goes on, or must wait on."""
        try:
            fd = self.roll.files.of(stream)
            if fd is None or stream.source is None:
                return False
            look = look_at_file(fd, stream.path)
            if self._is_under_way(stream, look):
                return True
            former = self._again(look) or self._original(stream, look)
        except OSError as error:
            self.roll.files.fault(stream.path, error)
            return False
        if former is None:
            return False
        self.roll.files.detach(stream)
        self.roll.forget(stream)
        self.roll.adopt(former, look, Found(stream.path, stream.source, stream.root, look.stat))
        return True

    def _is_under_way(self, stream: Stream, look: Look) -> bool:
        """Whether the file still grows as a copy does, or the log that it may be copied from is about to be decided on."""
        original = stream.original
        if original is None or not self.roll.is_live(original):
            return False
        if original.id in self.roll.short:
            return True
        grown, stream.size = look.stat.st_size != stream.size, look.stat.st_size
        waited = self.roll.clock.monotonic() - (stream.held or 0.0)
        return grown and waited < HOLD_MOST and (look.begins(original) or look.is_part_of(original))

    def _original(self, stream: Stream, look: Look) -> Stream | None:
        """The log that this file is a copy of, when that was truncated since; if more of it had been read, all of the copy was."""
        former = stream.original
        if former is None or former.gone is not None or self.roll.ghosts.by_id.get(former.id) is not former:
            return None
        if look.stat.st_size < former.buffer.offset:
            former.back_to(former.end_of(look.fd, look.stat.st_size))
        return self.roll.unbound(former) if look.begins(former) else None
