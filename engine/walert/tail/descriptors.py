"""Open files within the limit: those used last stay open, those that nothing else leads to as well."""

from __future__ import annotations

import errno
import os
import resource
import stat
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from walert.tail.streams import Stream

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_PATIENCE = 32  # streams that are passed over in the search for one that can be closed
_FULL = (errno.EMFILE, errno.ENFILE)


class Notice(NamedTuple):
    """Something an operator should see once."""

    kind: str
    path: str
    text: str


class Descriptors:
    """The descriptors of streams."""

    def __init__(self, most: int | None, notice: Callable[[Notice], None]) -> None:
        self.most = most or max(16, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
        self._notice = notice
        self._open: OrderedDict[str, Stream] = OrderedDict()
        self._faulty: set[str] = set()

    def __len__(self) -> int:
        return len(self._open)

    def open(self, path: str) -> int | None:
        """A regular file, opened; None, said once, if it cannot be."""
        try:
            fd = self._opened(path)
        except OSError as error:
            self.fault(path, error)
            return None
        if stat.S_ISREG(os.fstat(fd).st_mode):
            return fd
        os.close(fd)
        return None

    def _opened(self, path: str) -> int:
        try:
            return os.open(path, _FLAGS)
        except OSError as error:
            if error.errno not in _FULL or not self._open:
                raise
        # Others of this process need descriptors, too: half of ours are enough.
        self.most = max(1, len(self._open) // 2)
        self._notice(Notice("descriptors", "", f"the limit of open files is reached: {self.most} logs are kept open"))
        self._shrink()
        return os.open(path, _FLAGS)

    def fault(self, path: str, error: OSError) -> None:
        """It could not be read: said once, until it can."""
        if path not in self._faulty and not isinstance(error, FileNotFoundError):
            self._faulty.add(path)
            self._notice(Notice("unreadable", path, f"cannot be read: {error.strerror}"))

    def of(self, stream: Stream) -> int | None:
        """The stream's descriptor, opened again if need be; None when its path is no longer its file."""
        if stream.fd is None:
            fd = self.open(stream.path) if stream.gone is None else None
            if fd is None:
                return None
            found = os.fstat(fd)
            if (found.st_dev, found.st_ino) != stream.key:
                os.close(fd)
                return None
            stream.fd = fd
        self.keep(stream, stream.fd)
        return stream.fd

    def keep(self, stream: Stream, fd: int) -> None:
        """It is used now."""
        self._faulty.discard(stream.path)
        stream.fd = fd
        self._open[stream.id] = stream
        self._open.move_to_end(stream.id)
        self._shrink()

    def _shrink(self) -> None:
        while len(self._open) > self.most:
            self.close(self._victim())

    def _victim(self) -> Stream:
        """The one used longest ago, but for those without a name or with a part of a line in memory: they cannot be read again."""
        oldest = list(zip(range(_PATIENCE), self._open.values(), strict=False))
        return next((s for _, s in oldest if s.gone is None and not s.buffer.tail), oldest[0][1])

    def close(self, stream: Stream) -> None:
        """Give it back."""
        fd = self.detach(stream)
        if fd is not None:
            try:
                os.close(fd)
            except OSError:
                pass  # a network file system may say at the close what it did not say before

    def detach(self, stream: Stream) -> int | None:
        """Take the descriptor from the stream."""
        self._open.pop(stream.id, None)
        fd, stream.fd = stream.fd, None
        return fd

    def close_all(self) -> None:
        """Give back all."""
        for stream in list(self._open.values()):
            self.close(stream)
