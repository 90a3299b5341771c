"""Blind rules as the daemon tells them: one line a run in its log, kept for `walert status`, gone once the metric comes."""

from __future__ import annotations

import json
from pathlib import Path

from daemons import Home

RULES = """version: 1
rules:
  - {title: Overfits, when: val_loss > 2}
  - {title: Spike, when: "mean(loss, 5) > 9"}
  - {title: Not here, when: lr > 1, optional: true}
"""
RUN = {"event": "start", "id": "r1", "name": "net", "schema": 1}
FINISH = {"event": "finish", "state": "finished"}


def long_run(count: int = 1_000, **more: float) -> list[dict[str, object]]:
    """A run of more than an hour."""
    return [{"step": i, "loss": 1.0, "_timestamp": 1_700_000_000 + i * 4, **more} for i in range(count)]


def told(log: str) -> list[str]:
    """The lines of a daemon's log that tell of blind rules."""
    return [line.split(" blind ", 1)[1].strip() for line in log.splitlines() if " blind " in line.partition("INFO")[0]]


def listed(home: Home) -> list[dict[str, object]]:
    facts = json.loads(home.walert("status", "--json").stdout)["status"]["facts"]
    return [fact for name, fact in sorted(facts.items()) if name.startswith("blind:")]


def test_a_finished_run_tells_its_blind_rules_in_one_line(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    rows = [{"step": i, "loss": 1.0, "val/loss": 1.0, "_timestamp": 1_700_000_000 + i} for i in range(3)]
    home.log("net/metrics.jsonl", {"_walert": RUN}, *rows, {"_walert": FINISH, "_timestamp": 1_700_000_009})
    done = home.once()
    why = "Overfits: val_loss was never logged (nearest: val/loss); Spike: mean(loss, 5) holds 3 of 5 samples"
    assert told(done.stderr) == [f"INFO net: 2 rules are blind: {why}"]
    assert [(fact["run"], [rule["title"] for rule in fact["rules"]]) for fact in listed(home)] == [
        ("net", ["Overfits", "Spike"])
    ]
    shown = home.walert("status").stdout
    assert "blind rules:" in shown
    assert "val_loss was never logged (nearest: val/loss)" in shown
    assert told(home.once().stderr) == []


def test_a_run_that_goes_on_is_judged_when_it_is_old_enough(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    home.log("a.jsonl", *long_run())
    home.log("young.jsonl", *long_run(999))
    done = home.once()
    assert told(done.stderr) == ["INFO a.jsonl: 1 rule is blind: Overfits: val_loss was never logged (nearest: loss)"]
    assert [fact["run"] for fact in listed(home)] == ["a.jsonl"]


def test_a_metric_that_comes_late_is_taken_off_the_list(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    log = home.log("a.jsonl", *long_run())
    assert told(home.once().stderr)
    with log.open("a") as file:
        file.write(json.dumps({"step": 1_000, "val_loss": 1.0, "_timestamp": 1_700_004_000}) + "\n")
    assert told(home.once().stderr) == []
    assert listed(home) == []


def test_the_files_of_a_run_look_together(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    losses = [{"step": i, "loss": 1.0, "_timestamp": 1_700_000_000 + i} for i in range(9)]
    finish = {"_walert": FINISH, "_timestamp": 1_700_000_009}
    for rank, name in enumerate(("metrics", "metrics.rank1")):
        start = {"_walert": RUN | {"rank": rank, "world_size": 2}}
        home.log(f"net/{name}.jsonl", start, *(losses if rank == 0 else [{"step": 1, "val_loss": 1.0}]), finish)
    assert told(home.once().stderr) == []
    assert listed(home) == []
