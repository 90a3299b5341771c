"""`walert runs` beside a daemon, and `walert receivers` with real servers behind the receivers."""

import json
import re
import threading

from daemons import CONSOLE, Home, eventually
from loopback import Reply, smtp_server
from slackside import HOOK, Side, url

RULES = """\
version: 1
rules:
  - {title: High, when: loss > 10}
  - {title: Broken, when: isnan(acc), level: ERROR}
"""


# --- runs


def test_runs_tell_how_each_is_where_it_stands_and_what_fires(tmp_path):
    home = Home(tmp_path, RULES)
    start = {"_walert": {"event": "start", "id": "r1", "name": "resnet", "project": "vision"}}
    with home.daemon() as daemon:
        home.log("r1/metrics.jsonl", start, {"_step": 7, "loss": 50.0}, {"_step": 8, "acc": "NaN"})
        daemon.until(lambda: len(daemon.kinds("alert")) == 2)
        home.log("b.jsonl", {"loss": 1.0}, {"loss": 2.0})
        eventually(lambda: len(home.rows("runs")) == 2)
        rows = {row["name"]: row for row in home.rows("runs")}
        shown, firing = home.walert("runs").stdout, home.walert("status").stdout
        home.log("r1/metrics.jsonl", {"_walert": {"event": "finish", "state": "failed", "exit_code": 1}})
        eventually(lambda: "failed" in [row["state"] for row in home.rows("runs")])
    assert (rows["resnet"]["state"], rows["resnet"]["project"], rows["resnet"]["step"]) == ("running", "vision", 8)
    assert (rows["resnet"]["fires"], rows["resnet"]["firing"], rows["resnet"]["streams"]) == (["Broken", "High"], 2, 1)
    assert (rows["b.jsonl"]["state"], rows["b.jsonl"]["step"], rows["b.jsonl"]["fires"]) == ("running", 2, [])
    assert abs(rows["b.jsonl"]["read"] - rows["b.jsonl"]["last_seen"]) < 5
    header, *lines = shown.splitlines()
    assert header.split() == ["run", "id", "project", "state", "step", "last", "line", "fires"]
    assert any(line.split()[:2] == ["resnet", rows["resnet"]["id"]] and line.endswith("Broken, High") for line in lines)
    assert re.search(r"^WARN +High +resnet +\S+ ago +loss = 50$", firing, re.MULTILINE)


def test_runs_without_a_state_file_or_without_a_run_say_so(tmp_path):
    home = Home(tmp_path, RULES)
    assert home.walert("runs").returncode == 3
    home.once()
    assert home.walert("runs").stdout == "no runs\n"


# --- receivers


def test_the_list_names_the_service_and_never_the_secret(tmp_path):
    receivers = (
        f'{{slack: {{url: "{HOOK}", min_level: WARN}}, unset: {{url: "${{NOT_SET}}"}}, console: {{url: "console://"}}}}'
    )
    home = Home(tmp_path, RULES, receivers, "default_receivers: [console]\n")
    done = home.walert("receivers")
    assert (done.returncode, done.stderr) == (0, "")
    assert "TIiajkdn" not in done.stdout and "hooks.slack.com" not in done.stdout
    rows = {row.pop("name"): row for row in home.rows("receivers", "list")}
    assert rows["slack"] == {"url": "https://…", "min_level": "WARN", "default": False}
    assert rows["console"] == {"url": "console://", "min_level": "INFO", "default": True}
    assert rows["unset"]["url"] == "not set in this shell"
    assert [row["name"] for row in home.rows("receivers", "list", "slack")] == ["slack"]
    assert [row["name"] for row in home.rows("receivers")] == ["slack", "unset", "console"]


def test_a_test_message_goes_through_each_receiver(tmp_path):
    side = Side(tmp_path)
    with side.slack() as slack, smtp_server() as box:
        mail = f"mailto://localhost:{box.port}?smtp=localhost&from=a@example.com&to=b@example.com"
        home = Home(
            tmp_path, RULES, f'{{slack: {{url: "{HOOK}"}}, mail: {{url: "{mail}"}}, console: {{url: "console://"}}}}'
        )
        home.environ |= side.environ
        done = home.walert("receivers", "test")
        assert (done.returncode, done.stderr) == (0, "")
        assert [line for line in done.stdout.splitlines() if line.endswith("delivered")] == [
            "slack: delivered",
            "mail: delivered",
            "console: delivered",
        ]
        assert home.rows("receivers", "test", "mail") == [{"name": "mail", "delivered": True, "reason": None}]
        (request,) = slack.requests()
    assert "the receiver slack works" in json.dumps(request.json)
    assert [str(m["Subject"]).startswith("[TEST] walert receivers test") for m in box.mails] == [True, True]
    assert all("image/png" in [part.get_content_type() for part in mail.walk()] for mail in box.mails)


def test_each_failure_has_its_reason_and_costs_no_other_receiver(tmp_path):
    side, secret = Side(tmp_path), "hunter2geheim"
    with side.hooks() as server:
        server.by_path = {f"/{secret}": Reply(403, f"no {secret}".encode())}
        receivers = {
            "refused": url(server, f"/{secret}"),
            "wrong": f"slack://{secret}",
            "fine": url(server, "/fine"),
            "console": "console://",
        }
        home = Home(tmp_path, RULES, json.dumps({name: {"url": address} for name, address in receivers.items()}))
        home.environ |= side.environ
        done = home.walert("receivers", "test", "--json")
    rows = {row["name"]: row for row in map(json.loads, done.stdout.splitlines())}  # the console's message is on stderr
    assert done.returncode == 5
    assert [name for name, row in rows.items() if row["delivered"]] == ["fine", "console"]
    assert "403" in rows["refused"]["reason"] and rows["wrong"]["reason"]
    assert secret not in done.stdout + done.stderr


def test_the_receivers_are_tried_at_once(tmp_path):
    """Each is answered only when all have asked."""
    side, names = Side(tmp_path), [f"r{n}" for n in range(6)]
    with side.hooks() as server:
        together = threading.Barrier(len(names))
        answer = server.reply_to

        def wait(path):
            together.wait(30)
            return answer(path)

        server.reply_to = wait
        home = Home(tmp_path, RULES, json.dumps({name: {"url": url(server, f"/{name}")} for name in names}))
        home.environ |= side.environ
        done = home.walert("receivers", "test")
    told = [line for line in done.stdout.splitlines() if line.endswith(": delivered")]
    assert (done.returncode, told) == (0, [f"{name}: delivered" for name in [*names, "console"]])


def test_a_name_that_no_receiver_has_is_told_with_the_nearest(tmp_path):
    home = Home(tmp_path, RULES, CONSOLE)
    for action in ("list", "test"):
        done = home.walert("receivers", action, "consle")
        assert (done.returncode, done.stdout) == (2, "")
        assert "there is no receiver 'consle'. Did you mean console?" in done.stderr


def test_detecting_a_log_needs_no_configuration(tmp_path):
    home = Home(tmp_path, RULES)
    home.config.unlink()
    home.log("a.jsonl", {"step": 3, "loss": 0.5})
    (row,) = home.rows("source", "detect", "runs")
    assert (row["file"], row["step"], row["records"]) == ("runs/a.jsonl", ["step"], 1)
