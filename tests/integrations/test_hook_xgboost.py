"""The XGBoost hook in real trainings."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost
from conftest import Home

import walert
from walert.integrations.xgboost import WalertCallback


@pytest.fixture
def matrix() -> xgboost.DMatrix:
    """Noisy lines."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    return xgboost.DMatrix(x, label=x[:, 0] + rng.normal(size=200))


PARAMETERS = {"objective": "reg:squarederror", "eval_metric": ["rmse", "mae"], "max_depth": 2}


def test_each_round_is_a_record_and_the_run_ends_with_the_training(home: Home, matrix: xgboost.DMatrix) -> None:
    seen: dict[str, dict[str, list[float]]] = {}
    hook = WalertCallback(project="boost", name="a")
    xgboost.train(
        PARAMETERS, matrix, 5, evals=[(matrix, "train")], evals_result=seen, callbacks=[hook], verbose_eval=False
    )
    log = home.log()
    assert log.column("train/rmse") == list(enumerate(pytest.approx(value) for value in seen["train"]["rmse"]))
    assert [set(m) for m in log.metrics] == [{"_step", "_timestamp", "train/rmse", "train/mae"}] * 5
    assert log.events["finish"][0]["state"] == "finished"
    assert (log.events["start"][0]["project"], log.events["start"][0]["name"]) == ("boost", "a")


def test_cross_validation_gives_means_and_deviations(home: Home, matrix: xgboost.DMatrix) -> None:
    xgboost.cv(PARAMETERS, matrix, 3, nfold=3, callbacks=[WalertCallback()])
    assert [step for step, _ in home.log().column("test/rmse_std")] == [0, 1, 2]


def test_early_stopping_ends_the_run_too(home: Home, matrix: xgboost.DMatrix) -> None:
    stop = xgboost.callback.EarlyStopping(rounds=1, min_delta=10.0)
    xgboost.train(PARAMETERS, matrix, 50, evals=[(matrix, "t")], callbacks=[stop, WalertCallback()], verbose_eval=False)
    log = home.log()
    assert 0 < len(log.metrics) < 50
    assert log.events["finish"][0]["state"] == "finished"


def test_a_run_that_is_there_is_used_and_left_open(home: Home, matrix: xgboost.DMatrix) -> None:
    with walert.init(name="mine") as run:
        for _ in range(2):
            xgboost.train(
                PARAMETERS, matrix, 2, evals=[(matrix, "t")], callbacks=[WalertCallback()], verbose_eval=False
            )
        assert not run.ended
    assert len(home.log().metrics) == 4
