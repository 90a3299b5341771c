"""What `walert run` writes down: a log of its own in the run's folder, `run.jsonl`, which begins with the command and ends with how it ended."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from walert import clock
from walert.client import identity, lines
from walert.client.log_file import LogFile
from walert.client.worker import HEARTBEAT, Worker
from walert.supervise.child import Outcome

VERSION = 1
MAX_COMMAND = 1_000  # characters


class Record:
    """The log of one command. Nothing that the disk does ever raises."""

    def __init__(
        self, runs: str, project: str | None, name: str, who: identity.Identity, command: Sequence[str]
    ) -> None:
        self.who, self.name, self.project, self.runs = who, name, project, runs
        self.folder = identity.run_folder(runs, project, name, who)
        self._command = " ".join(command)[:MAX_COMMAND]
        self._place = identity.rank_of(os.environ)
        stem = f"run.rank{self._place.rank}" if self._place.rank else "run"
        self._file = LogFile(self.folder, stem, self._start)
        self._worker = Worker(self._file.sync, self._file.beat)

    @property
    def path(self) -> str:
        """The log."""
        return self._file.path

    def begin(self) -> None:
        """Write the start record, and give a sign of life from here on."""
        self._file.write_event(b"")
        self._worker.start()

    def metrics(self, found: Mapping[str, Any]) -> None:
        """A record of metrics that the command printed; step and the like are as it says."""
        parts = lines.parts(found, {}, lambda name, value: None)
        line = f'{{"_timestamp": {clock.now():.6f}, {", ".join(parts)}}}\n'.encode("utf-8", "replace")
        if parts and len(line) <= lines.MAX_LINE:
            self._file.write(line)

    def end(self, outcome: Outcome, stderr: str, *, oom: bool) -> None:
        """Write how it ended, and have it on disk."""
        killed = outcome.signal if outcome.signal is not None else None
        facts = {"signal": killed, "oom": oom or None, "stderr": stderr or None, "peak": outcome.peak}
        event = {
            "v": VERSION,
            "event": "finish",
            "state": _state(outcome),
            "exit_code": outcome.exit_code,
            "rank": self._place.rank,
        }
        told = {name: value for name, value in facts.items() if value is not None and outcome.exit_code}
        self._file.write_event(lines.event_line({**event, **told}, clock.now()))
        self._worker.ask()
        if self._worker.settle(2.0):
            self._file.close()
        self._worker.stop()

    def _start(self, file: LogFile) -> bytes:
        event = {
            "v": VERSION, "event": "start", "role": "supervisor", "id": self.who.id, "name": self.name, "project": self.project,
            "attempt": self.who.restarts or 0, "rank": self._place.rank if file.writer == 1 else -1,
            "world_size": self._place.world_size, "ad_hoc": False,
        }  # fmt: skip
        facts = identity.process_facts() | {"script": self._command, "heartbeat": HEARTBEAT}
        return lines.event_line({**event, **facts}, clock.now())


def _state(outcome: Outcome) -> str:
    """A SIGTERM below a scheduler is its way to take the machine away, however the command answered."""
    if 15 in outcome.asked and identity.scheduler(os.environ) is not None:
        return "preempted"
    return "failed" if outcome.exit_code else "finished"
