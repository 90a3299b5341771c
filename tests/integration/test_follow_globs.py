"""Which files a `watch` entry with wildcards means, found by a scan and by a hint alike."""

import os

import pytest
from following import Tail, append, lines

from walert.model import Source
from walert.tail import discover_logs


def following(runs, pattern):
    return Tail(Source(path=f"{runs}/{pattern}"))


def written(path, *some):
    path.parent.mkdir(parents=True, exist_ok=True)
    append(path, some)
    return path


@pytest.mark.parametrize(
    ("pattern", "meant", "not_meant"),
    [
        ("*.jsonl", ["a.jsonl", "a.jsonl.3"], ["d/a.jsonl", ".a.jsonl", "a.jsonl.gz", "a.txt"]),
        ("**/*.log", ["a.log", "d/a.log", "d/e/f/a.log", "a.log.1"], ["d/a.jsonl", ".d/a.log"]),
        (
            "*/ray/**/result.json",
            ["x/ray/result.json", "x/ray/t/u/result.json"],
            ["ray/result.json", "x/y/ray/result.json"],
        ),
        ("run-[0-9]?/m.csv", ["run-12/m.csv"], ["run-1/m.csv", "run-1/2/m.csv", "run-x2/m.csv"]),
        ("*", ["a.any", "exp/a.jsonl", "exp/deep/metrics.json"], ["exp/notes.txt", "exp/.ray/a.jsonl"]),
        ("**", ["a.jsonl", "d/e/a.jsonl"], ["a.any", "d/notes.txt"]),
        ("**/**/m.jsonl", ["m.jsonl", "d/m.jsonl", "d/e/m.jsonl"], []),
        (".hidden/*.jsonl", [".hidden/a.jsonl"], ["seen/a.jsonl"]),
    ],
)
def test_a_scan_and_a_hint_find_the_same_files(runs, pattern, meant, not_meant):
    with following(runs, pattern) as heard, following(runs, pattern) as swept:
        for name in (*meant, *not_meant):
            written(runs / name, name)
        assert sorted(heard.hint(*(runs / name for name in (*meant, *not_meant)))) == sorted(meant)
        assert sorted(swept.settle()) == sorted(meant)
        assert heard.settle() == []


def test_a_folder_that_an_event_names_is_looked_into_by_the_glob(runs):
    with following(runs, "*/logs/**/*.out") as tail:
        for name in ("exp/logs/a.out", "exp/logs/b/c.out", "exp/a.out"):
            written(runs / name, name)
        assert sorted(tail.hint(runs / "exp")) == ["exp/logs/a.out", "exp/logs/b/c.out"]
        written(runs / "exp/logs/d/e.out", "e")
        assert tail.hint(runs / "exp/logs/d") == ["e"]


def test_links_in_circles_end(runs):
    """Catalogue 30: three of them would make 3^40 folders."""
    for name in ("one", "two", "three"):
        (runs / name).symlink_to(runs)
    written(runs / "m.jsonl", *lines(0, 3))
    with following(runs, "**/*.jsonl") as tail:
        assert [*tail.read, *tail.settle()] == lines(0, 3)
        assert [batch.path for batch in tail.batches] == [str(runs / "m.jsonl")]
        assert tail.batches[0].root == str(runs)


def test_a_log_is_called_by_its_own_folder_not_by_a_link_to_it(runs):
    written(runs / "run-7" / "m.jsonl", *lines(0, 3))
    (runs / "latest").symlink_to("run-7")
    with following(runs, "*/m.jsonl") as tail:
        assert [*tail.read, *tail.settle()] == lines(0, 3)
        assert tail.batches[0].path == str(runs / "run-7" / "m.jsonl")


def test_a_log_that_only_a_link_leads_to_is_followed(runs, tmp_path):
    written(tmp_path / "elsewhere" / "m.jsonl", *lines(0, 3))
    (runs / "linked").symlink_to(tmp_path / "elsewhere")
    with following(runs, "*/m.jsonl") as tail:
        assert [*tail.read, *tail.settle()] == lines(0, 3)


def test_rotated_siblings_of_what_a_glob_names_are_read_to_their_end(runs):
    """Catalogue 6: 20 unread lines under a name that the glob itself does not meet."""
    log = written(runs / "m.jsonl", *lines(0, 50))
    with following(runs, "*.jsonl") as tail:
        tail.stop()
        append(log, lines(50, 70))
        log.rename(runs / "m.jsonl.1")
        append(log, lines(70, 90))
        assert sorted(tail.start() + tail.settle()) == sorted(lines(50, 90))


def test_logs_to_replay_may_be_named_by_a_glob(runs):
    for name in ("b.jsonl", "a.jsonl", "notes.txt", "d/c.jsonl", "e.jsonl.gz"):
        written(runs / name, name)
    os.mkfifo(runs / "f.jsonl")
    assert discover_logs(f"{runs}/*.jsonl*") == [str(runs / "a.jsonl"), str(runs / "b.jsonl")]
    assert discover_logs(str(runs / "notes.txt")) == [str(runs / "notes.txt")]
    assert discover_logs(str(runs)) == [str(runs / "a.jsonl"), str(runs / "b.jsonl"), str(runs / "d" / "c.jsonl")]
