"""The rest of wandb's names: there, so that a script runs with `import walert as wandb`.

Most are accepted, ignored and said once. What a script cannot go on without, such as what a server would answer, raises `NotHere`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from walert import ABSENT, IGNORED
from walert.client.notice import say

_READING = frozenset(
    {"checkout", "download", "file", "files", "get", "get_path", "verify"}
)  # of an artifact that a server holds
_MEDIA = frozenset(
    {
        "Audio",
        "Classes",
        "EvalTable",
        "Graph",
        "Histogram",
        "Html",
        "Image",
        "JoinedTable",
        "Markdown",
        "Molecule",
        "Object3D",
        "Plotly",
    }
    | {"Table", "Trace", "Video", "box3d()"}
)
_HOOKS = "There are hooks for frameworks under walert.integrations."
_INSTEAD = {
    "Api": "Logs are files: read them below walert.run.dir, or with `walert runs --json`.",
    "agent": "Start one process a configuration, each with its own init().",
    "attach": "A forked or spawned process may call init() with the id of the run.",
    "controller": "Start one process a configuration, each with its own init().",
    "delete_project": "Remove the folder of the runs.",
    "import_csv": "walertd follows CSV files as they are: `walert source detect PATH`.",
    "import_tf_events": "Log the same values with walert.log().",
    "restore": "Load the file from where it was saved.",
    "sweep": "Start one process a configuration, each with its own init().",
    "use_artifact": "Load the files from where they were saved.",
    "use_model": "Load the files from where they were saved.",
}


class Ignored:
    """Stands for something that walert does not keep. Any call and any attribute of it is another such; it is empty, and true."""

    _name = "this"

    def __init__(self, *_: Any, **__: Any) -> None:
        if self._name in _MEDIA:
            say(
                "ignored:media",
                f"media, such as this {self._name}, are accepted and ignored: walert keeps numbers and alerts.",
            )
        else:
            say(f"ignored:{self._name}", f"{self._name} is accepted and ignored: walert keeps numbers and alerts.")

    def __call__(self, *_: Any, **__: Any) -> Ignored:
        return self

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in _READING and self._name == "use_artifact()":
            return _refusal("use_artifact")
        return self

    def __getitem__(self, key: object) -> Ignored:
        return self

    def __setitem__(self, key: object, value: object) -> None:
        return None

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True

    def __enter__(self) -> Ignored:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def __repr__(self) -> str:
        return f"<{self._name}, which walert does not keep>"


def stand_in(name: str) -> Any:
    """What takes the place of `wandb.NAME`: a class, a namespace or a function.

    Raises `AttributeError` for a name that is none of wandb's, and for its modules of hooks, since there are others here.
    """
    if name in ABSENT:
        if name not in _INSTEAD:
            raise AttributeError(f"walert has no {name!r}. {_HOOKS}")
        return _refusal(name)
    if name not in IGNORED:
        raise AttributeError(f"walert has no {name!r}")
    if name not in _made:
        _made[name] = _value(name) if name in _SPACES or name[0].isupper() else _call(name)
    return _made[name]


_SPACES = frozenset({"data_types", "plot", "plots", "profiler", "sklearn", "tensorboard"})
_made: dict[str, Any] = {}


def _value(name: str) -> Any:
    made = type(name, (Ignored,), {"_name": name, "__doc__": f"wandb's {name}: accepted and ignored."})
    return made() if name in _SPACES else made


def _call(name: str) -> Callable[..., Any]:
    ignored = type(name, (Ignored,), {"_name": f"{name}()"})

    def accept(*_: Any, **__: Any) -> Any:
        made = ignored()
        return True if name == "login" else made

    accept.__name__ = accept.__qualname__ = name
    accept.__doc__ = f"wandb's {name}(): accepted and ignored."
    return accept


def _refusal(name: str) -> Callable[..., Any]:
    def refuse(*_: Any, **__: Any) -> Any:
        from walert.errors import NotHere

        raise NotHere(f"walert has no {name}(): there is no server to ask. {_INSTEAD[name]}")

    refuse.__name__ = refuse.__qualname__ = name
    refuse.__doc__ = f"wandb's {name}: raises `NotHere`. {_INSTEAD[name]}"
    return refuse
