"""Hugging Face Accelerate: `Accelerator(log_with=[WalertTracker(project="nlp")])`, then its `init_trackers`, `log`, `end_training`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accelerate.tracking import GeneralTracker

from walert.client import Run
from walert.integrations.hook import HookRun


class WalertTracker(GeneralTracker):  # type: ignore[misc]
    """Logs what `accelerator.log` logs, from the main process. Takes the arguments of `walert.init()`.

    `register_tracker_class(WalertTracker)` makes `log_with="walert"` known; then the name of the project comes from `init_trackers`.
    """

    name = "walert"
    requires_logging_directory = False
    main_process_only = True

    def __init__(self, run_name: str | None = None, **init: Any) -> None:
        super().__init__()
        named = {"project": run_name} if run_name is not None else {}
        self._hook = HookRun(named | init)

    @property
    def tracker(self) -> Run:
        """The run, which is begun if need be."""
        return self._hook.begin()

    def store_init_configuration(self, values: Mapping[str, Any]) -> None:
        """Begin the run with `values` as its configuration."""
        self._hook.begin(values)

    def log(self, values: Mapping[str, Any], step: int | None = None, **_: Any) -> None:
        """Append a record."""
        self._hook.log(values, step)

    def finish(self) -> None:
        """End the run, if this hook began it."""
        self._hook.end()
