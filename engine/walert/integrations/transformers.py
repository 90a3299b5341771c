"""Hugging Face transformers: `Trainer(..., callbacks=[WalertCallback(project="nlp")])`."""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback

from walert.integrations.hook import HookRun


class WalertCallback(TrainerCallback):  # type: ignore[misc]
    """Logs what the Trainer logs, at its step, from the main process. Takes the arguments of `walert.init()`.

    The Trainer replaces a NaN loss by its running average unless it is told `logging_nan_inf_filter=False`.
    """

    def __init__(self, **init: Any) -> None:
        self._hook = HookRun(init)

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Begin the run, with the arguments of the training as its configuration, and as many steps as it plans."""
        if state.is_world_process_zero:
            steps = state.max_steps if state.max_steps > 0 else None
            self._hook.begin(args.to_sanitized_dict(), getattr(args, "run_name", None), steps)

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **more: Any) -> None:
        """Append a record."""
        if logs and state.is_world_process_zero:
            self._hook.log(logs, state.global_step)

    def on_train_end(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """End the run, if this hook began it."""
        self._hook.end()
