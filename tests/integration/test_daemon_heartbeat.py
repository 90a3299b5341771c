"""`heartbeat:`: a real URL is called while all moves, held back while something does not, and never told to anybody."""

from __future__ import annotations

import queue
import sqlite3
import threading
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from daemons import Home, eventually
from loopback import HandClock, SystemClock, serving

from walert.config import Heartbeat as HeartbeatConfig
from walert.daemon.heartbeat import Heartbeat, called

RULES = "version: 1\nrules: [{title: High, when: loss > 2, wait_duration: 0, repeat: always}]\n"
SECRET = "hunter2geheim"


class Check(ThreadingHTTPServer):
    """Somebody who waits to be called; `status` is what it answers."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.told: queue.Queue[tuple[str, str]] = queue.Queue()
        self.status = 200
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{SECRET}"


class _Answer(BaseHTTPRequestHandler):
    server: Check

    def do_GET(self) -> None:
        self.server.told.put((self.path, self.headers["User-Agent"]))
        if self.server.status == 0:
            self.server.closing.wait(30)
            return
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def check() -> AbstractContextManager[Check]:
    return serving(Check())


def test_it_is_called_by_get_again_and_again_and_its_url_is_told_to_nobody(tmp_path: Path) -> None:
    with check() as server:
        home = Home(tmp_path, RULES, more="heartbeat: {url: '${HC_URL}', every: 1s}\n")
        with home.daemon(HC_URL=server.url) as daemon:
            for _ in range(3):
                assert server.told.get(timeout=20) == (f"/{SECRET}", "walert")
            home.log("a.jsonl", {"loss": 3})
            daemon.until(lambda: daemon.titles() == ["High"])
            server.status = 500
            daemon.until(lambda: daemon.kinds("heartbeat"))
            server.status = 200
            daemon.until(lambda: len(daemon.kinds("heartbeat")) == 2)
            eventually(lambda: _fact(home).get("answered", 0) > 3 and _fact(home)["failed"])
        told = [e["text"] for e in daemon.kinds("heartbeat")]
    assert told == [
        "the heartbeat was not answered (HTTP status 500): it goes on being called",
        "the heartbeat is answered again",
    ]
    assert SECRET not in daemon.said + home.walert("status", HC_URL="https://x").stdout
    assert SECRET.encode() not in (tmp_path / "walert.db").read_bytes()


def test_it_is_held_back_while_nothing_can_be_committed(tmp_path: Path) -> None:
    with check() as server:
        home = Home(tmp_path, RULES, more=f"heartbeat: {{url: '{server.url}', every: 1s}}\n")
        with home.daemon() as daemon:
            server.told.get(timeout=20)
            with sqlite3.connect(tmp_path / "walert.db", isolation_level=None) as other:
                other.execute("BEGIN IMMEDIATE")
                home.log("a.jsonl", {"loss": 3.0})
                daemon.until(lambda: daemon.kinds("heartbeat"))
                server.told.queue.clear()
                held = daemon.kinds("heartbeat")[0]["text"]
                other.execute("ROLLBACK")
            other.close()
            daemon.until(lambda: daemon.titles() == ["High"])
            server.told.get(timeout=20)
            daemon.until(lambda: len(daemon.kinds("heartbeat")) == 2)
    assert held.startswith("the heartbeat is held back: nothing can be committed to the state file for ")


def test_another_url_or_none_is_taken_over_on_reload(tmp_path: Path) -> None:
    with check() as first, check() as second:
        home = Home(tmp_path, RULES, more=f"heartbeat: {{url: '{first.url}', every: 1h}}\n")
        with home.daemon() as daemon:
            first.told.get(timeout=20)
            home.configure(more=f"heartbeat: {{url: '{second.url}', every: 1h}}\n")
            second.told.get(timeout=20)
            assert first.told.empty()
            home.configure()
            daemon.until(lambda: len(daemon.kinds("reload")) == 2)
            eventually(lambda: not _fact(home))


def test_once_calls_nobody(tmp_path: Path) -> None:
    with check() as server:
        home = Home(tmp_path, RULES, more=f"heartbeat: {{url: '{server.url}', every: 1s}}\n")
        home.log("a.jsonl", {"loss": 3})
        assert home.once().returncode == 0
        assert server.told.empty()


def test_one_that_never_answers_holds_nothing_up(tmp_path: Path) -> None:
    with check() as server:
        server.status = 0
        home = Home(tmp_path, RULES, more=f"heartbeat: {{url: '{server.url}', every: 1s}}\n")
        with home.daemon() as daemon:
            server.told.get(timeout=20)
            home.log("a.jsonl", {"loss": 3})
            daemon.until(lambda: daemon.titles() == ["High"], 5.0)
        assert daemon.process.returncode == 0


def test_what_is_wrong_is_told_once_though_it_lasts_ever_longer() -> None:
    said: list[str] = []
    state = iter(["no pass has completed for 31s", "no pass has completed for 32s", None])
    done = threading.Event()

    def tell(kind: str, text: str) -> None:
        said.append(text)
        if len(said) == 2:
            done.set()

    with check() as server:
        heartbeat = Heartbeat(lambda now: next(state, None), tell, SystemClock())
        heartbeat.configure(HeartbeatConfig(server.url, 0.01))
        assert done.wait(20)
        heartbeat.close()
        status = heartbeat.status
    assert said == [
        "the heartbeat is held back: no pass has completed for 31s",
        "the heartbeat is answered again",
    ]
    assert status is not None and status.answered >= 1 and status.failed == 0 and status.reason is None


@pytest.mark.parametrize(
    "url",
    [
        f"http://127.0.0.1:9/{SECRET}",
        f"http://[{SECRET}/",
        f"http://127.0.0.1:x{SECRET}/",
        f"http://127.0.0.1:9/{SECRET} with spaces\n",
        f"file:///etc/{SECRET}",
        f"https://{SECRET}:p@127.0.0.1:9/",
        "",
    ],
)
def test_the_reason_of_a_failure_holds_nothing_of_the_url(url: str) -> None:
    reason = called(url, 2.0)
    assert reason and SECRET not in reason


def test_a_check_that_does_not_answer_costs_its_time_and_no_more() -> None:
    with check() as server:
        server.status = 0
        assert called(server.url, 0.05) in ("TimeoutError", "TimeoutError: timed out")


def test_it_tells_nothing_while_none_is_asked_for() -> None:
    heartbeat = Heartbeat(lambda now: None, lambda kind, text: None, HandClock())
    heartbeat.configure(None)
    assert heartbeat.status is None
    heartbeat.close()


def _fact(home: Home) -> dict[str, object]:
    rows = home.rows("status", HC_URL="https://x")
    return rows[0]["status"]["facts"].get("heartbeat") or {}
