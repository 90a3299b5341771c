"""A stream of the child that passes through here: what it writes goes on at once, unchanged, and is looked at on the way.

Where the stream was a terminal the child gets a terminal: a pty of the same size, whose output is passed on raw.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import select
import termios
import threading
from collections.abc import Callable

CHUNK = 65_536
LINGER = 1.0  # seconds after the child's end in which what is under way still counts; a grandchild may keep the stream open for ever
_SIZE = b"\0" * 8


def hold_closed() -> frozenset[int]:
    """The standard streams that are open; in place of the others stands nothing, so that no file opened later takes their number."""
    found = set()
    for number in range(3):
        try:
            os.fstat(number)
            found.add(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    return frozenset(found)


class Passing:
    """The child writes to `child_end`; a thread passes on to the descriptor `out`, and gives `look` each piece."""

    def __init__(self, out: int, look: Callable[[bytes], None]) -> None:
        self.out = out
        self.terminal = os.isatty(out)
        self._look = look
        self._stop, self._stopped = os.pipe()
        self.own_end, self.child_end = _terminal(out) if self.terminal else os.pipe()
        self._thread = threading.Thread(target=self._run, name=f"walert-pass-{out}", daemon=True)

    def start(self) -> None:
        """The child has its end: begin to pass on."""
        os.close(self.child_end)
        self._thread.start()

    def resize(self) -> None:
        """The terminal has another size now."""
        if self.terminal:
            _copy_size(self.out, self.own_end)

    def finish(self) -> None:
        """The child has ended: wait for the rest."""
        self._thread.join(LINGER)
        os.close(self._stopped)
        self._thread.join(LINGER)
        for end in (self.own_end, self._stop):
            if not self._thread.is_alive():
                os.close(end)

    def _run(self) -> None:
        deaf = False
        while True:
            ready = select.select([self.own_end, self._stop], [], [])[0]
            if self.own_end not in ready:
                return
            data = _read(self.own_end)
            if not data:
                return
            # Where nobody reads any more the child must not notice: it would block, or be killed.
            deaf = deaf or not _write(self.out, data)
            with contextlib.suppress(Exception):  # a mistake in looking costs the look only
                self._look(data)


def _terminal(like: int) -> tuple[int, int]:
    """A pty that looks like the terminal `like` and changes nothing of what is written."""
    own, child = os.openpty()
    attributes = termios.tcgetattr(child)
    attributes[1] &= ~termios.OPOST
    attributes[3] &= ~(termios.ECHO | termios.ICANON | termios.ISIG)
    termios.tcsetattr(child, termios.TCSANOW, attributes)
    _copy_size(like, own)
    return own, child


def _copy_size(source: int, target: int) -> None:
    with contextlib.suppress(OSError):
        fcntl.ioctl(target, termios.TIOCSWINSZ, fcntl.ioctl(source, termios.TIOCGWINSZ, _SIZE))


def _read(fd: int) -> bytes:
    try:
        return os.read(fd, CHUNK)
    except OSError as error:  # EIO: every end of the pty on the child's side is closed
        if error.errno in (errno.EIO, errno.EBADF):
            return b""
        raise


def _write(fd: int, data: bytes) -> bool:
    """All of it; False when nobody takes it any more."""
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:
            select.select([], [fd], [])
        except OSError:
            return False
    return True
