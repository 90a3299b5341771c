"""Small values for the tests of the store, each with a number in it, and a way to run a script as another process."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from walert.model import Alert, AlertLevel, Checkpoint, Run
from walert.store.store import Changes, StreamState

NOW = 1_000.0
"""When the state files that tests open begin."""


@dataclass(frozen=True)
class Again:
    """The verdict that a message is tried again."""

    at: float


@dataclass(frozen=True)
class GivenUp:
    """The verdict that a message is dead."""

    reason: str


RUN = Run("run-1", "resnet-1", project="vision", tags=("nightly", "a100"), host="gpu-3", attempt=2)


def checkpoint(n: int, stream: str = "s") -> Checkpoint:
    return Checkpoint(stream, f"/runs/{stream}.jsonl", 64, 7, 1.5, "ab", 256, "cd", offset=100 * n, line=n)


def alert(n: int, kind: str = "firing", title: str = "Low accuracy", at: float = 1_000.0) -> Alert:
    return Alert(
        id=f"alert-{n}",
        kind=kind,  # type: ignore[arg-type]
        run=RUN,
        title=title,
        level=AlertLevel.ERROR,
        text=f"acc {n}",
        values={"acc": 0.5, "loss": float("inf")},
        step=float(n),
        time=None,
        log=f"/runs/s.jsonl:{n}",
        origin="rules/a.yaml:3",
        suppressed=4,
        labels={"team": "vision"},
        runbook="docs/low-acc.md",
        late=True,
        sparkline="▁▂▃",
        host="gpu-3",
        at=at,
    )


def one_pass(n: int, receivers: tuple[str, ...] = ("ml-team",), size: int = 1_000) -> Changes:
    """The n-th pass over one stream: the same number in every table, so that a half-committed pass shows."""
    fold = {"n": n, "window": os.urandom(size)}
    return Changes(
        at=1_000.0 + n,
        checkpoint=checkpoint(n),
        stream_state=StreamState(RUN, fold, {"n": n}, "rules-1", 900.0),
        cooldowns={(RUN.id, "Low accuracy"): {"n": n}},
        alerts=[(replace(alert(n), at=1_000.0 + n), receivers)],
        happenings=[("firing", 1_000.0 + n, RUN.id, {"n": n})],
        counters={"passes": 1},
    )


def spawn(script: str, *arguments: object) -> subprocess.Popen[str]:
    """The script in a Python of its own, with this module importable, its output in a pipe."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True, env=environment)


def output_of(script: str, *arguments: object) -> str:
    """What the script printed; it must end well."""
    with spawn(script, *arguments) as process:
        printed, _ = process.communicate(timeout=60)
    assert process.returncode == 0, printed
    return printed
