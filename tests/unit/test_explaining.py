"""What an observer of the fold tells: each comparison with its values, what it waits for, and where the rule stands."""

from __future__ import annotations

import pytest
from folding import records, rule, series, timed

from walert.rules.explaining import Observer
from walert.rules.fold import Fold
from walert.rules.plan import RuleSet


def watched(one, rows, others=()):
    """(the judgements, how things stand at the end) of a rule."""
    rules = RuleSet([*others, one])
    fold = Fold(rules)
    observer = Observer(rules.plans[-1], rules)
    seen = []
    for record in records(rows):
        fold.step(record)
        seen.append(observer.see(fold, record))
    return [each for each in seen if each is not None], observer.now(fold)


def test_every_judgement_shows_its_values_and_verdict():
    judged, _ = watched(rule("loss > 2"), series("loss", [1, None, 3]))
    assert [(j.line, j.verdict, dict(j.comparisons[0].values)) for j in judged] == [
        (1, False, {"loss": 1.0}),
        (3, True, {"loss": 3.0}),
    ]
    assert all(j.counts and j.comparisons[0].fresh for j in judged)


def test_a_side_that_is_computed_says_what_it_came_to():
    judged, _ = watched(rule("val > 1.5 * loss"), [{"val": 2, "loss": 1}])
    assert (judged[0].comparisons[0].text, dict(judged[0].comparisons[0].sides)) == (
        "val > 1.5 * loss",
        {"1.5 * loss": 1.5},
    )


def test_a_comparison_tells_which_metric_it_waits_for():
    judged, now = watched(rule("val > 1.5 * loss"), [{"val": 2, "loss": 1}, {"loss": 1}, {"loss": 1}])
    assert [j.line for j in judged] == [1]
    assert now.comparisons[0].waits == ("val",)
    _, never = watched(rule("val > loss"), [{"loss": 1}])
    assert (never.comparisons[0].truth, never.comparisons[0].waits) == (None, ("val, never logged",))


def test_a_role_that_is_not_bound_is_told_with_its_candidates():
    one = rule("loss > 1", aliases={"loss": ("lm_loss", "*/loss")})
    _, now = watched(one, [{"acc": 1}])
    assert now.comparisons[0].waits == ("loss (none of lm_loss, */loss), never logged",)
    judged, _ = watched(one, [{"train/loss": 3}])
    assert dict(judged[0].comparisons[0].values) == {"train/loss": 3.0}


@pytest.mark.parametrize(
    ("when", "rows", "why"),
    [
        ("loss > 1", [{"loss": "nan"}], ("loss is NaN",)),
        ("mean(loss, 100) > 1", [{"loss": 1}] * 37, ("mean(loss, 100) holds 37 of 100 samples",)),
        ("loss > last(val)", [{"loss": 1}], ("val was never logged",)),
        ("loss / lr > 1", [{"loss": 1, "lr": 0}], ("loss / lr has no answer (NaN)",)),
        ('mean(loss, "1h") > 1', [{"loss": 1}], ('mean(loss, "1h") finds no time in the records',)),
    ],
)
def test_unknown_says_why(when, rows, why):
    judged, _ = watched(rule(when), rows)
    assert (judged[-1].comparisons[0].truth, judged[-1].comparisons[0].why) == (None, why)
    assert not judged[-1].counts


def test_a_comparison_that_keeps_its_truth_is_not_fresh():
    judged, _ = watched(rule("loss > 1 or val > 1"), [{"loss": 2, "val": 0}, {"val": 0}])
    assert [c.fresh for c in judged[1].comparisons] == [False, True]
    assert (judged[1].verdict, judged[1].counts) == (True, False)  # what was recomputed does not decide it


def test_a_condition_inside_clear_is_watched_too():
    judged, _ = watched(rule("loss > 2", clear="loss < 1"), series("loss", [3, 0]))
    assert [(c.part, c.text, c.truth) for c in judged[1].comparisons] == [
        ("when", "loss > 2", False),
        ("clear", "loss < 1", True),
    ]
    assert judged[1].clear is True


@pytest.mark.parametrize(
    ("more", "values", "states"),
    [
        ({"for_": "3"}, [3, 3, 3], ["pending, 1 of 3", "pending, 2 of 3", "firing"]),
        ({"for_": "2 steps"}, [3, 3, 3], ["pending, 0 of 2 steps", "pending, 1 of 2 steps", "firing"]),
        ({"for_": "20s"}, [3, 3, 3], ["pending, 0s of 20s", "pending, 10s of 20s", "firing"]),
        (
            {"for_": "2 of 3"},
            [3, 1, 3],
            [
                "pending, 1 of the last 1 true, fires at 2 of 3",
                "pending, 1 of the last 2 true, fires at 2 of 3",
                "firing",
            ],
        ),
        ({"keep_firing_for": "2"}, [3, 1, 1], ["firing", "firing, clear 1 of 2", "inactive"]),
        ({}, [1, 3], ["inactive", "firing"]),
    ],
)
def test_the_state_is_told_with_how_far_it_is(more, values, states):
    judged, _ = watched(rule("loss > 2", **more), timed("loss", [(1e9 + i * 10, v) for i, v in enumerate(values)]))
    assert [j.state for j in judged] == states


def test_watching_goes_on_through_a_fresh_start():
    judged, _ = watched(rule("loss > 2"), [{"loss": 3, "step": 1}, {"loss": 1, "step": 2}, {"loss": 3, "step": 1}])
    assert [j.verdict for j in judged] == [True, False, True]


def test_rules_that_share_values_are_told_apart():
    others = [rule("val > 1", title="O"), rule("mean(val, 2) > 1", title="P")]
    judged, _ = watched(rule("mean(loss, 2) > last(val)"), [{"val": 9, "loss": 1}, {"loss": 3}], others)
    assert dict(judged[-1].comparisons[0].values) == {"mean(loss, 2)": 2.0, "val": 9.0}


def test_the_reference_evaluator_agrees():
    one = rule("(loss + 1) ** 2 > 3 if step > 2 else isnan(val)")
    judged, _ = watched(one, [{"loss": 1, "val": "nan"}, {"loss": 3, "val": 1}, {"loss": "inf", "val": 1}])
    assert judged
    assert {c.second for j in judged for c in j.comparisons} == {None}
