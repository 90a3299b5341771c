"""What was there before walertd first looked: history is listed, `read_from` is honoured, `--once` delivers, the late is marked."""

import os
import time

import pytest
from daemons import Home, eventually

RULES = "version: 1\nrules: [{title: High, when: loss > 2, wait_duration: 0, resolved: true}]\n"


def age(path, seconds):
    then = time.time() - seconds
    os.utime(path, (then, then))
    return then


def told(home):
    """Title, kind, step and receivers of every alert."""
    return [
        (r["alert"]["kind"], r["alert"]["step"], [m["receiver"] for m in r["messages"]]) for r in home.rows("alerts")
    ]


def test_a_file_untouched_for_an_hour_is_judged_and_listed_but_not_delivered_until_it_grows(tmp_path):
    home = Home(tmp_path, RULES)
    age(home.log("old.jsonl", {"loss": 3.0}, {"loss": 1.0}, {"loss": 4.0}), 3700)
    age(home.log("new.jsonl", {"loss": 5.0}), 3500)
    with home.daemon() as daemon:
        daemon.until(lambda: len(daemon.titles()) == 4)
        listed = home.walert("alerts")
        home.log("old.jsonl", {"loss": 1.0}, {"loss": 6.0})
        daemon.until(lambda: len(daemon.kinds("alert")) >= 5 and "loss = 6" in "".join(daemon.printed))
    assert listed.stdout.count("listed only") == 3 and listed.stdout.count("console (delivered)") <= 1
    assert sorted(told(home))[:3] == [("firing", 1, []), ("firing", 1, ["console"]), ("firing", 3, [])]
    # The firing message of step 3 went to nobody: so does its end.
    assert ("resolved", 4, []) in told(home) and ("firing", 5, ["console"]) in told(home)


@pytest.mark.parametrize(("read_from", "steps"), [("start", [1, 3, 5]), ("end", [5]), ("auto", [5])])
def test_read_from_says_what_of_an_old_file_is_delivered(tmp_path, read_from, steps):
    home = Home(tmp_path, RULES.replace("resolved: true", "resolved: false"))
    home.configure(watch=f"[{{path: runs/, read_from: {read_from}}}]")
    age(home.log("old.jsonl", {"loss": 3.0}, {"loss": 1.0}, {"loss": 4.0}), 86_400)
    with home.daemon() as daemon:
        eventually(lambda: home.counters().get("records") == 3)
        home.log("old.jsonl", {"loss": 1.0}, {"loss": 6.0})
        daemon.until(lambda: "loss = 6" in "".join(daemon.printed))
    assert [step for _, step, receivers in told(home) if receivers] == steps


def test_a_new_file_after_the_start_is_read_from_its_beginning_although_read_from_is_auto(tmp_path):
    home = Home(tmp_path, RULES)
    with home.daemon() as daemon:
        home.log("new.jsonl", {"loss": 3.0})
        daemon.until(lambda: daemon.titles() == ["High"] and daemon.printed)


def test_once_delivers_however_old_it_is_and_marks_what_is_late(tmp_path):
    home = Home(tmp_path, RULES)
    then = time.time() - 40 * 86_400
    age(home.log("old.jsonl", {"loss": 3.0, "timestamp": then}), 40 * 86_400)
    home.log("new.jsonl", {"loss": 4.0, "timestamp": time.time()})
    done = home.once()
    assert done.returncode == 0
    rows = {r["alert"]["log"].rpartition("/")[2]: r for r in home.rows("alerts")}
    assert {name: row["alert"]["late"] for name, row in rows.items()} == {"old.jsonl:1": True, "new.jsonl:1": False}
    assert all(m["state"] == "delivered" for row in rows.values() for m in row["messages"])
    assert done.stdout.count("WARN  High") == 2 and done.stdout.count("late") == 1
    assert home.once().stdout == ""  # nothing twice


def test_history_that_is_cut_by_a_restart_stays_history(tmp_path):
    home = Home(tmp_path, RULES)
    path = home.log("old.jsonl", *({"loss": 3.0 if n % 2 else 1.0, "n": n} for n in range(6_000)))
    age(path, 7200)
    daemon = home.daemon()
    daemon.until(lambda: daemon.kinds("alert"))
    daemon.kill()
    with home.daemon() as again:
        eventually(lambda: home.counters()["records"] == 6_000)
    assert "".join(daemon.printed + again.printed) == ""


def test_a_log_copied_beside_another_is_read_by_once_too(tmp_path):
    home = Home(tmp_path, RULES)
    path = home.log("a.jsonl", {"loss": 3.0})
    assert home.once().stdout.count("WARN  High") == 1
    (home.runs / "b.jsonl").write_bytes(path.read_bytes())
    assert home.once().stdout.count("WARN  High") == 1
