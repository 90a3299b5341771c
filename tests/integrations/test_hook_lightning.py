"""The Lightning hook in real trainings."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import lightning
import pytest
import torch
from conftest import Home

import walert
from walert.integrations.lightning import WalertLogger


class Line(lightning.LightningModule):  # type: ignore[misc]
    """One weight; `breaks_at` raises at that batch."""

    def __init__(self, lr: float = 0.1, breaks_at: int = -1) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(1, 1)
        self.breaks_at = breaks_at

    def training_step(self, batch: Any, index: int) -> Any:
        if self.breaks_at == index:
            raise RuntimeError("out of memory")
        loss = ((self.layer(batch[0]) - batch[1]) ** 2).mean()
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: Any, index: int) -> None:
        self.log("val_loss", ((self.layer(batch[0]) - batch[1]) ** 2).mean())

    def configure_optimizers(self) -> Any:
        return torch.optim.SGD(self.parameters(), lr=self.hparams["lr"])


def data() -> torch.utils.data.DataLoader[Any]:
    """8 batches."""
    x = torch.linspace(0, 1, 32).unsqueeze(1)
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, 2 * x), batch_size=4)


def trainer(logger: WalertLogger, folder: Path) -> lightning.Trainer:
    """Two epochs on the CPU, quietly."""
    return lightning.Trainer(
        max_epochs=2, logger=logger, log_every_n_steps=4, accelerator="cpu", devices=1, default_root_dir=folder, enable_progress_bar=False,
        enable_model_summary=False, enable_checkpointing=True,
    )  # fmt: skip


def test_training_and_validation_are_records_at_the_global_step(home: Home, tmp_path: Path) -> None:
    logger = WalertLogger(project="l", name="line")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = trainer(logger, tmp_path)
        fit.fit(Line(lr=0.2), data(), data())
        fit.validate(Line(), data(), verbose=False)
    log = home.log()
    assert [step for step, _ in log.column("train_loss")] == [3, 7, 11, 15]
    assert [step for step, _ in log.column("val_loss")][:2] == [7, 15]
    assert len(log.column("val_loss")) == 3
    assert log.config() == {"lr": 0.2, "breaks_at": -1}
    assert "finish" not in log.events
    assert logger.name == "l"
    assert logger.version == log.events["start"][0]["id"]
    walert.finish()
    assert home.log().events["finish"][0]["state"] == "finished"


def test_an_exception_fails_the_run_at_once(home: Home, tmp_path: Path) -> None:
    with warnings.catch_warnings(), pytest.raises(RuntimeError, match="out of memory"):
        warnings.simplefilter("ignore")
        trainer(WalertLogger(), tmp_path).fit(Line(breaks_at=2), data())
    assert home.log().events["finish"][0]["state"] == "failed"


def test_a_logger_pickles_for_spawned_processes(home: Home) -> None:
    logger = WalertLogger(project="l")
    logger.log_metrics({"a": 1.0}, 0)
    twin = pickle.loads(pickle.dumps(logger))
    assert twin.name == "l"
    assert twin.version is None
