"""Where walert's files lie: below `$WALERT_HOME` when it is set, else where the XDG base directories say."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """The folder of walert's own data."""
    named = os.environ.get("WALERT_HOME")
    return Path(named).expanduser().absolute() if named else _xdg("XDG_DATA_HOME", ".local/share") / "walert"


def runs_dir() -> Path:
    """Where `walert.init` writes runs, and what walertd watches without a configuration."""
    return home() / "runs"


def state_path() -> Path:
    """The state file of a walertd without a configuration."""
    if os.environ.get("WALERT_HOME"):
        return home() / "walert.db"
    return _xdg("XDG_STATE_HOME", ".local/state") / "walert" / "walert.db"


def lock_path() -> Path:
    """What walertd holds an flock on while it runs."""
    return state_path().with_name(state_path().name + ".lock")


def config_candidates() -> list[Path]:
    """Where a configuration is looked for when none is named, in this order."""
    return [Path("walert.yaml"), _xdg("XDG_CONFIG_HOME", ".config") / "walert" / "walert.yaml", Path("/etc/walert/walert.yaml")]


def _xdg(variable: str, otherwise: str) -> Path:
    named = os.environ.get(variable)
    return Path(named) if named and named.startswith("/") else Path.home() / otherwise
