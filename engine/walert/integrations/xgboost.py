"""XGBoost: `xgboost.train(..., evals=[...], callbacks=[WalertCallback(project="ranking")])`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from xgboost.callback import TrainingCallback

from walert.integrations.hook import HookRun


class WalertCallback(TrainingCallback):  # type: ignore[misc]
    """Logs each evaluation as `dataset/metric`, and in `cv` its deviation as `dataset/metric_std`, at the boosting round.

    Takes the arguments of `walert.init()`.
    """

    def __init__(self, **init: Any) -> None:
        super().__init__()
        self._hook = HookRun(init)

    def before_training(self, model: Any) -> Any:
        """Begin the run."""
        self._hook.begin()
        return model

    def after_iteration(self, model: Any, epoch: int, evals_log: Mapping[str, Mapping[str, Any]]) -> bool:
        """Append a record. Never asks to stop."""
        values: dict[str, float] = {}
        for data, metrics in evals_log.items():
            for metric, history in metrics.items():
                newest = history[-1]
                mean, *spread = newest if isinstance(newest, tuple) else (newest,)
                values[f"{data}/{metric}"] = mean
                values.update({f"{data}/{metric}_std": std for std in spread})
        if values:
            self._hook.log(values, epoch)
        return False

    def after_training(self, model: Any) -> Any:
        """End the run, if this hook began it."""
        self._hook.end()
        return model
