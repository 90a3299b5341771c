"""Which folders are watched now: those of the configuration that are there, each by its inode, so that one made anew is watched anew."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from walert.model import Source
from walert.tail import Notice, Waker, WakeStatus, open_waker
from walert.tail.discover import root_of


class Watch:
    """The one waker in use. `wake` may be called from any thread, everything else from one."""

    def __init__(self, notice: Callable[[Notice], None], canary: str | None = None) -> None:
        self._notice = notice
        self._canary = canary
        self._standing: tuple[object, ...] = ()
        self._waker: Waker | None = None
        self._woken = threading.Event()
        self._overflows = self._rebuilt = 0  # of the wakers before
        self._roots: set[str] = set()
        self._missing: set[str] = set()

    def refresh(self, sources: Sequence[Source]) -> bool:
        """Watch the folders of `sources` that are there; True when they are not those watched until now.

        To be called before a look into them: what comes between the two is then found twice instead of never.
        """
        standing = _standing(sources)
        if standing == self._standing:
            return False
        self._tell(sources)
        before, self._waker = self._waker, open_waker(sources, notice=self._notice, canary=self._canary)
        self._standing = standing
        if before is not None:
            past = before.status()
            self._overflows += past.overflows
            self._rebuilt += past.rebuilt
            before.close()
        return True

    def _tell(self, sources: Sequence[Source]) -> None:
        """Which folders went and which came; those of a new configuration are told by who read it."""
        roots, gone = {root_of(source) for source in sources}, set(missing(sources))
        for root in sorted((gone - self._missing) & self._roots):
            self._notice(Notice("watch", root, "the folder is gone: it is followed again when it is back"))
        for root in sorted((self._missing - gone) & roots):
            self._notice(Notice("watch", root, "the folder is there: it is followed"))
        self._roots, self._missing = roots, gone

    def status(self) -> WakeStatus:
        """How changes are found now; what is counted is so since the start."""
        if self._waker is None:
            return WakeStatus("sweep")
        now = self._waker.status()
        return replace(now, overflows=now.overflows + self._overflows, rebuilt=now.rebuilt + self._rebuilt)

    def wait(self, seconds: float) -> set[str] | None:
        """What changed, after `seconds` at the latest; None when everything must be looked at."""
        if self._waker is None or self._woken.is_set():
            self._woken.wait(seconds)
            self._woken.clear()
            return set()
        return self._waker.wait(seconds)

    def wake(self) -> None:
        """End the present wait, or the next."""
        self._woken.set()
        if (waker := self._waker) is not None:
            waker.wake()

    def close(self) -> None:
        """Stop watching."""
        if self._waker is not None:
            self._waker.close()


def missing(sources: Sequence[Source]) -> list[str]:
    """The folders of `sources` that are not there."""
    return sorted({root for source in sources if not os.path.exists(root := root_of(source))})


def _standing(sources: Sequence[Source]) -> tuple[object, ...]:
    found: list[object] = []
    for source in sources:
        root = root_of(source)
        try:
            there = os.stat(root)
        except OSError:
            continue
        found.append((root, there.st_dev, there.st_ino, source.poll))
    return tuple(found) or (None,)
