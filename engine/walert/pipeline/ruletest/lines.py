"""A case as the lines of a log: what a run that did just this would have written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from walert.pipeline.ruletest.notation import Gap
from walert.pipeline.ruletest.values import Call, Case

STEP, TIME, EVENT = "_step", "_timestamp", "_walert"
RESERVED = {STEP: "steps", TIME: "every, start and pauses", EVENT: "alerts and end"}


def log_lines(case: Case) -> Iterator[tuple[int, bytes]]:
    """Each line with the number of the record at which it stands: an `alert()` call after its record, the end after all."""
    calls: dict[int, list[Call]] = {}
    for call in case.calls:
        calls.setdefault(call.at, []).append(call)
    for number in range(1, case.records + 1):
        yield number, _line(_stamp(case, number) | _metrics(case, number - 1))
        for call in calls.get(number, ()):
            yield number, _line(_stamp(case, number) | {EVENT: _alert(call)})
    if case.end is not None:
        finish = {"event": "finish", "state": case.end}
        yield case.records + 1, _line(_stamp(case, case.records) | {EVENT: finish})


def _stamp(case: Case, number: int) -> dict[str, Any]:
    stamp = {STEP: case.steps[number - 1]}
    return stamp if case.times is None else stamp | {TIME: case.times[number - 1]}


def _metrics(case: Case, index: int) -> dict[str, Any]:
    cells = ((name, cells[index]) for name, cells in case.series.items() if index < len(cells))
    return {name: None if cell is Gap.NULL else cell for name, cell in cells if cell is not Gap.MISSING}


def _alert(call: Call) -> dict[str, Any]:
    event: dict[str, Any] = {"event": "alert", "title": call.title, "text": call.text}
    if call.level is not None:
        event["level"] = str(call.level)
    if call.wait_duration is not None:
        event["wait_duration"] = call.wait_duration
    return event


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode()
