"""Names of wandb's beside the calls on a run that do something here: `Settings`, `util`, `termlog` and its like."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_TERMS = {  # wandb's name of a setting -> the argument of init() that it stands for
    "entity": "entity", "mode": "mode", "project": "project", "resume": "resume", "root_dir": "dir", "run_group": "group", "run_id": "id",
    "run_job_type": "job_type", "run_name": "name", "run_notes": "notes", "run_tags": "tags",
}  # fmt: skip


class Settings:
    """wandb's settings. Those that are arguments of `init()`, too, count where the argument is not given; others have no effect."""

    def __init__(self, **settings: Any) -> None:
        vars(self).update(settings)

    def __getattr__(self, name: str) -> None:
        """Anything not set is None. Dunders raise, so that copying and pickling work."""
        if name.startswith("__"):
            raise AttributeError(name)

    def __repr__(self) -> str:
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in vars(self).items() if name != 'api_key')})"


def arguments_in(settings: object) -> tuple[dict[str, Any], list[str]]:
    """What `settings` (a `Settings`, a dict, or None) says for arguments of `init()`, and the names of those that have no effect."""
    given = settings if isinstance(settings, Mapping) else vars(settings) if hasattr(settings, "__dict__") else {}
    known = {_TERMS[name]: value for name, value in given.items() if name in _TERMS and value is not None}
    return known, sorted(str(name) for name in given if name not in _TERMS)


class util:  # wandb's name
    """The two helpers of `wandb.util` that scripts use."""

    @staticmethod
    def generate_id(length: int = 8) -> str:
        """A random id of digits and small letters, such as `init(id=...)` takes."""
        return "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in os.urandom(length))

    @staticmethod
    def make_artifact_name_safe(name: str) -> str:
        """`name` with what is no letter, digit, `_`, `-` or `.` replaced by `_`."""
        return "".join(c if c.isalnum() or c in "_-." else "_" for c in name)[:128]


def termlog(string: str = "", newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """Print a line of the script's own on stderr, as wandb does. Never raises for what stderr does."""
    try:
        sys.stderr.write(f"{'walert: ' if prefix else ''}{string}{chr(10) if newline else ''}")
        sys.stderr.flush()
    except Exception:  # closed, gone, full: there is nobody to tell
        pass


def termwarn(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """As `termlog`, for a warning."""
    termlog(f"WARNING {string}" if prefix else string, newline, repeat, prefix)


def termerror(string: str, newline: bool = True, repeat: bool = True, prefix: bool = True) -> None:
    """As `termlog`, for an error."""
    termlog(f"ERROR {string}" if prefix else string, newline, repeat, prefix)
