"""`walert test`: what it prints, what it writes and how it exits."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from walert.cli import main
from walert.cli.check import run as check

RULES = "version: 1\nrules:\n  - {title: High loss, when: loss > 10}\n"
PASSES = "  - {name: Quiet, series: {loss: 1x3}, expect: []}\n"
FAILS = '  - {name: "Loud < \\u001b[31m", series: {loss: 1 20}, expect: []}\n'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WALERT_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    return tmp_path


def write(name: str, *tests: str, rules: str = "walert.yaml") -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / "walert.yaml").write_text(RULES)
    path.write_text(f"version: 1\nrules: [{rules}]\ntests:\n{''.join(tests)}")
    return name


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["test", *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.mark.usefixtures("folder")
def test_a_line_a_test_and_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    file = write("rules/a.test.yaml", PASSES)
    assert called(capsys, file) == (0, "ok    rules/a.test.yaml:4: Quiet\n1 test in 1 file: 1 passed, 0 failed\n", "")
    assert called(capsys, "--quiet", file) == (0, "1 test in 1 file: 1 passed, 0 failed\n", "")


@pytest.mark.usefixtures("folder")
def test_a_failure_exits_1_and_shows_the_difference(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = called(capsys, write("a.test.yaml", PASSES, FAILS))
    assert (code, err) == (1, "")
    assert out.splitlines() == [
        "ok    a.test.yaml:4: Quiet",
        "FAIL  a.test.yaml:5: Loud <  [31m",
        "      - expected, did not happen; + happened, was not expected",
        "         record  step  happening",
        '      +       2     2  firing     High loss [WARN]: loss = 20; text "loss > 10"',
        '      +       2     2  message    High loss [WARN]: loss = 20; text "loss > 10: loss = 20"',
        "2 tests in 1 file: 1 passed, 1 failed",
    ]


@pytest.mark.usefixtures("folder")
def test_a_file_that_cannot_be_used_exits_2_with_line_and_caret(capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = write("a.test.yaml", FAILS), write("b.test.yaml", "  - {name: N, series: {loss: foo}, expect: []}\n")
    code, out, err = called(capsys, good, bad)
    assert code == 2
    assert out.endswith("1 test in 2 files: 0 passed, 1 failed, 1 file cannot be used\n")
    place, line, caret = err.splitlines()
    assert place.startswith("b.test.yaml:4:30: error[bad-series]: `foo` is no value.")
    assert line[caret.index("^") :].startswith("foo")


@pytest.mark.usefixtures("folder")
def test_paths_are_files_folders_and_packs(capsys: pytest.CaptureFixture[str]) -> None:
    write("rules/a.test.yaml", PASSES)
    write("rules/deep/b.test.yml", PASSES)
    write("rules/.hidden/c.test.yaml", FAILS)
    write("rules/d.yaml", FAILS)
    assert called(capsys, ".", "rules/a.test.yaml")[1].endswith("2 tests in 2 files: 2 passed, 0 failed\n")
    assert called(capsys, "pack:training")[0] == 0


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("none.test.yaml", "none.test.yaml:0:0: error[not-found]: there is no such file or folder.\n"),
        ("empty", "empty:0:0: error[no-tests]: there is no *.test.yaml below this folder.\n"),
        ("pack:none", "pack:none:0:0: error[unknown-pack]: there is no rule pack `none`."),
    ],
)
def test_a_path_without_tests_exits_2(folder: Path, capsys: pytest.CaptureFixture[str], path: str, what: str) -> None:
    (folder / "empty").mkdir()
    code, _, err = called(capsys, path)
    assert code == 2
    assert err.startswith(what)


def test_without_a_path_the_tests_beside_the_rules_are_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = called(capsys)
    assert (code, out) == (2, "")
    assert err.startswith("walert test: there are no *.test.yaml files beside the rules.")
    write("rules/a.test.yaml", PASSES)
    assert called(capsys)[1].startswith("ok    rules/a.test.yaml:4: Quiet\n")
    write("alerts/b.test.yaml", PASSES)
    # A secret that is not set where tests run keeps no test from being run.
    (folder / "walert.yaml").write_text(
        'rules: ["alerts/*.yaml", "pack:training"]\nreceivers: {a: {url: "${NO_SUCH}"}}\n'
    )
    assert called(capsys)[1].splitlines()[0] == "ok    alerts/b.test.yaml:4: Quiet"


@pytest.mark.usefixtures("folder")
def test_as_json_there_is_one_object_a_test_and_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = write("a.test.yaml", PASSES, FAILS), write("b.test.yaml", PASSES, rules="none.yaml")
    code, out, _ = called(capsys, "--json", good, bad)
    quiet, loud, unusable, summary = map(json.loads, out.splitlines())
    assert code == 2
    assert quiet == {
        "result": "passed", "file": good, "line": 4, "test": "Quiet", "records": 3, "missing": [], "unexpected": [], "notes": [],
    }  # fmt: skip
    assert loud["result"] == "failed"
    assert loud["unexpected"][1] == {
        "at": 2, "step": 2, "title": "High loss", "happening": "message", "level": "WARN", "values": {"loss": 20},
        "text": "loss > 10: loss = 20", "suppressed": 0,
    }  # fmt: skip
    assert (unusable["result"], unusable["file"], unusable["line"], unusable["column"]) == ("unusable", bad, 2, 9)
    assert summary == {"result": "summary", "files": 2, "tests": 2, "passed": 1, "failed": 1, "unusable": 1}


@pytest.mark.usefixtures("folder")
def test_junit_holds_every_test_whatever_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = write("a.test.yaml", PASSES, FAILS), write("b.test.yaml", PASSES, rules="none.yaml")
    assert called(capsys, good, bad, "--junit", "out.xml")[0] == 2
    root = ElementTree.parse("out.xml").getroot()
    assert root.attrib | {"name": ""} == {"name": "", "tests": "2", "failures": "1", "errors": "1"}
    first, second = root
    assert [case.get("name") for case in first] == ["Quiet", "Loud < \ufffd[31m"]
    assert first[0].find("failure") is None
    failure = first[1].find("failure")
    assert failure is not None
    assert failure.get("message") == "0 missing, 2 unexpected"
    assert "High loss" in (failure.text or "")
    assert second[0].find("error") is not None
    assert called(capsys, good, "--junit", "no/such/folder.xml")[0] == 2


def test_the_command_is_one_of_walert_s(folder: Path) -> None:
    write("a.test.yaml", PASSES)
    command = Path(sys.executable).with_name("walert")
    ran = subprocess.run([command, "test", "a.test.yaml"], cwd=folder, capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("ok    a.test.yaml:4: Quiet\n")


# --- walert check


def checked(*paths: str) -> tuple[int, str]:
    out = io.StringIO()
    return check(list(paths), format="text", config=None, out=out, environ={}), out.getvalue()


@pytest.mark.usefixtures("folder")
def test_check_counts_sound_tests() -> None:
    write("rules/a.test.yaml", PASSES, FAILS)
    assert checked("rules") == (0, "2 files, 1 rule, 2 tests: no problems\n")


@pytest.mark.usefixtures("folder")
def test_check_tells_what_is_wrong_with_tests_and_with_their_rules_once() -> None:
    write("rules/a.test.yaml", "  - {name: N, series: {loss: foo}, expect: []}\n")
    Path("rules/walert.yaml").write_text("version: 1\nrules:\n  - {title: T, when: loss >}\n")
    code, printed = checked("rules")
    assert code == 1
    assert [line.split(": ")[0] for line in printed.splitlines() if line.startswith("rules/")] == [
        "rules/a.test.yaml:4:30",
        "rules/walert.yaml:3:28",
    ]


def test_check_finds_the_tests_among_the_rule_files_of_a_configuration(folder: Path) -> None:
    write("rules/a.test.yaml", "  - {name: N, series: {loss: foo}, expect: []}\n")
    (folder / "walert.yaml").write_text("rules: [rules/*.yaml]\n")
    code, printed = checked()
    assert code == 1
    assert printed.startswith("rules/a.test.yaml:4:30: error[bad-series]")
    Path("rules/walert.yaml").unlink()
    assert "warning[no-rule-files]: no file matches" in checked()[1]
