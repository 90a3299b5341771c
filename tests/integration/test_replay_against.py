"""`walert replay --against REV`: in a real git repository, what a change of rules adds and removes."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from walert.cli import main
from walert.pipeline.revision import GitError, rules_at

RULE = "  - {{title: {title}, when: {when}, wait_duration: 0}}\n"


def git(*arguments: str) -> None:
    """git as somebody, with no configuration of this host."""
    named = (
        "-c",
        "user.name=A",
        "-c",
        "user.email=a@example.com",
        "-c",
        "commit.gpgsign=false",
        "-c",
        "init.defaultBranch=main",
    )
    environ = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    subprocess.run(["git", *named, *arguments], check=True, capture_output=True, env=environ)


def rules(path: str, **titles: str) -> str:
    """A rule file: title to condition."""
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("version: 1\nrules:\n" + "".join(RULE.format(title=t, when=w) for t, w in titles.items()))
    return path


def commit(*paths: str) -> None:
    git("add", *paths)
    git("commit", "-q", "-m", "rules")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WALERT_CONFIG", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "none"))
    git("init", "-q")
    rows = ({"step": i, "loss": float(i), "_timestamp": 1_700_000_000 + i} for i in range(1, 7))
    Path("run.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


def called(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[str], str]:
    code = main(["replay", "--against", *arguments, "run.jsonl"])
    printed = capsys.readouterr()
    return code, printed.out.splitlines(), printed.err


@pytest.mark.usefixtures("repository")
def test_a_moved_threshold_adds_and_removes(capsys: pytest.CaptureFixture[str]) -> None:
    commit(rules("rules.yaml", High="loss > 3", Same="loss > 5"))
    # The rule moved in its file and is spelled otherwise: what says the same is no difference.
    rules("rules.yaml", Same="loss  > 5", High="loss > 4")
    code, out, err = called(capsys, "HEAD", "--rules", "rules.yaml")
    assert (code, err) == (0, "")
    assert out == [
        "- run.jsonl:4: firing [WARN] High: loss = 4",
        "- run.jsonl:4: message [WARN] High: loss > 3: loss = 4",
        "- run.jsonl:5: message [WARN] High: loss > 3: loss = 5",
        "+ run.jsonl:5: firing [WARN] High: loss = 5",
        "+ run.jsonl:5: message [WARN] High: loss > 4: loss = 5",
        "- run.jsonl:6: message [WARN] High: loss > 3: loss = 6",
        "- run.jsonl:6: message [WARN] Same: loss > 5: loss = 6",
        "+ run.jsonl:6: message [WARN] Same: loss  > 5: loss = 6",
        "+ run.jsonl:6: message [WARN] High: loss > 4: loss = 6",
        "",
        "run        title  firings  messages",
        "run.jsonl  High   +1 -1    +2 -3",
        "run.jsonl  Same            +1 -1",
        "",
        "1 run, 6 records, against HEAD: the change adds 1 firing and 3 messages, and removes 1 firing and 4 messages",
    ]


@pytest.mark.usefixtures("repository")
def test_json_gives_each_change_and_a_summary(capsys: pytest.CaptureFixture[str]) -> None:
    commit(rules("rules.yaml", High="loss > 3"))
    rules("rules.yaml", High="loss > 3", New="loss > 5")
    code, out, _ = called(capsys, "HEAD", "--json", "--rules", "rules.yaml")
    *changes, summary = map(json.loads, out)
    assert code == 0
    assert [(c["change"], c["happening"], c["title"], c["line"]) for c in changes] == [
        ("added", "firing", "New", 6),
        ("added", "message", "New", 6),
    ]
    assert summary["happening"] == "summary"
    assert [summary[f"{c}_{h}"] for c in ("added", "removed") for h in ("firing", "message")] == [1, 1, 0, 0]


@pytest.mark.usefixtures("repository")
def test_no_difference_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    commit(rules("rules.yaml", High="loss > 3"))
    assert called(capsys, "HEAD", "--rules", "rules.yaml") == (
        0,
        ["1 run, 6 records, against HEAD: no firing and no message differs"],
        "",
    )


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("pattern", ["rules", "rules/", "./rules", "rules/*.yaml", "**/*.yaml", "rules/[ab].yaml"])
def test_folders_and_globs_mean_the_files_of_then(pattern: str) -> None:
    commit(rules("rules/a.yaml", A="loss > 1"), rules("rules/b.yaml", B="loss > 1"))
    commit(rules("rules/b.test.yaml", T="loss > 1"), rules("rules/.b.yaml", H="loss > 1"))
    Path("rules/b.yaml").unlink()
    rules("rules/c.yaml", C="loss > 1")
    old = rules_at("HEAD", [pattern])
    titles = [rule.title for rule in old.rules.rules]
    assert [t for t in titles if t != "H"] == ["A", "B"]
    assert (old.problems, old.absent) == ((), ())


@pytest.mark.usefixtures("repository")
def test_the_files_are_named_as_today(monkeypatch: pytest.MonkeyPatch, repository: Path) -> None:
    commit(rules("rules/a.yaml", A="loss > 1"))
    for pattern, shown in (
        ("rules/a.yaml", "rules/a.yaml"),
        ("rules", "rules/a.yaml"),
        ("rules/*.yaml", "rules/a.yaml"),
        (str(repository / "rules"), str(repository / "rules/a.yaml")),
    ):
        assert [rule.file for rule in rules_at("HEAD", [pattern]).rules.rules] == [shown]
    monkeypatch.chdir("rules")
    assert [rule.file for rule in rules_at("HEAD", ["*.yaml"]).rules.rules] == ["a.yaml"]
    assert [rule.file for rule in rules_at("HEAD", ["../rules/a.yaml"]).rules.rules] == ["../rules/a.yaml"]


@pytest.mark.usefixtures("repository")
def test_a_file_that_was_not_there_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    commit("run.jsonl")
    code, out, err = called(capsys, "HEAD", "--quiet", "--rules", rules("new.yaml", New="loss > 5"))
    assert code == 0
    assert out[-1].endswith("the change adds 1 firing and 1 message, and removes 0 firings and 0 messages")
    assert err == "walert: at HEAD: new.yaml is not there yet; it counts as empty.\n"


@pytest.mark.usefixtures("repository")
def test_what_was_wrong_then_is_told_and_the_rest_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    rules("rules.yaml", High="loss >", Low="loss > 5")
    commit("rules.yaml")
    rules("rules.yaml", Low="loss > 5")
    code, out, err = called(capsys, "HEAD", "--rules", "rules.yaml")
    assert (code, out[-1]) == (0, "1 run, 6 records, against HEAD: no firing and no message differs")
    assert "at HEAD: rules.yaml:3:" in err


@pytest.mark.usefixtures("repository")
def test_packs_are_the_same_at_every_revision(capsys: pytest.CaptureFixture[str]) -> None:
    commit("run.jsonl")
    assert called(capsys, "HEAD", "--rules", "pack:training")[1][-1].endswith("no firing and no message differs")


@pytest.mark.usefixtures("repository")
@pytest.mark.parametrize("revision", ["nope", "-n", "--all", "", "HEAD\n", "HEAD:rules.yaml"])
def test_an_unknown_revision_is_an_error(capsys: pytest.CaptureFixture[str], revision: str) -> None:
    commit(rules("rules.yaml", High="loss > 3"))
    code = main(["replay", f"--against={revision}", "--rules", "rules.yaml", "run.jsonl"])
    printed = capsys.readouterr()
    assert (code, printed.out) == (2, "")
    assert "revision" in printed.err


def test_rules_outside_of_git_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(GitError, match="is in no git checkout"):
        rules_at("HEAD", [rules("rules.yaml", High="loss > 3")])


def test_a_host_without_git_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitError, match="needs git"):
        rules_at("HEAD", [str(tmp_path)])


@pytest.mark.usefixtures("repository")
def test_nothing_of_the_repository_runs(repository: Path) -> None:
    """Neither filters nor text conversions, neither hooks nor what a configuration names."""
    touched = repository / "touched"
    rules("rules.yaml", High="loss > 3")
    Path(".gitattributes").write_text("*.yaml filter=evil diff=evil\n")
    commit("rules.yaml", ".gitattributes")
    hook = repository / ".git/hooks/post-index-change"
    hook.write_text(f"#!/bin/sh\ntouch {touched}\n")
    hook.chmod(0o755)
    for key in (
        "filter.evil.smudge",
        "filter.evil.clean",
        "diff.evil.textconv",
        "core.fsmonitor",
        "core.pager",
        "alias.ls-tree",
    ):
        git("config", key, f"touch {touched}; cat")
    touched.unlink(missing_ok=True)
    assert [rule.title for rule in rules_at("HEAD", ["rules.yaml"]).rules.rules] == ["High"]
    assert not touched.exists()


@pytest.mark.usefixtures("repository")
def test_a_file_that_is_too_large_is_refused() -> None:
    Path("rules.yaml").write_text("version: 1\nrules: []\n" + "#" * (3 << 20))
    commit("rules.yaml")
    assert [problem.code for problem in rules_at("HEAD", ["rules.yaml"]).problems] == ["too-large"]


@pytest.mark.usefixtures("repository")
def test_a_link_is_no_rule_file() -> None:
    rules("real.yaml", High="loss > 3")
    os.symlink("real.yaml", "rules.yaml")
    commit("rules.yaml", "real.yaml")
    with pytest.raises(GitError, match="is no plain file in HEAD"):
        rules_at("HEAD", ["rules.yaml"])


@pytest.mark.usefixtures("repository")
def test_it_works_inside_a_hook_of_git(monkeypatch: pytest.MonkeyPatch) -> None:
    commit(rules("rules/a.yaml", A="loss > 1"))
    monkeypatch.setenv("GIT_DIR", ".git")
    monkeypatch.setenv("GIT_INDEX_FILE", ".git/index")
    assert [rule.title for rule in rules_at("HEAD", ["rules"]).rules.rules] == ["A"]
