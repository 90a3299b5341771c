"""walertd's log: one line a change of state, from what to what and why; a complaint is not repeated; the fields of its JSON form."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from loopback import HandClock, alert

from walert.daemon.log import AGAIN_AFTER, FORGOTTEN, SAMPLES, Log
from walert.daemon.rim import Rim
from walert.dispatch.desk import HeldBack, Told
from walert.levels import AlertLevel
from walert.model import BadLine, Happening, Rule, Run, Transition

RUN = Run("r1", "resnet-1")
HELD = HeldBack("firing", "High", AlertLevel.WARN, None, {}, "", 4, "within the wait", 9, 7.0, None)


class Written:
    """A log into a file, its clock, and what it wrote."""

    def __init__(self, folder: Path, form: str = "json") -> None:
        self.clock = HandClock()
        self._path = folder / "log"
        self._fd = os.open(self._path, os.O_WRONLY | os.O_CREAT)
        self.log = Log(form, self.clock.now, Rim(self._fd))

    def lines(self) -> list[str]:
        self.log.close()
        return self._path.read_text(encoding="utf-8").splitlines()

    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines()]


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written(tmp_path)


def transition(happening: Happening, for_: str | None = None, key: str = "k", **more: Any) -> Transition:
    rule = Rule(title="High", when="loss > 2", file="rules.yaml", line=3, for_=for_)
    facts = {"values": {"loss": 3.0}, "step": 7.0, "time": None, "line": 9, "offset": 90, "why": "loss > 2", "key": key}
    return Transition(rule, happening, **{**facts, **more})


def judged(written: Written, *happenings: Happening, for_: str | None = None) -> list[str]:
    for happening in happenings:
        written.log.judged(RUN, "/runs/a.jsonl", transition(happening, for_))
    return [row["text"].split(": ", 2)[2].split(" at ")[0] for row in written.rows()]


def test_a_change_says_from_what_to_what(written: Written) -> None:
    episode = (Happening.PENDING, Happening.FIRING)
    told = judged(written, *episode, Happening.RESOLVED, *episode, Happening.CLOSED, for_="2")
    assert told == [
        *("inactive => pending", "pending => firing", "firing => resolved"),
        *("inactive => pending", "pending => firing", "firing => closed"),
    ]


def test_without_for_there_is_no_pending(written: Written) -> None:
    assert judged(written, Happening.FIRING, Happening.RESOLVED) == ["inactive => firing", "firing => resolved"]


def test_what_was_pending_before_a_restart_is_not_made_up(written: Written) -> None:
    assert judged(written, Happening.FIRING, for_="2") == ["=> firing"]


def test_two_files_of_one_rule_are_told_apart(written: Written) -> None:
    written.log.judged(RUN, "/runs/a.jsonl", transition(Happening.PENDING, "2"))
    written.log.judged(RUN, "/runs/b.jsonl", transition(Happening.FIRING, "2"))
    assert ": => firing" in written.rows()[1]["text"]


def test_the_fields_of_a_change_are_these(written: Written) -> None:
    written.log.judged(RUN, "/runs/a.jsonl", transition(Happening.FIRING, values={"loss": float("inf")}))
    (row,) = written.rows()
    assert row == {
        "time": "2025-03-01T12:00:00.000Z",
        "kind": "firing",
        "text": "resnet-1: High: inactive => firing at step 7 (loss > 2) loss = inf",
        "run": "resnet-1",
        "title": "High",
        "level": "WARN",
        "file": "/runs/a.jsonl",
        "line": 9,
        "step": 7,
        "values": {"loss": "Infinity"},
        "rule": "rules.yaml:3",
        "why": "loss > 2",
        "by": "record",
    }


def test_the_fields_of_what_is_held_back_are_these(written: Written) -> None:
    written.log.said(RUN, HELD)
    assert set(written.rows()[0]) == {"time", "kind", "text", "run", "title", "level", "suppressed", "why"}


def test_a_note_is_written_once_until_it_is_news_again(written: Written) -> None:
    for seconds in (0, 1, FORGOTTEN - 1, FORGOTTEN - 1, FORGOTTEN):
        written.clock.turn(seconds)
        written.log.note("state", "cannot commit what fell due")
    assert [row["time"][11:13] for row in written.rows()] == ["12", "14"]
    assert len(written.rows()) == 2


def test_bad_lines_of_a_file_are_a_few_then_one_now_and_then_with_how_many_there_were(written: Written) -> None:
    for number in range(1, 101):
        written.log.bad_line("/runs/a.jsonl", BadLine(number, 0, "not JSON", "x"))
    written.log.bad_line("/runs/b.jsonl", BadLine(1, 0, "not JSON", "x"))
    written.clock.turn(AGAIN_AFTER)
    written.log.bad_line("/runs/a.jsonl", BadLine(200, 0, "not JSON", "x"))
    rows = written.rows()
    assert [(row["file"][-7], row["line"], row["more"]) for row in rows] == [
        *(("a", n, 0) for n in range(1, SAMPLES + 1)),
        ("b", 1, 0),
        ("a", 200, 100 - SAMPLES),
    ]
    assert rows[-1]["text"] == f"/runs/a.jsonl:200: not JSON: x (and {100 - SAMPLES} more like it)"


def tried(outcome: str, message: int, tries: int, reason: str | None = None, receiver: str = "ml-team") -> None:
    """As a worker tells it."""
    fields = {"receiver": receiver, "message": message, "alert": "a1", "tries": tries, "outcome": outcome}
    extra = {"fields": fields if reason is None else {**fields, "reason": reason}}
    logging.getLogger("walert.deliver").warning(
        "receiver %s: message %d, try %d", receiver, message, tries, extra=extra
    )


def test_a_receiver_that_is_down_is_told_once_in_a_while_and_anew_after_it_was_up(written: Written) -> None:
    written.log.hear("walert.deliver")
    for n in range(1, 30):
        tried("failed", n, 1, "no connection")
    tried("failed", 1, 2, "no connection", receiver="me")
    tried("failed", 2, 2, "HTTP status 500")
    written.clock.turn(AGAIN_AFTER)
    tried("failed", 3, 2, "no connection")
    tried("delivered", 4, 2)
    tried("failed", 5, 2, "no connection")
    tried("dead", 6, 2, "no such channel")
    tried("dead", 7, 2, "no such channel")
    rows = written.rows()
    assert [(r["message"], r["outcome"], r.get("more", 0)) for r in rows] == [
        (1, "failed", 0), (1, "failed", 0), (2, "failed", 0), (3, "failed", 28), (4, "delivered", 0), (5, "failed", 0),
        (6, "dead", 0), (7, "dead", 0),
    ]  # fmt: skip
    assert {"receiver", "message", "alert", "tries", "outcome", "reason"} <= set(rows[0])
    assert all(r["kind"] == "delivery" for r in rows)


def test_text_is_one_line_whatever_the_data(tmp_path: Path) -> None:
    written = Written(tmp_path, "text")
    written.log.bad_line("/runs/a\nb.jsonl", BadLine(1, 0, "not JSON", "\x1b[31m\u2028x"))
    (line,) = written.lines()
    assert line.startswith("2025-03-01T12:00:00.000Z bad-line   /runs/a b.jsonl:1: not JSON: ") and "\x1b" not in line


def test_what_was_told_says_why_and_to_whom(written: Written) -> None:
    written.log.said(RUN, Told(alert(), ("ml-team",), "the first of its title", 9, 7.0, None))
    (row,) = written.rows()
    assert (row["to"], row["why"], row["happening"], row["id"]) == (
        ["ml-team"],
        "the first of its title",
        "firing",
        "a1b2c3d4",
    )
