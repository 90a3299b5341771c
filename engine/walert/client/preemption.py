"""A scheduler's SIGTERM: the run's end is written down, then the process ends by the signal, as it would have without walert.

Taken only below a scheduler, which kills for good a moment later whatever does not end, and only where nobody has a handler yet: a process
with a handler that hangs in C code does not end at once. A handler that a script puts in its place is the script's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container
from types import FrameType

from walert.client import identity

_told: list[tuple[int, Callable[[], None]]] = []  # whose process, and what to do
_guarded: list[bool] = []  # whether forks are seen to
_masks: list[Container[int]] = []  # what was blocked before a fork that is under way


def watch(on_term: Callable[[], None]) -> None:
    """Call `on_term` when the scheduler ends this process."""
    if identity.scheduler(os.environ) is None:
        return
    import signal

    if signal.getsignal(signal.SIGTERM) not in (signal.SIG_DFL, _on_term):
        return
    try:
        signal.signal(signal.SIGTERM, _on_term)
    except ValueError:  # not in the main thread
        return
    _told[:] = [(os.getpid(), on_term)]
    if not _guarded:
        _guarded.append(True)
        os.register_at_fork(before=_before_fork, after_in_parent=_after_fork, after_in_child=_after_fork)


def unwatch() -> None:
    """As it was before, unless somebody else has put a handler there."""
    if not _told:
        return
    import signal

    _told.clear()
    try:
        if signal.getsignal(signal.SIGTERM) is _on_term:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
    except ValueError:
        pass


def _before_fork() -> None:
    """A child that has a handler forgets what it is sent before Python has taken it over: the signal waits until then."""
    if _told:
        import signal

        _masks.append(signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}))


def _after_fork() -> None:
    if _masks:
        import signal

        if signal.SIGTERM not in _masks.pop():
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def _on_term(number: int, frame: FrameType | None) -> None:
    import signal

    if signal.getsignal(number) is not _on_term:
        return  # a script's handler calls what was there before; what happens next is its business
    for pid, act in _told:
        if pid == os.getpid():
            act()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
