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

_CLIENT = frozenset({"Run", "alert", "finish", "init", "log"})
IGNORED = frozenset(
    {
        *(
            "Api",
            "Artifact",
            "Audio",
            "Graph",
            "Histogram",
            "Html",
            "Image",
            "JoinedTable",
            "Molecule",
            "Object3D",
            "Plotly",
        ),
        *(
            "Settings",
            "Table",
            "Video",
            "define_metric",
            "link_artifact",
            "link_model",
            "log_artifact",
            "log_code",
            "log_model",
        ),
        *(
            "login",
            "mark_preempting",
            "plot",
            "restore",
            "save",
            "setup",
            "teardown",
            "termerror",
            "termlog",
            "termwarn",
        ),
        *("unwatch", "use_artifact", "use_model", "watch"),
    }
)
"""wandb's other names: there, accepted and ignored, each with one notice."""


def __getattr__(name: str) -> Any:
    # Submodules are looked for here, too, while they are imported: what is not named below must fail at once.
    if name in _CLIENT:
        return getattr(_client(), name)
    if name == "AlertLevel":
        from walert.levels import AlertLevel

        return AlertLevel
    if name == "run":
        return _client().present()
    if name == "summary":
        return _client().summary()
    if name in IGNORED:
        return _client().stand_in(name)
    raise AttributeError(f"module 'walert' has no attribute {name!r}")


def _client() -> Any:
    return importlib.import_module("walert.client")


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
