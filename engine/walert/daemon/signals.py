"""Signals, taken by a thread that waits for them.

A handler of Python's runs between any two steps of the main thread, and would wait for ever for a lock that is held there.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import TracebackType

_STOP = {signal.SIGTERM, signal.SIGINT}
_TAKEN = {*_STOP, signal.SIGHUP}


class Signals:
    """SIGTERM, SIGINT and SIGHUP for whoever asks, kept back until then.

    To be entered before any other thread is started: a thread inherits that these signals are blocked.
    """

    def __init__(self) -> None:
        self._before: set[signal.Signals | int] | None = None
        self._thread: threading.Thread | None = None
        self._over = False

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            self._before = set(signal.pthread_sigmask(signal.SIG_BLOCK, _TAKEN))
        return self

    def tell(self, stop: Callable[[int], None], reload: Callable[[int], None]) -> None:
        """From now on call `stop` for SIGTERM and SIGINT and `reload` for SIGHUP, each with the signal's number."""
        if self._before is not None and self._thread is None:
            self._thread = threading.Thread(target=self._run, args=(stop, reload), name="walert-signals", daemon=True)
            self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._thread is not None:
            self._over = True
            signal.pthread_kill(self._thread.ident or 0, signal.SIGHUP)
            self._thread.join(1.0)
        if self._before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, self._before)

    def _run(self, stop: Callable[[int], None], reload: Callable[[int], None]) -> None:
        while True:
            number = signal.sigwait(_TAKEN)
            if self._over:
                return
            (stop if number in _STOP else reload)(number)
