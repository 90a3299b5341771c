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

_REMEMBERED = 1_000
AGAIN_AFTER = 300.0  # seconds after which a complaint that goes on is written again, with how often it came meanwhile
FORGOTTEN = 3600.0  # seconds without a note, after which it is news again
SAMPLES = 3  # bad lines of a file that are written at once


class Log:
    """Writes what happens. The same note is written once, however often it comes."""

    def __init__(self, form: str, now: Callable[[], float], rim: Rim | None = None) -> None:
        self.form = form
        self.now = now
        self.rim = rim if rim is not None else Rim()
        self._noted: dict[tuple[str, str], float] = {}
        self._pending: set[tuple[str, str]] = set()
        self._bad = Often(SAMPLES)

    # --- what a pass tells

    def judged(self, run: Run, path: str, transition: Transition) -> None:
        """A rule's state changed, with why and with what values."""
        values = ", ".join(f"{n} = {number(v)}" for n, v in transition.values.items())
        state = self._state(path, transition)
        text = f"{run.name}: {transition.rule.title}: {state} at step {number(transition.step)} ({transition.why}) {values}".rstrip()
        rule, step, proof = transition.rule, plain(transition.step), spelled(transition.values)
        self.write(
            str(transition.happening), text, run=run.name, title=rule.title, level=str(rule.level), file=path, line=transition.line,
            step=step, values=proof, rule=rule.origin, why=transition.why, by=transition.by,
        )  # fmt: skip

    def _state(self, path: str, transition: Transition) -> str:
        """From which state to which. A pending that was told before a restart is not remembered."""
        key = (path, transition.key or transition.rule.title)
        match transition.happening:
            case Happening.PENDING:
                if len(self._pending) < _REMEMBERED:
                    self._pending.add(key)
                return "inactive => pending"
            case Happening.FIRING:
                before = "pending " if key in self._pending else "inactive " if transition.rule.for_ is None else ""
                self._pending.discard(key)
                return f"{before}=> firing"
            case _:
                return f"firing => {transition.happening}"

    def said(self, run: Run, said: Said) -> None:
        """An alert goes to its receivers, or was held back."""
        if isinstance(said, HeldBack):
            text = f"{run.name}: {said.title}: suppressed ({said.why}), {said.suppressed} since the last message"
            self.write(
                "suppressed",
                text,
                run=run.name,
                title=said.title,
                level=str(said.level),
                suppressed=said.suppressed,
                why=said.why,
            )
            return
        alert = said.alert
        to = ", ".join(said.receivers) or "nobody"
        text = f"{run.name}: {alert.title} [{alert.level}] {alert.kind} to {to} ({said.why})"
        self.write(
            "alert", text, run=run.name, title=alert.title, level=str(alert.level), to=list(said.receivers), id=alert.id,
            happening=alert.kind, why=said.why,
        )  # fmt: skip

    def bad_line(self, path: str, bad: BadLine) -> None:
        """A line that is no record, with the beginning of it: the first few of a file, then one now and then. All are counted."""
        more = self._bad.due((path,), self.now())
        if more is not None:
            text = f"{path}:{bad.line}: {bad.reason}: {bad.sample}{_and(more)}"
            self.write("bad-line", text, file=path, line=bad.line, reason=bad.reason, more=more)

    def note(self, kind: str, text: str) -> None:
        """Something to know; said once, and again only when it has not come for an hour."""
        now = self.now()
        before = self._noted.get((kind, text))
        if before is not None or len(self._noted) < _REMEMBERED:
            self._noted[kind, text] = now
        if before is None or abs(now - before) >= FORGOTTEN or kind == "run":
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


class Often:
    """Counts what comes often: each topic is told `at_once` times, then once in `AGAIN_AFTER` seconds."""

    def __init__(self, at_once: int = 1) -> None:
        self._at_once = at_once
        self._topics: dict[tuple[str, ...], tuple[int, float, int]] = {}  # told so far, when last, untold since then

    def due(self, topic: tuple[str, ...], now: float) -> int | None:
        """None when it is not to be told now; otherwise how many were not told since the last time."""
        if topic not in self._topics and len(self._topics) >= _REMEMBERED:
            self._topics.clear()
        told, last, untold = self._topics.get(topic, (0, now, 0))
        waited = abs(now - last) >= AGAIN_AFTER
        if told >= self._at_once and not waited:
            self._topics[topic] = (told, last, untold + 1)
            return None
        self._topics[topic] = (told + 1, now, 0)
        return untold

    def over(self, beginning: str) -> None:
        """Forget the topics that begin so: when they come again they are news."""
        for topic in [topic for topic in self._topics if topic[0] == beginning]:
            del self._topics[topic]


class _Heard(logging.Handler):
    """What the parts below tell, in the same form as everything else; a complaint that is repeated is written once in a while."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self._log = log
        self._often = Often()

    def emit(self, record: logging.LogRecord) -> None:
        fields: dict[str, Any] = getattr(record, "fields", {})
        receiver = str(fields.get("receiver", ""))
        if fields.get("outcome") == "delivered":
            self._often.over(receiver)
        more: int | None = 0
        if fields.get("outcome") == "failed":
            more = self._often.due((receiver, str(fields["reason"])), self._log.now())
        elif not fields:
            more = self._often.due(("", record.getMessage()), self._log.now())
        if more is not None:
            kind = record.name.rpartition(".")[2].replace("deliver", "delivery")
            self._log.write(kind, f"{record.getMessage()}{_and(more)}", **fields, **({"more": more} if more else {}))


def _and(more: int) -> str:
    return f" (and {more} more like it)" if more else ""


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
