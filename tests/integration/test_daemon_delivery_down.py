"""Receivers that fail, refuse, ask for patience or hang: what waits, what is dead, what `walert outbox` does about it."""

import time

from daemons import CONSOLE, Home, eventually
from loopback import Reply
from slackside import Side, url

RULES = """\
version: 1
rules:
  - {title: High, when: loss > 2, receivers: [one]}
  - {title: Low, when: loss < 1, receivers: [two]}
"""


def home_of(tmp_path, server, side):
    """Two receivers on one server, each on a path of its own."""
    home = Home(tmp_path, RULES, f"{{one: {{url: '{url(server, '/one')}'}}, two: {{url: '{url(server, '/two')}'}}}}")
    home.environ |= side.environ
    return home


def tries(daemon, word):
    return [e["text"] for e in daemon.kinds("delivery") if word in e["text"]]


def test_a_receiver_that_is_down_gets_its_message_when_it_is_back(tmp_path):
    side = Side(tmp_path)
    with side.hooks() as server:
        server.script = [Reply(500, b"<html>an error</html>")]
        home = home_of(tmp_path, server, side)
        with home.daemon() as daemon:
            home.log("a.jsonl", {"loss": 3})
            daemon.until(lambda: tries(daemon, "will be tried again"))
            daemon.until(lambda: tries(daemon, "try 2: delivered"))
            assert server.told.qsize() == 2
            (row,) = home.rows("outbox", "--all")
    assert "500" in tries(daemon, "will be tried again")[0]
    assert (row["state"], row["tries"]) == ("delivered", 2)
    assert daemon.kinds("stop")[0]["text"] == "all is delivered"


def test_who_asks_for_patience_is_left_alone_until_then_also_by_a_reload_and_a_restart(tmp_path):
    side = Side(tmp_path)
    with side.hooks() as server:
        server.script = [Reply(429, b"", {"Retry-After": "600"})]
        home = home_of(tmp_path, server, side)
        with home.daemon() as daemon:
            home.log("a.jsonl", {"loss": 3})
            daemon.until(lambda: tries(daemon, "429"))
            (row,) = home.rows("outbox")
            assert 500 < row["due"] - time.time() < 700
            home.configure(f"{{one: {{url: '{url(server, '/one')}'}}, two: {{url: '{url(server, '/new')}'}}}}")
            daemon.until(lambda: daemon.kinds("reload"))
            home.log("b.jsonl", {"loss": 4})
            home.log("c.jsonl", {"loss": 0.5})
            daemon.until(lambda: tries(daemon, "delivered"))  # the other receiver
            assert [r.path for r in server.requests()] == ["/one", "/new"]
        assert daemon.kinds("stop")[0]["text"] == "2 messages waiting: see `walert outbox`"
        assert "429" in home.walert("outbox").stdout


def test_that_a_receiver_fails_is_told_once_through_another(tmp_path):
    side = Side(tmp_path)
    with side.hooks() as server:
        server.by_path["/one"] = Reply(401)
        home = home_of(tmp_path, server, side)
        with home.daemon() as daemon:
            home.log("a.jsonl", {"loss": 3})
            eventually(lambda: "/two" in [request.path for request in list(server.told.queue)])
            home.log("b.jsonl", {"loss": 4})
            daemon.until(lambda: len(tries(daemon, "dead:")) == 2)
        with home.daemon() as daemon:  # told already, and remembered
            home.log("c.jsonl", {"loss": 5})
            daemon.until(lambda: len(tries(daemon, "dead:")) == 1)
        told = [request.json for request in server.requests() if request.path == "/two"]
    assert [body["title"] for body in told] == ["🔴 ERROR: Receiver one fails"]
    assert "Its messages do not arrive: 1 dead." in told[0]["message"] and "401" in told[0]["message"]
    assert [row["alert"]["title"] for row in home.rows("alerts")].count("Receiver one fails") == 1


def test_two_receivers_that_fail_tell_nobody_of_each_other_for_ever(tmp_path):
    side = Side(tmp_path)
    with side.hooks() as server:
        server.by_path = {"/one": Reply(401), "/two": Reply(401)}
        home = home_of(tmp_path, server, side)
        with home.daemon() as daemon:
            home.log("a.jsonl", {"loss": 3})
            home.log("b.jsonl", {"loss": 0})
            daemon.until(lambda: len(daemon.kinds("receiver")) == 2)
            told = [row["alert"]["title"] for row in home.rows("alerts")]
    assert sorted(title for title in told if "fails" in title) == ["Receiver one fails", "Receiver two fails"]


def test_one_that_hangs_delays_no_other(tmp_path):
    side = Side(tmp_path)
    with side.hooks() as server:
        server.by_path["/one"] = Reply(manner="hang")
        home = home_of(tmp_path, server, side)
        daemon = home.daemon()
        home.log("a.jsonl", {"loss": 3})
        eventually(lambda: server.told.qsize() == 1)
        for step in range(3):
            home.log(f"b{step}.jsonl", {"loss": 0.5, "n": step})
        daemon.until(lambda: len(tries(daemon, "delivered")) == 3, 5.0)
        eventually(lambda: len(home.outbox()) == 1)
        daemon.kill()
        assert [(r["receiver"], r["state"]) for r in home.rows("outbox")] == [("one", "waiting")]


def test_a_dead_message_shows_with_its_reason_and_can_be_tried_again_or_dropped_meanwhile(tmp_path):
    side = Side(tmp_path)
    with side.hooks() as server:
        server.by_path["/one"] = Reply(404, b"no_service")
        home = home_of(tmp_path, server, side)
        with home.daemon() as daemon:
            home.log("a.jsonl", {"loss": 3})
            home.log("b.jsonl", {"loss": 4})
            daemon.until(lambda: len(tries(daemon, "dead:")) == 2)
            first, second = (row for row in home.rows("outbox") if row["kind"] == "firing")
            shown = home.walert("outbox")
            assert (
                "404 Not Found" in shown.stdout
                and "dead" in shown.stdout
                and str(server.server_port) not in shown.stdout
            )
            assert "404" in home.walert("status").stdout
            del server.by_path["/one"]
            retried = home.walert("outbox", "retry", str(first["id"]))
            dropped = home.walert("outbox", "drop", str(second["id"]))
            daemon.until(lambda: tries(daemon, "receiver one: message 1 ") and tries(daemon, "delivered"), 5.0)
            eventually(lambda: home.rows("outbox") == [])
            assert (retried.stdout, dropped.stdout) == (f"{first['id']}: due now\n", f"{second['id']}: dropped\n")
            states = [r["state"] for r in home.rows("outbox", "--all") if r["kind"] == "firing"]
            assert states == ["delivered", "dropped"]
            again = home.walert("outbox", "retry", str(first["id"]), "99")
            assert (again.returncode, again.stdout.count("no such message is open")) == (1, 2)
    for wrong in (["retry"], ["retry", "x"], ["drop", "-1"], ["drop", "9" * 30], ["lose", "1"]):
        done = home.walert("outbox", *wrong)
        assert done.returncode == 2 and "Traceback" not in done.stderr, wrong


def test_once_is_1_for_what_it_could_not_deliver_and_0_for_a_dead_message_of_before(tmp_path):
    side = Side(tmp_path)
    with side.hooks() as server:
        server.by_path["/one"] = Reply(404, b"no_service")
        home = home_of(tmp_path, server, side)
        home.log("a.jsonl", {"loss": 3}, {"loss": 0.5})
        failed = home.once()
        assert failed.returncode == 1 and "1 message dead" in failed.stderr
        home.log("b.jsonl", {"loss": 0.5})
        assert home.once().returncode == 0
        server.by_path["/two"] = Reply(503)
        home.log("c.jsonl", {"loss": 0.25})
        waits = home.once()
        assert waits.returncode == 1 and "1 message waiting" in waits.stderr


def test_a_message_for_a_receiver_that_is_gone_is_told_of(tmp_path):
    side = Side(tmp_path)
    with side.hooks() as server:
        server.by_path["/one"] = Reply(503)
        home = home_of(tmp_path, server, side)
        home.log("a.jsonl", {"loss": 3})
        assert home.once().returncode == 1
        home.configure(CONSOLE)
        with home.daemon() as daemon:
            daemon.until(
                lambda: "waited for one, which the configuration does not name: console gets them" in daemon.said
            )
            daemon.until(lambda: "High" in "".join(daemon.printed))
    assert [(row.receiver, row.state) for row in home.outbox("dropped", "delivered")] == [
        ("one", "dropped"),
        ("console", "delivered"),
    ]
