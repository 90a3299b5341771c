"""`make demo` and `make test` set themselves up, once, or say in one sentence why they cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS", "PYTHON"))}
    command = ["make", "--no-print-directory", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, encoding="utf-8")


def python(folder: Path, script: str) -> str:
    """A Python of which the shell script tells what it can do."""
    path = folder / "python"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return f"PYTHON={path}"


def ready(folder: Path) -> str:
    """An environment in which everything is installed."""
    for stamp in (".installed", ".dev"):
        (folder / stamp).touch()
    return f"VENV={folder}"


def refused(done: subprocess.CompletedProcess[str], folder: Path) -> str:
    assert done.returncode != 0
    assert not (folder / "venv").exists()
    return done.stderr.splitlines()[0]


def test_a_python_that_is_too_old_is_told(tmp_path: Path) -> None:
    done = make("demo", f"VENV={tmp_path / 'venv'}", python(tmp_path, "exit 1"))
    assert refused(done, tmp_path).startswith("walert needs Python 3.11 or newer")


def test_a_python_that_is_not_there_is_told(tmp_path: Path) -> None:
    done = make("demo", f"VENV={tmp_path / 'venv'}", f"PYTHON={tmp_path / 'python'}")
    assert refused(done, tmp_path).startswith(f"There is no {tmp_path / 'python'} here.")


def test_a_python_that_cannot_make_environments_is_told(tmp_path: Path) -> None:
    for missing in ("ensurepip", "virtualenv"):
        (tmp_path / f"{missing}.py").write_text("raise ImportError", encoding="utf-8")
    debian = python(tmp_path, f'PYTHONPATH={tmp_path} exec {sys.executable} "$@"')
    done = make("demo", f"VENV={tmp_path / 'venv'}", debian)
    assert "install python3-venv" in refused(done, tmp_path)


def test_what_is_installed_is_not_installed_again(tmp_path: Path) -> None:
    assert make("--dry-run", "demo", ready(tmp_path)).stdout.splitlines() == [f"{tmp_path}/bin/walert demo"]


def test_the_tests_come_last(tmp_path: Path) -> None:
    commands = make("--dry-run", "-j8", "test", ready(tmp_path)).stdout.splitlines()
    assert [Path(line.split()[0]).name for line in commands] == ["ruff", "ruff", "mypy", "lint-imports", "python"]
    assert commands[-1].endswith("-m pytest")
