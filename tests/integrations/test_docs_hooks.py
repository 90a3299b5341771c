"""The programs of the page on hooks run as they stand there, with a model and data that each leaves open."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "engine" / "docs" / "HOOKS.md"
PROGRAMS = re.findall(r"^```py\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
LEFT_OPEN = {
    "transformers": """
import torch
class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
    def forward(self, x, labels):
        return {"loss": ((self.layer(x) - labels) ** 2).mean()}
model, rows = Model(), [{"x": torch.tensor([n / 32]), "labels": torch.tensor([n / 16])} for n in range(32)]
""",
    "lightning": """
import lightning, torch
class Module(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)
    def training_step(self, batch, index):
        loss = self.layer(batch[0]).square().mean()
        self.log("train_loss", loss)
        return loss
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)
module, loader = Module(), torch.utils.data.DataLoader(torch.utils.data.TensorDataset(torch.zeros(8, 1)), batch_size=4)
""",
    "keras": """
import keras, numpy
x = numpy.zeros((64, 3), "float32"); y = x[:, :1]
network = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)]); network.compile("sgd", "mse")
""",
    "xgboost": "import numpy, xgboost\nmatrix = xgboost.DMatrix(numpy.arange(60.0).reshape(20, 3), label=numpy.arange(20.0))\n",
    "lightgbm": "import numpy, lightgbm\ndataset = lightgbm.Dataset(numpy.arange(600.0).reshape(200, 3), label=numpy.arange(200.0))\n",
    "accelerate": "",
    "ray_tune": """
from ray import tune
def trial(config):
    tune.report({"loss": config["lr"]})
""",
}


@pytest.mark.parametrize("hook", LEFT_OPEN)
def test_a_program_of_the_page_runs(hook: str, tmp_path: Path) -> None:
    (program,) = [each for each in PROGRAMS if f"walert.integrations.{hook} " in each]
    script = tmp_path / "train.py"
    script.write_text(LEFT_OPEN[hook] + program, encoding="utf-8")
    environ = os.environ | {"WALERT_HOME": str(tmp_path), "KERAS_BACKEND": "torch", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, str(script)], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stderr[-3000:]
    logs = list(tmp_path.glob("runs/**/*.jsonl"))
    assert logs
    assert all(sum("_walert" not in line for line in log.read_text().splitlines()) > 0 for log in logs)
