"""More logs fall silent than the state of is held in memory."""

from __future__ import annotations

from daemons import Home

from walert.pipeline.sessions import MAX_SESSIONS

RULES = "version: 1\nrules: [{title: Still, when: 'stalled(\"3s\")'}]\n"
LOGS = MAX_SESSIONS + 60


def test_each_of_them_is_noticed_though_not_all_at_once(tmp_path):
    home = Home(tmp_path, RULES)
    for n in range(LOGS):
        home.log(f"run-{n}.jsonl", {"step": 1, "loss": 1.0})
    with home.daemon() as daemon:
        daemon.until(lambda: len(daemon.titles()) == LOGS, timeout=120.0)
    assert {row["alert"]["title"] for row in home.rows("alerts")} == {"Still"}
