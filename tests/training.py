"""Training scripts as processes of their own, and what they left in their logs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jsonschema

from walert.resources import schema

FOREIGN = ("WALERT_", "WANDB_", "SLURM_", "TORCHELASTIC_", "OMPI_", "PMI_", "RANK", "LOCAL_RANK", "WORLD_SIZE")


def environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what would give a run an identity, and `WALERT_HOME` set."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return {**clean, "WALERT_HOME": str(home), **(more or {})}


def start(script: str, home: Path, more: Mapping[str, str] | None = None, **popen: Any) -> subprocess.Popen[str]:
    """A script as a process, its output piped."""
    home.mkdir(exist_ok=True)
    path = home / popen.pop("name", "train.py")
    path.write_text(script, encoding="utf-8")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **popen}
    return subprocess.Popen(
        [sys.executable, "-W", "error", str(path)], env=environment(home, more), text=True, encoding="utf-8", **pipes
    )


def train(script: str, home: Path, more: Mapping[str, str] | None = None, code: int = 0, **popen: Any) -> str:
    """Run a script to its end; its stderr. It must leave with the exit code `code`."""
    with start(script, home, more, **popen) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == code, err
    return err or ""


def logs(home: Path) -> list[Path]:
    """The logs below a home, sorted."""
    return sorted((home / "runs").glob("**/*.jsonl"))


def records(path: Path) -> list[dict[str, Any]]:
    """Every line of a log, each whole, and an event as the schema has it."""
    content = path.read_bytes()
    assert content.endswith(b"\n")
    found = [json.loads(line, parse_constant=_refuse) for line in content.splitlines()]
    check = jsonschema.Draft7Validator(schema("record"))
    for record in found:
        if "_walert" in record or len(found) < 50:
            check.validate(record)
    return found


def only_log(home: Path) -> list[dict[str, Any]]:
    """The records of the one log below a home."""
    (path,) = logs(home)
    return records(path)


def events(found: Sequence[Mapping[str, Any]], kind: str) -> list[dict[str, Any]]:
    """The events of a kind among records."""
    return [r["_walert"] for r in found if r.get("_walert", {}).get("event") == kind]


def metrics(found: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The records of metrics, without their time."""
    return [{k: v for k, v in r.items() if k != "_timestamp"} for r in found if "_walert" not in r]


def _refuse(literal: str) -> None:
    raise AssertionError(f"{literal} is no JSON")
