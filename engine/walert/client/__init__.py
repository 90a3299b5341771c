"""What training code imports: `init`, `log`, `alert`, `finish`. Standard library only; never raises for what a disk does."""

from __future__ import annotations

from walert.client.api import alert, config, finish, init, log, present, summary
from walert.client.extras import Settings, termerror, termlog, termwarn, util
from walert.client.ignored import stand_in
from walert.client.run import Run

__all__ = [
    "Run",
    "Settings",
    "alert",
    "config",
    "finish",
    "init",
    "log",
    "present",
    "stand_in",
    "summary",
    "termerror",
    "termlog",
    "termwarn",
    "util",
]
