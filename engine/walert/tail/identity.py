"""How a file is known again: its inode is a hint, its bytes are the proof.

A hash of its first bytes and one of the bytes just before the committed offset: a stream whose marks match is the same log, whatever its
name or inode; one whose marks do not is another, however equal its inode.
"""

from __future__ import annotations

import errno
import hashlib
import os
import struct
from functools import cache
from typing import Any, NamedTuple

HEAD = 256
MARK = 64
_EMPTY_PATH = 0x1000  # AT_EMPTY_PATH: the descriptor itself
_BTIME = 0x800  # STATX_BTIME


class Marks(NamedTuple):
    """The proof at one offset."""

    head: str
    head_length: int
    mark: str


class Place(NamedTuple):
    """The beginning of a line, with its proof; `line` lines come before it."""

    offset: int
    line: int
    marks: Marks


def digest(data: bytes) -> str:
    """A short hash of some bytes."""
    return hashlib.blake2b(data, digest_size=12).hexdigest()


def marks_at(fd: int, offset: int) -> Marks:
    """The marks of an open file whose first `offset` bytes were consumed."""
    length = min(HEAD, offset)
    start = max(0, offset - MARK)
    return Marks(digest(read_at(fd, length, 0)), length, digest(read_at(fd, offset - start, start)))


def head_of(fd: int, length: int) -> str:
    """The hash of an open file's first `length` bytes."""
    return digest(read_at(fd, length, 0))


def matches(fd: int, size: int, offset: int, marks: Marks) -> bool:
    """Whether the open file's first `offset` bytes may be those that `marks` were made of."""
    return size >= offset and marks_at(fd, offset) == marks


def read_at(fd: int, count: int, offset: int) -> bytes:
    """`count` bytes from `offset` on, fewer only at the file's end."""
    data = os.pread(fd, count, offset)
    while 0 < len(data) < count and (more := os.pread(fd, count - len(data), offset + len(data))):
        data += more
    return data


def hole_at(fd: int, start: int, size: int) -> int:
    """The length of a hole that begins at `start`; 0 where the file system does not tell."""
    here = os.lseek(fd, 0, os.SEEK_CUR)
    try:
        return os.lseek(fd, start, os.SEEK_DATA) - start
    except OSError as error:
        return size - start if error.errno == errno.ENXIO else 0
    finally:
        os.lseek(fd, here, os.SEEK_SET)


def born(fd: int) -> float | None:
    """When this inode came to life, Unix seconds; None where the system or the file system does not tell.

    A number that was given to a new file has another birth: the one thing that tells a rename from a reuse without reading.
    """
    statx = _statx()
    if statx is None:
        return None
    import ctypes  # the daemon's; a replay starts without it

    answer = ctypes.create_string_buffer(256)
    if statx(fd, b"", _EMPTY_PATH, _BTIME, answer) != 0:
        return None
    # struct statx: the mask of what is told at 0, stx_btime (seconds, nanoseconds) at 80.
    if not struct.unpack_from("=I", answer, 0)[0] & _BTIME:
        return None
    seconds: int
    fraction: int
    seconds, fraction = struct.unpack_from("=qI", answer, 80)
    return seconds + fraction / 1e9


@cache
def _statx() -> Any:
    import ctypes

    try:
        return ctypes.CDLL(None, use_errno=True).statx
    except (OSError, AttributeError):
        return None
