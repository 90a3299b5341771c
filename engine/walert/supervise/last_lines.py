"""The last lines of a stream, as people would have seen them: no colours, of a progress bar its last state. Bounded, whatever comes."""

from __future__ import annotations

import re

KEPT = 16_384  # bytes
LINES = 20
WIDTH = 300  # characters a line
_ESCAPES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[PX^_][^\x1b]*(?:\x1b\\)?|[ -/]*[0-~])"
)


class LastLines:
    """Takes bytes as they come; `text` is the end of them."""

    def __init__(self) -> None:
        self._data = b""

    def take(self, data: bytes) -> None:
        """More of the stream."""
        self._data = (self._data + data)[-KEPT:]

    @property
    def text(self) -> str:
        """The last lines that hold anything, without control characters."""
        lines = map(_shown, plain(self._data.decode("utf-8", "replace")).split("\n"))
        return "\n".join([line for line in lines if line][-LINES:])


def plain(text: str) -> str:
    """`text` without the escape sequences of terminals."""
    return _ESCAPES.sub("", text)


def _shown(line: str) -> str:
    """What a line shows in the end: carriage returns overwrite it."""
    last = next((part for part in reversed(line.split("\r")) if part.strip()), "")
    clean = "".join(c if c.isprintable() else " " for c in last.replace("\t", "    ")).rstrip()
    return clean if len(clean) <= WIDTH else clean[: WIDTH - 1] + "…"
