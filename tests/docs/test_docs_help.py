"""`--help` of every command, word by word, and the commands that the pages name.

After a change that is meant: WALERT_UPDATE_SNAPSHOTS=1 writes `help/` anew; read the difference before committing it.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from pages import commands, pages

from walert.cli import VERBS, main, walertd

HELP = Path(__file__).parent / "help"
COLUMNS = "100"


def printed(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, columns: str = COLUMNS
) -> str:
    """The help that `walert`, `walertd` or a verb prints on a terminal of so many columns."""
    monkeypatch.setenv("COLUMNS", columns)
    call = {"walert": lambda: main(["--help"]), "walertd": lambda: walertd.main(["--help"])}
    try:
        code = call.get(command, lambda: main([command, "--help"]))()
    except SystemExit as stop:
        code = stop.code
    assert code == 0
    return capsys.readouterr().out


def as_written(text: str) -> list[str]:
    """The words: Python 3.13 writes `-n, --last N` for `-n N, --last N`, and breaks lines elsewhere."""
    return re.sub(r"(-\w) [A-Z]+, (--[\w-]+ [A-Z]+)", r"\1, \2", text).split()


@pytest.mark.parametrize("command", ["walert", "walertd", *VERBS])
def test_help_is_as_it_was(command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = printed(command, capsys, monkeypatch)
    kept = HELP / f"{command}.txt"
    if os.environ.get("WALERT_UPDATE_SNAPSHOTS"):
        kept.write_text(now, encoding="utf-8")
    assert as_written(now) == as_written(kept.read_text(encoding="utf-8"))


@pytest.mark.parametrize("command", ["walert", "walertd", *VERBS])
def test_help_fits_a_terminal_of_80_columns(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = printed(command, capsys, monkeypatch, "80").splitlines()
    assert [line for line in lines if len(line) > 80] == []


def test_no_help_is_kept_of_a_command_that_is_gone() -> None:
    assert {path.stem for path in HELP.glob("*.txt")} == {"walert", "walertd", *VERBS}


@pytest.mark.parametrize("page", pages())
def test_a_page_names_only_commands_and_options_that_exist(page: str) -> None:
    named = commands(page)
    assert {verb for verb, _ in named} <= set(VERBS)
    missing = [f"{verb} {option}" for verb, options in named for option in options if option not in kept_help(verb)]
    assert missing == []


def test_the_readme_names_every_command() -> None:
    assert {verb for verb, _ in commands("README.md")} == set(VERBS)


def kept_help(verb: str) -> str:
    return (HELP / f"{verb}.txt").read_text(encoding="utf-8")
