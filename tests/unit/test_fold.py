"""One rule on one file: when it is judged, what counts, and how its state moves."""

import math

import pytest
from folding import fold, records, rule, series, states

from walert.rules.fold import Fold
from walert.rules.plan import RuleSet

NAN, INF = math.nan, math.inf


def test_without_for_a_rule_fires_at_the_first_true_judgement_and_resolves_at_the_first_false_one():
    assert states(rule("acc < 0.8"), series("acc", [0.9, 0.7, 0.6, 0.9])) == [(2, "firing"), (4, "resolved")]


def test_for_counts_true_judgements_in_a_row():
    happened = states(rule("acc < 0.8", for_="3"), series("acc", [0.7, 0.7, 0.9, 0.7, 0.7, 0.7]))
    assert happened == [(1, "pending"), (4, "pending"), (6, "firing")]


def test_for_in_steps_is_the_span_between_the_first_and_the_newest_confirming_sample():
    rows = [{"acc": 0.1, "step": s} for s in (0, 100, 199, 200)]
    assert states(rule("acc < 0.8", for_="200 steps"), rows) == [(1, "pending"), (4, "firing")]


def test_for_in_time_never_elapses_in_silence():
    rows = [{"acc": 0.1, "time": 1e9}, {"other": 1, "time": 1e9 + 9_000}, {"acc": 0.1, "time": 1e9 + 9_001}]
    assert states(rule("acc < 0.8", for_="10m"), rows) == [(1, "pending"), (3, "firing")]


def test_for_in_time_never_elapses_without_times():
    assert states(rule("acc < 0.8", for_="10m"), series("acc", [0.1] * 5)) == [(1, "pending")]


def test_k_of_n_fires_at_the_kth_true_one_and_resolves_after_n_minus_k_plus_1_clear_ones_in_a_row():
    happened = states(rule("x > 1", for_="3 of 5"), series("x", [2, 0, 2, 0, 2, 0, 0, 2, 0, 0, 0]))
    assert happened == [(1, "pending"), (5, "firing"), (11, "resolved")]


def test_clear_counts_only_while_when_is_not_true():
    happened = states(rule("acc < 0.8", clear="acc > 0.82"), series("acc", [0.7, 0.81, 0.79, 0.81, 0.83]))
    assert happened == [(1, "firing"), (5, "resolved")]


def test_keep_firing_for_resolves_on_the_second_clear_one_in_a_row():
    happened = states(rule("x > 1", keep_firing_for="2"), series("x", [2, 0, 2, 0, 0]))
    assert happened == [(1, "firing"), (5, "resolved")]


@pytest.mark.parametrize("when", ["seen(c) and a > 1", "not absent(c, 5) and a > 1", "age_steps(c) < 99 and a > 1"])
def test_a_condition_is_judged_only_when_a_metric_that_it_names_arrives(when):
    rows = [{"c": 1}, {"a": 2}, {"b": 1}, {"b": 1}, {"a": 2}]
    assert states(rule(when, for_="3"), rows) == [(2, "pending")]
    assert states(rule(when, for_="3"), [*rows, {"c": 1}]) == [(2, "pending"), (6, "firing")]


@pytest.mark.parametrize("when", ["not seen(c) and step > 3", "age_steps(c) > 1 or step > 3"])
def test_a_condition_without_a_value_of_any_metric_is_judged_at_every_record(when):
    assert states(rule(when), series("b", [1] * 5)) == [(4, "firing")]


@pytest.mark.parametrize("gap", [None, NAN])
def test_what_is_unknown_holds_the_state_and_does_not_break_a_row(gap):
    assert states(rule("x > 1", for_="3"), series("x", [2, 2, gap, 2])) == [(1, "pending"), (4, "firing")]
    assert states(rule("x > 1"), series("x", [2, gap, 2, 0])) == [(1, "firing"), (4, "resolved")]


def test_a_comparison_waits_until_every_metric_in_it_is_newer():
    rows = [{"loss": 1}, {"val": 9}, {"loss": 100}, {"loss": 1}, {"val": 1}]
    # Judged at line 2 (9 > 1), and again only at line 5 (1 > 1.5 is false): a single new loss recomputes nothing.
    assert states(rule("val > 1.5 * loss"), rows) == [(2, "firing"), (5, "resolved")]


def test_last_never_holds_a_comparison_back():
    rows = [{"loss": 1}, {"val": 1}, {"val": 9}, {"loss": 100}, {"val": 9}]
    assert states(rule("val > 1.5 * last(loss)"), rows) == [(3, "firing"), (5, "resolved")]


def test_either_side_of_an_or_reacts_alone():
    rows = [{"loss": 1}, {"grad_norm": NAN}, {"loss": NAN}, {"grad_norm": 1}, {"loss": 1}]
    assert states(rule("isnan(loss) or isnan(grad_norm)"), rows) == [(2, "firing"), (5, "resolved")]


def test_a_judgement_counts_only_if_what_was_recomputed_decides_it():
    # acc stays latched false: new losses do not decide the conjunction, so they neither confirm nor clear.
    rows = [{"acc": 0.1, "loss": 9}, {"acc": 0.9}, {"loss": 9}, {"loss": 0}]
    assert states(rule("acc < 0.5 and loss > 5"), rows) == [(1, "firing"), (2, "resolved")]
    rows = [{"loss": 9}, {"loss": 9}, {"acc": 0.1}]
    assert states(rule("acc < 0.5 and loss > 5"), rows) == [(3, "firing")]


def test_a_condition_is_not_judged_when_none_of_its_metrics_arrives():
    rows = [{"x": 2}, {"other": 1}, {"other": 1}, {"x": 2}, {"x": 2}]
    assert states(rule("x > 1", for_="3"), rows) == [(1, "pending"), (5, "firing")]


def test_a_condition_that_names_no_metric_is_judged_at_every_record():
    assert states(rule("step >= 3"), [{"a": 1}, {"b": 1}, {"c": 1}]) == [(3, "firing")]


def test_seen_is_false_until_the_metric_was_logged():
    rows = [{"loss": 1}, {"loss": 1}, {"loss": 1}, {"val": 1}]
    assert states(rule("not seen(val) and step > 2"), rows) == [(3, "firing"), (4, "resolved")]


def test_infinities_compare_as_numbers():
    assert states(rule("loss > 10"), series("loss", [1, INF, 1])) == [(2, "firing"), (3, "resolved")]


def test_rules_of_one_record_come_in_the_order_of_their_file():
    rules = [rule("x > 1", title="A"), rule("x > 0", title="B", line=2)]
    assert fold(rules, series("x", [2])) == [(1, "firing", "A"), (1, "firing", "B")]


# --- roles


def test_a_role_is_bound_by_the_first_record_that_holds_a_candidate_list_order_deciding():
    role = {"loss": ("train/loss", "*/loss", "loss")}
    rows = [{"other": 9}, {"loss": 0, "aux/loss": 9}, {"loss": 9, "aux/loss": 9}, {"train/loss": 9}]
    assert states(rule("loss > 5", aliases=role), rows) == [(2, "firing")]


def test_a_role_stays_bound():
    role = {"loss": ("train/loss", "loss")}
    rows = [{"loss": 0}, {"train/loss": 9}, {"loss": 9}]
    assert states(rule("loss > 5", aliases=role), rows) == [(3, "firing")]


# --- attempts


def stepped(pairs, name="x"):
    return [{name: value, "step": step} for step, value in pairs]


def test_going_back_resets_for_and_keeps_what_fires():
    rows = stepped([(1, 0), (10, 2), (11, 2), (5, 2), (6, 2), (7, 2)])
    assert states(rule("x > 1", for_="3"), rows) == [(2, "pending"), (4, "pending"), (6, "firing")]
    rows = stepped([(1, 0), (10, 2), (5, 2), (6, 0)])
    assert states(rule("x > 1"), rows) == [(2, "firing"), (4, "resolved")]


def test_going_back_to_the_first_step_is_a_fresh_start_that_closes_what_fires():
    rows = stepped([(1, 2), (2, 2), (1, 2), (2, 0)])
    assert states(rule("x > 1"), rows) == [(1, "firing"), (3, "closed"), (3, "firing"), (4, "resolved")]


def test_validation_lines_that_count_epochs_are_no_restart():
    rows = [{"loss": 1, "time": 1e9, "data_time": 1, "step": s} for s in range(1, 20)]
    rows.insert(10, {"acc": 0.5, "data_time": 1, "step": 1})
    rows.append({"acc": 0.5, "data_time": 1, "step": 2})
    assert states(rule("attempt > 1"), rows) == []


def test_a_start_record_begins_an_attempt():
    rows = [{"x": 1, "step": 1}, {"event": {"event": "start"}}, {"x": 1, "step": 5}]
    assert states(rule("attempt == 2"), rows) == [(3, "firing")]


def test_interleaved_writers_are_no_restarts():
    rows = stepped([(s, 0) for k in range(60) for s in (k + 100, k + 50)])
    transitions = states(rule("attempt > 12"), rows)
    assert transitions == []


# --- the end


def test_the_end_of_the_run_closes_what_fires_and_resolves_nothing():
    rows = [{"x": 2}, {"event": {"event": "finish", "state": "finished"}}]
    assert states(rule("x > 1"), rows) == [(1, "firing"), (2, "closed")]


@pytest.mark.parametrize("restart_at", range(2, 7))
def test_a_restart_anywhere_changes_nothing(restart_at):
    rows = series("x", [2, 2, NAN, 2, 0, 2])
    rules = [rule("x > 1", for_="3", title="A"), rule("x > 1 and step > 1", clear="x < 1", title="B")]
    assert fold(rules, rows, restart_at=restart_at) == fold(rules, rows)


# --- what falls due in silence


def at(pairs, name="x"):
    return [{name: value, "time": 1e9 + seconds} for seconds, value in pairs]


def moments(rules, rows):
    folded = Fold(RuleSet([rules]))
    return [
        (t.line, str(t.happening), round(t.time - 1e9, 3), t.by)
        for r in records(rows)
        for t in folded.step(r)
        if t.happening != "confirmed"
    ]


def test_a_stall_falls_due_at_its_moment_on_the_line_before_the_gap():
    happened = moments(rule('stalled("10m")'), at([(0, 1), (60, 1), (2000, 1), (2060, 1)]))
    assert happened == [(2, "firing", 660.0, "timer"), (3, "resolved", 2000.0, "record")]


def test_rules_of_one_timed_condition_all_hear_of_it():
    rules = [rule('stalled("10m")', title="warn"), rule('stalled("10m")', title="error", for_="1")]
    happened = fold(rules, at([(0, 1), (60, 1), (2000, 1)]))
    assert (2, "firing", "warn") in happened
    assert [title for line, _, title in happened if line == 2] == ["warn", "error"]


def test_nothing_falls_due_after_the_last_line_of_a_replay():
    assert moments(rule('stalled("10m")'), at([(0, 1), (60, 1)])) == []


def test_run_age_falls_due_between_records():
    assert moments(rule("run_age > 90"), at([(0, 1), (60, 1), (120, 1)]))[0] == (2, "firing", 90.0, "timer")


def test_absent_is_asked_of_time_and_answered_by_the_metric():
    rows = [*at([(0, 1), (5000, 1)]), *at([(5001, 1)], "val")]
    happened = moments(rule('absent(val, "1h")'), rows)
    assert happened == [(1, "firing", 3600.0, "timer"), (3, "resolved", 5001.0, "record")]


def test_absent_in_steps_needs_no_timer():
    rows = stepped([(1, 1), (50, 1), (101, 1)])
    assert states(rule('absent(val, "100 steps")'), rows) == [(3, "firing")]


# --- functions over history


def test_a_window_speaks_when_it_is_full_and_the_sample_is_in_it():
    assert states(rule("mean(x, 3) > 1"), series("x", [9, 9, 9, 0, 0, 0])) == [(3, "firing"), (6, "resolved")]


def test_min_lets_a_window_speak_early():
    assert states(rule("mean(x, 100, min=2) > 1"), series("x", [9, 9])) == [(2, "firing")]


@pytest.mark.parametrize(
    ("early", "true_from"),
    [
        ("mean(x, 100, min=3) > 4", 3),
        ("median(x, 100, min=3) > 2", 3),
        ("std(x, 100, min=3) > 1", 3),
        ("min_over(x, 100, min=3) < 2", 3),
        ("max_over(x, 100, min=3) > 2", 3),
        ("sum_over(x, 100, min=3) > 2", 3),
        ("count(x, 100, min=3) > 1", 3),
        ("quantile(x, 100, 0.5, min=3) > 2", 3),
        ('quantile(x, "100 steps", 0.5, min=3) > 2', 3),
        ("delta(x, 100, min=3) > 1", 3),
        ("pct_change(x, 100, min=3) > 1", 3),
        ("slope(x, 100, min=3) > 1", 3),
        ("rate(x, 100, min=3) > 1", 3),
        ("frac(x > 0, 100, min=3) > 0.5", 3),
        ("slope(x, 100, min=1) > 1", 2),  # of one sample there is no slope, and no rate
        ("rate(x, 100, min=1) > 1", 2),
    ],
)
def test_every_window_can_speak_early(early, true_from):
    rows = [{"x": x, "time": 1e9 + i} for i, x in enumerate([1, 3, 9, 27])]
    assert states(rule(early), rows) == [(true_from, "firing")]


@pytest.mark.parametrize(
    ("when", "shown"),
    [
        ('mean(x, "2s", min=1) > 0', {'mean(x, "2s", min=1)': 5.0}),
        ('mean(x, "600s", min=1) > 0', {'mean(x, "10m", min=1)': 5.0}),
        ('max_over(x, "200 steps", min=1) > 0', {'max_over(x, "200 steps", min=1)': 5.0}),
        ("mean(x, 2, min=1) >= mean(x, 9, min=1)", {"mean(x, 2, min=1)": 5.0, "mean(x, 9, min=1)": 5.0}),
        ("frac(x > 1, 3, min=1) > 0.5", {"frac(x > 1, 3, min=1)": 1.0}),
        (f"frac({' or '.join(['x > 1'] * 30)}, 3, min=1) > 0.5", {"frac(…, 3, min=1)": 1.0}),
    ],
)
def test_a_proof_names_what_is_kept_as_its_author_would(when, shown):
    folded = Fold(RuleSet([rule(when)]))
    (told,) = [t for record in records([{"x": 5, "time": 1e9}]) for t in folded.step(record)]
    assert {name: value for name, value in told.values.items() if name != "x"} == shown


def test_a_non_finite_sample_does_not_judge_a_comparison_of_windows_alone():
    assert states(rule("mean(x, 2) > 1", for_="3"), series("x", [2, 2, NAN, 2, INF, 2])) == [
        (2, "pending"),
        (6, "firing"),
    ]


def test_a_step_window_is_full_when_the_file_is_that_old():
    rows = stepped([(0, 2), (50, 2), (99, 2), (100, 2)])
    assert states(rule('mean(x, "100 steps") > 1'), rows) == [(4, "firing")]


def test_a_time_window_holds_the_samples_after_its_beginning():
    rows = at([(0, 1), (10, 1), (59, 1), (60, 1), (69, 1), (200, 1)])
    # Full at 60 s, holding 10, 59 and 60; at 200 s it holds one sample and does not speak.
    assert states(rule('count(x, "1m") >= 3'), rows) == [(4, "firing")]


def test_patience_counts_samples_since_the_best():
    assert states(rule('since_best(x, "min") >= 2'), series("x", [3, 1, 1, 2])) == [(4, "firing")]


def test_frac_and_streak_see_judgements():
    assert states(rule("frac(x > 1, 4) >= 0.5"), series("x", [2, 0, NAN, 2, 0])) == [(5, "firing")]
    assert states(rule("streak(isnan(x)) >= 2"), series("x", [NAN, 1, NAN, NAN])) == [(4, "firing")]


def test_zscore_excludes_its_own_sample():
    assert states(rule("zscore(x, 4) > 10"), series("x", [1, 2, 1, 2, 99])) == [(5, "firing")]


def test_age_in_steps_and_in_time():
    rows = [{"val": 1, "step": 1}, *stepped([(50, 1), (101, 1)])]
    assert states(rule("age_steps(val) >= 100"), rows) == [(3, "firing")]
    rows = [*at([(0, 1)], "val"), *at([(100, 1), (700, 1)])]
    assert moments(rule("age(val) >= 600"), rows) == [(2, "firing", 600.0, "timer")]


def test_an_attempt_drops_the_samples_beyond_its_step():
    rows = stepped([(1, 0), (2, 0), (10, 9), (11, 9), (3, 0), (4, 0)])
    assert states(rule("max_over(x, 4) > 5"), rows) == [(4, "firing"), (6, "resolved")]


@pytest.mark.parametrize("restart_at", range(2, 13))
def test_windows_survive_a_restart(restart_at):
    rows = series("x", [1, 5, 2, NAN, 8, 1, 1, 9, 3, 2, 7, 1]) + series("y", [1, 2])
    rules = [
        rule("mean(x, 3) > 3 or std(x, 4) > 3 and quantile(x, 3, 0.9) > last(y)", title="A"),
        rule("ema(x, 3) > 3 and frac(x > 2, 3) > 0.5 or streak(x < 3) > 1", title="B"),
        rule('slope(x, "5 steps") > 0 and mad_z(x, 3) > 0 and age_steps(x) < 3', title="C", for_="2"),
    ]
    assert fold(rules, rows, restart_at=restart_at) == fold(rules, rows)
