"""Keras 3, on any backend: `model.fit(..., callbacks=[WalertCallback(project="vision")])`."""

from __future__ import annotations

from typing import Any

import keras

from walert.integrations.hook import HookRun


class WalertCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """Logs the metrics of each epoch, at step `epoch`; with `every=N` also those of each Nth batch, and then steps are batches.

    Keras' metrics of a batch are means since the epoch began: a loss that leaps shows later, and weaker. Takes the arguments of
    `walert.init()`.
    """

    def __init__(self, *, every: int | None = None, **init: Any) -> None:
        super().__init__()
        if every is not None and (not isinstance(every, int) or every < 1):
            raise ValueError(f"every must be a number of batches from 1 on, not {every!r}")
        self._hook = HookRun(init)
        self._every = every
        self._batches = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Begin the run."""
        self._hook.begin(self.params or {})

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Append a record at each Nth batch."""
        self._batches += 1
        if self._every and logs and self._batches % self._every == 0:
            self._hook.log(logs, self._batches)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Append a record; the metrics of validation come with the epoch."""
        shown = {name: value for name, value in (logs or {}).items() if not self._every or name.startswith("val_")}
        self._hook.log({"epoch": epoch, **shown}, self._batches if self._every else epoch)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """End the run, if this hook began it."""
        self._hook.end()
