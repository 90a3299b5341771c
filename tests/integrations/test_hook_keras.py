"""The Keras hook in real trainings."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from conftest import Home

from walert.integrations.keras import WalertCallback


def fitted(hook: WalertCallback, epochs: int = 3) -> keras.callbacks.History:
    """A small regression, 4 batches an epoch."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 3)).astype("float32")
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    return model.fit(
        x,
        x[:, :1],
        batch_size=16,
        epochs=epochs,
        validation_split=0.0,
        validation_data=(x, x[:, :1]),
        callbacks=[hook],
        verbose=0,
    )


def test_each_epoch_is_a_record(home: Home) -> None:
    history = fitted(WalertCallback(project="k")).history
    log = home.log()
    for name in ("loss", "val_loss", "mae", "val_mae"):
        assert log.column(name) == list(enumerate(pytest.approx(value) for value in history[name])), name
    assert log.config()["epochs"] == 3
    assert log.events["finish"][0]["state"] == "finished"


def test_batches_are_records_on_request_and_then_steps_are_batches(home: Home) -> None:
    fitted(WalertCallback(every=2))
    log = home.log()
    assert [step for step, _ in log.column("loss")] == [2, 4, 6, 8, 10, 12]
    assert log.column("epoch") == [(4, 0), (8, 1), (12, 2)]
    assert [step for step, _ in log.column("val_loss")] == [4, 8, 12]


@pytest.mark.parametrize("every", [0, -1, 1.5])
def test_a_wrong_number_of_batches_is_refused(every: int) -> None:
    with pytest.raises(ValueError, match="every must be a number of batches"):
        WalertCallback(every=every)
