"""Where walert keeps things, by `$WALERT_HOME` and the XDG base directories. Strings; nothing here is created or read.

As the XDG specification asks, a relative path in an XDG variable counts as not set. A user without a home has one below /tmp.
"""

from __future__ import annotations

import os

APP = "walert"
SYSTEM_CONFIG = "/etc/walert/walert.yaml"
SYSTEM_REGISTRY = "/run/walert"


def home() -> str:
    """The folder of walert's data: `$WALERT_HOME`, else `walert` below `$XDG_DATA_HOME` or `~/.local/share`."""
    return _walert_home() or os.path.join(_xdg("XDG_DATA_HOME", "~/.local/share"), APP)


def runs_dir() -> str:
    """The folder of the runs that `walert.init()` begins, and that a walertd without configuration follows."""
    return os.path.join(home(), "runs")


def state_path() -> str:
    """walertd's state file: in `$WALERT_HOME` if that is set, else below `$XDG_STATE_HOME` or `~/.local/state`."""
    folder = _walert_home() or os.path.join(_xdg("XDG_STATE_HOME", "~/.local/state"), APP)
    return os.path.join(folder, "walert.db")


def lock_path() -> str:
    """The file that a walertd locks while it runs; it holds its pid and the folders that it follows, one a line."""
    return state_path() + ".lock"


def registry() -> str:
    """The folder where each walertd of this user and home, whatever its state file, holds a locked file that says what it follows."""
    return os.path.join(os.path.dirname(state_path()), "running")


def session_registry() -> str | None:
    """The same for every home of this user, gone with the session; None where there is no runtime folder."""
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    return os.path.join(folder, APP) if os.path.isabs(folder) else None


def config_candidates() -> tuple[str, ...]:
    """Where a configuration is looked for when none is named, first come first taken: here, the user's, the system's."""
    return "walert.yaml", os.path.join(_xdg("XDG_CONFIG_HOME", "~/.config"), APP, "walert.yaml"), SYSTEM_CONFIG


def _walert_home() -> str | None:
    named = os.environ.get("WALERT_HOME")
    if not named:
        return None
    path = os.path.expanduser(named)
    try:
        return os.path.abspath(path)
    except OSError:  # the working directory is gone
        return path


def _xdg(variable: str, default: str) -> str:
    named = os.environ.get(variable, "")
    if os.path.isabs(named):
        return named
    path = os.path.expanduser(default)
    # A container's arbitrary user may have no home: a folder named `~` in the working directory would be a trap.
    return path if os.path.isabs(path) else os.path.join(f"/tmp/walert-{os.getuid()}", default.removeprefix("~/"))
