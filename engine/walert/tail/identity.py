"""How a file is known again: its inode is a hint, its bytes are the proof.

A hash of its first bytes and one of the bytes just before the committed offset: a stream whose marks match is the same log, whatever its
name or inode; one whose marks do not is another, however equal its inode.
"""

from __future__ import annotations

import hashlib
import os
from typing import NamedTuple

HEAD = 256
MARK = 64


class Marks(NamedTuple):
    """The proof at one offset."""

    head: str
    head_length: int
    mark: str


def digest(data: bytes) -> str:
    """A short hash of some bytes."""
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def marks_at(fd: int, offset: int) -> Marks:
    """The marks of an open file whose first `offset` bytes were consumed."""
    length = min(HEAD, offset)
    start = max(0, offset - MARK)
    return Marks(digest(_read(fd, length, 0)), length, digest(_read(fd, offset - start, start)))


def head_of(fd: int, length: int) -> str:
    """The hash of the first `length` bytes of an open file."""
    return digest(_read(fd, length, 0))


def matches(fd: int, size: int, offset: int, marks: Marks) -> bool:
    """Whether the open file's first `offset` bytes may be those that `marks` were made of."""
    return size >= offset and marks_at(fd, offset) == marks


def birth(found: os.stat_result) -> float | None:
    """When the file was made, where the platform tells."""
    return getattr(found, "st_birthtime", None)


def _read(fd: int, count: int, offset: int) -> bytes:
    data = b""
    while count > len(data):
        more = os.pread(fd, count - len(data), offset + len(data))
        if not more:
            break
        data += more
    return data
