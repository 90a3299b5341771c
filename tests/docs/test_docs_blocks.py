"""What the pages show works as it stands there: the YAML is without a problem, the Python runs, the README's example alerts."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pages import Block, blocks

from walert.cli import check

SHOWN = blocks("yaml")
PROGRAMS = blocks("python")
VARIABLES = {
    "HC_URL": "https://hc.example.com/ping",
    "SLACK_URL": "https://hooks.slack.com/services/T1234ABCD/B1234ABCD/abcdefghijklmnopqrstuvwx",
    "MAIL_PASSWORD": "secret",
    "PAGERDUTY_KEY": "0123456789abcdef0123456789abcdef",
    "NTFY_TOPIC": "training",
}
ANY_RULE = "version: 1\nrules:\n  - {title: High, when: loss > 10}\n"


def laid(block: Block, folder: Path) -> Path:
    """The block as the file that it shows: a rule file, or a configuration beside some rule file."""
    is_rules = block.text.startswith("version:")
    files = {"rules/shown.yaml": block.text} if is_rules else {"walert.yaml": block.text, "rules/any.yaml": ANY_RULE}
    for name, text in files.items():
        write(folder / name, text)
    return folder / next(iter(files))


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run Python with a home of its own and no variable that walert reads: the example's receivers are then the console."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WALERT_", "XDG_", "SLACK_"))}
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={**kept, "WALERT_HOME": str(folder / "home"), "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


@pytest.mark.parametrize("block", SHOWN, ids=str)
def test_shown_yaml_is_without_a_problem(block: Block, tmp_path: Path) -> None:
    out = io.StringIO()
    code = check.run([str(laid(block, tmp_path))], format="text", config=None, out=out, environ=VARIABLES)
    assert (code, out.getvalue().partition(": ")[2]) == (0, "no problems\n"), out.getvalue()


@pytest.mark.parametrize("block", PROGRAMS, ids=str)
def test_shown_python_runs(block: Block, tmp_path: Path) -> None:
    program = write(tmp_path / "train.py", block.text)
    done = run(tmp_path, "-W", "error", str(program))
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert [*(tmp_path / "home" / "runs").rglob("*.jsonl"), *(tmp_path / "runs").rglob("*.jsonl")]


@pytest.mark.parametrize("page", ["README.md", "README.ja.md"])
def test_the_example_alerts_as_a_whole(page: str, tmp_path: Path) -> None:
    """Its configuration, its rules and its training code in one folder: walertd tells what the code asks for."""
    shown = [block for block in SHOWN if block.page == page]
    config = next(block for block in shown if block.text.startswith("watch:"))
    rules = next(block for block in shown if block.text.startswith("version:"))
    code = next(block for block in PROGRAMS if block.page == page)
    write(tmp_path / "walert.yaml", config.text)
    write(tmp_path / "rules" / "walert.yaml", rules.text)
    assert run(tmp_path, str(write(tmp_path / "train.py", code.text))).returncode == 0
    done = run(tmp_path, "-m", "walert.cli.walertd", "--config", "walert.yaml", "--once")
    assert done.returncode == 0, done.stderr
    title = {"README.md": "Low accuracy", "README.ja.md": "精度が低い"}[page]
    assert title in done.stdout
