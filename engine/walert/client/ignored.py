"""The rest of wandb's names: there, so that a script runs with `import walert as wandb`; accepted, ignored, and said once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from walert import IGNORED
from walert.client.notice import say


class Ignored:
    """Stands for something that walert does not keep. Any call and any attribute of it is another such."""

    _name = "this"

    def __init__(self, *_: Any, **__: Any) -> None:
        say(f"ignored:{self._name}", f"{self._name} is accepted and ignored: walert keeps numbers and alerts.")

    def __call__(self, *_: Any, **__: Any) -> Ignored:
        return self

    def __getattr__(self, name: str) -> Ignored:
        if name.startswith("_"):
            raise AttributeError(name)
        return self

    def __enter__(self) -> Ignored:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __repr__(self) -> str:
        return f"<{self._name}, which walert does not keep>"


def stand_in(name: str) -> Any:
    """What takes the place of `wandb.NAME`: a class or a function. Raises `AttributeError` for a name that is none of wandb's."""
    if name not in IGNORED:
        raise AttributeError(f"walert has no {name!r}")
    if name not in _made:
        _made[name] = _value(name) if name == "plot" or name[0].isupper() else _call(name)
    return _made[name]


_made: dict[str, Any] = {}


def _value(name: str) -> Any:
    made = type(name, (Ignored,), {"_name": name, "__doc__": f"wandb's {name}: accepted and ignored."})
    return made() if name == "plot" else made


def _call(name: str) -> Callable[..., Any]:
    ignored = type(name, (Ignored,), {"_name": f"{name}()"})

    def accept(*_: Any, **__: Any) -> Any:
        made = ignored()
        return True if name == "login" else made

    accept.__name__ = accept.__qualname__ = name
    accept.__doc__ = f"wandb's {name}(): accepted and ignored."
    return accept
