"""A silence holds messages back, whole, restarted or killed in between, and its end tells once what it held."""

import signal

import pytest
from daemons import Home, eventually

RULES = """\
version: 1
rules:
  - {title: High, when: loss > 10, level: WARN, wait_duration: 0, resolved: true}
  - {title: Broken, when: isnan(loss), level: ERROR, wait_duration: 0}
"""
OVER = "Silence 1 is over"


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path, RULES)


def silence(home, *arguments):
    """`walert silence ...`, which must go well."""
    done = home.walert("silence", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def verdicts(home):
    """What was decided, oldest first: title, verdict, and to whom it went."""
    return [(a["alert"]["title"], a["verdict"], [m["receiver"] for m in a["messages"]]) for a in home.rows("alerts")]


def test_a_silence_holds_back_what_matches_and_its_end_tells_it_once(home):
    with home.daemon() as daemon:
        silence(home, "add", "--title", "High", "--for", "1h", "--comment", "the new data set")
        home.log("a.jsonl", {"loss": 50}, {"loss": "NaN"}, {"loss": 1}, {"loss": 60})
        daemon.until(lambda: len(daemon.kinds("alert")) == 4)
        assert verdicts(home) == [
            ("High", "silenced", []),
            ("Broken", None, ["console"]),
            ("High", None, []),  # resolved: its firing went to nobody
            ("High", "silenced", []),
        ]
        assert home.walert("alerts").stdout.count("nobody (silence 1: the new data set)") == 2
        assert [(s["id"], s["held"]) for s in home.rows("silence", "list")] == [(1, 2)]
        assert "silence 1: title High: over" in silence(home, "expire", "1")
        daemon.until(lambda: OVER in "".join(daemon.printed))
        daemon.until(lambda: "the new data set" in "".join(daemon.printed))
        home.log("a.jsonl", {"loss": 2}, {"loss": 70})
        daemon.until(lambda: len([e for e in daemon.kinds("alert") if e["to"]]) == 3)
    told = "".join(daemon.printed)
    assert "it held back 2 alerts: High (2)." in told
    assert told.count(OVER) == 1
    assert verdicts(home)[-1] == ("High", None, ["console"])
    assert home.rows("silence", "list") == []
    (over,) = home.rows("silence", "list", "--all")
    assert (over["held"], over["told"] is not None, over["comment"]) == (2, True, "the new data set")


def test_the_end_of_an_episode_that_was_told_is_held_back_too(home):
    with home.daemon() as daemon:
        home.log("a.jsonl", {"loss": 50})
        daemon.until(lambda: daemon.printed)
        silence(home, "add", "--run", "a.jsonl", "--for", "1h")
        home.log("a.jsonl", {"loss": 1})
        daemon.until(lambda: len(daemon.kinds("alert")) == 2)
    assert verdicts(home) == [("High", None, ["console"]), ("High", "silenced", [])]


def test_the_end_is_told_by_the_next_daemon_whether_it_follows_or_runs_once(home):
    with home.daemon() as daemon:
        silence(home, "add", "--level", "WARN", "--for", "1h")
        home.log("a.jsonl", {"loss": 50})
        daemon.until(lambda: daemon.kinds("alert"))
        daemon.kill()
    silence(home, "expire", "1")
    once = home.once()
    assert once.returncode == 0, once.stderr
    assert once.stdout.count(OVER) == 1
    assert OVER not in home.once().stdout


def test_a_silence_outlives_kill_and_what_it_holds_back_is_counted_once(home):
    with home.daemon() as daemon:
        silence(home, "add", "--level", "WARN", "--for", "1h")
        home.log("a.jsonl", {"loss": 50})
        daemon.until(lambda: daemon.kinds("alert"))
        daemon.stop(signal.SIGKILL)
    with home.daemon() as daemon:
        home.log("a.jsonl", {"loss": 1}, {"loss": 50})
        daemon.until(lambda: len(daemon.kinds("alert")) == 2)
        eventually(lambda: [s["held"] for s in home.rows("silence", "list")] == [2])
        (status,) = home.rows("status")
    assert [s["held"] for s in status["status"]["silences"]] == [2]
    assert status["status"]["counters"]["silenced"] == 2
    assert "walert" not in "".join(daemon.printed)


def test_a_silence_that_held_nothing_back_ends_without_a_word(home):
    with home.daemon() as daemon:
        silence(home, "add", "--title", "Nothing", "--for", "1h")
        silence(home, "expire", "1")
        eventually(lambda: home.rows("silence", "list", "--all")[0]["told"] is not None)
        home.log("a.jsonl", {"loss": 50})
        daemon.until(lambda: daemon.kinds("alert"))
    assert OVER not in "".join(daemon.printed)


def test_silencing_changes_no_cooldown(tmp_path):
    home = Home(tmp_path, "version: 1\nrules: [{title: High, when: loss > 10, wait_duration: 1h}]\n")
    with home.daemon() as daemon:
        silence(home, "add", "--title", "High", "--for", "1h")
        home.log("a.jsonl", {"loss": 50})
        daemon.until(lambda: daemon.kinds("alert"))
        silence(home, "expire", "1")
        daemon.until(lambda: OVER in "".join(daemon.printed))
        home.log("a.jsonl", {"loss": 1}, {"loss": 50})
        daemon.until(lambda: daemon.kinds("suppressed"))
    assert [(title, verdict) for title, verdict, _ in verdicts(home)] == [("High", "silenced"), (OVER, None)]
