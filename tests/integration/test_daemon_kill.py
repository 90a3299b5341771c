"""kill -9 at any moment loses nothing and decides nothing twice: what arrives is what replay predicts."""

import json
import random
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from daemons import Home, eventually

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


def ids(texts):
    found = [
        line.split(":", 1)[1].strip()
        for text in texts
        for line in text.splitlines()
        if line.strip().startswith("alert:")
    ]
    assert len(found) == len(texts), texts[:1]
    return found


def test_what_arrives_under_repeated_sigkill_is_what_replay_predicts(tmp_path):
    server = Webhook()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    home = Home(tmp_path, RULES, f'{{hook: {{url: "json://127.0.0.1:{server.server_port}/", rate: 6000}}}}')
    stop = threading.Event()
    writer = threading.Thread(target=write, args=(home, stop))
    writer.start()
    kills, pause, rng = 0, threading.Event(), random.Random(11)
    while writer.is_alive() or kills < 6:
        daemon = home.daemon()
        pause.wait(rng.uniform(0.2, 1.6))
        daemon.kill()
        kills += 1
    writer.join()
    last = home.once()
    assert last.returncode == 0, last.stderr
    predicted = [row for row in home.predicted() if row["happening"] == "message"]
    decided = [json.loads(line)["alert"] for line in home.walert("alerts", "--json").stdout.splitlines()]
    eventually(lambda: set(ids(server.texts)) >= {a["id"] for a in decided})
    server.shutdown()
    server.server_close()
    # Every alert that replay predicts was decided once, and nothing else was.
    key = ("title", "step")
    assert Counter((a["run"]["name"], a["title"], a["step"]) for a in decided) == Counter(
        (r["run"], *(r[k] for k in key)) for r in predicted
    )
    # Each arrived; doubles are those in flight at a kill.
    arrived = Counter(ids(server.texts))
    assert set(arrived) == {a["id"] for a in decided}
    assert sum(arrived.values()) - len(arrived) <= kills
