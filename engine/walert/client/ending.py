"""How the process ends, as far as it can be known from inside: an exception nobody caught, the argument of `sys.exit`, or neither.

The hooks pass on to what was there before, and are taken away again when the run is over. `raise SystemExit(n)` passes no hook: then only the
frame that the script ended in tells that it did not run to its end, and the code is not known.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, NamedTuple

MAX_ERROR = 2000  # characters


class End(NamedTuple):
    """An exit code, None where it is not known, and, for an exception, its type and text. `signal` is the one that ends the process."""

    exit_code: int | None
    error: str | None = None
    signal: int | None = None


TERMINATED = End(143, signal=15)
"""A SIGTERM of a scheduler."""


class _Hooks:
    def __init__(self) -> None:
        self.end: End | None = None
        self.excepthook: Callable[..., Any] | None = None
        self.exit: Callable[..., Any] | None = None
        self.bottom: FrameType | None = None  # the script's outermost frame, which ends with it
        self.worker: FrameType | None = None  # of a process of `multiprocessing`: the frame that knows its exit code

    def on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not hasattr(sys, "ps1"):  # at a prompt an exception ends nothing
            self.end = end_of(error)
        (self.excepthook or sys.__excepthook__)(kind, error, trace)

    def on_exit(self, status: Any = None, /) -> None:
        if _in_main_thread():
            self.end = end_of(SystemExit(status))
        (self.exit or _raise_exit)(status)


def _raise_exit(status: Any) -> None:
    raise SystemExit(status)


_hooks = _Hooks()
_at_exit: list[Callable[[End], None]] = []


def watch(at_exit: Callable[[End], None]) -> None:
    """Look out for the end of the process, and call `at_exit` with it before the interpreter goes."""
    if _at_exit:
        _at_exit[0] = at_exit
    else:
        _at_exit.append(at_exit)
        atexit.register(_leave)
    _hooks.end = None
    _hooks.bottom = _outermost() if _in_main_thread() else None
    _at_the_end_of_a_worker()
    if not _hooks.excepthook:
        _hooks.excepthook, sys.excepthook = sys.excepthook, _hooks.on_exception
    if not _hooks.exit:
        _hooks.exit, sys.exit = sys.exit, _hooks.on_exit  # type: ignore[assignment]


def unwatch() -> None:
    """Put back what was there before. A hook that somebody else has put another on top of stays, and passes on."""
    _hooks.bottom = None
    if sys.excepthook == _hooks.on_exception and _hooks.excepthook:
        sys.excepthook, _hooks.excepthook = _hooks.excepthook, None
    if sys.exit == _hooks.on_exit and _hooks.exit:
        sys.exit, _hooks.exit = _hooks.exit, None


def _outermost() -> FrameType:
    frame = sys._getframe()
    while frame.f_back:
        frame = frame.f_back
    return frame


def _leave() -> None:
    if in_worker():
        _leave_worker()
        return
    ran_out = _ran_out(_hooks.bottom)
    # A sys.exit() that somebody caught is no end where the script ran to its own.
    end = End(0) if ran_out else _hooks.end or (End(0) if ran_out is None else End(None))
    _at_exit[0](end)


def _ran_out(frame: FrameType | None) -> bool | None:
    """Whether the script ran to its last line, by the instruction that its outermost frame stopped at; None where that cannot be told."""
    if frame is None or frame.f_lasti < 0:
        return None
    import opcode

    return opcode.opname[frame.f_code.co_code[frame.f_lasti]].startswith("RETURN")


def in_worker() -> bool:
    """Whether this is a process that `multiprocessing` started."""
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def _at_the_end_of_a_worker() -> None:
    """A process of `multiprocessing` does its own list of last deeds: with the exception at hand before Python 3.13, after it since."""
    if not in_worker() or os.getpid() in _workers:
        return
    from multiprocessing import util

    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_name != "_bootstrap":
        frame = frame.f_back
    _hooks.worker = frame
    _workers.append(os.getpid())
    util.Finalize(None, _leave_worker, exitpriority=-100)


_workers: list[int] = []  # processes in which that is asked for


def _leave_worker() -> None:
    if not _at_exit:
        return
    error = sys.exc_info()[1]
    code = _hooks.worker.f_locals.get("exitcode") if error is None and _hooks.worker is not None else None
    _at_exit[0](End(code) if isinstance(code, int) else end_of(error))


def end_of(error: BaseException | None) -> End:
    """The end that `error` makes of a process or a `with` block: 0 for none and for `sys.exit(0)`, 1 for most."""
    if error is None:
        return End(0)
    if isinstance(error, SystemExit):
        return _end_of_exit(error.code)
    code = 130 if isinstance(error, KeyboardInterrupt) else 1
    return End(code, _described(error))


def _end_of_exit(code: object) -> End:
    if code is None or isinstance(code, int):
        return End(int(code or 0))
    return End(1, _text(code))


def _described(error: BaseException) -> str:
    text = _text(error)
    return f"{type(error).__name__}: {text}"[:MAX_ERROR] if text else type(error).__name__


def _text(value: object) -> str:
    try:
        return str(value)[:MAX_ERROR]
    except Exception:  # a stranger's __str__
        return ""


def _in_main_thread() -> bool:
    threading = sys.modules.get("threading")
    return threading is None or threading.current_thread() is threading.main_thread()
