"""`walert check --explain`: every code has an explanation, and what it calls wrong and right is so."""

from __future__ import annotations

import ast
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from walert.cli import check
from walert.cli.exits import ExitCode
from walert.cli.explanations import EXPLANATIONS, Explanation, explain
from walert.rules.lint import Logged, Stride

PACKAGE = Path(check.__file__).resolve().parents[1]

CODE_AT = {
    "Problem": 3, "Finding": 1, "Slip": 1, "Remark": 2, "Oddity": 1, "Unfilled": 1, "complain": 1, "error": 1, "warn": 1, "problem": 1,
    "find": 1, "slip": 1, "stop": 1, "refuse": 2, "parsed": 1,
}  # fmt: skip
"""What makes a problem, or hands one on: which argument is its code."""

SPEAKERS = ("documents", "config", "rules", "cli", "pipeline")
HANDED_ON = {"code", "slip.code", "odd.code"}
OTHER = {"entry['at']", "call['at']", "str"}  # of calls by the same name that make no problem
TEMPLATE_SLIPS = "pipeline/ruletest/notation.py"  # its slips carry no code: their reader gives them one


def emitted() -> Iterator[tuple[str, ast.expr]]:
    """(file, the argument that is a code) of every call that makes a problem."""
    for path in sorted(PACKAGE.rglob("*.py")):
        file = path.relative_to(PACKAGE).as_posix()
        if not file.startswith(SPEAKERS) or file == TEMPLATE_SLIPS:
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                if name in CODE_AT and len(node.args) > CODE_AT[name]:
                    yield file, node.args[CODE_AT[name]]
            elif isinstance(node, ast.Tuple) and file == "rules/hints.py" and len(node.elts) == 3:
                yield file, node.elts[0]


def literals(argument: ast.expr) -> list[str]:
    """The codes that an argument may be; none when it is not written there."""
    choices = [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]
    return [each.value for each in choices if isinstance(each, ast.Constant) and isinstance(each.value, str)]


def test_every_code_that_can_be_told_has_an_explanation_and_no_other() -> None:
    codes = {code for _, argument in emitted() for code in literals(argument)}
    assert len(codes) > 70
    assert codes == set(EXPLANATIONS)


def test_every_code_is_written_where_its_problem_is_made() -> None:
    handed = {f"{file}: {ast.unparse(a)}" for file, a in emitted() if not literals(a)}
    assert {each for each in handed if each.partition(": ")[2] not in HANDED_ON | OTHER} == set()


RARE = Logged({"loss": Stride(100, 100.0, 10.0)}, Stride(100, 100.0, 10.0))
TIMELESS = Logged({"loss": Stride(100, 100.0)}, Stride(100, 100.0), timeless=100)
LOGS = {"for-finer-than-stride": RARE, "window-finer-than-stride": RARE, "log-without-time": TIMELESS}
NAMES = {"config": "walert.yaml", "test": "rules/shown.test.yaml"}


def laid(entry: Explanation, example: str, folder: Path) -> str:
    """The file that an example stands for."""
    text = example
    if entry.shown == "when":
        text = f"version: 1\nrules:\n  - title: T\n    when: {json.dumps(example)}\n"
    elif entry.shown == "rule":
        lines = example.rstrip("\n").split("\n")
        text = (
            "version: 1\nrules:\n"
            + "\n".join(("  - " if i == 0 else "    ") + line for i, line in enumerate(lines))
            + "\n"
        )
    path = folder / NAMES.get(entry.shown, "shown.yaml")
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)


def told(entry: Explanation, example: str, folder: Path) -> list[dict[str, str]]:
    out = io.StringIO()
    path = laid(entry, example, folder)
    check.run([path], format="json", config=None, out=out, environ={}, logged=LOGS.get(entry.code))
    return [json.loads(line) for line in out.getvalue().splitlines()]


@pytest.mark.parametrize("entry", [e for e in EXPLANATIONS.values() if e.shown], ids=lambda e: e.code)
def test_what_is_called_wrong_is_told_and_what_is_called_right_is_not(entry: Explanation, tmp_path: Path) -> None:
    wrong = told(entry, entry.wrong, tmp_path)
    assert {p["severity"] for p in wrong if p["code"] == entry.code} <= set(entry.severity.split(" or "))
    assert entry.code in {p["code"] for p in wrong}
    assert told(entry, entry.right, tmp_path) == []


@pytest.mark.parametrize("entry", EXPLANATIONS.values(), ids=lambda e: e.code)
def test_an_explanation_is_made_of_sentences(entry: Explanation) -> None:
    assert entry.text.endswith((".", ")"))
    assert "  " not in entry.text
    out = io.StringIO()
    assert explain(entry.code, out) == 0
    assert all(len(line) <= 104 for line in out.getvalue().splitlines())


def test_the_page_on_rules_names_every_warning() -> None:
    page = (Path(__file__).resolve().parents[2] / "rules" / "README.md").read_text(encoding="utf-8")
    section = page.partition("## What `walert check` warns about")[2]
    of_logs = {"no-rule-files", "bad-lines", "many-metrics"}  # warnings of other commands
    warnings = {code for code, entry in EXPLANATIONS.items() if entry.severity != "error"} - of_logs
    named = {
        word
        for line in section.splitlines()
        if line.startswith("| `")
        for word in re.findall(r"`([a-z-]+)`", line.split("|")[1])
    }
    assert named == warnings


def test_a_code_may_be_given_as_it_is_printed() -> None:
    out = io.StringIO()
    assert explain("error[unknown-key]", out) == 0


def test_without_a_code_all_are_listed() -> None:
    out = io.StringIO()
    assert explain("", out) == 0
    assert all(code in out.getvalue() for code in EXPLANATIONS)


def test_an_unknown_code_is_a_usage_error_with_the_nearest() -> None:
    for code, said in (("unkown-key", r"Did you mean unknown-key\?"), ("x" * 5000, "lists all")):
        with pytest.raises(ExitCode, match=said) as stop:
            explain(code, io.StringIO())
        assert stop.value.code == 2
