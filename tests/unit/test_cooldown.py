"""Title-keyed cooldowns: what is sent, what is held back and counted, what passes, and what is owed."""

import pytest
from folding import call, records, rule, said, timed

from walert.dispatch.desk import MOST_TITLES, Desk, Place
from walert.model import AlertLevel, Record, Run
from walert.rules.fold import Fold
from walert.rules.plan import RuleSet


def desk():
    return Desk(Run("id", "run"), lambda alert, own: ("r",))


def test_the_first_alert_is_sent_and_the_next_within_the_wait_is_counted():
    rows = [call("A", 1000, wait=60), call("A", 1030, wait=60), call("A", 1059, wait=60), call("A", 1060, wait=60)]
    assert said([], rows) == [
        (1, "alert", "A", 0),
        (2, "suppressed", "A", 1),
        (3, "suppressed", "A", 2),
        (4, "alert", "A", 2),
    ]


def test_the_wait_is_the_arriving_alerts_own():
    rows = [call("A", 1000, wait=600), call("A", 1010, wait=5)]
    assert said([], rows) == [(1, "alert", "A", 0), (2, "alert", "A", 0)]


def test_an_alert_that_names_no_wait_waits_a_minute():
    rows = [call("A", 1000), call("A", 1059), call("A", 1060)]
    assert [kind for _, kind, *_ in said([], rows)] == ["alert", "suppressed", "alert"]


def test_a_suppressed_alert_does_not_extend_the_cooldown():
    rows = [call("A", t, wait=60) for t in (1000, 1050, 1061)]
    assert [kind for _, kind, *_ in said([], rows)] == ["alert", "suppressed", "alert"]


def test_zero_means_no_cooldown():
    assert [kind for _, kind, *_ in said([], [call("A", 1000, wait=0)] * 3)] == ["alert"] * 3


def test_titles_have_cooldowns_of_their_own():
    rows = [call("A", 1000), call("B", 1001)]
    assert [kind for _, kind, *_ in said([], rows)] == ["alert", "alert"]


def test_a_higher_level_passes_and_a_lower_one_does_not():
    rows = [call("A", 1000, "WARN"), call("A", 1001, "ERROR"), call("A", 1002, "WARN"), call("A", 1003, "ERROR")]
    assert [kind for _, kind, *_ in said([], rows)] == ["alert", "alert", "suppressed", "suppressed"]


def test_a_rule_and_an_alert_of_one_title_share_a_cooldown():
    rows = [call("T", 1000), {"x": 2, "time": 1010.0}]
    assert said(rule("x > 1"), rows) == [(1, "alert", "T", 0), (2, "suppressed", "T", 1)]


def test_a_negative_gap_restarts_the_wait_there():
    rows = [call("A", 5000, wait=60), call("A", 1000, wait=60), call("A", 1059, wait=60), call("A", 1060, wait=60)]
    assert [kind for _, kind, *_ in said([], rows)] == ["alert", "suppressed", "suppressed", "alert"]


def test_without_a_time_the_wait_never_elapses():
    rows = [{"event": {"event": "alert", "title": "A", "wait_duration": 1}}] * 3
    assert [kind for _, kind, *_ in said([], rows)] == ["alert", "suppressed", "suppressed"]


def test_on_one_line_alert_comes_first_then_rules_by_level_then_in_file_order():
    rules = [
        rule("x > 1", title="info", level=AlertLevel("INFO")),
        rule("x > 1", title="first"),
        rule("x > 1", title="second"),
        rule("x > 1", title="error", level=AlertLevel("ERROR")),
    ]
    rows = [call("code", 1000) | {"x": 2}]
    assert [title for _, _, title, _ in said(rules, rows)] == ["code", "error", "first", "second", "info"]


# --- repeat


def steady(until, every=60):
    return timed("x", [(1000 + t, 2) for t in range(0, until + 1, every)])


def minutes(rules, rows):
    return [(row[0] - 1, row[1], row[3]) for row in said(rules, rows)]


def test_always_sends_again_after_each_wait_and_tells_how_many_samples_it_held_back():
    happened = minutes(rule("x > 1", repeat="always", wait_duration=300), steady(900))
    assert happened == [(0, "firing", 0), (5, "repeat", 4), (10, "repeat", 4), (15, "repeat", 4)]


def test_backoff_doubles_the_wait_each_time():
    happened = minutes(rule("x > 1", wait_duration=300), steady(300 * 16))
    assert [m for m, *_ in happened] == [0, 5, 15, 35, 75]


def test_backoff_ends_at_four_hours():
    happened = minutes(rule("x > 1", wait_duration=3600), steady(86_400, every=3600))
    assert [hours for hours, *_ in happened] == [0, 1, 3, 7, 11, 15, 19, 23]


def test_backoff_begins_anew_with_each_episode():
    rows = steady(900) + timed("x", [(5000, 0), (9000, 2), (9300, 2)])
    happened = minutes(rule("x > 1", wait_duration=300), rows)
    assert [(kind, m) for m, kind, _ in happened] == [
        ("firing", 0),
        ("repeat", 5),
        ("repeat", 15),
        ("firing", 17),
        ("repeat", 18),
    ]


def test_never_does_not_repeat():
    assert minutes(rule("x > 1", repeat="never"), steady(3600)) == [(0, "firing", 0)]


@pytest.mark.parametrize("repeat", ["never", "backoff", "always"])
def test_a_firing_that_was_held_back_is_owed_under_any_repeat(repeat):
    rows = [call("T", 1000), *timed("x", [(1010, 2), (1100, 2), (1301, 2)])]
    kinds = [(line, kind) for line, kind, *_ in said(rule("x > 1", repeat=repeat), rows)]
    assert kinds == [(1, "alert"), (2, "suppressed"), (4, "firing")]


def test_a_held_back_episode_that_is_over_is_named_in_the_keys_next_message():
    own, folded = desk(), Fold(RuleSet([rule("x > 1")]))
    rows = records([call("T", 1000), *timed("x", [(1010, 2), (1020, 0)]), call("T", 2000)])
    spoken = [one for r in rows for one in own.line(Place("s", "l", "l", "h", r.time), r, folded.step(r))]
    assert "fired at step 2, resolved at step 3" in spoken[-1].alert.text


def test_resolved_is_told_only_if_the_rule_says_so_and_the_firing_was_told():
    rows = timed("x", [(1000, 2), (1001, 0)])
    assert [kind for _, kind, *_ in said(rule("x > 1"), rows)] == ["firing"]
    assert [kind for _, kind, *_ in said(rule("x > 1", resolved=True), rows)] == ["firing", "resolved"]
    held = [call("T", 999), *rows]
    assert [kind for _, kind, *_ in said(rule("x > 1", resolved=True), held)] == ["alert", "suppressed"]


def test_resolved_neither_waits_for_nor_starts_a_cooldown():
    rows = timed("x", [(1000, 2), (1001, 0), (1400, 2), (1401, 0)])
    kinds = [kind for _, kind, *_ in said(rule("x > 1", resolved=True), rows)]
    assert kinds == ["firing", "resolved", "firing", "resolved"]


def test_resolved_waits_until_no_file_of_the_run_has_the_title_firing():
    shared, watched = desk(), rule("x > 1", resolved=True, wait_duration=0.0, repeat="never")
    assert [k for _, k, *_ in said(watched, timed("x", [(1000, 2)]), stream="rank0", desk=shared)] == ["firing"]
    assert [k for _, k, *_ in said(watched, timed("x", [(1001, 2), (1002, 0)]), stream="rank1", desk=shared)] == [
        "firing"
    ]


def test_the_end_of_a_title_is_told_by_whichever_file_is_the_last():
    shared, watched = desk(), rule("x > 1", resolved=True)

    def kinds(stream, *pairs):
        return [kind for _, kind, *_ in said(watched, timed("x", pairs), stream=stream, desk=shared)]

    folded = {"rank0": kinds("rank0", (1000, 2), (1001, 0)), "rank1": kinds("rank1", (1002, 2))}
    assert folded == {"rank0": ["firing", "resolved"], "rank1": ["suppressed"]}
    first, second = rule("x > 1", resolved=True), rule("y > 1", title="T", resolved=True)
    rows = [{"x": 2, "time": 1000.0}, {"y": 2, "time": 1001.0}, {"x": 0, "time": 1002.0}, {"y": 0, "time": 1003.0}]
    # The first was told of and is over at line 3; the second was held back, and is over at line 4: then the title is.
    assert [(line, kind) for line, kind, *_ in said([first, second], rows)] == [
        (1, "firing"), (2, "suppressed"), (4, "resolved"),
    ]  # fmt: skip


def test_two_levels_of_a_title_that_end_on_one_line_are_told_of_once():
    levels = [rule("x > 1", resolved=True), rule("x > 5", level=AlertLevel("ERROR"), resolved=True)]
    assert [(line, kind) for line, kind, *_ in said(levels, timed("x", [(1000, 9), (1001, 0)]))] == [
        (1, "firing"), (1, "suppressed"), (2, "resolved"),
    ]  # fmt: skip


def test_ranks_of_a_run_share_the_cooldown_by_the_daemons_clock():
    shared = desk()
    first = said(rule("x > 1"), timed("x", [(1000, 2)]), stream="rank0", desk=shared)
    second = said(rule("x > 1"), timed("x", [(1001, 2)]), stream="rank1", desk=shared)
    assert [kind for _, kind, *_ in first + second] == ["firing", "suppressed"]


# --- groups


def test_rules_of_a_group_speak_once_while_a_higher_or_equal_one_fires():
    rules = [
        rule("x > 1", title="warn", group="g"),
        rule("x > 5", title="error", level=AlertLevel("ERROR"), group="g"),
        rule("x > 5", title="alone"),
    ]
    rows = timed("x", [(1000, 9), (1001, 9)])
    assert [title for _, _, title, _ in said(rules, rows)] == ["error", "alone"]


def test_the_end_of_a_run_names_what_was_held_back():
    rows = [call("A", 1000), call("A", 1001), {"time": 1002.0, "event": {"event": "finish", "state": "finished"}}]
    assert [(kind, title) for _, kind, title, _ in said([], rows)] == [
        ("alert", "A"),
        ("suppressed", "A"),
        ("lifecycle", "Run finished"),
    ]


def test_what_a_program_of_its_own_writes_as_an_alert_is_cut_as_the_call_would_cut_it():
    rows = records([call("A" * 900_000, 1000)])
    (told,) = desk().line(Place("s", "a.jsonl", "a.jsonl", "", None), rows[0], ())
    assert len(told.alert.title.encode()) == 1_024
    assert told.alert.title.endswith("…")


def alerting(desk: Desk, title: str, line: int, time: float) -> str:
    """What becomes of an `alert()`."""
    place = Place("s", "/log", "log", "", time)
    event = {"event": "alert", "title": title, "wait_duration": 3600.0}
    (said,) = desk.line(place, Record(line, 0, float(line), True, time, None, {}, event), [])
    return type(said).__name__


def test_a_script_that_makes_up_titles_fills_neither_memory_nor_the_state_file():
    made, kept = desk(), dict[str, object]()
    for n in range(3 * MOST_TITLES):
        assert alerting(made, f"step {n}", 2 * n, 1000.0 + n) == "Told"
        assert alerting(made, f"step {n}", 2 * n + 1, 1000.0 + n) == "HeldBack"
        if n % 100 == 0:
            kept = {title: body for title, body in (kept | made.changed()).items() if body is not None}
    kept = {title: body for title, body in (kept | made.changed()).items() if body is not None}
    assert len(made.cooldowns) <= 1.1 * MOST_TITLES
    assert kept.keys() == made.cooldowns.keys()
    assert alerting(made, f"step {n - 10}", 10**6, 1000.0 + n) == "HeldBack"  # what was told of late is remembered
    assert alerting(made, "step 0", 10**6, 1000.0 + n) == "Told"
