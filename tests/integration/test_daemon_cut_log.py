"""A log that is cut where its training resumes, and written on: other lines stand where those stood that were told of."""

from __future__ import annotations

import os
from collections import Counter

from daemons import Home

RULES = "version: 1\nrules: [{title: High, when: loss > 2, wait_duration: 0, repeat: always}]\n"


def told(home):
    return Counter(row["alert"]["step"] for row in home.rows("alerts") if row["alert"]["title"] == "High")


def cut(log, keep):
    os.truncate(log, sum(len(line) + 1 for line in log.read_bytes().splitlines()[:keep]))


def test_lines_that_stand_where_others_stood_are_told_of(tmp_path):
    home = Home(tmp_path, RULES)
    with home.daemon() as daemon:
        log = home.log("m.jsonl", *({"step": n, "loss": 9.0} for n in range(10, 30)))
        daemon.until(lambda: home.counters().get("records") == 20)
        cut(log, 10)
        home.log("m.jsonl", *({"step": n, "loss": 9.0} for n in range(50, 60)))
        daemon.until(lambda: {*told(home)} >= {*range(50, 60)})
    assert told(home) == Counter(dict.fromkeys((*range(10, 30), *range(50, 60)), 1))


def test_the_same_lines_written_again_are_not_told_of_again(tmp_path):
    home = Home(tmp_path, RULES)
    with home.daemon() as daemon:
        log = home.log("m.jsonl", *({"step": n, "loss": 9.0} for n in range(10, 30)))
        daemon.until(lambda: home.counters().get("records") == 20)
        cut(log, 10)
        home.log("m.jsonl", *({"step": n, "loss": 9.0} for n in (*range(20, 30), 40)))
        daemon.until(lambda: 40 in told(home))
    assert told(home) == Counter(dict.fromkeys((*range(10, 30), 40), 1))


def test_another_run_in_the_same_file_that_begins_alike_is_told_of(tmp_path):
    home = Home(tmp_path, RULES)
    with home.daemon() as daemon:
        log = home.log("m.jsonl", {"step": 0, "loss": 1.0}, *({"step": n, "loss": 9.0} for n in range(10, 20)))
        daemon.until(lambda: home.counters().get("records") == 11)
        os.truncate(log, 0)
        home.log("m.jsonl", {"step": 0, "loss": 1.0}, *({"step": n, "loss": 8.0} for n in range(10, 20)))
        daemon.until(lambda: home.counters().get("records") == 22)
    assert told(home) == Counter(dict.fromkeys(range(10, 20), 2))
