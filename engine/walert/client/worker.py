"""The one background thread of a run: brings alerts to disk off the calling thread, and gives the heartbeat.

It is started with `_thread`, since `threading.Thread.start` takes a lock that an interrupted caller may hold, and it is not waited for at
the interpreter's end, except by `settle`, for a bounded time.
"""

from __future__ import annotations

import _thread
import os
from collections.abc import Callable
from queue import Empty, SimpleQueue

from walert import clock
from walert.client.notice import say

HEARTBEAT = 30.0  # seconds

_Request = Callable[[], object] | None


class Worker:
    """Runs `sync` when asked, and `beat`, if given, every `interval` seconds."""

    def __init__(
        self, sync: Callable[[], None], beat: Callable[[], None] | None = None, interval: float = HEARTBEAT
    ) -> None:
        self._sync = sync
        self._beat = beat
        self._interval = interval
        self._requests: SimpleQueue[_Request] = SimpleQueue()  # its `put` may be called from a signal handler
        self._home = os.getpid()
        self._starts: dict[int, object] = {}  # by process: a thread does not survive a fork

    def start(self) -> bool:
        """Start the thread of this process unless it runs. False when there can be none."""
        mark = object()
        if self._starts.setdefault(os.getpid(), mark) is not mark:
            return True
        if os.getpid() != self._home:  # a forked child: the queue's lock may have been held, and its parent beats
            self._requests, self._beat = SimpleQueue(), None
        try:
            _thread.start_new_thread(self._run, (self._requests,))
        except RuntimeError as error:
            self._starts.pop(os.getpid(), None)
            say(
                "thread",
                f"no background thread ({error}): alerts are written, but not synced to disk, and no heartbeat.",
            )
            return False
        return True

    def ask(self) -> None:
        """Have everything written so far synced soon. Returns at once."""
        if self.start():
            self._requests.put(_nothing)

    def settle(self, seconds: float) -> bool:
        """Wait until what was written is on disk, at most `seconds`. True when it is."""
        if os.getpid() not in self._starts:
            return True
        done = _thread.allocate_lock()
        done.acquire()
        self._requests.put(done.release)
        return done.acquire(timeout=seconds)

    def stop(self) -> None:
        """End the thread when it gets to it."""
        self._beat = None
        if self._starts.pop(os.getpid(), None):
            self._requests.put(None)

    def _run(self, requests: SimpleQueue[_Request]) -> None:
        due = clock.monotonic() + self._interval
        while True:
            wait = max(0.0, due - clock.monotonic()) if self._beat else None
            try:
                request = requests.get(timeout=wait)
            except Empty:
                self._try(self._beat)
                due = clock.monotonic() + self._interval
                continue
            asked = [request, *_waiting(requests)]
            self._try(self._sync)  # one for all that were asked for by now
            for done in asked:
                if done is None:
                    return
                done()

    @staticmethod
    def _try(act: Callable[[], None] | None) -> None:
        try:
            if act:
                act()
        except Exception as error:  # this thread must outlive everything
            say("worker", f"background work failed: {error!r}")


def _waiting(requests: SimpleQueue[_Request]) -> list[_Request]:
    found: list[_Request] = []
    try:
        while True:
            found.append(requests.get_nowait())
    except Empty:
        return found


def _nothing() -> None:
    pass
