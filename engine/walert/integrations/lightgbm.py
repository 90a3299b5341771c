"""LightGBM: `lightgbm.train(..., valid_sets=[...], callbacks=[WalertCallback(project="ranking")])`."""

from __future__ import annotations

from typing import Any

from walert.integrations.hook import HookRun


class WalertCallback:
    """Logs each evaluation as `dataset/metric`, and in `cv` its deviation as `dataset/metric_std`, at the boosting round.

    Takes the arguments of `walert.init()`. The run ends with the last round, or with the process where the training stops early.
    """

    order = 10  # before early stopping, as LightGBM's own log
    before_iteration = False

    def __init__(self, **init: Any) -> None:
        self._hook = HookRun(init)

    def __call__(self, env: Any) -> None:
        """Append a record of what LightGBM's `CallbackEnv` holds."""
        values: dict[str, float] = {}
        for data, metric, value, _, *spread in env.evaluation_result_list or ():
            values[f"{data}/{metric}"] = value
            values.update({f"{data}/{metric}_std": std for std in spread})
        self._hook.begin(env.params)
        if values:
            self._hook.log(values, env.iteration)
        if env.iteration + 1 >= env.end_iteration:
            self._hook.end()
