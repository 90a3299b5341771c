"""What a live walertd tells together: the alerts of one moment, and what was written while it was away."""

import time

from daemons import Home, eventually
from loopback import Reply, smtp_server
from slackside import Side, url

from walert.pipeline.backlog import ALIVE
from walert.store.store import Changes, Store

RULES = "version: 1\nrules:\n" + "".join(
    f"  - {{title: Rule {n}, when: loss > {n}, level: {'ERROR' if n == 3 else 'WARN'}, resolved: true}}\n"
    for n in range(5)
)
AT = 1_740_830_400.0


def home_of(tmp_path, server, side, rules=RULES, more="rate: 6000"):
    home = Home(tmp_path, rules, f"{{hook: {{url: '{url(server, '/')}', {more}}}}}")
    home.environ |= side.environ
    return home


def bodies(server):
    return [request.json for request in server.requests()]


def away(home, seconds=1_000.0):
    """As if no walertd had been here for so long."""
    now = time.time()
    with Store.open(home.folder / "walert.db", now=now) as store:
        store.commit(Changes(at=now, facts={ALIVE: {"at": now - seconds}}))


def test_five_rules_that_fire_on_one_line_are_one_message_that_proves_each(tmp_path):
    side = Side(tmp_path)
    with side.hooks() as server, smtp_server() as box:
        home = home_of(tmp_path, server, side)
        mail = f"mailto://localhost:{box.port}?smtp=localhost&from=walert@example.com&to=ann@example.com"
        home.configure(f"{{hook: {{url: '{url(server, '/')}'}}, mail: {{url: '{mail}', min_level: ERROR}}}}")
        with home.daemon() as daemon:
            home.log("a.jsonl", {"step": 7, "loss": 9.5})
            eventually(lambda: server.told.qsize() == 1 and box.mails)
            home.log("a.jsonl", {"step": 8, "loss": -1.0})
            eventually(lambda: server.told.qsize() == 2 and len(box.mails) == 2)
    fired, over = bodies(server)
    assert fired["title"] == "🔴 ERROR: 5 alerts: Rule 3, Rule 0, Rule 1, Rule 2, Rule 4"
    alerts = home.rows("alerts")
    assert [row["alert"]["kind"] for row in alerts] == ["firing"] * 5 + ["resolved"] * 5
    for row in alerts[:5]:
        assert f"alert: {row['alert']['id']}" in fired["message"]
        assert f"rule: {row['alert']['origin']}" in fired["message"]
    assert fired["message"].count("values: loss = 9.5") == 5
    assert "RESOLVED: Rule 3" in over["message"]
    # A receiver of errors alone hears of that one alone.
    first, last = (str(letter["Subject"]) for letter in box.mails)
    assert first == "[ERROR] Rule 3 · a.jsonl" and last == "[RESOLVED] Rule 3 · a.jsonl"
    assert {m["alerts"] for row in alerts for m in row["messages"] if m["receiver"] == "hook"} == {5}
    assert len(home.outbox("delivered")) == 4
    assert daemon.process.returncode == 0


def test_replay_still_says_one_happening_a_title(tmp_path):
    side = Side(tmp_path)
    with side.hooks() as server:
        home = home_of(tmp_path, server, side)
        home.log("a.jsonl", {"step": 7, "loss": 9.5})
    told = [row["title"] for row in home.predicted() if row["happening"] == "message"]
    assert sorted(told) == [f"Rule {n}" for n in range(5)]


def test_what_was_written_while_walertd_was_away_is_one_digest_and_an_error_that_fires_still_is_told_alone(tmp_path):
    side = Side(tmp_path)
    rules = RULES + "  - {title: Over, when: acc < 0.5, level: ERROR}\n"
    with side.hooks() as server:
        home = home_of(tmp_path, server, side, rules)
        with home.daemon() as daemon:
            home.log("a.jsonl", {"step": 1, "loss": -1.0, "acc": 0.9})
            eventually(lambda: home.counters().get("records") == 1)
        away(home)
        home.log(
            "a.jsonl",
            {"step": 2, "acc": 0.1},
            {"step": 3, "acc": 0.9},
            {"step": 4, "loss": 9.0},
            {"step": 5, "loss": 9.0},
        )
        with home.daemon() as daemon:
            eventually(lambda: server.told.qsize() == 2)
            daemon.until(lambda: daemon.kinds("backlog"))
            home.log("a.jsonl", {"step": 6, "loss": -1.0})  # written now: no backlog
            eventually(lambda: server.told.qsize() == 3)
        alone, digest = sorted(bodies(server)[:2], key=lambda body: body["title"], reverse=True)
    assert alone["title"] == "🔴 ERROR: Rule 3"
    assert "late: " in alone["message"]
    assert digest["title"] == "🔴 ERROR: 5 alerts written while walertd was down"
    assert "🔴 1 × Over (a.jsonl)" in digest["message"]
    rows = home.rows("alerts")
    assert [row["alert"]["kind"] for row in rows] == ["firing"] * 6 + ["resolved"] * 5
    # Separate in the outbox, told as one.
    together = [m for row in rows for m in row["messages"] if m["bundle"] is not None]
    assert len({m["id"] for m in together}) == 5 and len({m["bundle"] for m in together}) == 1
    assert [row["alert"]["late"] for row in rows] == [True] * 6 + [False] * 5


def test_a_quarter_of_an_hour_away_makes_no_backlog_and_once_never_digests(tmp_path):
    side = Side(tmp_path)
    with side.hooks() as server:
        home = home_of(tmp_path, server, side)
        with home.daemon() as daemon:
            home.log("a.jsonl", {"step": 1, "loss": -1.0})
            eventually(lambda: home.counters().get("records") == 1)
        away(home, 800.0)
        home.log("a.jsonl", {"step": 2, "loss": 0.5, "timestamp": AT}, {"step": 3, "loss": 1.5, "timestamp": AT + 60})
        with home.daemon() as daemon:
            eventually(lambda: server.told.qsize() == 2)
            assert not daemon.kinds("backlog")
        away(home, 100_000.0)
        home.log(
            "a.jsonl", {"step": 4, "loss": 2.5, "timestamp": AT + 120}, {"step": 5, "loss": 4.5, "timestamp": AT + 180}
        )
        assert home.once().returncode == 0
        titles = [body["title"] for body in bodies(server)]
    assert titles[:2] == ["🟡 WARN: Rule 0", "🟡 WARN: Rule 1"]
    assert titles[2:] == ["🔴 ERROR: 2 alerts: Rule 3, Rule 4", "🟡 WARN: Rule 2"]  # the highest level first


def test_a_backlog_whose_digest_fails_comes_when_the_receiver_is_back(tmp_path):
    side = Side(tmp_path)
    with side.hooks() as server:
        home = home_of(tmp_path, server, side, RULES.replace("ERROR", "WARN"))
        with home.daemon() as daemon:
            home.log("a.jsonl", {"step": 1, "loss": -1.0})
            eventually(lambda: home.counters().get("records") == 1)
        away(home)
        home.log("a.jsonl", {"step": 2, "loss": 9.0})
        server.script = [Reply(500)]
        with home.daemon() as daemon:
            eventually(lambda: server.told.qsize() == 2)
            daemon.until(lambda: "try 2: delivered" in daemon.said)
        first, second = bodies(server)
    assert first["title"] == second["title"] == "🟡 WARN: 5 alerts written while walertd was down"
    assert len(home.outbox("delivered")) == 5
