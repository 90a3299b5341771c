"""What one pass came to, before it is committed: kept together, so that all of it counts or nothing does, and heard only once it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from walert.dispatch.desk import HeldBack, Said
from walert.model import Alert, BadLine, Run, Transition
from walert.pipeline.ports import Listener
from walert.pipeline.replay import plain, spelled
from walert.pipeline.silencing import Silencer
from walert.store.values import RunState

MAX_SAMPLES = 3  # bad lines of a pass that are shown in the log; all are counted


@dataclass(slots=True)
class Account:
    """Of one batch, or of what time brought to one file. `backlog`: it was written while no daemon ran."""

    now: float
    listener: Listener
    silencer: Silencer
    backlog: bool = False
    alerts: list[tuple[Alert, tuple[str, ...]]] = field(default_factory=list)
    happenings: list[tuple[str, float, str, Mapping[str, Any]]] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=dict)
    forget: list[str] = field(default_factory=list)
    states: dict[str, RunState] = field(default_factory=dict)
    silenced: dict[str, tuple[int, str]] = field(default_factory=dict)
    evidence: dict[str, Any] = field(default_factory=dict)
    cuts: int = 0  # alerts whose samples were cut from the log
    _heard: list[Callable[[], None]] = field(default_factory=list)

    def count(self, name: str, by: int = 1) -> None:
        """Raise a counter; they commit with everything else."""
        if by:
            self.counters[name] = self.counters.get(name, 0) + by

    def note(self, kind: str, text: str) -> None:
        """Anything that an operator should know once it is committed."""
        self._heard.append(lambda: self.listener.note(kind, text))

    def bad_line(self, path: str, bad: BadLine) -> None:
        """A line that is no record."""
        self.count("bad_lines")
        if self.counters["bad_lines"] <= MAX_SAMPLES:
            self._heard.append(lambda: self.listener.bad_line(path, bad))

    def happened(self, run: Run, path: str, transition: Transition) -> None:
        """A rule's state changed."""
        self.happenings.append((str(transition.happening), self.now, run.id, _row(path, transition)))
        self._heard.append(lambda: self.listener.judged(run, path, transition))

    def say(self, run: Run, said: Said, history: bool = False) -> None:
        """An alert is told or held back. `history` is judged and listed, and delivered to nobody."""
        if isinstance(said, HeldBack):
            self.count("suppressed")
            payload = {"title": said.title, "level": str(said.level), "suppressed": said.suppressed, "why": said.why}
            self.happenings.append(("suppressed", self.now, run.id, payload))
        else:
            silence = None
            if history:
                said = replace(said, receivers=())
            else:
                if self.backlog:
                    said = replace(said, alert=replace(said.alert, late=True))
                said, silence = self.silencer.hold(said)
            self.count("alerts")
            self.alerts.append((said.alert, said.receivers))
            if silence is not None:
                self.count("silenced")
                self.silenced[said.alert.id] = (silence.id, said.why)
            elif not said.receivers and not history and said.alert.kind not in ("resolved", "closed"):
                self.count("alerts_without_receiver")
        final = said
        self._heard.append(lambda: self.listener.said(run, final))

    def told(self) -> set[str]:
        """It is committed: let it be heard. Returns the receivers that have something to deliver."""
        for tell in self._heard:
            tell()
        return {name for _, receivers in self.alerts for name in receivers}


def _row(path: str, transition: Transition) -> dict[str, Any]:
    rule = transition.rule
    return {
        "rule": rule.origin, "title": rule.title, "level": str(rule.level), "values": spelled(transition.values), "file": path,
        "step": plain(transition.step), "time": transition.time, "line": transition.line, "why": transition.why, "by": transition.by,
    }  # fmt: skip
