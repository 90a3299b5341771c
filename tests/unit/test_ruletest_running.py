"""What a test of rules comes to: passed, or what is missing and what was not expected."""

from __future__ import annotations

from pathlib import Path

import pytest

from walert.model import Source
from walert.pipeline.logs import LogFile
from walert.pipeline.replay import Replay
from walert.pipeline.ruletest import Result, open_suite, run_suite
from walert.pipeline.ruletest.happened import judge_case
from walert.pipeline.ruletest.lines import log_lines
from walert.pipeline.ruletest.report import diff_lines
from walert.rules.load import load_rules
from walert.rules.plan import RuleSet

RULES = """
version: 1
rules:
  - {title: High loss, when: loss > 10, text: "loss {loss} at {step} of {run}, {file}:{line}"}
  - {title: Low accuracy, when: acc < 0.8, for: 2, level: ERROR, clear: acc > 0.85, wait_duration: 0, resolved: true}
  - {title: Silent, when: 'stalled("10m")'}
  - {title: Ours, when: x > 0, runs: {project: "vision-*"}}
"""


def results(folder: Path, *tests: str) -> list[Result]:
    (folder / "rules.yaml").write_text(RULES)
    file = folder / "rules.test.yaml"
    file.write_text("version: 1\nrules: [rules.yaml]\ntests:\n" + "".join(f"  - {test}\n" for test in tests))
    opened = open_suite(str(file))
    assert [str(error) for error in opened.errors] == []
    return list(run_suite(opened))


def outcome(folder: Path, body: str) -> list[str]:
    """The rows of one test, as sign, record, happening and title."""
    (result,) = results(folder, f"{{name: N, {body}}}")
    return [f"{row.sign}{row.of.at} {row.of.happening} {row.of.title}" for row in result.rows]


def passes(folder: Path, body: str) -> bool:
    (result,) = results(folder, f"{{name: N, {body}}}")
    return result.passed


def test_nothing_expected_and_nothing_happened(tmp_path: Path) -> None:
    assert passes(tmp_path, 'series: {loss: 1x5, acc: "0.9 _x4"}, expect: []')


def test_all_that_happens_must_be_expected(tmp_path: Path) -> None:
    happens = ["2 firing High loss", "2 message High loss", "3 resolved High loss"]
    assert outcome(tmp_path, "series: {loss: 1 20 1}, expect: []") == [f"+{row}" for row in happens]
    expect = "[{at: 2, title: High loss, happening: [firing, message]}, {at: 3, title: High loss, happening: resolved}]"
    assert outcome(tmp_path, f"series: {{loss: 1 20 1}}, expect: {expect}") == [f" {row}" for row in happens]


def test_what_is_missing_stands_before_what_happened_instead(tmp_path: Path) -> None:
    expect = "[{at: 1, title: High loss, happening: firing}, {at: 2, title: High loss, happening: [firing, message], text: x}]"
    assert outcome(tmp_path, f"series: {{loss: 1 20}}, expect: {expect}") == [
        "-1 firing High loss",
        " 2 firing High loss",
        "-2 message High loss",
        "+2 message High loss",
    ]


@pytest.mark.parametrize(
    ("asked", "fits"),
    [
        ("level: WARN", True),
        ("level: error", False),
        ('text: "loss 20 at 2 of test, metrics.jsonl:2"', True),
        ("text: loss 20", False),
        ("text_contains: loss 20 at", True),
        ("text_contains: loss 21", False),
        ("suppressed: 0", True),
        ("suppressed: 1", False),
        ("values: {loss: 20}", True),
        ("values: {loss: 20.000001}", True),
        ("values: {loss: 20.1}", False),
        ("values: {loss: nan}", False),
        ("values: {acc: 1}", False),
    ],
)
def test_only_what_is_asked_is_compared(tmp_path: Path, asked: str, fits: bool) -> None:
    expect = (
        f"[{{at: 2, title: High loss, happening: firing}}, {{at: 2, title: High loss, happening: message, {asked}}}]"
    )
    assert passes(tmp_path, f"series: {{loss: 1 20}}, expect: {expect}") is fits


def test_pending_may_be_left_out_but_not_in_part(tmp_path: Path) -> None:
    series = "series: {acc: 0.7 0.9 0.7x2}"
    fired = "{at: 4, title: Low accuracy, happening: [firing, message]}"
    first, second = (f"{{at: {at}, title: Low accuracy, happening: pending}}" for at in (1, 3))
    assert passes(tmp_path, f"{series}, expect: [{fired}]")
    assert passes(tmp_path, f"{series}, expect: [{first}, {second}, {fired}]")
    assert outcome(tmp_path, f"{series}, expect: [{first}, {fired}]")[1] == "+3 pending Low accuracy"


def test_only_some_titles_may_be_looked_at(tmp_path: Path) -> None:
    series = "series: {loss: 1 20, acc: 0.7x2}, only: [Low accuracy]"
    assert passes(tmp_path, f"{series}, expect: [{{at: 2, title: Low accuracy, happening: [firing, message]}}]")


def test_the_end_of_a_run_closes_and_walert_s_own_word_may_be_left_out(tmp_path: Path) -> None:
    series = "series: {loss: 20}, end: finished"
    fired = "{at: 1, title: High loss, happening: [firing, message]}, {at: end, title: High loss, happening: closed, text: run finished}"
    assert passes(tmp_path, f"{series}, expect: [{fired}]")
    assert passes(
        tmp_path, f"{series}, expect: [{fired}, {{at: end, title: Run finished, happening: message, level: INFO}}]"
    )
    assert not passes(tmp_path, f"{series}, expect: [{fired}, {{at: end, title: Run failed, happening: message}}]")


def test_calls_of_alert_share_the_cooldown_of_a_title(tmp_path: Path) -> None:
    body = (
        "every: 1m, series: {loss: 1 20 1x8}, alerts: [{at: 3, title: High loss, text: by hand},"
        " {at: 4, title: High loss, level: ERROR}, {at: 9, title: Mine, wait_duration: 10m},"
        " {at: 10, title: Mine, wait_duration: 10m}], expect: ["
        "{at: 2, title: High loss, happening: [firing, message]}, {at: 3, title: High loss, happening: resolved},"
        "{at: 3, title: High loss, happening: message, level: INFO, text: by hand, suppressed: 0},"
        "{at: 4, title: High loss, happening: message, level: ERROR, text: ''},"
        "{at: 9, title: Mine, happening: message}, {at: 10, title: Mine, happening: suppressed, suppressed: 1}]"
    )
    assert passes(tmp_path, body)


def test_what_falls_due_in_a_pause_stands_at_the_record_before_it(tmp_path: Path) -> None:
    body = (
        "every: 1m, pauses: [{after: 2, for: 20m}], series: {loss: 1x3}, expect: ["
        "{at: 2, title: Silent, happening: [firing, message]}, {at: 3, title: Silent, happening: resolved}]"
    )
    assert passes(tmp_path, body)


def test_a_run_that_goes_back_begins_an_attempt(tmp_path: Path) -> None:
    going_on = "series: {acc: 0.9 0.9 0.7 0.7}"
    fired = "[{at: 4, title: Low accuracy, happening: [firing, message]}]"
    assert passes(tmp_path, f"{going_on}, expect: {fired}")
    assert passes(tmp_path, f"{going_on}, steps: 1..3 2, expect: []")


def test_a_rule_for_other_runs_is_named_as_the_reason(tmp_path: Path) -> None:
    expect = "series: {x: 1}, expect: [{at: 1, title: Ours, happening: [firing, message]}]"
    ours, other = results(tmp_path, f"{{name: A, run: {{project: vision-1}}, {expect}}}", f"{{name: B, {expect}}}")
    assert ours.passed
    assert other.notes == ["`Ours` is not for this run: see `runs` of the rule."]


def test_without_times_a_wait_that_never_ends_is_named_as_the_reason(tmp_path: Path) -> None:
    expect = "[{at: 1, title: High loss, happening: [firing, message]}, {at: 2, title: High loss, happening: resolved}]"
    (result,) = results(tmp_path, f"{{name: N, series: {{loss: 20 1 20}}, expect: {expect}}}")
    assert result.notes == ["records carry no time, so that no wait ever ends: write for example every: 10s."]


def test_the_most_exacting_expectation_chooses_first(tmp_path: Path) -> None:
    calls = "alerts: [{at: 1, title: A, level: ERROR, wait_duration: 0}, {at: 1, title: A, wait_duration: 0}]"
    expect = "[{at: 1, title: A, happening: message}, {at: 1, title: A, happening: message, level: ERROR}]"
    assert passes(tmp_path, f"series: {{loss: 1}}, {calls}, expect: {expect}")


def test_a_difference_is_shown_in_columns(tmp_path: Path) -> None:
    expect = '[{at: step 200, title: High loss, happening: [firing, message], text: "no, \\u202eit is"},'
    expect += " {at: end, title: High loss, happening: closed, level: warn}]"
    (result,) = results(
        tmp_path, f"{{name: N, steps: {{start: 100, by: 100}}, series: {{loss: 1 20}}, end: failed, expect: {expect}}}"
    )
    assert diff_lines(result) == [
        "   record  step  happening",
        "        2   200  firing     High loss [WARN]: loss = 20",
        '-       2   200  message    High loss: text "no, \ufffdit is"',
        '+       2   200  message    High loss [WARN]: loss = 20; text "loss 20 at 200 of test, metrics.jsonl:2"',
        "      end        closed     High loss [WARN]: loss = 20",
    ]


def test_a_long_difference_is_cut_and_what_agrees_is_left_out(tmp_path: Path) -> None:
    agreed = ", ".join(
        f"{{at: {at}, title: High loss, happening: {what}}}"
        for at in range(1, 9)
        for what in (["resolved"] if at % 2 == 0 else ["firing"])
    )
    body = f"series: {{loss: (20 1)x4 (20 1)x60}}, expect: [{{at: 1, title: High loss, happening: message}}, {agreed}]"
    lines = diff_lines(results(tmp_path, f"{{name: N, every: 1h, {body}}}")[0])
    assert len(lines) == 62
    assert lines[-1].startswith("… and ")
    body = "series: {loss: (20 1)x4}, expect: [{at: 1, title: High loss, happening: message}, " + agreed.replace(
        "at: 8", "at: 7"
    )
    lines = diff_lines(results(tmp_path, f"{{name: N, {body}]}}")[0])
    assert sum(line == "…" for line in lines) >= 1


def test_a_test_and_a_replay_of_the_same_lines_tell_the_same(tmp_path: Path) -> None:
    body = (
        "every: 40s, steps: 1..20 11..30, end: failed, alerts: [{at: 5, title: High loss, text: t}, {at: 6, title: High loss}],"
        " series: {loss: (1 20 nan null 30 30)x6, acc: (0.9 0.7 0.7 _)x10}, expect: []"
    )
    (result,) = results(tmp_path, f"{{name: N, {body}}}")
    log = tmp_path / "metrics.jsonl"
    lines = list(log_lines(result.case))
    log.write_bytes(b"".join(data + b"\n" for _, data in lines))
    rules = RuleSet(load_rules(RULES, "rules.yaml").rules)
    file = LogFile(str(log), "metrics.jsonl", str(tmp_path), Source(str(tmp_path)))
    replayed = [
        (lines[row["line"] - 1][0], row["happening"], row["title"], row["level"], row["suppressed"])
        for row in Replay(rules, [file]).happenings()
    ]
    happened = judge_case(result.case, rules)
    assert len(happened) > 40
    assert [(h.at, h.happening, h.title, h.level, h.suppressed) for h in happened] == replayed
