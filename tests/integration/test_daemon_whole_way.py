"""The whole way: lines in a file, and messages as they arrive at Slack, at a mail server and on the console."""

import json
import subprocess
import sys

import pytest
from daemons import WALERTD, Home, eventually
from loopback import smtp_server
from slackside import HOOK, Side, clean

JAPANESE = "検証損失が発散しています"
RULES = f"""\
version: 1
rules:
  - title: Low accuracy <@U1234ABCD>
    when: acc < 0.5
    text: "acc {{acc:.2f}} at step {{step}} <!here> <@U5678EFGH>"
  - {{title: {JAPANESE}, when: val_loss > 10, level: ERROR}}
"""


@pytest.fixture
def side(tmp_path):
    return Side(tmp_path)


def receivers(port):
    mail = f"mailto://localhost:{port}?smtp=localhost&from=walert@example.com&to=ann@example.com"
    return f'{{slack: {{url: "{HOOK}"}}, mail: {{url: "{mail}", min_level: ERROR}}, console: {{url: "console://"}}}}'


def train(home, script, **environ):
    """A training script to its end, as its user starts it."""
    code = [sys.executable, "-W", "error", "-c", script]
    environ = clean() | {"WALERT_HOME": str(home.folder), **environ}
    done = subprocess.run(code, cwd=home.folder, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_lines_of_a_file_and_calls_from_code_reach_slack_a_mailbox_and_the_console(tmp_path, side):
    with side.slack() as slack, smtp_server() as box:
        home = Home(tmp_path, RULES, receivers(box.port))
        with home.daemon(PYTHONWARNINGS="error", **side.environ) as daemon:
            home.log("foreign/metrics.jsonl", {"acc": 0.9}, {"acc": 0.31}, {"val_loss": 12.5})
            daemon.until(lambda: len(daemon.titles()) == 2)
            eventually(lambda: not home.outbox("waiting"))
            stderr = train(
                home,
                "import walert\n"
                "walert.init(project='vision', name='resnet')\n"
                "walert.log({'acc': 0.2}, step=7)\n"
                "walert.alert('Low accuracy <@U1234ABCD>', 'the same title')\n"
                "walert.alert(title='Look <@U9999ZZZZ> & see', text='a <b> from data', level='WARN')\n"
                "walert.finish()\n",
            )
            daemon.until(lambda: "Run finished" in daemon.titles())
            eventually(lambda: not home.outbox("waiting"))
        posted = [request.json for request in slack.requests()]
    assert stderr == ""  # a walertd follows: nothing to say
    # What comes in one moment is one message that names it all; how lines and calls fall into passes is the machine's affair.
    told = [line for payload in posted for line in payload["text"].split("\n")]
    first = told.index("🟡 *WARN: Low accuracy <@U1234ABCD>*")
    assert told[first + 1] == "acc 0.31 at step 2 <!here> <@U5678EFGH>"
    assert f"🔴 *ERROR: {JAPANESE}*" in told
    again = told.index("🟡 *WARN: Low accuracy <@U1234ABCD>*", first + 1)
    assert told[again + 1].startswith("acc 0.20 at step 7")
    assert "🟡 *WARN: Look <@U9999ZZZZ> &amp; see*" in told and "🔵 *INFO: Run finished*" in told
    (mail,) = box.mails
    assert str(mail["Subject"]) == f"[ERROR] {JAPANESE} · foreign/metrics.jsonl"
    assert "val_loss = 12.5" in mail.get_body(("plain",)).get_content()
    console = "".join(daemon.printed)
    assert "WARN  Low accuracy" in console and "WARN: Low accuracy" in console and "WARN: Look" in console
    assert JAPANESE in console
    held = daemon.kinds("suppressed")
    assert [e["title"] for e in held] == ["Low accuracy <@U1234ABCD>"]  # the call shares the rule's cooldown


def test_a_failed_run_says_so_and_what_was_held_back(tmp_path):
    home = Home(tmp_path, "version: 1\nrules: [{title: High, when: loss > 2, wait_duration: 1h}]\n")
    script = """
import walert
walert.init(project="p", name="n")
for step in range(5):
    walert.log({"loss": 3.0}, step=step)
walert.finish(exit_code=3)
"""
    with home.daemon() as daemon:
        train(home, script)
        daemon.until(lambda: "Run failed" in "".join(daemon.printed))
        daemon.until(lambda: "alert:" in "".join(daemon.printed).partition("Run failed")[2])
    told = "".join(daemon.printed).partition("Run failed")[2]
    assert "High" in told and "4" in told
    assert [e["level"] for e in daemon.kinds("alert")] == ["WARN", "ERROR"]


def test_what_was_written_while_no_walertd_ran_arrives_when_one_does(tmp_path):
    home = Home(tmp_path, "version: 1\nrules: []\n")
    stderr = train(home, "import walert\nwalert.alert('Early', 'before anybody followed')\n")
    assert "no walertd follows" in stderr
    with home.daemon() as daemon:
        daemon.until(lambda: "Early" in "".join(daemon.printed))
    assert daemon.titles() == ["Early"]


def test_without_any_configuration_it_follows_the_runs_of_walert_home_and_tells_the_console(tmp_path):
    home = Home(tmp_path, "")
    home.config.unlink()
    home.environ |= {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "none")}
    script = "import walert\nwalert.init(project='p')\nwalert.log({'loss': float('nan')}, step=1)\nwalert.alert('Mine', 'x')\n"
    train(home, script)
    done = home.run([*WALERTD, "--once"])
    assert done.returncode == 0, done.stderr
    assert "Mine" in done.stdout and "finite" in done.stdout
    assert (tmp_path / "walert.db").exists()


def test_every_listing_tells_the_same_story(tmp_path):
    home = Home(tmp_path, RULES)
    home.log("a.jsonl", {"acc": 0.3, "note": JAPANESE})
    with home.daemon() as daemon:
        daemon.until(lambda: daemon.printed)
        eventually(lambda: all(m["state"] == "delivered" for a in home.rows("alerts") for m in a["messages"]))
        (alert,) = home.rows("alerts")
        (status,) = home.rows("status")
        running = home.walert("status")
    assert (alert["alert"]["title"], alert["alert"]["step"]) == ("Low accuracy <@U1234ABCD>", 1)
    assert alert["alert"]["origin"].endswith("rules.yaml:3")
    assert [m["receiver"] for m in alert["messages"]] == ["console"]
    assert (status["running"], status["pid"]) == (True, daemon.process.pid)
    assert status["status"]["counters"]["records"] == 1
    assert running.returncode == 0 and "Low accuracy" in running.stdout
    assert home.walert("status").returncode == 3
    assert json.loads(home.walert("status", "--json").stdout)["running"] is False
