"""The course of a metric before an alert: cut from the log when the alert is decided, and there when its message is sent."""

import json
import math

import pytest
from daemons import Home

from walert.model import Curve
from walert.store.codec import curves_from_builtins
from walert.store.outbox import SqliteOutbox
from walert.store.reader import Reader

RULE = "version: 1\nrules: [{title: High, when: loss > 9, wait_duration: 0, repeat: never}]\n"


def evidence(home: Home) -> list[tuple[Curve, ...]]:
    """The curves of every alert, oldest first."""
    with Reader(home.folder / "walert.db") as reader:
        return [curves_from_builtins(reader.evidence(row.alert.id) or ()) for row in reader.alerts(0.0)]


def records(*values: float, start: int = 0, name: str = "loss") -> list[dict[str, object]]:
    return [{"step": start + i, name: value} for i, value in enumerate(values)]


def test_an_alert_carries_the_samples_before_it_and_what_they_are_compared_with(tmp_path):
    home = Home(tmp_path, RULE)
    home.log("a.jsonl", *records(1.0, 2.0, math.nan, 4.0, 10.0, 11.0))
    assert home.once().returncode == 0
    ((curve,),) = evidence(home)
    assert (curve.name, curve.steps, curve.limits) == ("loss", (0.0, 1.0, 2.0, 3.0, 4.0), (9.0,))
    assert curve.values[:2] + curve.values[3:] == (1.0, 2.0, 4.0, 10.0) and math.isnan(curve.values[2])


def test_the_sparkline_reaches_receivers_that_take_text_only(tmp_path):
    home = Home(tmp_path, RULE)
    home.log("a.jsonl", *records(1.0, 2.0, 4.0, 10.0))
    assert "trend: loss ▁▁▃█ 1 to 10\n" in home.once().stdout


def test_a_restart_between_the_samples_and_the_alert_costs_nothing_of_the_picture(tmp_path):
    home = Home(tmp_path, RULE)
    home.log("a.jsonl", *records(1.0, 2.0, 4.0))
    home.once()
    home.log("a.jsonl", *records(10.0, start=3))
    home.once()
    ((curve,),) = evidence(home)
    assert curve.values == (1.0, 2.0, 4.0, 10.0)


def test_a_log_that_is_gone_before_the_message_is_sent_takes_no_picture_with_it(tmp_path):
    home = Home(tmp_path, RULE, '{dead: {url: "json://localhost:1/x"}}')
    log = home.log("a.jsonl", *records(1.0, 2.0, 10.0))
    home.once()
    log.unlink()
    with SqliteOutbox(home.folder / "walert.db") as outbox:
        assert outbox.retry(outbox.list()[0].id)
        (message,) = outbox.lease("dead", 4e9, "test", 30.0, 1)
    assert message.alert.curves[0].values == (1.0, 2.0, 10.0)


def test_a_new_attempt_shows_what_it_goes_on_from_and_not_what_it_took_back(tmp_path):
    home = Home(tmp_path, RULE)
    home.log("a.jsonl", *records(1.0, 2.0, 3.0, 4.0, 5.0), *records(6.0, 10.0, start=2))
    home.once()
    ((curve,),) = evidence(home)
    assert curve.steps == (0.0, 1.0, 2.0, 3.0) and curve.values == (1.0, 2.0, 6.0, 10.0)


def test_writers_that_interleave_are_drawn_in_the_order_of_their_steps(tmp_path):
    home = Home(tmp_path, RULE)
    rows = [{"step": (i * 37) % 100, "loss": float((i * 37) % 100) / 20} for i in range(100)]
    home.log("a.jsonl", *rows, {"step": 50, "loss": 99.0})
    home.once()
    ((curve,),) = evidence(home)
    assert list(curve.steps) == sorted(curve.steps) and len(curve.steps) > 90


def test_what_was_written_after_the_end_of_a_run_is_no_part_of_its_last_picture(tmp_path):
    home = Home(tmp_path, "version: 1\nrules: [{title: High, when: loss > 9, resolved: true, wait_duration: 0}]\n")
    start, finish = ({"_walert": {"v": 1, "event": event}} for event in ("start", "finish"))
    home.log("a.jsonl", start, *records(1.0, 10.0), finish, start, *records(2.0, 3.0, start=5))
    home.once()
    assert [[curve.values for curve in curves] for curves in evidence(home) if curves] == [[(1.0, 10.0)], [(1.0, 10.0)]]


def test_records_without_a_step_stand_where_they_lie(tmp_path):
    home = Home(tmp_path, RULE)
    home.log("a.jsonl", {"loss": 1.0}, {"other": 1.0}, {"loss": 2.0}, {"loss": 10.0})
    home.once()
    ((curve,),) = evidence(home)
    assert curve.steps == (1.0, 3.0, 4.0)


def test_a_metric_that_is_logged_now_and_then_is_found_among_many_lines(tmp_path):
    home = Home(tmp_path, "version: 1\nrules: [{title: Low, when: val/acc < 0.5}]\n")
    rows = [
        {"step": i, "loss": 1.0} | ({"val": {"acc": 0.9 if i < 900 else 0.1}} if i % 100 == 0 else {})
        for i in range(901)
    ]
    home.log("a.jsonl", *rows)
    home.once()
    ((curve,),) = evidence(home)
    assert curve.values == (0.9,) * 9 + (0.1,)


def test_two_rules_of_one_line_each_get_their_own_metric(tmp_path):
    rules = "version: 1\nrules: [{title: A, when: loss > 9}, {title: B, when: 'grad > mean(loss, 2)'}]\n"
    home = Home(tmp_path, rules)
    home.log("a.jsonl", {"loss": 1.0, "grad": 0.0}, {"loss": 10.0, "grad": 99.0})
    home.once()
    curves = sorted(evidence(home), key=len)
    assert [[curve.name for curve in group] for group in curves] == [["loss"], ["grad", "loss"]]
    assert [curve.limits for group in curves for curve in group] == [(9.0,), (), ()]


@pytest.mark.parametrize(
    ("when", "limits"),
    [
        ("loss > 9", (9.0,)),
        ("9 < loss <= 1e3", (9.0, 1000.0)),
        ("mean(loss, 2) > 2.5 * 2", (5.0,)),
        ("loss > -1 and not (loss < 0)", (-1.0, 0.0)),
        ("abs(loss) > 9", ()),
        ("loss > 2 * prev(loss)", ()),
        ("frac(loss > 1, 2) >= 1", (1.0,)),
    ],
)
def test_a_limit_is_a_constant_that_the_metric_itself_is_compared_with(tmp_path, when, limits):
    home = Home(tmp_path, f"version: 1\nrules: [{{title: T, when: '{when}'}}]\n")
    home.log("a.jsonl", *records(1.0, 2.0, 10.0))
    home.once()
    assert evidence(home)[0][0].limits == limits


def test_a_table_and_a_renamed_metric_are_cut_as_they_are_read(tmp_path):
    home = Home(tmp_path, "version: 1\nrules: [{title: High, when: train/loss > 9}]\n")
    home.configure(watch='[{path: "runs/*.csv", rename: {Loss: train/loss}}]')
    (home.runs / "a.csv").write_text("step,Loss\n1,1.5\n2,\n3,2.5\n4,10\n")
    home.once()
    ((curve,),) = evidence(home)
    assert curve.steps == (1.0, 3.0, 4.0) and curve.values == (1.5, 2.5, 10.0)


def test_a_picture_is_bounded_however_long_the_log_is(tmp_path):
    home = Home(tmp_path, RULE)
    home.log("a.jsonl", *records(*[1.0] * 3_000, 10.0))
    home.once()
    ((curve,),) = evidence(home)
    assert len(curve.values) == 120 and curve.steps[-1] == 3_000.0


def test_damaged_evidence_costs_the_picture_and_not_the_message(tmp_path):
    import sqlite3

    home = Home(tmp_path, RULE, '{dead: {url: "json://localhost:1/x"}}')
    home.log("a.jsonl", *records(1.0, 2.0, 10.0))
    home.once()
    with sqlite3.connect(home.folder / "walert.db") as state:
        state.execute("UPDATE evidence SET body = x'c1ff'")
    state.close()
    with SqliteOutbox(home.folder / "walert.db") as outbox:
        outbox.retry(outbox.list()[0].id)
        (message,) = outbox.lease("dead", 4e9, "test", 30.0, 1)
    assert message.alert.title == "High" and message.alert.curves == ()
    assert json.dumps(message.alert.sparkline)
