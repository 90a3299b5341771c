"""The object below `_walert`: passed on when it can be acted upon, a bad line when not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from walert.model import BadLine, Record, Source
from walert.records import Decoder

ALERT = {"event": "alert", "title": "Low accuracy", "text": "acc 0.4"}


def decode(event: Any, **fields: Any) -> Record | BadLine | None:
    line = json.dumps({"_walert": event, **fields})
    return Decoder(Source(path="/logs"), "metrics.jsonl").decode(line.encode(), 1, 0)


@pytest.mark.parametrize(
    "event",
    [
        {"event": "start", "project": "vision", "config": {"lr": 0.1}},
        {"event": "heartbeat"},
        {"event": "finish", "exit_code": 0},
        ALERT,
        {**ALERT, "level": "WARN", "wait_duration": 300},
        {**ALERT, "level": "error", "wait_duration": 0.5},
        {**ALERT, "level": None, "wait_duration": None, "text": ""},
    ],
)
def test_an_event_comes_as_it_was_written(event: dict[str, Any]) -> None:
    outcome = decode(event, _step=4, _timestamp=1.7e9)
    assert isinstance(outcome, Record)
    assert (outcome.event, outcome.step, outcome.has_step, outcome.time, outcome.metrics) == (
        event,
        4.0,
        True,
        1.7e9,
        {},
    )


def test_an_event_may_stand_beside_metrics() -> None:
    outcome = decode(ALERT, loss=1.0)
    assert isinstance(outcome, Record)
    assert (outcome.event, outcome.metrics, outcome.step) == (ALERT, {"loss": 1.0}, 1.0)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (None, "_walert is not an object"),
        (1, "_walert is not an object"),
        ([ALERT], "_walert is not an object"),
        ({}, "_walert: event is none of start, alert, config, finish, heartbeat"),
        ({"event": ["alert"]}, "_walert: event is none of start, alert, config, finish, heartbeat"),
        ({"event": "reboot"}, "_walert: event is none of start, alert, config, finish, heartbeat"),
        ({**ALERT, "title": ""}, "_walert: title is no text, or empty"),
        ({**ALERT, "title": "  "}, "_walert: title is no text, or empty"),
        ({**ALERT, "title": 5}, "_walert: title is no text, or empty"),
        ({"event": "alert", "title": "x"}, "_walert: text is no text"),
        ({**ALERT, "level": "FATAL"}, "_walert: level is none of INFO, WARN, ERROR"),
        ({**ALERT, "level": 3}, "_walert: level is none of INFO, WARN, ERROR"),
        ({**ALERT, "wait_duration": -1}, "_walert: wait_duration is no finite number of seconds from 0"),
        ({**ALERT, "wait_duration": "5m"}, "_walert: wait_duration is no finite number of seconds from 0"),
        ({**ALERT, "wait_duration": True}, "_walert: wait_duration is no finite number of seconds from 0"),
        ({**ALERT, "wait_duration": float("nan")}, "_walert: wait_duration is no finite number of seconds from 0"),
        ({**ALERT, "wait_duration": float("inf")}, "_walert: wait_duration is no finite number of seconds from 0"),
        ({**ALERT, "wait_duration": 10**400}, "_walert: wait_duration is no finite number of seconds from 0"),
    ],
)
def test_an_event_that_nobody_could_act_upon_is_a_bad_line(event: Any, reason: str) -> None:
    outcome = decode(event, _step=1)
    assert isinstance(outcome, BadLine)
    assert outcome.reason == reason


def test_the_text_of_an_alert_survives_the_search_for_nan() -> None:
    decoder = Decoder(Source(path="/logs"), "metrics.jsonl")
    event = {**ALERT, "text": "loss is NaN: [NaN, -Infinity]"}
    decoder.decode(b'{"loss": NaN}', 1, 0)
    outcome = decoder.decode(json.dumps({"_walert": event, "loss": float("nan")}).encode(), 2, 13)
    assert isinstance(outcome, Record)
    assert outcome.event == event


def test_text_that_no_message_could_carry_is_replaced() -> None:
    outcome = decode({**ALERT, "text": "half \ud83d", "extra": [{"\udc00": "\ud800"}]})
    assert isinstance(outcome, Record)
    assert outcome.event == {**ALERT, "text": "half ?", "extra": [{"?": "?"}]}


def test_an_event_between_alike_lines_is_not_overlooked() -> None:
    decoder = Decoder(Source(path="/logs"), "metrics.jsonl")
    for number in range(5):
        decoder.decode(b'{"loss": 1, "_step": %d}' % number, number, 0)
    outcome = decoder.decode(b'{"loss": 1, "_step": 9, "_walert": {"event": "finish"}}', 6, 0)
    assert isinstance(outcome, Record)
    assert outcome.event == {"event": "finish"}
