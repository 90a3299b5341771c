"""watchdog's one door: it says where to look first. Everything that it misses is found by the sweep and the scan."""

from __future__ import annotations

import logging
import os
import threading
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from walert.model import Source
from walert.tail.descriptors import Notice
from walert.tail.discover import root_of


class Waker(Protocol):
    """Sleeps until there is something to look at."""

    def wait(self, timeout: float) -> set[str] | None:
        """The paths that changed, after `timeout` seconds at the latest; None when events were lost and all must be looked at."""

    def wake(self) -> None:
        """End the present wait, from any thread or a signal handler."""

    def close(self) -> None:
        """Stop watching."""


class Hints:
    """A waker without a watcher: it sleeps, unless somebody wakes it or marks a path."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._dirty: set[str] = set()
        self._lost = False

    def mark(self, path: str) -> None:
        """Something changed at `path`."""
        self._dirty.add(path)
        self._ready.set()

    def lose(self) -> None:
        """Events were lost."""
        self._lost = True
        self._ready.set()

    def wait(self, timeout: float) -> set[str] | None:
        """See `Waker`."""
        self._ready.wait(timeout)
        self._ready.clear()
        dirty, self._dirty = self._dirty, set()
        lost, self._lost = self._lost, False
        return None if lost else dirty

    def wake(self) -> None:
        """See `Waker`."""
        self._ready.set()

    def close(self) -> None:
        """See `Waker`."""


class Watching(Hints):
    """Hints from the kernel, through one watchdog observer over non-overlapping roots."""

    def __init__(self, roots: Sequence[str], notice: Callable[[Notice], None]) -> None:
        super().__init__()
        self._notice = notice
        self._observer = _observe(roots, self, notice)
        self._overflow = _Overflow(self)
        logging.getLogger("watchdog.observers.inotify_c").addHandler(self._overflow)

    def wait(self, timeout: float) -> set[str] | None:
        """As for hints; a dead observer is said once, and the sweep goes on without it."""
        if self._observer is not None and not self._observer.is_alive():
            self._observer = None
            self._notice(Notice("watch", "", "the watcher has died: files are looked at every two seconds"))
        return super().wait(timeout)

    def close(self) -> None:
        """Stop the observer's threads."""
        logging.getLogger("watchdog.observers.inotify_c").removeHandler(self._overflow)
        if self._observer is not None:
            self._observer.stop()
            self._observer.join(5.0)


class _Overflow(logging.Handler):
    def __init__(self, hints: Hints) -> None:
        super().__init__()
        self._hints = hints

    def emit(self, record: logging.LogRecord) -> None:
        self._hints.lose()


def open_waker(sources: Sequence[Source], *, notice: Callable[[Notice], None] = lambda notice: None) -> Waker:
    """A waker for the folders of these sources; those marked `poll` are swept only."""
    roots = outermost([root_of(source) for source in sources if not source.poll])
    return Watching(roots, notice) if roots else Hints()


def outermost(roots: Sequence[str]) -> list[str]:
    """The real folders among `roots` that exist and lie in no other of them."""
    real = sorted({os.path.realpath(root) for root in roots if os.path.isdir(root)})
    return [r for r in real if not any(r != other and r.startswith(other.rstrip("/") + "/") for other in real)]


def _observe(roots: Sequence[str], hints: Hints, notice: Callable[[Notice], None]) -> Any:
    # For good, not only for the import: under `-W error` a warning of the library kills its own thread.
    warnings.filterwarnings("ignore", module=r"watchdog\.")
    from watchdog import events
    from watchdog.observers import Observer

    class Handler(events.FileSystemEventHandler):
        def on_any_event(self, event: events.FileSystemEvent) -> None:
            for path in (event.src_path, getattr(event, "dest_path", "")):
                if path:
                    hints.mark(os.fsdecode(path))

    told = [
        events.FileModifiedEvent, events.FileCreatedEvent, events.FileMovedEvent, events.FileDeletedEvent,
        events.DirCreatedEvent, events.DirMovedEvent, events.DirDeletedEvent,
    ]  # fmt: skip
    observer = Observer()
    try:
        for root in roots:
            observer.schedule(Handler(), root, recursive=True, event_filter=told)
        observer.start()
    except OSError as error:
        notice(
            Notice(
                "watch",
                ", ".join(roots),
                f"cannot be watched ({error.strerror}): files are looked at every two seconds",
            )
        )
        return None
    return observer
