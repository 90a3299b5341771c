"""The LightGBM hook in real trainings."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest
from conftest import Home

import walert
from walert.integrations.lightgbm import WalertCallback

PARAMETERS = {"objective": "regression", "metric": ["l2", "l1"], "verbose": -1, "num_leaves": 4, "min_data_in_leaf": 5}


@pytest.fixture
def data() -> lightgbm.Dataset:
    """Noisy lines."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    return lightgbm.Dataset(x, label=x[:, 0] + rng.normal(size=200))


def test_each_round_is_a_record_and_the_parameters_are_the_configuration(home: Home, data: lightgbm.Dataset) -> None:
    seen: dict[str, dict[str, list[float]]] = {}
    callbacks = [WalertCallback(project="boost"), lightgbm.record_evaluation(seen)]
    lightgbm.train(PARAMETERS, data, 5, valid_sets=[data], valid_names=["valid"], callbacks=callbacks)
    log = home.log()
    assert log.column("valid/l2") == list(enumerate(pytest.approx(value) for value in seen["valid"]["l2"]))
    assert log.config()["num_leaves"] == 4
    assert log.events["finish"][0]["state"] == "finished"


def test_cross_validation_gives_means_and_deviations(home: Home, data: lightgbm.Dataset) -> None:
    lightgbm.cv(PARAMETERS, data, 3, nfold=3, stratified=False, callbacks=[WalertCallback()])
    assert [step for step, _ in home.log().column("valid/l2_std")] == [0, 1, 2]


def test_a_training_that_stops_early_leaves_the_run_to_the_process(home: Home, data: lightgbm.Dataset) -> None:
    callbacks = [WalertCallback(), lightgbm.early_stopping(2, min_delta=10.0, verbose=False)]
    held_out = data.create_valid(np.zeros((20, 3)), label=np.zeros(20))
    lightgbm.train(PARAMETERS, data, 50, valid_sets=[held_out], callbacks=callbacks)
    assert 0 < len(home.log().metrics) < 50
    walert.finish()
    assert home.log().events["finish"][0]["state"] == "finished"
