"""`stalled` over the files of a run, held to a naive reading of all their times; the fast way over their lines, held to the slow one."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from walert.model import Source
from walert.pipeline.logs import LogFile
from walert.pipeline.replay import Replay
from walert.rules.load import load_rules
from walert.rules.plan import RuleSet

BEGIN, AFTER = 1_700_000_000, 60
RULES = f"""version: 1
rules:
  - {{title: Silent, when: 'stalled("{AFTER}s")', wait_duration: 0}}
  - {{title: No validation, when: 'absent(val_loss, "5m")', wait_duration: 0}}
  - {{title: High, when: loss > 2, wait_duration: 0}}
"""
GAPS = st.lists(st.sampled_from([1, 2, 5, 30, 59, 60, 61, 90, 200, 301]), min_size=1, max_size=40)


def write(folder: str, number: int, gaps: list[int], validates: int | None) -> tuple[LogFile, list[int]]:
    path = Path(folder) / f"metrics.rank{number}.jsonl"
    event = {"v": 1, "event": "start", "id": "one", "rank": number, "world_size": 2}
    rows: list[dict[str, object]] = [{"_walert": event, "_timestamp": BEGIN}]
    times, now = [], BEGIN
    for i, gap in enumerate(gaps):
        now += gap
        times.append(now)
        rows.append(
            {"step": i, "_timestamp": now, "loss": float(i % 5 == 4) * 3}
            | ({"val_loss": 1.0} if i == validates else {})
        )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return LogFile(str(path), path.name, folder, Source(folder)), times


def told(files: list[LogFile], *, slowly: bool) -> list[dict[str, object]]:
    rules = RuleSet(load_rules(RULES.encode(), "rules.yaml").rules)
    return list(Replay(rules, files, on_judged=(lambda session, judged: None) if slowly else None).happenings())


def silences(own: list[int], others: list[int]) -> list[tuple[str, int]]:
    """What `stalled` does on a file: whenever nothing was written for so long, and until something is, within its own times."""
    out: list[tuple[str, int]] = []
    begin, end = own[0], own[-1]
    times = sorted({t for t in own + others if t <= end})
    for earlier, later in pairwise(times):
        due = earlier + AFTER
        if due < later and later > begin and due > begin:
            out += [("firing", due), ("resolved", later)]
    return out


@settings(max_examples=60, deadline=None)
@given(GAPS, GAPS, st.none() | st.integers(0, 39), st.none() | st.integers(0, 39))
def test_a_run_is_silent_when_and_only_when_no_file_of_it_is_written(
    zero: list[int], one: list[int], first: int | None, second: int | None
) -> None:
    with TemporaryDirectory() as folder:
        (a, own), (b, other) = write(folder, 0, zero, first), write(folder, 1, one, second)
        fast, slow = told([a, b], slowly=False), told([a, b], slowly=True)
        assert fast == slow
        for file, mine, theirs in ((a, own, other), (b, other, own)):
            found = [
                (str(row["happening"]), round(float(str(row["time"]))))
                for row in fast
                if row["file"] == file.shown and row["title"] == "Silent" and row["happening"] in ("firing", "resolved")
            ]
            assert found == silences(mine, theirs)
