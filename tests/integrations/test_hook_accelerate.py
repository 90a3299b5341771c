"""The Accelerate tracker in a real Accelerator."""

from __future__ import annotations

import pytest
from accelerate import Accelerator
from accelerate.tracking import register_tracker_class
from conftest import Home

from walert.integrations.accelerate import WalertTracker


def trained(accelerator: Accelerator) -> None:
    """What a script does with it."""
    accelerator.init_trackers("project", config={"lr": 0.1, "epochs": 2})
    for step in range(3):
        accelerator.log({"train_loss": 1.0 / (step + 1), "text": "left out"}, step=step)
    accelerator.end_training()


def test_a_tracker_given_as_an_object_logs(home: Home) -> None:
    trained(Accelerator(log_with=[WalertTracker(project="p", name="n")], cpu=True))
    log = home.log()
    assert log.column("train_loss") == [(0, 1.0), (1, 0.5), (2, pytest.approx(1 / 3))]
    assert log.config() == {"lr": 0.1, "epochs": 2}
    assert log.events["start"][0]["project"] == "p"
    assert log.events["finish"][0]["state"] == "finished"


def test_a_tracker_known_by_name_gets_the_project_of_init_trackers(home: Home) -> None:
    register_tracker_class(WalertTracker)
    trained(Accelerator(log_with="walert", cpu=True))
    log = home.log()
    assert (log.events["start"][0]["project"], len(log.metrics)) == ("project", 3)
