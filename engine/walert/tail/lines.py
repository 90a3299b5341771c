"""Bytes to lines: complete lines out, the partial last one kept, what can never be a line told as a flaw. Pure.

buffer = LineBuffer(offset, line)
for piece in buffer.feed(chunk): ...      # Lines or Flaw, in file order
buffer.offset, buffer.line                # the committed place: the beginning of the first line not given out
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


class LineBuffer:
    """The framing of one stream. Memory is bounded by one line of the longest kind and one chunk."""

    __slots__ = ("discarding", "line", "max_line", "offset", "tail")

    def __init__(self, offset: int = 0, line: int = 0, discarding: bool = False, max_line: int = MAX_LINE) -> None:
        self.offset = offset
        self.line = line  # lines already given out
        self.discarding = discarding
        self.max_line = max_line
        self.tail = b""

    def feed(self, chunk: bytes) -> list[Lines | Flaw]:
        """Take the next bytes of the file."""
        out: list[Lines | Flaw] = []
        if self.discarding:
            chunk = self._discard(chunk, out)
        if chunk:
            self._split(self.tail + chunk if self.tail else chunk, out)
        return out

    @property
    def end(self) -> int:
        """The offset of the next byte to feed."""
        return self.offset + len(self.tail)

    def _discard(self, chunk: bytes, out: list[Lines | Flaw]) -> bytes:
        """Inside a line that is too long: skip to its end."""
        end = chunk.find(b"\n")
        if end < 0:
            self.offset += len(chunk)
            return b""
        self.offset += end + 1
        self.discarding = False
        return chunk[end + 1 :]

    def _split(self, data: bytes, out: list[Lines | Flaw]) -> None:
        lines = data.split(b"\n")
        self.tail = lines.pop()
        start = 0
        # One look at the longest tells whether any line must be left out.
        if lines and max(map(len, lines)) > self.max_line:
            for i, line in enumerate(lines):
                if len(line) > self.max_line:
                    self._give(lines[start:i], out)
                    self._flaw(len(line) + 1, "the line is over 1 MiB", out)
                    start = i + 1
        self._give(lines[start:], out)
        if len(self.tail) > self.max_line:
            self._flaw(len(self.tail), "the line is over 1 MiB", out)
            self.tail, self.discarding = b"", True

    def _give(self, lines: list[bytes], out: list[Lines | Flaw]) -> None:
        if lines:
            out.append(Lines(lines, self.line + 1, self.offset))
            self.line += len(lines)
            self.offset += sum(map(len, lines)) + len(lines)

    def _flaw(self, size: int, reason: str, out: list[Lines | Flaw]) -> None:
        self.line += 1
        out.append(Flaw(self.line, self.offset, size, reason))
        self.offset += size
