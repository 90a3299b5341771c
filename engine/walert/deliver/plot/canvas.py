"""A small picture in pure Python: inks on white, written as PNG with the standard library alone.

The pixels stand column by column, so that a vertical run, of which curves and discs are made, is one slice. A pixel is an ink and how much
of it covers the pixel (16 levels), which the PNG's palette blends with white: smooth edges at a byte a pixel.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from walert.deliver.plot.glyphs import HEIGHT, glyphs

LEVELS = 16
MOST_INKS = 16

Point = tuple[float, float]
"""x to the right and y down, in pixels."""


class Canvas:
    """A white picture. An ink is an index into `inks`, colours such as `#3aa3e3`; what lies outside of the picture is not drawn."""

    def __init__(self, width: int, height: int, inks: Sequence[str]) -> None:
        if len(inks) > MOST_INKS:
            raise ValueError(f"{len(inks)} inks: a palette holds {MOST_INKS}")
        self.width, self.height, self._inks = width, height, tuple(inks)
        self._pixels = bytearray(width * height)

    def rectangle(self, left: int, top: int, right: int, bottom: int, ink: int) -> None:
        """Fill it; `right` and `bottom` are the first pixels outside."""
        top, bottom = max(top, 0), min(bottom, self.height)
        run = bytes([_full(ink)]) * max(0, bottom - top)
        for x in range(max(left, 0), min(right, self.width)):
            at = x * self.height + top
            self._pixels[at : at + len(run)] = run

    def dashes(
        self, left: int, right: int, y: int, ink: int, *, dash: int = 14, gap: int = 8, thickness: int = 3
    ) -> None:
        """A horizontal dashed line."""
        for start in range(left, right, dash + gap):
            self.rectangle(start, y - thickness // 2, min(start + dash, right), y - thickness // 2 + thickness, ink)

    def line(self, points: Sequence[Point], ink: int, thickness: float) -> None:
        """A line through all points, round where it turns."""
        for (x0, y0), (x1, y1) in pairwise(points):
            self._segment(x0, y0, x1, y1, ink, thickness / 2)

    def _segment(self, x0: float, y0: float, x1: float, y1: float, ink: int, half: float) -> None:
        """Column by column: where the band of the line crosses it, cut off at the ends."""
        if x1 - x0 < 1e-9:
            self._columns(x0, min(y0, y1), max(y0, y1), ink, half)
            return
        slope = (y1 - y0) / (x1 - x0)
        reach = half * math.hypot(1.0, slope)
        low, high = min(y0, y1) - half, max(y0, y1) + half
        for x in range(max(math.floor(x0 - half), 0), min(math.ceil(x1 + half), self.width)):
            y = y0 + slope * (x + 0.5 - x0)
            self._run(x, max(y - reach, low), min(y + reach, high), ink)

    def _columns(self, x: float, top: float, bottom: float, ink: int, half: float) -> None:
        for column in range(round(x - half), round(x + half)):
            self._run(column, top - half, bottom + half, ink)

    def disc(self, x: float, y: float, radius: float, ink: int) -> None:
        """A filled circle."""
        for column in range(math.floor(x - radius), math.ceil(x + radius)):
            reach = radius * radius - (column + 0.5 - x) ** 2
            if reach > 0:
                self._run(column, y - math.sqrt(reach), y + math.sqrt(reach), ink)

    def _run(self, x: int, top: float, bottom: float, ink: int) -> None:
        """A vertical run in one column; its two ends cover their pixels in part."""
        top, bottom = max(top, 0.0), min(bottom, float(self.height))
        if not 0 <= x < self.width or not bottom > top:
            return
        first, last = math.ceil(top), math.floor(bottom)
        at = x * self.height
        if last >= first:
            self._pixels[at + first : at + last] = bytes([_full(ink)]) * (last - first)
            self._dab(at + first - 1, first - top, ink)
            self._dab(at + last, bottom - last, ink)
        else:
            self._dab(at + last, bottom - top, ink)

    def _dab(self, at: int, share: float, ink: int) -> None:
        """Cover a pixel in part, unless more of something covers it already."""
        level = int(share * (LEVELS - 1) + 0.5)
        if level and self._pixels[at] % LEVELS <= level:
            self._pixels[at] = ink * LEVELS + level

    def text(self, x: float, y: float, text: str, ink: int) -> None:
        """Letters, the top left corner of the first at (x, y). A letter that is not there is a middle dot."""
        left, top, letters = round(x), round(y), glyphs()
        if not 0 <= top <= self.height - HEIGHT:
            return
        inked = _inked(ink)
        for letter in text:
            for column in letters.get(letter, letters["·"]):
                if 0 <= left < self.width and any(column):
                    at = left * self.height + top
                    self._pixels[at : at + HEIGHT] = column.translate(inked)
                left += 1

    def png(self) -> bytes:
        """The picture as a PNG file with a palette."""
        rows = b"".join(b"\0" + self._pixels[y :: self.height] for y in range(self.height))
        head = struct.pack(">IIBBBBB", self.width, self.height, 8, 3, 0, 0, 0)
        palette = b"".join(_blend(ink, level) for ink in self._inks for level in range(LEVELS))
        chunks = ((b"IHDR", head), (b"PLTE", palette), (b"IDAT", zlib.compress(rows, 6)), (b"IEND", b""))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def width_of(text: str) -> int:
    """Pixels that a text takes."""
    letters = glyphs()
    return sum(len(letters.get(letter, letters["·"])) for letter in text)


def _full(ink: int) -> int:
    return ink * LEVELS + LEVELS - 1


@lru_cache(maxsize=MOST_INKS)
def _inked(ink: int) -> bytes:
    return bytes([0, *(ink * LEVELS + level for level in range(1, LEVELS)), *([0] * (256 - LEVELS))])


def _blend(ink: str, level: int) -> bytes:
    """The colour of an ink that covers `level` fifteenths of a white pixel."""
    parts = (int(ink[at : at + 2], 16) for at in (1, 3, 5))
    return bytes(round(255 + (part - 255) * level / (LEVELS - 1)) for part in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
