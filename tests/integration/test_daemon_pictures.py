"""A live walertd with a Slack bot and a mailbox: plots arrive, and a run keeps its thread through a restart."""

import json
import math
import threading

import pytest
from daemons import Home, eventually
from loopback import Reply, https_server, smtp_server
from slackside import Proxied, Side, clean

BOT = "slack://xoxb-1234-5678-4ddbc191d40ee098cbaae6f3523ada2d/%23ml"
RULES = """\
version: 1
rules:
  - {title: Loss explodes, when: loss > 9, level: ERROR, resolved: true, wait_duration: 0}
  - {title: Accuracy falls, when: acc < 0.5, wait_duration: 0}
"""


class Slack(Proxied):
    """slack.com as a bot sees it: every message gets the next time stamp."""

    def __init__(self, context) -> None:
        super().__init__(context)
        self.posts = 0
        self.counting = threading.Lock()

    def reply_to(self, path: str) -> Reply:
        path = path.partition("?")[0]
        if path in self.by_path:
            return self.by_path[path]
        method = path.rpartition("/")[2]
        with self.counting:
            self.posts += method == "chat.postMessage"
            answer = {"ok": True, "channel": "C024BE91L", "ts": f"1700000000.{self.posts:06}", "files": [{"id": "F1"}]}
        return Reply(body=json.dumps(answer | {"upload_url": "https://slack.com/upload/1", "file_id": "F1"}).encode())

    def bodies(self, method: str) -> list[dict]:
        """What was told under a method so far, in order."""
        return [json.loads(r.body) for r in list(self.told.queue) if r.path.endswith(method)]


@pytest.fixture
def slack(tmp_path):
    side = Side(tmp_path)
    with https_server(side.context("slack.com"), Slack) as server:
        server.environ = side.environ | {"HTTPS_PROXY": f"http://127.0.0.1:{server.server_port}"}
        yield server


def test_a_run_keeps_its_thread_through_a_restart_and_every_plot_stands_in_it(tmp_path, slack):
    home = Home(tmp_path, RULES, f'{{ml: {{url: "{BOT}"}}}}')
    home.environ = clean() | {"WALERT_HOME": str(tmp_path)}
    with home.daemon(PYTHONWARNINGS="error", **slack.environ):
        home.log("a/metrics.jsonl", *({"step": i, "loss": 2.0 + math.sin(i)} for i in range(40)))
        home.log("a/metrics.jsonl", {"step": 40, "loss": 12.0})
        eventually(lambda: len(slack.bodies("files.completeUploadExternal")) == 1)
    with home.daemon(PYTHONWARNINGS="error", **slack.environ) as daemon:
        home.log("a/metrics.jsonl", {"step": 41, "loss": 1.0}, {"step": 42, "acc": 0.4}, {"step": 43, "acc": 0.3})
        home.log("b/metrics.jsonl", {"step": 1, "loss": 1.0}, {"step": 2, "loss": 99.0})
        eventually(lambda: len(slack.bodies("chat.postMessage")) >= 4)
        eventually(lambda: len(slack.bodies("files.completeUploadExternal")) >= 4)
    posts = slack.bodies("chat.postMessage")
    threads = {post["text"].partition("\n")[0]: post.get("thread_ts") for post in posts}
    assert posts[0].get("thread_ts") is None and "trend* loss" in json.dumps(posts[0], ensure_ascii=False)
    assert threads["✅ *RESOLVED: Loss explodes*"] == threads["🟡 *WARN: Accuracy falls*"] == "1700000000.000001"
    other = [post for post in posts[1:] if "b/metrics.jsonl" in json.dumps(post)]
    assert other and other[0].get("thread_ts") is None
    assert slack.bodies("files.completeUploadExternal")[0]["thread_ts"] == "1700000000.000001"
    assert "without its plot" not in daemon.said


def test_a_mail_of_a_live_daemon_shows_the_course_up_to_the_moment(tmp_path):
    with smtp_server() as box:
        url = f"mailto://localhost:{box.port}?smtp=localhost&from=walert@example.com&to=ann@example.com"
        home = Home(tmp_path, RULES, f'{{mail: {{url: "{url}"}}}}')
        with home.daemon(PYTHONWARNINGS="error"):
            home.log("a.jsonl", *({"step": i, "loss": math.nan if i == 7 else 1.0 * i} for i in range(11)))
            eventually(lambda: box.mails)
    (mail,) = box.mails
    assert "trend: loss ▁▁▂▃▄▅▅×▇██ 0 to 10" in mail.get_body(("plain",)).get_content()
    assert [part.get_content_type() for part in mail.walk()][-1] == "image/png"


def test_a_plot_that_was_refused_is_told_by_the_log_by_explain_and_by_the_test_of_receivers(tmp_path, slack):
    slack.by_path["/api/files.getUploadURLExternal"] = Reply(body=b'{"ok": false, "error": "missing_scope"}')
    home = Home(tmp_path, RULES, f'{{ml: {{url: "{BOT}"}}}}')
    home.environ = clean() | {"WALERT_HOME": str(tmp_path)} | slack.environ
    home.log("a.jsonl", {"step": 1, "loss": 1.0}, {"step": 2, "loss": 10.0})
    done = home.once()
    said = "without its plot: slack:// answered missing_scope"
    assert done.returncode == 0 and f"delivered {said}" in done.stderr
    (alert,) = home.rows("alerts")
    assert said in home.walert("explain", alert["alert"]["id"]).stdout
    tested = home.walert("receivers", "test", "ml")
    assert (tested.returncode, tested.stdout) == (0, f"ml: delivered {said}\n")
