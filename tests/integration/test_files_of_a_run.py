"""The files of one run: `absent` and `stalled` look at all of them, in a replay, under a daemon and after a restart."""

from __future__ import annotations

import json
import time
from pathlib import Path

from daemons import Home

from walert.model import Source
from walert.pipeline.logs import LogFile
from walert.pipeline.replay import Replay
from walert.rules.load import load_rules
from walert.rules.plan import RuleSet

BEGIN = 1_700_000_000.0
ABSENT = """version: 1
rules:
  - {title: No validation, when: 'absent(val_loss, "10m")', resolved: true}
"""
STALLED = """version: 1
rules:
  - {title: Silent, when: 'stalled("5m")', resolved: true}
"""


def start(rank: int, world: int = 2, at: float = BEGIN) -> dict[str, object]:
    event = {"v": 1, "event": "start", "id": "one", "name": "one", "rank": rank, "world_size": world}
    return {"_walert": event, "_timestamp": at}


def rank(folder: Path, number: int, *records: tuple[float, dict[str, float]], world: int = 2) -> LogFile:
    """The log of a rank: (minutes since the beginning, metrics) a record."""
    folder.mkdir(exist_ok=True)
    path = folder / f"metrics.rank{number}.jsonl"
    rows = [start(number, world), *({"_timestamp": BEGIN + 60 * m, **metrics} for m, metrics in records)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return LogFile(str(path), path.name, str(folder), Source(str(folder)))


def replayed(rules: str, *files: LogFile) -> list[tuple[str, str, float]]:
    """(file, happening, minute) of each transition."""
    replay = Replay(RuleSet(load_rules(rules.encode(), "rules.yaml").rules), files)
    rows = [row for row in replay.happenings() if row["happening"] in ("firing", "resolved", "closed")]
    return [(row["file"][12:13], row["happening"], (row["time"] - BEGIN) / 60) for row in rows]


def every(minutes: range, **metrics: float) -> list[tuple[float, dict[str, float]]]:
    return [(float(m), metrics) for m in minutes]


def test_a_metric_that_another_rank_logs_is_not_absent(tmp_path):
    zero = rank(tmp_path / "run", 0, *every(range(5), loss=1.0), *every(range(5, 30), loss=1.0, val_loss=2.0))
    one = rank(tmp_path / "run", 1, *every(range(30), loss=1.0))
    assert replayed(ABSENT, zero, one) == []
    assert replayed(ABSENT, one) == [("1", "firing", 10.0)]  # on its own it is


def test_a_metric_is_absent_until_some_rank_logs_it(tmp_path):
    zero = rank(tmp_path / "run", 0, *every(range(20), loss=1.0), *every(range(20, 30), val_loss=2.0))
    one = rank(tmp_path / "run", 1, *every(range(30), loss=1.0))
    assert replayed(ABSENT, zero, one) == [
        ("0", "firing", 10.0), ("0", "resolved", 20.0), ("1", "firing", 10.0), ("1", "resolved", 20.0),
    ]  # fmt: skip


def test_a_role_is_not_absent_where_another_rank_logs_any_of_its_names(tmp_path):
    rules = ABSENT.replace("rules:", "aliases: {val_loss: [eval/loss, '*/val_loss']}\nrules:")
    zero = rank(tmp_path / "run", 0, *every(range(30), **{"deep/val_loss": 1.0}))
    one = rank(tmp_path / "run", 1, *every(range(30), loss=1.0))
    assert replayed(rules, zero, one) == []


def test_a_run_is_silent_only_when_all_its_ranks_are(tmp_path):
    zero = rank(tmp_path / "run", 0, (0, {"loss": 1.0}), (30, {"loss": 1.0}))
    one = rank(tmp_path / "run", 1, *every(range(31), loss=1.0))
    assert replayed(STALLED, zero, one) == []
    assert replayed(STALLED, zero) == [("0", "firing", 5.0), ("0", "resolved", 30.0)]


def test_a_silence_of_all_ranks_begins_with_the_last_word_and_ends_with_the_first(tmp_path):
    zero = rank(tmp_path / "run", 0, (0, {"loss": 1.0}), (30, {"loss": 1.0}))
    one = rank(tmp_path / "run", 1, *every(range(4), loss=1.0), *every(range(20, 31), loss=1.0))
    assert replayed(STALLED, zero, one) == [
        ("0", "firing", 8.0), ("0", "resolved", 20.0), ("1", "firing", 8.0), ("1", "resolved", 20.0),
    ]  # fmt: skip


def test_files_of_different_runs_are_no_company(tmp_path):
    one = rank(tmp_path / "run", 1, *every(range(30), loss=1.0))
    path = tmp_path / "other.jsonl"
    path.write_text(json.dumps({"_timestamp": BEGIN, "val_loss": 1.0}) + "\n")
    other = LogFile(str(path), path.name, str(tmp_path), Source(str(tmp_path)))
    assert replayed(ABSENT, other, one) == [("1", "firing", 10.0)]


def test_a_daemon_hears_every_rank_before_it_calls_a_run_silent_or_a_metric_absent(tmp_path):
    rules = """version: 1
rules:
  - {title: Silent, when: 'stalled("4s")', wait_duration: 0}
  - {title: No validation, when: 'absent(val_loss, "1s") and step > 2', wait_duration: 0}
  - {title: Seen, when: done > 0}
"""
    home = Home(tmp_path, rules)
    now = time.time() - 60
    home.log("run/metrics.jsonl", start(0, at=now), {"_timestamp": now, "step": 1, "val_loss": 1.0})
    home.log("run/metrics.rank1.jsonl", start(1, at=now), {"_timestamp": now, "step": 1, "loss": 1.0})
    with home.daemon() as daemon:
        daemon.until(lambda: len(home.rows("status")) > 0)
        home.log("run/metrics.rank1.jsonl", {"_timestamp": now + 2, "step": 3, "loss": 1.0})
        home.log("run/metrics.jsonl", {"_timestamp": now + 3, "step": 3, "done": 1.0})
        daemon.until(lambda: "Seen" in daemon.titles())
        assert daemon.titles() == ["Seen"]
        daemon.until(lambda: "Silent" in daemon.titles())  # in time nobody wrote
    with home.daemon() as again:
        home.log("run/metrics.rank1.jsonl", {"_timestamp": now + 30, "step": 9, "loss": 1.0, "done": 1.0})
        again.until(lambda: "Seen" in str(again.kinds("suppressed")) or "Seen" in again.titles())
        assert "No validation" not in again.titles()
