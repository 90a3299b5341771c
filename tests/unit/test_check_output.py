"""What `walert check` prints: the terminal output itself, file by file, in `golden_check`.

After a change that is meant: WALERT_REWRITE_GOLDEN=1 writes the outputs anew; read the difference before committing it.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from walert.cli import check, main
from walert.cli.exits import ExitCode

GOLDEN = Path(__file__).parent / "golden_check"
CASES = sorted(p.stem for p in GOLDEN.glob("*.yaml"))


def checked(paths: list[str], format: check.Format = "text", **options: object) -> tuple[int, str]:
    out = io.StringIO()
    environ = options.get("environ", {})
    code = check.run(paths, format=format, config=options.get("config"), out=out, environ=environ)  # type: ignore[arg-type]
    return code, out.getvalue()


@pytest.mark.parametrize("case", CASES)
def test_every_problem_is_told_with_its_line_and_a_caret(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GOLDEN)
    code, printed = checked([f"{case}.yaml"])
    expected = GOLDEN / f"{case}.txt"
    if os.environ.get("WALERT_REWRITE_GOLDEN"):
        expected.write_text(printed, encoding="utf-8")
    assert code == int("error[" in printed)
    assert printed == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("format", ["text", "json", "github"])
def test_nothing_printed_holds_a_secret(case: str, format: check.Format) -> None:
    _, printed = checked([str(GOLDEN / f"{case}.yaml")], format)
    assert "secret" not in printed
    assert "xoxb" not in printed


def write(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)


RULES = "version: 1\nrules:\n  - {title: High, when: loss > 10}\n  - {title: Low, when: acc < 0.1}\n"


def test_sound_files_are_counted(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", RULES)
    write(tmp_path, "deep/b.yml", RULES)
    assert checked([str(tmp_path)]) == (0, "2 files, 4 rules: no problems\n")


def test_hidden_files_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", RULES)
    write(tmp_path, ".github/workflow.yaml", "on: push")
    assert checked([str(tmp_path)]) == (0, "1 file, 2 rules: no problems\n")


def test_a_file_named_twice_is_checked_once(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", RULES)
    assert checked([path, str(tmp_path)]) == (0, "1 file, 2 rules: no problems\n")


def test_a_warning_alone_is_no_failure(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", "version: 1\nrules:\n  - {title: 'acc {acc}', when: acc < 1}\n")
    code, printed = checked([path])
    assert code == 0
    assert "warning[values-in-title]" in printed


def test_a_path_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(ExitCode, match=r"no file or folder .*none\.yaml") as stop:
        checked([str(tmp_path / "none.yaml")])
    assert stop.value.code == 2


def test_quiet_leaves_the_summary_out_and_keeps_the_problems(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound = write(tmp_path, "sound.yaml", "version: 1\nrules: [{title: T, when: acc > 10}]\n")
    broken = write(tmp_path, "broken.yaml", "version: 1\nrules: [{title: T, when: acc >}]\n")
    assert (main(["check", "--quiet", sound]), capsys.readouterr().out) == (0, "")
    assert main(["check", "--quiet", broken]) == 1
    printed = capsys.readouterr().out
    assert "error[syntax]" in printed and "1 problem in" not in printed


def test_json_is_the_format_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = write(tmp_path, "broken.yaml", "version: 1\nrules: [{title: T, when: acc >}]\n")
    said = [(main(["check", *how, broken]), capsys.readouterr().out) for how in (["--json"], ["--format", "json"])]
    assert said[0] == said[1] and json.loads(said[0][1])["code"] == "syntax"


def test_the_configuration_leads_to_its_rule_files(tmp_path: Path) -> None:
    config = write(
        tmp_path, "walert.yaml", "rules: [rules/*.yaml, 'pack:training']\nreceivers: {me: {url: 'json://localhost'}}\n"
    )
    write(tmp_path, "rules/a.yaml", RULES.replace("when: loss > 10", "when: loss >, receivers: [mee]"))
    code, printed = checked([], config=config)
    assert code == 1
    assert "error[syntax]" in printed
    assert "warning[unknown-receiver]: there is no receiver `mee`. Did you mean `me`?" in printed


def test_a_broken_configuration_does_not_hide_the_rules_problems(tmp_path: Path) -> None:
    config = write(tmp_path, "walert.yaml", "rules: [rules/*.yaml]\nreceivers: {me: {url: '${NOT_SET_AT_ALL}'}}\n")
    write(tmp_path, "rules/a.yaml", RULES.replace("when: loss > 10", "when: loss >, receivers: [me]"))
    code, printed = checked([], config=config)
    assert code == 1
    assert "error[unset-variable]: the variable NOT_SET_AT_ALL is not set." in printed
    assert "a.yaml:3:" in printed
    assert "unknown-receiver" not in printed


def test_rules_that_match_no_file_are_a_warning(tmp_path: Path) -> None:
    config = write(tmp_path, "walert.yaml", "rules: [rulez/*.yaml]\n")
    code, printed = checked([], config=config)
    assert code == 0
    assert "warning[no-rule-files]" in printed


def test_json_is_one_object_a_problem(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", "version: 2\nrules: [{title: x}]\n")
    code, printed = checked([path], "json")
    objects = [json.loads(line) for line in printed.splitlines()]
    assert code == 1
    assert [(o["line"], o["column"], o["code"]) for o in objects] == [(1, 10, "not-allowed"), (2, 9, "missing-key")]
    assert set(objects[0]) == {"file", "line", "column", "code", "what", "hint", "severity"}


def test_github_gets_annotations_with_its_escapes(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b.yaml", "version: 1\nrules: [{title: x, when: 'loss % 3'}]\n")
    _, printed = checked([path], "github")
    assert printed.startswith("::error file=")
    assert "a%2Cb.yaml,line=2,col=" in printed
    assert printed.count("\n") == 1


def test_escape_sequences_do_not_reach_the_terminal(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", "version: 1\nrules: [] # \x1b[31m\u202e\n")
    _, printed = checked([path])
    assert "error[bad-character]" in printed
    assert "\x1b" not in printed
    assert "\u202e" not in printed


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path, "a.yaml", RULES)
    (tmp_path / "latin.yaml").write_bytes(b"version: 1\n# caf\xe9\nrules: []\n")
    code, printed = checked([str(tmp_path)])
    assert code == 1
    assert "error[encoding]: line 2 is not UTF-8." in printed


def test_checking_loads_neither_apprise_nor_watchdog(tmp_path: Path) -> None:
    path = write(tmp_path, "walert.yaml", "receivers: {me: {url: 'slack://a/b/c'}}\nwatch: [runs]\n")
    script = (
        "import io, sys; from walert.cli import check; "
        f"check.run([{path!r}], format='text', config=None, out=io.StringIO(), environ={{}}); "
        "print([m for m in ('apprise', 'watchdog') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
