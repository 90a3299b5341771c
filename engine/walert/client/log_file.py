"""The file of one writer: whole lines, appended by one `os.write` each, so that no other writer can tear them.

Nothing here takes a lock that a signal handler could wait for: who finds the file being opened leaves the line to the opener. A
forked child opens the file anew. A write cut short (a full disk, a limit) leaves a torn line; the next one begins with a newline.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections import deque
from collections.abc import Callable
from time import sleep

from walert import clock
from walert.client.notice import say

MAX_WRITERS = 256
MAX_WAITING = 10_000  # lines that wait while another thread opens the file
LOOKS = 5  # at the end of a file that is opened, when it seems to end within a line
LOOK_AGAIN = 0.002  # seconds between them
RETRY = 1.0  # seconds between two tries to open for metric lines; events try at once
_STDERR = 2
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC

Failure = OSError | ValueError
"""What the operating system's door raises; `ValueError` for a path with a NUL."""


class LogFile:
    """Appends to `FOLDER/STEM.jsonl`, or to `STEM.2.jsonl` and so on while living processes hold those before it.

    `head(file)` is the line that a new file, and each opening by a new process, begins with.
    """

    def __init__(self, folder: str, stem: str, head: Callable[[LogFile], bytes]) -> None:
        self.folder = folder
        self.stem = stem
        self.writer = 1
        self.lost = 0
        self._head = head
        self._pid = os.getpid()
        self._fd = -1
        self._identity = (-1, -1)
        self._torn = False
        self._begun = False
        self._next_try = 0.0
        self._keys: list[None] = [None]  # popped by the one thread that opens: atomic, and never waited for
        self._waiting: deque[bytes] = deque(maxlen=MAX_WAITING)

    @property
    def name(self) -> str:
        """The file's name without `.jsonl`."""
        return self.stem if self.writer == 1 else f"{self.stem}.{self.writer}"

    @property
    def path(self) -> str:
        """The file that is written, once it is open."""
        return os.path.join(self.folder, f"{self.name}.jsonl")

    def write(self, line: bytes) -> None:
        """Append a metric line. Never raises for what the file system does; what is lost is counted and said once."""
        if self._fd < 0 or os.getpid() != self._pid:
            self._later(line, urgent=False)
        else:
            self._put(line)

    def write_event(self, line: bytes) -> None:
        """Append an event: as `write`, after a look whether the file is still there and still ours."""
        if os.getpid() == self._pid and self._fd >= 0 and not self._is_in_place():
            self._let_go()
        if self._fd < 0 or os.getpid() != self._pid:
            self._later(line, urgent=True)
        else:
            self._put(line)

    def beat(self) -> None:
        """A sign of life: touch the file, which adds nothing to it. Only what is open: a file that was taken away is not made anew."""
        if self._fd >= 0 and os.getpid() == self._pid and self._is_ours():
            try:
                os.utime(self._fd)
            except OSError:  # not every file system can: then its lines are the only signs of life
                pass

    def sync(self) -> None:
        """Bring to disk what was written. Blocks as long as the disk takes."""
        try:
            os.fsync(self._fd)
        except (OSError, ValueError):  # the write said it, if anything is wrong; not every file can be synced
            pass

    def close(self) -> None:
        """Give the descriptor back. A later write opens the file again."""
        if os.getpid() == self._pid:
            self._let_go()

    # --- writing

    def _put(self, line: bytes) -> None:
        data = b"\n" + line if self._torn else line
        try:
            written = os.write(self._fd, data)
        except OSError as error:
            self._lose(error)
            return
        self._torn = written < len(data)
        if self._torn:
            self._lose(OSError(errno.ENOSPC, "no room left for the whole line"))
            self._end_torn_line()

    def _end_torn_line(self) -> None:
        try:
            self._torn = os.write(self._fd, b"\n") != 1
        except OSError:
            pass

    def _lose(self, error: Failure) -> None:
        self.lost += 1
        if isinstance(error, OSError) and error.errno == errno.EBADF:
            self._fd = -1  # somebody closed it; the next line opens the file again
        self._tell(error)

    def _tell(self, error: Failure) -> None:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        say(f"lost:{self.folder}", f"cannot write to {self.path}: {reason}. Such lines are lost; the training goes on.")

    # --- opening

    def _later(self, line: bytes, *, urgent: bool) -> None:
        if os.getpid() != self._pid:
            self._forked()
        self._waiting.append(line)
        while self._waiting:
            try:
                self._keys.pop()
            except IndexError:
                return  # another thread, or this very one below a signal handler, is at it and writes this line, too
            try:
                self._write_waiting(urgent)
            finally:
                self._keys.append(None)

    def _write_waiting(self, urgent: bool) -> None:
        ready = self._fd >= 0 or self._open(urgent)
        while self._waiting:
            line = self._waiting.popleft()
            if ready:
                self._put(line)
            else:
                self.lost += 1

    def _forked(self) -> None:
        """In a child: the descriptor is the parent's, the waiting lines are the parent's to write."""
        self._pid = os.getpid()
        self._keys = [None]
        self._waiting.clear()
        self._torn = False
        self._next_try = 0.0
        self._let_go()

    def _open(self, urgent: bool) -> bool:
        if not urgent and clock.monotonic() < self._next_try:
            return False
        try:
            os.makedirs(self.folder, exist_ok=True)
            self._take(self._own() if self._begun else self._first_free())
        except (OSError, ValueError) as error:
            self._next_try = clock.monotonic() + RETRY
            self._tell(error)
            return False
        return True

    def _first_free(self) -> int:
        """A descriptor of the first file that no living process holds; the last one is shared."""
        while True:
            fd = _open(self.path)
            if self.writer >= MAX_WRITERS or _hold(fd):
                return fd
            os.close(fd)
            self.writer += 1

    def _own(self) -> int:
        """A descriptor of the file chosen before: after a fork, or when it was moved away or deleted."""
        fd = _open(self.path)
        _hold(fd)
        return fd

    def _take(self, fd: int) -> None:
        found = os.fstat(fd)
        self._identity = (found.st_dev, found.st_ino)
        self._torn = _is_torn(fd)
        if not self._begun or found.st_size == 0:
            self._begin(fd)
        self._fd = fd  # from here on every thread writes

    def _begin(self, fd: int) -> None:
        head = self._head(self)
        data = b"\n" + head if self._torn else head
        try:
            if os.write(fd, data) < len(data):
                raise OSError(errno.ENOSPC, "no room left for the whole line")
        except OSError:
            os.close(fd)
            raise
        self._begun, self._torn = True, False

    def _is_in_place(self) -> bool:
        try:
            found = os.stat(self.path)
        except (OSError, ValueError):
            return False
        return (found.st_dev, found.st_ino) == self._identity and self._is_ours()

    def _is_ours(self) -> bool:
        """Whether the descriptor is still the one that was opened: code that closes them all may have reused its number."""
        try:
            found = os.fstat(self._fd)
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == self._identity

    def _let_go(self) -> None:
        fd, ours = self._fd, self._is_ours()
        self._fd = -1
        if ours:
            os.close(fd)


def _open(path: str) -> int:
    """A descriptor above 2: where a script closed its stderr, what is printed must not land in the log."""
    fd = os.open(path, _FLAGS, 0o666)
    if fd > _STDERR:
        return fd
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, _STDERR + 1)
    finally:
        os.close(fd)


def _hold(fd: int) -> bool:
    """Whether this process may write here alone. Where the file system knows no locks, it may."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


def _is_torn(fd: int) -> bool:
    """Whether the file ends within a line. One that another process is writing just now looks so, too: look again."""
    for _ in range(LOOKS):
        size = os.fstat(fd).st_size
        if size == 0 or _last_byte(fd, size) in (b"\n", b""):
            return False
        sleep(LOOK_AGAIN)
    return True


def _last_byte(fd: int, size: int) -> bytes:
    try:
        return os.pread(fd, 1, size - 1)
    except OSError:
        return b""
