"""How much of a run was planned, and how much of it there was: by `init(steps=)`, else by what the configuration calls it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

STEPS = (
    "total_steps", "max_steps", "num_steps", "train_steps", "num_train_steps", "num_training_steps", "total_timesteps", "max_iters",
    "num_iterations", "n_steps",
)  # fmt: skip
EPOCHS = ("epochs", "num_epochs", "max_epochs", "num_train_epochs", "n_epochs")
_EPOCH = ("epoch", "train/epoch", "trainer/epoch")


def facts(
    steps: int | None, config: Mapping[str, Any], last: float | None, given: bool, latest: Mapping[str, Any]
) -> dict[str, Any]:
    """`planned`, `reached` and `unit` for the end record, or nothing.

    `steps` is what `init` was told, `last` the last step logged, `given` whether the script numbers its steps itself: else they count calls
    of `log()`, which no configuration knows of. Steps and epochs that count from 0 are one more.
    """
    if steps is None and given:
        steps = _plan(config, STEPS)
    if steps is not None and last is not None:
        return {"planned": steps, "reached": min(last + 1, steps) if last >= 0 else 0, "unit": "steps"}
    epochs = _plan(config, EPOCHS)
    epoch = next((latest[name] for name in _EPOCH if isinstance(latest.get(name), int | float)), None)
    if epochs is None or epoch is None or not 0 <= epoch < 1e9:
        return {}
    reached = epoch + 1 if float(epoch).is_integer() else epoch
    return {"planned": epochs, "reached": min(reached, epochs), "unit": "epochs"}


def _plan(config: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    for name in names:
        value = config.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e15:
            return int(value) or None
    return None
