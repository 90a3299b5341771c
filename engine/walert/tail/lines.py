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

    __slots__ = ("discarding", "line", "max_line", "offset", "tail")

    def __init__(self, offset: int = 0, line: int = 0, discarding: bool = False, max_line: int = MAX_LINE) -> None:
        self.offset = offset
        self.line = line  # lines already given out
        self.discarding = discarding  # inside a line that is too long
        self.max_line = max_line
        self.tail = b""

    @property
    def end(self) -> int:
        """The offset of the next byte to feed."""
        return self.offset + len(self.tail)

    def feed(self, chunk: bytes) -> list[Piece]:
        """Take the next bytes of the file."""
        out: list[Piece] = []
        if self.discarding:
            chunk = self._discard(chunk)
        if chunk:
            self._split(self.tail + chunk if self.tail else chunk, out)
        return out

    def skip(self, count: int) -> Flaw:
        """`count` bytes that the file never held: a hole. It stands where a line begins, or makes the partial one a bad one."""
        flaw = Flaw(0, self.end, count, "a hole in the file")
        self.offset += count
        return flaw

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
        start = 0
        # One look at the longest tells whether any line must be left out.
        if lines and max(map(len, lines)) > self.max_line:
            for i, line in enumerate(lines):
                if len(line) > self.max_line:
                    self._give(lines[start:i], out)
                    self._too_long(len(line) + 1, out)
                    start = i + 1
        self._give(lines[start:], out)
        if self.tail[:1] == b"\0":
            self._drop_nulls(out)
        if len(self.tail) > self.max_line:
            size, self.tail, self.discarding = len(self.tail), b"", True
            self._too_long(size, out)

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

    def _drop_nulls(self, out: list[Piece]) -> None:
        """A writer that was truncated under its feet leaves NULs before its next line: they are not kept in memory."""
        rest = self.tail.lstrip(b"\0")
        count = len(self.tail) - len(rest)
        out.append(Flaw(0, self.offset, count, "NULs before a line"))
        self.offset += count
        self.tail = rest

    def _too_long(self, size: int, out: list[Piece]) -> None:
        self.line += 1
        out.append(Flaw(self.line, self.offset, size, f"the line is over {self.max_line} bytes"))
        self.offset += size
