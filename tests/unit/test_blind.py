"""Blind rules: which metric or window keeps a rule from ever being decided, over all the files of a run."""

from __future__ import annotations

import pytest
from folding import records, rule, series, timed

from walert.rules.blind import Sight, blind, blind_rules, is_due, nearest_names
from walert.rules.fold import Fold
from walert.rules.plan import RuleSet


def folded(rules, rows):
    made = Fold(RuleSet(rules if isinstance(rules, list) else [rules]))
    for record in records(rows):
        made.step(record)
    return made


def whys(rules, rows):
    return [each.why for each in blind(folded(rules, rows))]


def test_a_metric_that_never_came_blinds_and_the_nearest_name_is_told():
    found = blind(folded(rule("val_loss > 2"), [{"val/loss": 1}, {"train/loss": 1}]))
    assert [each.missing for each in found] == [("val_loss",)]
    assert found[0].nearest["val_loss"][0] == "val/loss"
    assert found[0].why.startswith("val_loss was never logged (nearest: val/loss")


def test_a_rule_that_was_judged_is_not_blind():
    assert whys(rule("loss > 2"), series("loss", [1])) == []


def test_a_metric_that_was_only_nan_was_seen():
    assert whys(rule("loss > 2"), series("loss", ["nan"])) == []


@pytest.mark.parametrize(
    ("when", "held"),
    [
        ("mean(loss, 100) > 2", "mean(loss, 100) holds 37 of 100 samples"),
        ("zscore(loss, 50) > 2", "zscore(loss, 50) holds 37 of 51 samples"),
        ("prev(loss, 40) > 2", "prev(loss, 40) holds 37 of 41 samples"),
        ("median(loss, 100, min=60) > 2", "median(loss, 100, min=60) holds 37 of 60 samples"),
        ('slope(loss, "200 steps") > 2', 'slope(loss, "200 steps") holds 36 of 200 steps'),
        ('rate(loss, "10m") > 2', 'rate(loss, "10m") holds 6m of 10m'),
        ("frac(loss > 1, 100) > 0.5", "frac(loss > 1, 100) holds 37 of 100 samples"),
    ],
)
def test_a_window_that_never_filled_blinds_and_tells_how_far_it_came(when, held):
    assert whys(rule(when), timed("loss", [(1e9 + i * 10, 1) for i in range(37)])) == [held]


def test_records_without_a_time_never_fill_a_window_of_time():
    assert whys(rule('mean(loss, "10m") > 2'), series("loss", [1] * 9)) == [
        'mean(loss, "10m") finds no time in the records'
    ]


def test_a_metric_without_a_finite_sample_has_no_average():
    assert whys(rule("ema(loss, 10) > 2"), series("loss", ["nan"])) == ["ema(loss, 10) has no finite sample yet"]


def test_the_metric_is_told_not_the_window_that_needs_it():
    assert whys(rule("mean(val, 10) > 2"), series("loss", [1])) == ["val was never logged"]


def test_what_a_condition_inside_lacks_is_told_once():
    assert whys(rule("frac(val > 1, 10) > 0.5"), series("loss", [1])) == ["val was never logged"]


def test_clear_needs_its_metrics_too():
    assert whys(rule("loss > 2", clear="val < 1"), series("loss", [1])) == ["val was never logged"]


def test_asking_whether_a_metric_is_there_needs_nothing():
    rules = [rule('absent(val, "1h")', title="A"), rule("not seen(val) and step > 10", title="B")]
    assert whys(rules, series("loss", [1])) == []


def test_an_epoch_that_is_never_named_blinds():
    assert whys(rule("epoch > 2 and loss > 1"), series("loss", [1])) == ["epoch was never logged"]


def test_an_optional_rule_is_never_blind():
    assert whys(rule("val > 2", optional=True), series("loss", [1])) == []


def test_a_role_is_blind_while_none_of_its_names_came():
    role = rule("loss > 2", aliases={"loss": ("lm_loss", "*/loss")})
    found = blind(folded(role, [{"lm-loss": 1}]))
    assert (found[0].missing, found[0].nearest) == (("loss",), {"loss": ("lm-loss",)})
    assert whys(role, [{"train/loss": 1}]) == []


def test_the_files_of_a_run_look_together():
    rules = RuleSet([rule("val > mean(loss, 3)")])
    sight = Sight()
    for rows in (series("loss", [1, 1, 1]), series("val", [1])):
        fold = Fold(rules)
        fold.sight = sight
        for record in records(rows):
            fold.step(record)
        sight.look(fold)
    assert blind_rules(rules, sight) == []


def test_what_an_earlier_attempt_found_stays_found():
    rows = [{"loss": 1, "step": s} for s in range(5)] + [{"val": 1, "step": 5}, {"loss": 1, "step": 2}]
    assert whys(rule("mean(loss, 5) > val"), rows) == []
    fresh = [{"loss": 1, "step": s} for s in range(5)] + [{"val": 1, "step": 5}, {"loss": 1, "step": 0}]
    assert whys(rule("mean(loss, 5) > val"), fresh) == []


def test_a_sight_goes_on_from_what_was_kept():
    rules = RuleSet([rule("val > mean(loss, 3)"), rule("mean(loss, 9) > 1")])
    first = folded(list(rules.rules), [*series("loss", [1, 1, 1]), {"val": 1}])
    first.sight.look(first)
    again = Sight()
    again.join(first.sight.dump())
    assert again == first.sight
    assert [each.why for each in blind_rules(rules, again)] == ["mean(loss, 9) holds 3 of 9 samples"]


def test_a_run_that_goes_on_is_judged_after_a_thousand_records_and_an_hour():
    def due(count, gap):
        return is_due(folded(rule("val > 1"), timed("loss", [(1e9 + i * gap, 1) for i in range(count)])))

    assert [due(1_000, 3), due(1_000, 4), due(999, 4)] == [False, True, False]
    assert not is_due(folded(rule("val > 1"), series("loss", [1] * 1_000)))


def test_names_are_near_whatever_separates_their_parts():
    assert nearest_names(("val_loss",), ["train/loss", "Val/Loss"])[0] == "Val/Loss"
    assert nearest_names(("accuracy",), ["eval/accuracy", "lr"]) == ("eval/accuracy",)
    assert nearest_names(("loss",), ["zzz"]) == ()
