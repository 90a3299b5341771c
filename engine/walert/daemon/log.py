"""The daemon's log: one line a change of state, as text for people or JSON for machines, on stderr."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Callable
from typing import Any

from walert.daemon.rim import Rim
from walert.dispatch.desk import HeldBack, Said
from walert.errors import Problem
from walert.model import BadLine, Happening, Run, Transition
from walert.pipeline.replay import plain, spelled
from walert.template import number

_STATES = {
    Happening.PENDING: "inactive => pending",
    Happening.FIRING: "=> firing",
    Happening.RESOLVED: "firing => resolved",
    Happening.CLOSED: "firing => closed",
}
_REMEMBERED = 1_000
AGAIN_AFTER = 300.0  # seconds


class Log:
    """Writes what happens. The same note is written once, however often it comes."""

    def __init__(self, form: str, now: Callable[[], float], rim: Rim | None = None) -> None:
        self.form = form
        self.now = now
        self.rim = rim if rim is not None else Rim()
        self._noted: set[tuple[str, str]] = set()

    # --- what a pass tells

    def judged(self, run: Run, path: str, transition: Transition) -> None:
        """A rule's state changed, with why and with what values."""
        values = ", ".join(f"{n} = {number(v)}" for n, v in transition.values.items())
        state = _STATES[transition.happening]
        text = f"{run.name}: {transition.rule.title}: {state} at step {number(transition.step)} ({transition.why}) {values}".rstrip()
        self.write(
            str(transition.happening), text, run=run.name, title=transition.rule.title, level=str(transition.rule.level), file=path,
            line=transition.line, step=plain(transition.step), values=spelled(transition.values), rule=transition.rule.origin,
        )  # fmt: skip

    def said(self, run: Run, said: Said) -> None:
        """An alert goes to its receivers, or was held back."""
        if isinstance(said, HeldBack):
            text = f"{run.name}: {said.title}: suppressed ({said.why}), {said.suppressed} since the last message"
            self.write(
                "suppressed", text, run=run.name, title=said.title, level=str(said.level), suppressed=said.suppressed
            )
            return
        alert = said.alert
        to = ", ".join(said.receivers) or "nobody"
        text = f"{run.name}: {alert.title} [{alert.level}] {alert.kind} to {to} ({said.why})"
        self.write(
            "alert", text, run=run.name, title=alert.title, level=str(alert.level), to=list(said.receivers), id=alert.id
        )

    def bad_line(self, path: str, bad: BadLine) -> None:
        """A line that is no record, with the beginning of it."""
        self.write(
            "bad-line", f"{path}:{bad.line}: {bad.reason}: {bad.sample}", file=path, line=bad.line, reason=bad.reason
        )

    def note(self, kind: str, text: str) -> None:
        """Something to know; said once."""
        if (kind, text) in self._noted and kind != "run":
            return
        if len(self._noted) < _REMEMBERED:
            self._noted.add((kind, text))
        self.write(kind, text)

    def problems(self, problems: tuple[Problem, ...]) -> None:
        """What is wrong in the files of a user."""
        for problem in problems:
            self.write("problem", str(problem), file=problem.file, line=problem.line, code=problem.code)

    def again(self, kind: str, text: str) -> None:
        """Something that may be said again: a state that came back."""
        self.write(kind, text)

    # --- the rim

    def write(self, kind: str, text: str, **more: Any) -> None:
        """One line."""
        moment = dt.datetime.fromtimestamp(self.now(), dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        if self.form == "json":
            line = json.dumps({"time": moment, "kind": kind, "text": text, **more}, ensure_ascii=False)
        else:
            line = f"{moment} {kind:<10} {_one_line(text)}"
        self.rim.put(line + "\n")

    def close(self, timeout: float = 2.0) -> None:
        """Wait for the last lines to be written, but not for ever."""
        self.rim.flush(timeout)

    def hear(self, name: str) -> None:
        """Take over what the parts below tell Python's own logging under `name`."""
        logger = logging.getLogger(name)
        logger.setLevel(logging.INFO)
        logger.propagate = False
        logger.handlers = [_Heard(self)]


class _Heard(logging.Handler):
    """Tries of deliveries, in the same form as everything else; what is said again and again is written once in a while."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log
        self._written: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        text, now = record.getMessage(), self._log.now()
        if abs(now - self._written.get(text, float("-inf"))) < AGAIN_AFTER:
            return
        if len(self._written) >= _REMEMBERED:
            self._written.clear()
        self._written[text] = now
        self._log.write(record.name.rpartition(".")[2].replace("deliver", "delivery"), text)


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
