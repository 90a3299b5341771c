"""A walertd for one run, where none follows it: started beside the command, stopped once the run's last message is out."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable

from walert.errors import StoreError
from walert.store.reader import Reader

READ = 60.0  # seconds that it may take to read the run's end
STOP = 20.0  # seconds that it may take to deliver what is under way
LOOK = 0.1
_OVER = frozenset({"finished", "failed", "preempted", "crashed"})


class OwnDaemon:
    """Its messages to the console come out on standard error, beside those of the command; its log is the file `log`."""

    def __init__(self, config: str | None, state: str, log: str) -> None:
        self.state = state
        self.log = log
        command = [sys.executable, "-m", "walert.cli.walertd", *(("--config", config) if config else ())]
        os.makedirs(os.path.dirname(log), exist_ok=True)
        with open(log, "ab") as file:
            # A session of its own: Ctrl-C is for the command, and the end of it is still to be told.
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=_stderr(), stderr=file, start_new_session=True
            )

    @property
    def ended(self) -> int | None:
        """Its exit code, if it has ended already."""
        return self._process.poll()

    def finish(self, run_id: str, wait: Callable[[float], object]) -> None:
        """Let it read the end of the run, deliver, and end. `wait(seconds)` is true when the user wants to go."""
        left = int(READ / LOOK)
        while left and self._process.poll() is None and not self._has_read(run_id) and not wait(LOOK):
            left -= 1
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def waiting(self) -> int:
        """How many messages it could not deliver."""
        try:
            with Reader(self.state) as reader:
                return len(reader.outbox(("waiting", "dead")))
        except StoreError:
            return 0

    def _has_read(self, run_id: str) -> bool:
        try:
            with Reader(self.state) as reader:
                return any(row.id == run_id and row.state in _OVER for row in reader.runs())
        except StoreError:  # not there yet
            return False


def _stderr() -> int:
    with contextlib.suppress(OSError):
        os.fstat(2)
        return 2
    return subprocess.DEVNULL
