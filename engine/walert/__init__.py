"""Alerts for model training: `walert.init`, `log`, `alert`, `finish`, as wandb has them. `import walert as wandb` works.

Everything is loaded when it is first asked for, and from the standard library only.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType

TYPE_CHECKING = False  # as type checkers know it, without the price of importing `typing`
if TYPE_CHECKING:
    from typing import Any

    from walert.client import Run, alert, finish, init, log
    from walert.client.values import Values
    from walert.levels import AlertLevel

    run: Run | None
    summary: Values

__version__ = "0.1.0"
__all__ = ["AlertLevel", "Run", "alert", "finish", "init", "log", "run", "summary"]

_CLIENT = frozenset({"Run", "Settings", "alert", "finish", "init", "log", "termerror", "termlog", "termwarn", "util"})
_loaded: list[Any] = []
_ERRORS = frozenset({"CommError", "Error", "UsageError"})
_IGNORED = (
    # wandb's
    "Artifact ArtifactTTL Audio Classes EvalTable Graph Histogram Html Image JoinedTable Molecule Object3D Plotly Table Video box3d "
    "data_types define_metric display ensure_configured finish_artifact link_artifact link_model log_artifact log_code log_model "
    "login mark_preempting pin_config_keys plot plot_table plots profiler require save setup sklearn teardown tensorboard to_html "
    "unwatch upsert_artifact use_artifact watch write_logs "
    # trackio's
    "Markdown Trace log_cpu log_gpu log_system show sync"
)
_ABSENT = (
    "Api agent attach catboost controller delete_project fastai gym import_csv import_tf_events integration keras lightgbm restore sacred "
    "sweep tensorflow use_model xgboost"
)
IGNORED = frozenset(_IGNORED.split())
"""Names of wandb and trackio that are there, accepted and ignored, with a notice."""
ABSENT = frozenset(_ABSENT.split())
"""Names of wandb and trackio that cannot be ignored, since a script goes on with what they give: they say at once what to do instead."""


def __getattr__(name: str) -> Any:
    # Submodules are looked for here, too, while they are imported: what is not named below must fail at once.
    if name in _CLIENT:
        found = globals()[name] = getattr(_client(), name)  # the next look finds it without a call
        return found
    if name == "join":  # as wandb once called it
        return _client().finish
    if name == "AlertLevel":
        from walert.levels import AlertLevel

        return AlertLevel
    if name == "run":
        return _client().present()
    if name == "summary":
        return _client().summary()
    if name in _ERRORS:
        from walert.errors import WalertError

        return WalertError
    if name in IGNORED or name in ABSENT:
        return _client().stand_in(name)
    raise AttributeError(f"module 'walert' has no attribute {name!r}")


def _client() -> Any:
    # Once loaded it is not imported again: at the interpreter's end, in a `__del__`, nothing can be.
    if not _loaded:
        _loaded.append(importlib.import_module("walert.client"))
    return _loaded[0]


class _Package(ModuleType):
    """The package, whose `config` is the present run's, as wandb's is, also where the module `walert.config` was imported."""

    @property
    def config(self) -> Values:
        found: Values = _client().config()
        return found

    @config.setter
    def config(self, values: object) -> None:
        """Scripts put a dict here; the import system puts the module, which `from walert.config import …` finds elsewhere."""
        if isinstance(values, dict):
            self.config.update(values)


sys.modules[__name__].__class__ = _Package
