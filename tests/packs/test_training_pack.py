"""The pack `training`: it finds what is never right, under the names that frameworks log, and says nothing of a healthy run."""

from __future__ import annotations

import math

import pytest
from folding import fold

from walert.model import AlertLevel, Rule
from walert.resources import pack_names, pack_path
from walert.rules.load import load_rules

LOSS, GRADIENTS, VALIDATION = "Loss is not finite", "Gradient norm is not finite", "Validation loss is not finite"


def pack(name: str = "training") -> list[Rule]:
    path = pack_path(name)
    return list(load_rules(path.read_bytes(), str(path)).rules)


def firing(rows: list[dict[str, float]]) -> list[tuple[int, str]]:
    return [(line, title) for line, happening, title in fold(pack(), rows) if happening == "firing"]


@pytest.mark.parametrize("name", pack_names())
def test_every_pack_is_without_a_problem(name: str) -> None:
    path = pack_path(name)
    assert load_rules(path.read_bytes(), str(path)).problems == ()


@pytest.mark.parametrize("name", pack_names())
def test_no_rule_of_a_pack_is_ever_reported_as_blind(name: str) -> None:
    assert all(rule.optional for rule in pack(name))


def test_what_is_one_failure_has_one_group_and_speaks_once() -> None:
    assert {rule.group for rule in pack() if rule.level is AlertLevel.ERROR} == {"divergence"}
    assert {rule.group for rule in pack()} == {"divergence", "resume"}


@pytest.mark.parametrize("name", pack_names())
def test_what_is_only_to_be_looked_at_is_told_once(name: str) -> None:
    assert {rule.repeat for rule in pack(name) if rule.level is not AlertLevel.ERROR} <= {"never"}


@pytest.mark.parametrize(
    "name", ["loss", "train/loss", "train_loss", "train/policy_gradient_loss", "info/learner/total_loss"]
)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_no_number_is_told_at_once(name: str, value: float) -> None:
    assert firing([{name: 1.0}, {name: value}, {name: value}]) == [(2, LOSS)]


@pytest.mark.parametrize("name", ["val_loss", "eval_loss", "eval/loss", "valid/loss"])
def test_a_validation_loss_that_is_no_number_is_told_at_once(name: str) -> None:
    assert firing([{"loss": 1.0, name: 1.0}, {"loss": 1.0, name: math.nan}]) == [(2, VALIDATION)]


@pytest.mark.parametrize("name", ["grad_norm", "train/grad_norm", "gnorm"])
def test_gradients_are_told_after_three_in_a_row(name: str) -> None:
    assert firing([{name: value} for value in [1, math.inf, math.inf, 1, math.nan, math.inf, math.nan]]) == [
        (7, GRADIENTS)
    ]


def test_a_step_that_a_loss_scaler_skips_is_no_news() -> None:
    assert firing([{"loss": 1.0, "grad_norm": value} for value in [math.inf, math.inf, 1, 1, math.inf, 1]]) == []


def test_a_healthy_run_hears_nothing() -> None:
    rows = [{"loss": 3 / step, "val_loss": 4 / step, "grad_norm": 1e9 if step == 5 else 0.5} for step in range(1, 200)]
    assert firing(rows) == []


def test_metrics_of_other_names_are_left_alone() -> None:
    assert firing([{"entropy": math.nan, "lossy": math.inf}] * 5) == []
