"""Runs a command in the foreground of this terminal: same process group, same standard input, signals passed on, its end told exactly.

What the terminal sends (Ctrl-C, Ctrl-\\, Ctrl-Z) reaches the command by itself, since it is in the group; what is sent to this process alone
is passed on.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from walert.supervise.stream import Passing

PASSED_ON = frozenset(
    {signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGCONT, signal.SIGTSTP}
)  # fmt: skip
_TAKEN = PASSED_ON | {signal.SIGCHLD, signal.SIGWINCH}
_SI_KERNEL = 128  # sent by the kernel, as for a key of the terminal, to the whole group


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended. `exit_code` is 128 + n after a signal, `peak` its most memory in bytes, `asked` the signals that were sent to us."""

    exit_code: int
    signal: int | None
    peak: int | None
    asked: frozenset[int]


class Signals:
    """The signals of this process, taken one by one by the main thread instead of interrupting it."""

    def __enter__(self) -> Signals:
        self.before = signal.pthread_sigmask(signal.SIG_BLOCK, _TAKEN)
        return self

    def __exit__(self, *_: object) -> None:
        # What came meanwhile has been answered by the end of the command.
        while signal.sigtimedwait(_TAKEN, 0) is not None:
            pass
        signal.pthread_sigmask(signal.SIG_SETMASK, self.before)

    def give_back(self) -> None:
        """In the child, before it becomes the command."""
        signal.pthread_sigmask(signal.SIG_SETMASK, self.before)

    def wait(self, seconds: float) -> int | None:
        """The next signal within `seconds`."""
        found = signal.sigtimedwait(_TAKEN, seconds)
        return None if found is None else found.si_signo


def run(
    command: Sequence[str],
    environ: Mapping[str, str],
    signals: Signals,
    streams: Mapping[int, Passing],
    began: Callable[[int], None],
) -> Outcome:
    """Run `command` to its end. `streams` pass its output through here, by descriptor; `began` hears its pid.

    Raises `OSError` when it cannot be started.
    """
    out, err = (streams[fd].child_end if fd in streams else None for fd in (1, 2))
    with subprocess.Popen(
        list(command), env=dict(environ), stdout=out, stderr=err, preexec_fn=signals.give_back, restore_signals=True
    ) as process:
        for stream in streams.values():
            stream.start()
        began(process.pid)
        outcome = _attend(process, signals, streams)
    for stream in streams.values():
        stream.finish()
    return outcome


def _attend(process: subprocess.Popen[bytes], signals: Signals, streams: Mapping[int, Passing]) -> Outcome:
    asked: set[int] = set()
    while True:
        ended, status, usage = os.wait4(process.pid, os.WNOHANG)
        if ended:
            break
        found = signal.sigtimedwait(_TAKEN, 1.0)
        if found is None:
            continue
        if found.si_signo == signal.SIGWINCH:
            for stream in streams.values():
                stream.resize()
        elif found.si_signo in PASSED_ON:
            asked.add(found.si_signo)
            _pass_on(process.pid, found)
    process.returncode = os.waitstatus_to_exitcode(status)
    killed = -process.returncode if process.returncode < 0 else None
    peak = usage.ru_maxrss * 1024 if usage.ru_maxrss else None
    return Outcome(128 + killed if killed else process.returncode, killed, peak, frozenset(asked))


def _pass_on(pid: int, found: signal.struct_siginfo) -> None:
    """A key of the terminal reached the command already. Stopped, we stop as well, so that the shell sees the whole job stopped."""
    # The shell continues the whole job: the command is told only where it was not meant, too.
    reached = found.si_code == _SI_KERNEL or (found.si_signo == signal.SIGCONT and not _is_stopped(pid))
    if not reached:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, found.si_signo)
    if found.si_signo == signal.SIGTSTP:
        os.kill(os.getpid(), signal.SIGSTOP)


def _is_stopped(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read(4096).rpartition(b")")[2].split()[0] == b"T"
    except (OSError, IndexError):
        return True
