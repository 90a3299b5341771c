"""Ray Tune: `RunConfig(callbacks=[WalertCallback(project="tune")])`: each trial a run of its own.

Ray writes `result.json` for each trial anyway, which walertd follows by itself; the hook adds how a trial ended, and its configuration.
"""

from __future__ import annotations

from typing import Any

from ray.tune.logger import LoggerCallback

from walert.client import Run, init
from walert.integrations.hook import may_count

_NO_METRICS = frozenset(
    {"config", "date", "done", "hostname", "node_ip", "pid", "timestamp", "trial_id", "training_iteration"}
)


class WalertCallback(LoggerCallback):  # type: ignore[misc]
    """Logs the results of each trial, at its training iteration, in the driver. Takes the arguments of `walert.init()`.

    A trial that is tried again is another attempt of its run.
    """

    def __init__(self, **init: Any) -> None:
        self._init = init
        self._runs: dict[str, Run] = {}

    def log_trial_start(self, trial: Any) -> None:
        """Begin the trial's run."""
        if trial.trial_id not in self._runs:
            asked = {"name": str(trial), "id": trial.trial_id, "config": trial.config} | self._init
            self._runs[trial.trial_id] = init(**asked, reinit="create_new")

    def log_trial_result(self, iteration: int, trial: Any, result: dict[str, Any]) -> None:
        """Append a record to the trial's run."""
        self.log_trial_start(trial)
        values = {name: value for name, value in result.items() if name not in _NO_METRICS and may_count(value)}
        self._runs[trial.trial_id].log(values, result.get("training_iteration", iteration))

    def log_trial_end(self, trial: Any, failed: bool = False) -> None:
        """End the trial's run."""
        run = self._runs.pop(trial.trial_id, None)
        if run is not None:
            run.finish(int(failed))

    def __getstate__(self) -> dict[str, Any]:
        return {"_init": self._init, "_runs": {}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._init, self._runs = state["_init"], {}
