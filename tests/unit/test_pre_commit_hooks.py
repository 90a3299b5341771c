"""The hooks for pre-commit: what they run exists, and they run it on rule files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from walert.cli import VERBS, main
from walert.documents import load_document

FILE = Path(__file__).resolve().parents[2] / ".pre-commit-hooks.yaml"
HOOKS: list[dict[str, Any]] = load_document(FILE.read_bytes(), FILE.name, None).data
RULES = "version: 1\nrules:\n  - {title: Low accuracy, when: acc < 0.8}\n"
TESTS = """\
version: 1
rules: [walert.yaml]
tests:
  - name: It fires
    series: {acc: 0.9 0.7}
    expect: [{at: 2, title: Low accuracy, happening: [firing, message]}]
"""


def test_a_hook_has_what_pre_commit_asks_for() -> None:
    assert [hook["id"] for hook in HOOKS] == ["walert-check", "walert-test"]
    assert all({"name", "entry", "language", "files", "pass_filenames"} <= set(hook) for hook in HOOKS)


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_looks_at_rule_files(hook: dict[str, Any]) -> None:
    for path in ("rules/walert.yaml", "a/b/rules/c/d.yml", "rules/walert.test.yaml"):
        assert re.search(hook["files"], path)
    for path in ("walert.yaml", "rules.yaml", "myrules/a.yaml", "rules/a.py", "rules/a.yaml.orig"):
        assert not re.search(hook["files"], path)


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_what_a_hook_runs_passes_sound_rules_and_fails_broken_ones(
    hook: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, verb = hook["entry"].split()
    assert program == "walert"
    assert verb in VERBS
    monkeypatch.chdir(tmp_path)
    Path("rules").mkdir()
    rules = Path("rules", "walert.yaml")
    rules.write_text(RULES)
    Path("rules", "walert.test.yaml").write_text(TESTS)
    command = [verb, *(["rules/walert.yaml", "rules/walert.test.yaml"] if hook["pass_filenames"] else [])]
    assert main(command) == 0
    rules.write_text(RULES.replace("acc < 0.8", "acc <"))
    assert main(command) != 0
