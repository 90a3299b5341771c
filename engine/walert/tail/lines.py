"""Bytes to lines: complete lines out, the partial last one kept, what can never be a line told as a flaw. Pure.

buffer = LineBuffer(offset, line)
for piece in buffer.feed(chunk): ...      # Lines or Flaw, in file order
buffer.offset, buffer.line                # the place to commit: the beginning of the first line not given out
"""

from __future__ import annotations

from typing import NamedTuple

from walert.model import Flaw

MAX_LINE = 1 << 20  # bytes; a longer line is skipped and counted
_BOM = b"\xef\xbb\xbf"
_HOLE = 4096  # NULs before a line that are told; fewer become blanks: no writer shall make a flaw, and a batch, of every line


class Lines(NamedTuple):
    """Contiguous lines without their newlines; the first has the number `number` and begins at `offset`."""

    lines: list[bytes]
    number: int
    offset: int

    @property
    def end(self) -> int:
        """The offset after the last line's newline."""
        return self.offset + sum(map(len, self.lines)) + len(self.lines)


Piece = Lines | Flaw


class LineBuffer:
    """The framing of one stream. Memory is bounded by one line of the longest kind and one chunk."""

    __slots__ = ("discarding", "line", "max_line", "nulls", "offset", "tail")

    def __init__(self, offset: int = 0, line: int = 0, discarding: bool = False, max_line: int = MAX_LINE) -> None:
        self.offset = offset
        self.line = line  # lines already given out
        self.discarding = discarding  # inside a line that is too long
        self.max_line = max_line
        self.tail = b""  # the partial line
        self.nulls = (
            0  # NULs after the last line; only what follows them tells that they are no space yet to be written
        )

    @property
    def end(self) -> int:
        """The offset of the next byte to feed."""
        return self.offset + self.nulls + len(self.tail)

    @property
    def unwritten(self) -> bool:
        """Whether what was fed ends in NULs: a writer that maps the file may still fill them."""
        return self.nulls > 0 or self.tail.endswith(b"\0")

    def copy(self) -> LineBuffer:
        """The same state, to go back to."""
        twin = LineBuffer(self.offset, self.line, self.discarding, self.max_line)
        twin.tail, twin.nulls = self.tail, self.nulls
        return twin

    def feed(self, chunk: bytes) -> list[Piece]:
        """Take the next bytes of the file."""
        out: list[Piece] = []
        if self.discarding:
            chunk = self._discard(chunk)
        if (chunk[:1] == b"\0" and not self.tail) or self.nulls:
            chunk = self._after_nulls(chunk, out)
        if chunk:
            self._split(self.tail + chunk if self.tail else chunk, out)
        return out

    def skip(self, count: int) -> None:
        """Take `count` NULs that nobody needs to read: a hole, where no partial line is waiting."""
        if self.discarding:
            self.offset += count
        else:
            self.nulls += count

    def forget_partial(self) -> None:
        """What follows the last line will be fed again."""
        self.tail, self.nulls = b"", 0

    def _discard(self, chunk: bytes) -> bytes:
        end = chunk.find(b"\n")
        if end < 0:
            self.offset += len(chunk)
            return b""
        self.offset += end + 1
        self.discarding = False
        return chunk[end + 1 :]

    def _split(self, data: bytes, out: list[Piece]) -> None:
        lines = data.split(b"\n")
        self.tail = lines.pop()
        # One look at the longest, and one for NULs, tell whether any line needs a look of its own.
        if lines and (max(map(len, lines)) > self.max_line or b"\0" in data):
            self._one_by_one(lines, out)
        else:
            self._give(lines, out)
        if self.tail[:1] == b"\0":
            tail, self.tail = self.tail, b""
            self.tail = self._after_nulls(tail, out)
        if len(self.tail) > self.max_line:
            size, self.tail, self.discarding = len(self.tail), b"", True
            self._too_long(size, out)

    def _one_by_one(self, lines: list[bytes], out: list[Piece]) -> None:
        start = 0
        for i, line in enumerate(lines):
            if line[:1] == b"\0":
                if not line.startswith(bytes(_HOLE)):
                    lines[i] = line = _blanked(line)
                else:
                    self._give(lines[start:i], out)
                    lines[i] = line = self._after_nulls(line, out, ended=True)
                    start = i
            if len(line) > self.max_line:
                self._give(lines[start:i], out)
                self._too_long(len(line) + 1, out)
                start = i + 1
        self._give(lines[start:], out)

    def _give(self, lines: list[bytes], out: list[Piece]) -> None:
        if not lines:
            return
        given = Lines(lines, self.line + 1, self.offset)
        self.line += len(lines)
        self.offset = given.end
        if given.offset == 0 and lines[0].startswith(_BOM):
            # As long as the mark was, so that offsets stay right; leading blanks mean nothing in JSON.
            lines[0] = b"   " + lines[0][len(_BOM) :]
        out.append(given)

    def _after_nulls(self, data: bytes, out: list[Piece], ended: bool = False) -> bytes:
        """A writer that was truncated under its feet leaves NULs before its next line: they are no part of it."""
        rest = data.lstrip(b"\0")
        self.nulls += len(data) - len(rest)
        if rest and self.nulls < _HOLE:
            rest, self.nulls = b" " * self.nulls + rest, 0
        elif rest or ended:
            out.append(Flaw(0, self.offset, self.nulls, "NULs before a line"))
            self.offset += self.nulls
            self.nulls = 0
        return rest

    def _too_long(self, size: int, out: list[Piece]) -> None:
        self.line += 1
        out.append(Flaw(self.line, self.offset, size, f"the line is over {self.max_line} bytes"))
        self.offset += size


def _blanked(line: bytes) -> bytes:
    rest = line.lstrip(b"\0")
    return b" " * (len(line) - len(rest)) + rest
