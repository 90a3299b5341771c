"""The Ray Tune hook in a real experiment."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import ray
from conftest import Home
from ray import tune

from walert.integrations.ray_tune import WalertCallback


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """A small Ray on this host."""
    ray.init(
        num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR", object_store_memory=80_000_000
    )
    yield
    ray.shutdown()


def objective() -> Callable[[dict[str, float]], None]:
    """Three results; a rate above 1 breaks after the second. A closure travels to Ray's workers by value."""

    def train(config: dict[str, float]) -> None:
        for n in range(3):
            if config["lr"] > 1 and n == 2:
                raise RuntimeError("diverged")
            tune.report({"loss": config["lr"] / (n + 1), "nested": {"acc": 0.5}})

    return train


def test_each_trial_is_a_run_that_ends_as_the_trial_did(home: Home, tmp_path: Path) -> None:
    tuner = tune.Tuner(
        objective(),
        param_space={"lr": tune.grid_search([0.1, 5.0])},
        run_config=tune.RunConfig(
            storage_path=str(tmp_path / "ray"), callbacks=[WalertCallback(project="tune")], verbose=0
        ),
    )
    tuner.fit()
    found = {log.events["start"][0]["config"]["lr"]: log for log in home.logs()}
    assert sorted(found) == [0.1, 5.0]
    assert found[0.1].column("loss") == [(1, 0.1), (2, 0.05), (3, pytest.approx(0.1 / 3))]
    assert found[0.1].column("nested/acc") == [(1, 0.5), (2, 0.5), (3, 0.5)]
    assert [log.events["finish"][0]["state"] for _, log in sorted(found.items())] == ["finished", "failed"]
    assert {log.events["start"][0]["project"] for log in found.values()} == {"tune"}
