"""watchdog's one door: it says where to look first. Everything that it misses is found by the sweep and the scan.

Its oddities: a watch that the kernel refuses below a root is not told (hence the probe of `_Canary`), a root that goes away ends its thread,
a lost event is told to a logger only, and any exception in a handler ends the thread for good.
"""

from __future__ import annotations

import errno
import itertools
import logging
import os
import shutil
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from walert.clock import SystemClock
from walert.model import Source
from walert.tail.descriptors import Notice
from walert.tail.hints import Hints, Mode, Waker, WakeStatus
from walert.tail.interest import Interest, Root

CHECK = 2.0  # seconds between looks at threads and roots
SING = 10.0  # seconds in which the canary must be heard
JUMP = 5.0  # seconds that a wait may take longer than asked before all is looked at
REBUILDS = 3  # of the watcher, until it is given up
FORGIVEN = 3600.0  # seconds of good behaviour after which rebuilds are forgotten
_LOGGER = "watchdog"
_SWEPT = "files are looked at every two seconds, new ones are found every ten"
_LIMITS = {
    errno.ENOSPC: "the kernel's limit of watched folders is reached (sysctl fs.inotify.max_user_watches)",
    errno.EMFILE: "the kernel's limit of watchers is reached (sysctl fs.inotify.max_user_instances)",
}


_canaries = itertools.count()


class Monotonic(Protocol):
    """What tells how long ago something was."""

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


def open_waker(
    sources: Sequence[Source],
    *,
    notice: Callable[[Notice], None] = lambda notice: None,
    clock: Monotonic | None = None,
    canary: str | None = None,
) -> Waker:
    """A waker for the folders of these sources, those that appear later included; those marked `poll` are swept only.

    `canary` is a folder of its own that may be made and removed: what is written there must be heard, or the watcher is made anew.
    """
    watched = [source for source in sources if not source.poll]
    return Watching(watched, notice, clock or SystemClock(), canary) if watched else Hints()


class Watching(Hints):
    """Hints from the kernel, through one watchdog observer over non-overlapping roots, which is watched in its turn."""

    def __init__(
        self, sources: Sequence[Source], notice: Callable[[Notice], None], clock: Monotonic, canary: str | None
    ) -> None:
        super().__init__()
        self._notice = notice
        self._clock = clock
        self._interest = Interest(sources)
        self._canary = canary
        self._watcher: _Watcher | None = None
        self._rebuilt: list[float] = []
        self._rebuilds = 0
        self._why: str | None = None
        self._checked = clock.monotonic()
        self._overflow = _Overflow(self)
        logging.getLogger(_LOGGER).addHandler(self._overflow)
        self._start()

    @property
    def mode(self) -> Mode:
        """See `Waker`."""
        return "sweep" if self._watcher is None else "events"

    def status(self) -> WakeStatus:
        """See `Waker`."""
        return WakeStatus(self.mode, self._why, self._overflow.count, self._rebuilds)

    def wait(self, timeout: float) -> set[str] | None:
        """As for hints. A wait that took far too long counts as lost events: the machine slept, or this process did."""
        began = self._clock.monotonic()
        dirty = super().wait(timeout)
        now = self._clock.monotonic()
        if now - self._checked >= CHECK:
            self._checked = now
            self._check(now)
        return None if now - began > timeout + JUMP else dirty

    def close(self) -> None:
        """Stop the observer's threads."""
        logging.getLogger(_LOGGER).removeHandler(self._overflow)
        self._stop()
        super().close()

    # --- the watcher

    def _start(self) -> None:
        try:
            self._watcher = _Watcher(self, self._interest, self._canary)
            self._watcher.arm(self._interest.roots())
        except OSError as error:
            self._give_up(_LIMITS.get(error.errno or 0, f"folders cannot be watched ({error.strerror})"))

    def _stop(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.stop()

    def _give_up(self, why: str) -> None:
        """Sweep only. What was watched is given back: the user's editor needs watches, too."""
        self._stop()
        self._why = why
        self._notice(Notice("watch", "", f"{why}: {_SWEPT}"))

    def _check(self, now: float) -> None:
        if self._watcher is None:
            return
        try:
            for root in self._watcher.arm(self._interest.roots()):
                for path in self._interest.spelled(root):
                    self.mark(path)
            well = self._watcher.is_well(now)
        except OSError as error:
            self._give_up(_LIMITS.get(error.errno or 0, f"folders cannot be watched any more ({error.strerror})"))
            self.lose()
            return
        if not well:
            self._rebuild(now)

    def _rebuild(self, now: float) -> None:
        self._rebuilt = [then for then in self._rebuilt if now - then < FORGIVEN]
        self.lose()
        if len(self._rebuilt) >= REBUILDS:
            self._give_up(f"the watcher has died {REBUILDS + 1} times")
            return
        self._rebuilt.append(now)
        self._rebuilds += 1
        self._notice(Notice("watch", "", f"the watcher has died: it is started again ({len(self._rebuilt)})"))
        self._stop()
        self._start()


class _Overflow(logging.Handler):
    """The kernel's queue ran over: watchdog says so here and nowhere else."""

    def __init__(self, hints: Hints) -> None:
        super().__init__()
        self._hints = hints
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += 1
        self._hints.lose()


class _Watcher:
    """One observer with all its threads. Whatever fails in it is told by `is_well` or an `OSError`."""

    def __init__(self, hints: Hints, interest: Interest, canary: str | None) -> None:
        # For good, not only for the import: under `-W error` a warning of the library kills its own thread.
        warnings.filterwarnings("ignore", module=r"watchdog\.")
        from watchdog.observers import Observer

        before = set(threading.enumerate())
        self._observer = Observer()
        self._armed: dict[Root, Any] = {}
        self._handler, self._told = _handler(hints, interest)
        try:
            self._observer.start()
            started = [thread for thread in threading.enumerate() if thread not in before]
            self._threads = [thread for thread in started if type(thread).__module__.startswith("watchdog.")]
            self._canary = _Canary(canary, self) if canary else None
        except OSError:
            self.stop()
            raise

    def watch(self, path: str, recursive: bool) -> Any:
        """Hear of a folder. OSError when the kernel refuses."""
        return self._observer.schedule(self._handler, path, recursive=recursive, event_filter=self._told)

    def unwatch(self, watch: Any) -> None:
        """Hear no more of it."""
        try:
            self._observer.unschedule(watch)
        except (KeyError, OSError):
            pass  # it went away by itself

    @property
    def heard(self) -> int:
        """How many events have arrived."""
        return int(self._handler.heard)

    def arm(self, roots: Sequence[Root]) -> list[str]:
        """Watch just these roots. Returns those that are new; OSError when the kernel's limit is reached."""
        for root in [root for root in self._armed if root not in roots]:
            self.unwatch(self._armed.pop(root))
        new = [root for root in roots if root not in self._armed]
        armed = [root.path for root in new if self._arm(root)]
        if self._canary is not None and (armed or self._handler.grown):
            self._handler.grown = False
            self._canary.move()  # asks for one more watch: below a root none that is refused is told
        return armed

    def _arm(self, root: Root) -> bool:
        try:
            self._armed[root] = self.watch(root.path, root.recursive)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return False  # gone between two looks, or not ours to see: tried again at the next
        return True

    def is_well(self, now: float) -> bool:
        """Whether every thread lives and the canary is heard."""
        alive = all(thread.is_alive() for thread in self._threads)
        # The thread of a root that has just gone away ends as it should.
        dead = [e for e in list(self._observer.emitters) if not e.is_alive() and os.path.isdir(e.watch.path)]
        return alive and not dead and (self._canary is None or self._canary.sings(now))

    def stop(self) -> None:
        """End the threads. It waits, but not for ever: one of them may hang."""
        ending = threading.Thread(target=self._end, name="walert-unwatch", daemon=True)
        ending.start()
        ending.join(5.0)

    def _end(self) -> None:
        try:
            self._observer.stop()
        except (OSError, RuntimeError):
            pass  # a part of it had failed before
        if getattr(self, "_canary", None) is not None:
            self._canary.remove()  # type: ignore[union-attr]
        if self._observer.is_alive():
            self._observer.join(5.0)


class _Canary:
    """Two folders, one of which is watched, and a file in it that is written to."""

    def __init__(self, folder: str, watcher: _Watcher) -> None:
        number = next(_canaries)
        if number == 0:
            shutil.rmtree(folder, ignore_errors=True)  # of a process that was killed
        self._folder = os.path.join(folder, str(number))
        self._watcher = watcher
        self._watch: Any = None
        self._turn = 0
        self._sung: float | None = None
        self._heard = 0

    def move(self) -> None:
        """Watch the other folder: takes a new watch before the old one is given back. OSError when there is none."""
        self._turn += 1
        self._sung = None
        folder = os.path.join(self._folder, str(self._turn % 2))
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError:
            return  # no place for a canary: the threads are looked at all the same
        before, self._watch = self._watch, self._watcher.watch(folder, recursive=False)
        if before is not None:
            self._watcher.unwatch(before)

    def sings(self, now: float) -> bool:
        """Whether anything was heard since the last song, which is repeated now and then."""
        if self._watch is None:
            return True
        if self._sung is not None and now - self._sung < SING:
            return True
        silent = self._sung is not None and self._watcher.heard == self._heard
        self._heard = self._watcher.heard
        try:
            with open(os.path.join(self._folder, str(self._turn % 2), "canary"), "wb") as file:
                file.write(b"%d" % self._turn)
        except OSError:
            return True  # the disk is full: nothing can be learned from silence
        self._sung = now
        return not silent

    def remove(self) -> None:
        """Take the folders away."""
        shutil.rmtree(self._folder, ignore_errors=True)
        try:
            os.rmdir(os.path.dirname(self._folder))
        except OSError:
            pass  # the canary of the next watcher lives there already


def _handler(hints: Hints, interest: Interest) -> tuple[Any, list[Any]]:
    """What hears events, and the kinds that it hears: none that reading a file causes, or it would hear itself for ever."""
    from watchdog import events

    class Handler(events.FileSystemEventHandler):
        heard = 0
        grown = False  # folders have come: whether they are watched is not known

        def dispatch(self, event: events.FileSystemEvent) -> None:
            try:
                self.heard += 1
                self._take(event)
            except Exception:
                hints.lose()  # an exception would end the thread

        def _take(self, event: events.FileSystemEvent) -> None:
            for path in (event.src_path, event.dest_path):
                if event.is_directory:
                    self.grown = self.grown or not isinstance(event, events.DirDeletedEvent)
                elif not path or not interest.names(os.fsdecode(path)):
                    continue
                if path:
                    for spelled in interest.spelled(os.fsdecode(path)):
                        hints.mark(spelled)

    told = [
        events.FileModifiedEvent, events.FileCreatedEvent, events.FileMovedEvent, events.FileDeletedEvent,
        events.DirCreatedEvent, events.DirMovedEvent, events.DirDeletedEvent,
    ]  # fmt: skip
    return Handler(), told
