"""Which of a record's keys are its step, its time and its epoch, and what is left as metrics."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from walert.model import Record, Source
from walert.records import Decoder

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()


def record(line: str, **options: Any) -> Record:
    found = Decoder(Source(path="/logs", **options), "metrics.jsonl").decode(line.encode(), 1, 0)
    assert isinstance(found, Record), found
    return found


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ('{"_step": 1, "step": 2, "loss": 0}', 1.0),
        ('{"loss": 0, "global_step": 3, "step": 2}', 2.0),
        ('{"trainer/global_step": 4, "epoch": 1}', 4.0),
        ('{"trainer": {"global_step": 4}, "epoch": 1}', 4.0),
        ('{"time/total_timesteps": 128, "time/fps": 9}', 128.0),
        ('{"training_iteration": 5, "timesteps_total": 9}', 5.0),
        ('{"current_steps": 10, "total_steps": 100, "epoch": 0.1}', 10.0),
        ('{"iteration": 0}', 0.0),
        ('{"num_updates": 7}', 7.0),
        ('{"step": 1.5}', 1.5),
        ('{"step": -3}', -3.0),
        ('{"step": NaN, "iteration": 6}', 6.0),
        ('{"step": "12", "iteration": 6}', 6.0),
        ('{"step": true, "iteration": 6}', 6.0),
        ('{"step": null, "iteration": 6}', 6.0),
        ('{"iter": 20, "loss": 1}', 20.0),
        ('{"iter": 20, "epoch": 2}', 2.0),
        ('{"batch": 20, "epoch": 2}', 2.0),
        ('{"batch": 20}', 20.0),
        ('{"global_step/max_steps": "10/100", "epoch": 0.3}', 10.0),
    ],
)
def test_the_first_step_key_that_is_there_and_finite_is_the_step(line: str, step: float) -> None:
    found = record(line)
    assert (found.step, found.has_step) == (step, True)


@pytest.mark.parametrize(
    ("line", "keys", "step"),
    [
        ('{"kimg": 4, "step": 2}', ("kimg",), 4.0),
        ('{"Progress": {"kimg": 4}}', ("Progress.kimg",), 4.0),
        ('{"done": "10/100", "step": 2}', ("done",), 10.0),
        ('{"done": "12", "step": 2}', ("done",), 12.0),
        ('{"done": "soon", "step": 2}', ("done",), 2.0),
        ('{"iter": 20, "epoch": 2}', ("iter",), 20.0),
        ('{"step": 2}', ("kimg",), 2.0),
    ],
)
def test_a_step_key_that_the_source_names_comes_first(line: str, keys: tuple[str, ...], step: float) -> None:
    assert record(line, step=keys).step == step


def test_without_a_step_key_the_ordinal_of_the_record_is_the_step() -> None:
    decoder = Decoder(Source(path="/logs"), "metrics.jsonl")
    lines = [b'{"loss": 1}', b"", b"torn", b'{"loss": 2}', b'{"_walert": {"event": "heartbeat"}}', b'{"loss": 3}'] * 3
    outcomes = [decoder.decode(line, number, 0) for number, line in enumerate(lines, 1)]
    records = [outcome for outcome in outcomes if isinstance(outcome, Record) and outcome.metrics]
    assert [(found.step, found.has_step) for found in records] == [(float(number), False) for number in range(1, 10)]


def test_step_keys_are_no_metrics() -> None:
    found = record('{"step": 1, "iter": 1, "epoch": 2, "batch": 3, "loss": 4}')
    assert found.metrics == {"loss": 4.0}
    assert found.epoch == 2.0


@pytest.mark.parametrize(
    ("line", "epoch"),
    [
        ('{"epoch": 1.5}', 1.5),
        ('{"train/epoch": 2}', 2.0),
        ('{"train": {"epoch": 2}, "epoch": 3}', 3.0),
        ('{"epoch": NaN, "train/epoch": 2}', 2.0),
        ('{"epoch": "3/10"}', None),
        ('{"loss": 1}', None),
    ],
)
def test_the_epoch_is_told_beside_the_step(line: str, epoch: float | None) -> None:
    assert record(line).epoch == epoch


# --- time ---


@pytest.mark.parametrize(
    "value",
    [
        f"{NOON}",
        f"{NOON:.0f}",
        f"{NOON * 1e3:.0f}",
        f"{NOON * 1e6:.0f}",
        '"2026-11-23T12:00:00Z"',
        '"2026-11-23T12:00:00+00:00"',
        '"2026-11-23 14:00:00.000+02:00"',
        '"20261123T120000Z"',
    ],
)
def test_a_plausible_date_is_the_time_in_unix_seconds(value: str) -> None:
    found = record(f'{{"timestamp": {value}, "loss": 1}}')
    assert found.time == NOON
    assert found.metrics == {"loss": 1.0}


@pytest.mark.parametrize(
    "value",
    [
        "0.027",
        "-1",
        "0",
        "978307199",
        "4133980800",
        "1e20",
        "NaN",
        "true",
        '"0:00:12"',
        '"1999-01-01T00:00:00Z"',
        '"soon"',
    ],
)
def test_anything_else_is_no_date(value: str) -> None:
    assert record(f'{{"time": {value}, "loss": 1}}').time is None


def test_seconds_per_iteration_stay_a_metric() -> None:
    assert record('{"time": 0.027, "data_time": 0.006, "loss": 2.3, "step": 1}').metrics == {
        "time": 0.027,
        "data_time": 0.006,
        "loss": 2.3,
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (f'{{"timestamp": 5, "created_at": {NOON}}}', {"timestamp": 5.0}),
        (f'{{"created_at": "2026-11-23T12:00:00Z", "wall_time": {NOON + 9}}}', {}),
        (f'{{"wall_time": {NOON + 9}, "time": {NOON}, "time_us": 12}}', {"time_us": 12.0}),
        (f'{{"ts": {NOON}, "created_at": "whenever"}}', {}),
    ],
)
def test_the_first_time_key_that_holds_a_date_is_the_time(line: str, expected: dict[str, float]) -> None:
    found = record(line)
    assert (found.time, found.metrics) == (NOON, expected)


def test_a_time_key_that_the_source_names_comes_first() -> None:
    found = record(f'{{"timestamp": {NOON + 9}, "log": {{"at": {NOON}}}, "loss": 1}}', time=("log.at",))
    assert (found.time, found.metrics) == (NOON, {"loss": 1.0})


@pytest.fixture
def tokyo() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()
    yield
    os.environ.pop("TZ") if before is None else os.environ.update(TZ=before)
    time.tzset()


@pytest.mark.usefixtures("tokyo")
def test_a_date_without_a_zone_is_local_to_the_host() -> None:
    assert record('{"timestamp": "2026-11-23T21:00:00", "loss": 1}').time == NOON


def test_dates_and_durations_may_alternate_under_one_key() -> None:
    decoder = Decoder(Source(path="/logs"), "m.jsonl")
    lines = [
        f'{{"time": {value}, "loss": 1}}'.encode()
        for value in [0.1, 0.2, 0.3, NOON, 0.4, NOON, '"2026-11-23T12:00Z"', 1]
    ]
    found = [decoder.decode(line, 1, 0) for line in lines]
    assert [outcome.time for outcome in found if isinstance(outcome, Record)] == [
        None,
        None,
        None,
        NOON,
        None,
        NOON,
        NOON,
        None,
    ]
