"""Lightning: `Trainer(logger=WalertLogger(project="vision"))`. The packages `lightning` and `pytorch_lightning` are both known."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

if importlib.util.find_spec("lightning"):
    from lightning.pytorch.loggers.logger import Logger, rank_zero_experiment
    from lightning.pytorch.utilities import rank_zero_only
else:
    from pytorch_lightning.loggers.logger import Logger, rank_zero_experiment
    from pytorch_lightning.utilities import rank_zero_only

from walert.client import Run
from walert.integrations.hook import HookRun


class WalertLogger(Logger):  # type: ignore[misc]
    """Logs what `self.log` logs, at the trainer's global step, from rank 0. Takes the arguments of `walert.init()`.

    A run goes on over `fit`, `validate` and `test`, and ends with the process or `walert.finish()`; at an exception it fails at once.
    """

    def __init__(self, **init: Any) -> None:
        super().__init__()
        self._hook = HookRun(init)

    @property
    def name(self) -> str | None:
        """The project, as other loggers have it."""
        return self._hook.arguments.get("project") or "walert"

    @property
    def version(self) -> str | None:
        """The run's id, once it is begun."""
        return self._hook.begin().id if self._hook.begun else None

    @property
    @rank_zero_experiment  # type: ignore[untyped-decorator]
    def experiment(self) -> Run:
        """The run, which is begun if need be."""
        return self._hook.begin()

    @rank_zero_only  # type: ignore[untyped-decorator]
    def log_hyperparams(self, params: Any, *_: Any, **__: Any) -> None:
        """Add the hyperparameters to the run's configuration."""
        self._hook.begin(params if isinstance(params, Mapping) else vars(params))

    @rank_zero_only  # type: ignore[untyped-decorator]
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Append a record."""
        self._hook.log(metrics, step)

    @rank_zero_only  # type: ignore[untyped-decorator]
    def finalize(self, status: str) -> None:
        """After an exception: the run has failed."""
        if status == "failed":
            self._hook.end(1)
