"""What the live pipeline asks of the state file, and whom it tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from walert.dispatch.desk import Said
from walert.model import BadLine, Run, Transition
from walert.store.values import Changes, Ended, RunState, Silence, StreamState


class Ledger(Protocol):
    """What a pass needs of the state file."""

    def load_stream(self, stream: str) -> StreamState | None:
        """The committed state of a file."""

    def cooldowns(self, run_id: str) -> Mapping[str, Any]:
        """The committed cooldowns of a run."""

    def run_state(self, run_id: str) -> RunState | None:
        """The committed state of a run, if it has one."""

    def living(self) -> Mapping[str, RunState]:
        """The runs that may go on."""

    def members(self, run_id: str) -> Sequence[Mapping[str, Any]]:
        """What was kept of the life of the run's logs."""

    def silences(self, now: float) -> Sequence[Silence]:
        """The silences in force."""

    def end_silences(self, now: float, tell: Callable[[Ended], Changes]) -> Sequence[int]:
        """Mark silences that are over, with what is told of them."""

    def commit(self, changes: Changes) -> Sequence[int]:
        """All or nothing."""

    def add(self, changes: Changes) -> Sequence[int]:
        """Write, to be committed by `settle` with all that was added since the last one; what is read meanwhile holds it."""

    def settle(self) -> None:
        """Commit what was added: all or nothing."""

    def abandon(self) -> None:
        """Take back what was added."""

    def let_errors_go(self, run_id: str) -> set[str]:
        """Of a backlog, let go what still fires as an ERROR in the run; its receivers."""

    def let_go(self) -> set[str]:
        """Let go all of a backlog; its receivers."""


class Listener(Protocol):
    """Who hears what a pass did: the daemon's log."""

    def judged(self, run: Run, path: str, transition: Transition) -> None:
        """A rule's state changed."""

    def said(self, run: Run, said: Said) -> None:
        """An alert was told or held back."""

    def bad_line(self, path: str, bad: BadLine) -> None:
        """A line that is no record."""

    def note(self, kind: str, text: str) -> None:
        """Anything else an operator should know once."""
