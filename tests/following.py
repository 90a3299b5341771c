"""A follower driven by hand: real files, a clock that is turned, and no watcher. What the tests of following are written in."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import contextmanager
from pathlib import Path

from walert.model import Batch, Checkpoint, Source
from walert.tail import Follower, Notice


class HandTurned:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


class Tail:
    """Follows a folder. What was read is committed at once, as a pass would; `stop` and `start` are those of the process."""

    def __init__(self, *roots: Path | Source, **options: object) -> None:
        self.sources = [root if isinstance(root, Source) else Source(path=str(root)) for root in roots]
        self.options = options
        self.clock = HandTurned()
        self.notices: list[Notice] = []
        self.batches: list[Batch] = []
        self.saved: dict[str, Checkpoint] = {}
        self.read: list[str] = []
        self.start()

    def __enter__(self) -> Tail:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> list[str]:
        """A new process on the committed places: it scans and reads. What it read."""
        saved = self.saved.values()
        self.follower = Follower(self.sources, saved, clock=self.clock, notice=self.notices.append, **self.options)
        self.follower.scan()
        return self.take()

    def stop(self) -> None:
        """The process ends."""
        self.follower.close()

    def restart(self) -> list[str]:
        """Stop and start. What was read then."""
        self.stop()
        return self.start()

    def scan(self, seconds: float = 2.0) -> list[str]:
        """Time passes, everything is looked at and read. What was read."""
        self.clock.seconds += seconds
        self.follower.scan()
        return self.take()

    def sweep(self, seconds: float = 2.0) -> list[str]:
        """Time passes, what is known is looked at and read. What was read."""
        self.clock.seconds += seconds
        self.follower.sweep()
        return self.take()

    def hint(self, *paths: Path) -> list[str]:
        """Events name these paths. What was read."""
        self.follower.mark_dirty([str(path) for path in paths])
        return self.take()

    def settle(self) -> list[str]:
        """As many looks as anything may take. What was read."""
        return [line for _ in range(4) for line in self.scan()]

    def take(self) -> list[str]:
        """Read all that is pending. The lines, blank ones left out."""
        lines = []
        while self.follower.pending():
            for batch in self.follower.read():
                self.batches.append(batch)
                self.saved[batch.checkpoint.stream] = batch.checkpoint
                lines += [line.decode("utf-8", "replace").rstrip("\r") for line in batch.lines if line.strip()]
        self.read += lines
        return lines

    @property
    def flaws(self) -> list[str]:
        """The reasons of all flaws."""
        return [flaw.reason for batch in self.batches for flaw in batch.flaws]

    def told(self, kind: str) -> list[Notice]:
        """The notices of one kind."""
        return [notice for notice in self.notices if notice.kind == kind]


def lines(start: int, end: int, word: str = "n") -> list[str]:
    """Lines start to end, each unlike any other."""
    return [json.dumps({word: n, "pad": "x" * (n * 7 % 40)}) for n in range(start, end)]


def append(path: Path, some: Iterable[str]) -> None:
    """Append lines, each by one write."""
    with open(path, "ab", buffering=0) as file:
        for line in some:
            file.write(line.encode() + b"\n")


def put(path: Path, data: bytes) -> None:
    """Append bytes as they are."""
    with open(path, "ab", buffering=0) as file:
        file.write(data)


@contextmanager
def unprivileged():
    """As a user whom permissions bind: root, in which tests of containers run, may do all."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def privileged():
    """Within `unprivileged`: as before."""
    before = os.geteuid()
    os.seteuid(os.getuid())
    try:
        yield
    finally:
        os.seteuid(before)
