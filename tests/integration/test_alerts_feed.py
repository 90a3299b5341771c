"""The feed of alerts for scripts and agents, the outbox mended in bulk, and the id of a message explained."""

import json
import os
import signal
import subprocess
import threading
import time

import pytest
from daemons import REACHED, WALERT, Home, eventually
from loopback import Reply
from slackside import Side, url

RULES = """\
version: 1
rules:
  - {title: High, when: loss > 2, level: ERROR, wait_duration: 0, repeat: always}
  - {title: Higher, when: loss > 3, wait_duration: 0, repeat: always}
"""


class Feed:
    """`walert alerts --follow` as a process; `rows` are what it printed."""

    def __init__(self, home, *arguments):
        self.process = subprocess.Popen(
            [*WALERT, "alerts", "--follow", "--json", *arguments], cwd=home.folder, env=home.environ,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.rows = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for line in self.process.stdout:
            self.rows.append(json.loads(line))

    def titles(self):
        return [(row["alert"]["title"], row["alert"]["step"]) for row in list(self.rows)]

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        code = self.process.wait(REACHED)
        self._thread.join(REACHED)
        self.process.stdout.close()
        self.process.stderr.close()
        return code


def record(step, loss=2.5):
    return {"step": step, "loss": loss, "timestamp": 1.7e9 + 60 * step}


def told(home, number):
    eventually(lambda: len(home.rows("alerts")) == number)


def test_a_feed_gives_each_new_alert_once_through_a_restart_and_ends_with_the_interrupt(tmp_path):
    home = Home(tmp_path, RULES)
    with home.daemon():
        home.log("a.jsonl", record(1))
        told(home, 1)
        (first,) = home.rows("alerts")
        feed, whole = Feed(home, "--after", first["alert"]["id"]), Feed(home, "--since", "1h")
        eventually(lambda: whole.titles() == [("High", 1)])
        home.log("a.jsonl", record(2), record(3, 9.0))
        eventually(lambda: len(feed.rows) == 3)
    home.log("a.jsonl", record(4))
    with home.daemon():
        eventually(lambda: len(feed.rows) == 4)
        after = Feed(home, "--after", feed.rows[1]["alert"]["id"], "--level", "error")
        eventually(lambda: after.titles() == [("High", 4)])
        quiet = Feed(home, "--run", "b*", "--since", "1h")
        home.log("b.jsonl", record(5))
        eventually(lambda: quiet.titles() == [("High", 5)])
        eventually(lambda: len(feed.rows) == 5 and len(whole.rows) == 6)  # each looks at its own pace
    assert feed.titles() == [("High", 2), ("High", 3), ("Higher", 3), ("High", 4), ("High", 5)]
    assert whole.titles() == [("High", 1), *feed.titles()]
    assert set(feed.rows[0]) == {"alert", "verdict", "why", "messages"}
    assert [one.stop() for one in (feed, whole, after, quiet)] == [0, 0, 0, 0]


def test_a_feed_that_nobody_reads_any_more_ends_although_nothing_comes(tmp_path):
    home = Home(tmp_path, RULES)
    home.log("a.jsonl", record(1))
    home.once()
    reading, writing = os.pipe()
    feed = subprocess.Popen([*WALERT, "alerts", "--follow"], cwd=home.folder, env=home.environ, stdout=writing)
    os.close(writing)
    os.close(reading)
    assert feed.wait(REACHED) == 0


def test_a_feed_outlives_a_state_file_that_begins_anew(tmp_path):
    home = Home(tmp_path, RULES)
    home.log("a.jsonl", record(1))
    home.once()
    feed = Feed(home, "--since", "1h")
    eventually(lambda: feed.titles() == [("High", 1)])
    for path in tmp_path.glob("walert.db*"):
        path.unlink()
    home.log("a.jsonl", record(2))
    home.once()
    eventually(lambda: len(feed.rows) == 2)
    assert feed.titles() == [("High", 1), ("High", 2)]
    assert feed.stop() == 0


@pytest.mark.parametrize("arguments", [("--after", "nothing"), ("--level", "loud"), ("--since", "soon")])
def test_a_feed_of_what_is_not_there_is_refused(tmp_path, arguments):
    home = Home(tmp_path, RULES)
    home.log("a.jsonl", record(1))
    home.once()
    done = home.walert("alerts", "--follow", *arguments)
    assert (done.returncode, done.stdout) == (2, "") and arguments[1] in done.stderr


def test_dead_messages_are_mended_in_bulk_and_by_filter(tmp_path):
    side = Side(tmp_path)
    with side.hooks() as server:
        server.reply = Reply(404)
        receivers = ", ".join(f"{name}: {{url: '{url(server, '/' + name)}'}}" for name in ("one", "two"))
        home = Home(tmp_path, RULES, f"{{{receivers}}}")
        home.environ |= side.environ
        home.log("a.jsonl", record(1))
        home.log("b.jsonl", record(1))
        assert home.once().returncode == 1
        assert len(home.outbox("dead")) == 4
        assert len(home.rows("outbox", "--receiver", "one")) == 2
        dropped = home.walert("outbox", "drop", "--receiver", "two", "--run", "b*")
        assert dropped.returncode == 0 and dropped.stdout.count("dropped") == 1
        retried = home.walert("outbox", "retry", "all", "--receiver", "t*")
        assert retried.stdout.count("due now") == 1
        assert home.walert("outbox", "retry", "all").stdout.count("due now") == 3
        server.reply = Reply()
        assert home.once().returncode == 0
        assert len(home.outbox("delivered")) == 3
        assert home.walert("outbox", "retry", "all").stdout == "no such message is open\n"
        assert home.walert("outbox", "retry").returncode == 2
        assert home.walert("outbox", "drop", "all", "3").returncode == 2


def test_the_outbox_says_that_quiet_hours_hold_a_message(tmp_path):
    now = time.time()
    begin, end = (time.strftime("%H:%M", time.gmtime(now + seconds)) for seconds in (-3_600, 3_600))
    quiet = f"{{from: '{begin}', to: '{end}', zone: UTC, pass: ERROR}}"
    home = Home(tmp_path, RULES, f'{{console: {{url: "console://", quiet: {quiet}}}}}')
    with home.daemon() as daemon:
        home.log("a.jsonl", {"step": 1, "loss": 9.0, "timestamp": now})  # an ERROR: it passes with what came beside it
        daemon.until(lambda: "2 alerts: High, Higher" in "".join(daemon.printed))
        home.rules.write_text(RULES.replace("level: ERROR, ", "").replace("High", "Loud"))
        daemon.until(lambda: daemon.kinds("reload"))
        home.log("b.jsonl", {"step": 1, "loss": 2.5, "timestamp": now})
        daemon.until(lambda: "Loud" in daemon.titles())
        assert "held: quiet hours" in home.walert("outbox").stdout
    assert "Loud" not in "".join(daemon.printed)
    assert home.once().stdout.count("Loud") >= 1  # somebody waits for it


def test_the_id_of_a_message_is_explained(tmp_path):
    home = Home(tmp_path, RULES)
    home.log("a.jsonl", record(1, 9.0))
    printed = home.once().stdout
    assert "message: m1" in printed
    shown = home.walert("explain", "m1")
    assert shown.returncode == 0
    assert "message m1 to console: delivered" in shown.stdout and "2 alerts" in shown.stdout
    assert "High" in shown.stdout and "Higher" in shown.stdout and "delivered" in shown.stdout
    (row,) = home.rows("explain", "m1")
    assert [alert["title"] for alert in row["alerts"]] == ["High", "Higher"]
    assert row["message"]["alerts"] == 2
    for alert in row["alerts"]:
        assert home.walert("explain", alert["id"]).returncode == 0
    gone = home.walert("explain", "m99")
    assert gone.returncode == 2 and "no message m99" in gone.stderr
