"""What falls due in silence: live by the time since the last line was read, and still after a restart."""

import time

from daemons import Home

RULES = """\
version: 1
rules:
  - {title: Quiet, when: 'stalled("3s")', resolved: true}
  - {title: High, when: loss > 2, resolved: true}
"""


def test_a_stall_is_noticed_while_nothing_happens_and_resolved_by_the_next_line(tmp_path):
    home = Home(tmp_path, RULES)
    with home.daemon() as daemon:
        home.log("m.jsonl", {"step": 1, "timestamp": time.time(), "loss": 1})
        daemon.until(lambda: any("Quiet" in str(e["text"]) for e in daemon.kinds("firing")))
        home.log("m.jsonl", {"step": 2, "timestamp": time.time(), "loss": 1})
        daemon.until(lambda: bool(daemon.kinds("resolved")))


def test_a_stall_that_began_before_a_restart_is_noticed_after_it(tmp_path):
    home = Home(tmp_path, RULES)
    home.log("m.jsonl", {"step": 1, "timestamp": time.time(), "loss": 1})
    with home.daemon() as daemon:
        daemon.until(lambda: bool(list(home.folder.glob("walert.db*"))))
    with home.daemon() as daemon:
        daemon.until(lambda: any("Quiet" in str(e["text"]) for e in daemon.kinds("firing")))


def test_a_finished_run_does_not_stall(tmp_path):
    home = Home(tmp_path, RULES)
    home.log(
        "m.jsonl",
        {"step": 1, "timestamp": time.time(), "loss": 3},
        {"_walert": {"v": 1, "event": "finish", "state": "finished", "exit_code": 0}, "_timestamp": time.time()},
    )
    with home.daemon() as daemon:
        daemon.until(lambda: bool(daemon.kinds("closed")))
        home.log("other.jsonl", {"step": 1, "timestamp": time.time(), "loss": 1})
        daemon.until(lambda: any("Quiet" in str(e["text"]) for e in daemon.kinds("firing")))
        assert all("other" in str(e["text"]) for e in daemon.kinds("firing") if "Quiet" in str(e["text"]))


def test_a_file_that_never_says_its_end_ends_by_the_run_timeout(tmp_path):
    home = Home(tmp_path, RULES, more="run_timeout: 2s\n")
    home.log("m.jsonl", {"step": 1, "timestamp": time.time(), "loss": 3})
    with home.daemon() as daemon:
        daemon.until(lambda: any("no end record" in str(e["text"]) for e in daemon.kinds("closed")))


def test_what_fires_on_a_log_that_is_gone_is_over_with_it(tmp_path):
    home = Home(tmp_path, RULES)
    path = home.log("m.jsonl", {"step": 1, "timestamp": time.time(), "loss": 3})
    with home.daemon() as daemon:
        daemon.until(lambda: any("High" in str(e["text"]) for e in daemon.kinds("firing")))
        path.unlink()
        daemon.until(lambda: any("High" in str(e["text"]) for e in daemon.kinds("closed")))
        home.log("m.jsonl", {"step": 3, "timestamp": time.time(), "loss": 3})
        home.log("m.jsonl", {"step": 4, "timestamp": time.time(), "loss": 1})
        daemon.until(lambda: any("High" in str(e["text"]) for e in daemon.kinds("resolved")))
    assert [row for row in home.rows("status") if row.get("title") == "High"] == []
