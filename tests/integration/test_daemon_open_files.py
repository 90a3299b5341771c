"""A limit of open files that is lower than the number of logs."""

from __future__ import annotations

import resource
import shlex

import pytest
from daemons import WALERTD, Home

RULES = "version: 1\nrules: [{title: High, when: loss > 2}]\n"
TOLD = "the limit of open files is reached"


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path, RULES)
    for n in range(300):
        home.log(f"run-{n}.jsonl", {"step": 1, "loss": 9.0})
    return home


def once(home, limit):
    command = shlex.join([*WALERTD, "--config", str(home.config), "--once"])
    return home.run(["sh", "-c", f"ulimit -n {limit}; exec {command}"])


@pytest.fixture
def low_soft_limit():
    """This process' own, which a child inherits."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_soft_limit_is_raised_to_the_hard_one(home, low_soft_limit):
    with home.daemon() as daemon:
        daemon.until(lambda: len(daemon.titles()) == 300)
        soft, hard = resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)
    assert soft == min(hard, 65_536) and hard == low_soft_limit
    assert TOLD not in daemon.said


def test_a_low_hard_limit_leaves_out_no_log_and_no_message(home):
    done = once(home, 48)
    assert done.returncode == 0, done.stderr
    assert home.counters()["alerts"] == 300
    assert not home.outbox("waiting", "dead")
