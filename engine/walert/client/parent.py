"""The run of the process that spawned this one: what a worker of `multiprocessing` says without an `init()` belongs to it.

A forked worker has its parent's run anyway. A spawned one, such as a DataLoader's, begins from nothing: the environment tells it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping

from walert.client.asked import Asked
from walert.client.run import Run

VARIABLE = "WALERT_PARENT_RUN"


def announce(run: Run) -> None:
    """Have spawned workers of this process know its run."""
    os.environ[VARIABLE] = json.dumps([run.pid, run.id, run.name, run.project, run.runs])


def withdraw(run: Run) -> None:
    """The run is over."""
    if os.environ.get(VARIABLE, "").startswith(f'[{run.pid}, "{run.id}"'):
        del os.environ[VARIABLE]


def of_parent(environ: Mapping[str, str]) -> Asked | None:
    """The run that the process which spawned this one by `multiprocessing` has announced, or None."""
    module = sys.modules.get("multiprocessing.process")
    parent = module.parent_process() if module is not None else None
    if parent is None:
        return None
    try:
        pid, id, name, project, runs = json.loads(environ.get(VARIABLE, ""))
    except (ValueError, TypeError):
        return None
    return Asked(project, name, id, runs) if pid == parent.pid else None
