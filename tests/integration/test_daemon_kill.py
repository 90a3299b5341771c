"""kill -9 at any moment loses nothing and decides nothing twice: what arrives is what replay predicts."""

import json
import random
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from daemons import Home, eventually

from walert.pipeline.backlog import ALIVE
from walert.store.store import Changes, Store

RULES = """\
version: 1
rules:
  - {title: High, when: loss > 2, for: 2, wait_duration: 20s, repeat: always, resolved: true}
  - {title: Not finite, when: not isfinite(loss), level: ERROR, wait_duration: 45s}
  - {title: Mean, when: "mean(loss, 5) > 1.5", wait_duration: 0, repeat: never}
"""


class Webhook(ThreadingHTTPServer):
    """Takes messages as Apprise's JSON service posts them; keeps their texts."""

    def __init__(self):
        self.texts = []
        super().__init__(("127.0.0.1", 0), _Taker)


class _Taker(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.texts.append(f"{body['title']}\n{body['message']}")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        """A quiet server."""


def write(home, stop):
    """Three writers' logs, a record now and then, with a time of their own."""
    rng = random.Random(5)
    for step in range(400):
        for name in ("a/m.jsonl", "b/m.jsonl", "c.jsonl"):
            loss = float("nan") if rng.random() < 0.04 else rng.choice([1.0, 1.0, 2.5, 3.0])
            home.log(name, {"step": step, "timestamp": 1.7e9 + step, "loss": loss})
        stop.wait(0.01)


def away(home):
    """As if the last walertd had been gone for longer than a quarter of an hour: what is unread is a backlog."""
    now = time.time()
    with Store.open(home.folder / "walert.db", now=now) as store:
        store.commit(Changes(at=now, facts={ALIVE: {"at": now - 1_000}}))


def ids(texts):
    """The ids of the alerts that the texts name, and those of messages that tell of several, such as m17."""
    found = [
        line.split(":", 1)[1].strip()
        for text in texts
        for line in text.splitlines()
        if line.strip().startswith(("alert:", "message:"))
    ]
    assert len(found) >= len(texts), texts[:1]
    return set(found)


def told(rows, receiver, named):
    """The alerts of which a receiver was told: by their id, or by a digest's, which stands for all that went with it."""
    return {
        row["alert"]["id"]
        for row in rows
        for message in row["messages"]
        if message["receiver"] == receiver and (row["alert"]["id"] in named or f"m{message['bundle']}" in named)
    }


def test_what_arrives_under_repeated_sigkill_is_what_replay_predicts(tmp_path):
    server, flooded = Webhook(), Webhook()
    for one in (server, flooded):
        threading.Thread(target=one.serve_forever, daemon=True).start()
    receivers = f"""{{hook: {{url: "json://127.0.0.1:{server.server_port}/", rate: 6000, flood: never}},
        few: {{url: "json://127.0.0.1:{flooded.server_port}/", rate: 6000, flood: 4}}}}"""
    home = Home(tmp_path, RULES, receivers)
    stop = threading.Event()
    writer = threading.Thread(target=write, args=(home, stop))
    writer.start()
    kills, pause, rng = 0, threading.Event(), random.Random(11)
    while writer.is_alive() or kills < 6:
        daemon = home.daemon()
        pause.wait(rng.uniform(0.2, 1.6))
        daemon.kill()
        kills += 1
        if kills == 4:
            away(home)
    writer.join()
    away(home)
    home.log("c.jsonl", *({"step": n, "timestamp": 1.7e9 + n, "loss": 3.0} for n in range(400, 500)))
    daemon = home.daemon()
    eventually(lambda: any("alerts written while walertd was down" in text for text in server.texts))
    eventually(lambda: not any(row.receiver == "hook" for row in home.outbox("waiting")))
    daemon.kill()
    kills += 1
    last = home.once()
    assert last.returncode == 0, last.stderr
    predicted = [row for row in home.predicted() if row["happening"] == "message"]
    rows = home.rows("alerts")
    decided = [row["alert"] for row in rows]
    everything = {alert["id"] for alert in decided}
    eventually(lambda: told(rows, "hook", ids(server.texts)) == everything)
    eventually(lambda: told(rows, "few", ids(flooded.texts)) == everything)
    for one in (server, flooded):
        one.shutdown()
        one.server_close()
    # Every alert that replay predicts was decided once, and nothing else was.
    key = ("title", "step")
    assert Counter((a["run"]["name"], a["title"], a["step"]) for a in decided) == Counter(
        (r["run"], *(r[k] for k in key)) for r in predicted
    )
    # Each arrived; doubles are those in flight at a kill. Some came together, and what was a backlog as digests.
    arrived = Counter(server.texts)
    assert sum(arrived.values()) - len(arrived) <= kills
    assert {message["state"] for row in rows for message in row["messages"]} == {"delivered"}
