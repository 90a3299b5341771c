"""Reading a file that a person names: bounded in size, and in time where it is a pipe."""

from __future__ import annotations

import errno
import os
import select

MAX_BYTES = 1 << 20
PIPE_SECONDS = 10.0  # that a pipe, as `<(command)` gives one, may be silent


def read_bounded(path: str | os.PathLike[str], most: int = MAX_BYTES) -> bytes:
    """The bytes of a file, of a large one `most` and one more: enough to refuse it. A pipe into which nobody writes is empty.

    Raises `OSError`; a `TimeoutError` is one, for a pipe that is held open and stays silent.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        taken = bytearray()
        while len(taken) <= most and (piece := _piece(descriptor, most + 1 - len(taken))):
            taken += piece
        return bytes(taken)
    finally:
        os.close(descriptor)


def _piece(descriptor: int, size: int) -> bytes:
    try:
        return os.read(descriptor, size)
    except BlockingIOError:
        if not select.select([descriptor], [], [], PIPE_SECONDS)[0]:
            raise TimeoutError(errno.ETIMEDOUT, "is a pipe, and nothing comes out of it") from None
        return os.read(descriptor, size)
