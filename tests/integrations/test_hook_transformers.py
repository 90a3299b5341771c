"""The transformers hook in a real Trainer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from conftest import Home
from transformers import Trainer, TrainingArguments

import walert
from walert.integrations.transformers import WalertCallback


class Line(torch.nn.Module):
    """One weight, with the loss in its answer, as the Trainer wants it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def forward(self, x: Any, labels: Any) -> dict[str, Any]:
        """The squared error."""
        return {"loss": ((self.layer(x) - labels) ** 2).mean()}


def trained(folder: Path, hook: WalertCallback) -> Trainer:
    """Eight steps, logged each second one, evaluated each fourth."""
    rows = [{"x": torch.tensor([n / 32]), "labels": torch.tensor([n / 16])} for n in range(32)]
    arguments = TrainingArguments(
        str(folder / "out"), max_steps=8, per_device_train_batch_size=4, logging_steps=2, eval_strategy="steps", eval_steps=4, report_to=[],
        save_strategy="no", use_cpu=True, disable_tqdm=True, run_name="line", learning_rate=0.1, dataloader_pin_memory=False,
    )  # fmt: skip
    trainer = Trainer(Line(), arguments, train_dataset=rows, eval_dataset=rows, callbacks=[hook])
    trainer.train()
    return trainer


def test_what_the_trainer_logs_is_recorded_at_its_step(home: Home, tmp_path: Path) -> None:
    history = trained(tmp_path, WalertCallback(project="nlp")).state.log_history
    log = home.log()
    assert [step for step, _ in log.column("loss")] == [2, 4, 6, 8]
    assert log.column("loss") == [(row["step"], row["loss"]) for row in history if "loss" in row]
    assert [step for step, _ in log.column("eval_loss")] == [4, 8]
    assert log.column("grad_norm")
    start = log.events["start"][0]
    assert (start["name"], start["project"], log.config()["max_steps"]) == ("line", "nlp", 8)
    end = log.events["finish"][0]
    assert (end["state"], end["planned"], end["reached"], end["unit"]) == ("finished", 8, 8, "steps")


def test_a_run_that_is_there_goes_on(home: Home, tmp_path: Path) -> None:
    with walert.init(name="mine") as run:
        trained(tmp_path, WalertCallback())
        assert not run.ended
        walert.log({"after": 1})
    assert home.log().events["start"][0]["name"] == "mine"
