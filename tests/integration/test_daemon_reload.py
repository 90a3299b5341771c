"""Rules and configuration changed under a running walertd: by SIGHUP or by themselves, good ones and broken ones."""

import json
import signal

import pytest
from daemons import Home, eventually
from slackside import Side, url

RULE = "version: 1\nrules: [{{title: {title}, when: '{when}', wait_duration: {wait}, repeat: never, text: '{text}'}}]\n"


def rule(title="High", when="loss > 2", wait="1h", text="loss {loss}"):
    return RULE.format(title=title, when=when, wait=wait, text=text)


def hup(daemon):
    """Reload, and wait until it is done."""
    before = len(daemon.kinds("reload"))
    daemon.send(signal.SIGHUP)
    daemon.until(lambda: len(daemon.kinds("reload")) > before)
    return daemon.kinds("reload")[-1]["text"]


def problems(daemon):
    return [e["text"] for e in daemon.kinds("problem")]


def test_a_rule_file_that_changes_is_read_anew_by_itself(tmp_path):
    home = Home(tmp_path, rule())
    with home.daemon() as daemon:
        home.rules.write_text(rule("Low", "loss < 1"))
        daemon.until(lambda: daemon.kinds("reload"))
        home.log("a.jsonl", {"loss": 3.0}, {"loss": 0.5})
        daemon.until(lambda: daemon.titles() == ["Low"])


def test_a_broken_rule_file_keeps_its_last_good_version_and_is_told_once(tmp_path):
    home = Home(tmp_path, rule())
    with home.daemon() as daemon:
        home.rules.write_text("version: 1\nrules: [{title: Low, when: 'loss <'}]\n")
        hup(daemon)
        hup(daemon)
        assert len(problems(daemon)) == 1
        assert f"{home.rules}:2:" in problems(daemon)[0] and "error[" in problems(daemon)[0]
        home.log("a.jsonl", {"loss": 3.0})
        daemon.until(lambda: daemon.titles() == ["High"])
        home.rules.write_text("version: 1\nrules: [{title: Low, when: 'loss <<<'}]\n")
        hup(daemon)
        assert len(problems(daemon)) == 2  # another mistake
        home.rules.unlink()
        hup(daemon)
        assert "not-found" in problems(daemon)[2]
        home.log("b.jsonl", {"loss": 4.0})
        daemon.until(lambda: daemon.titles() == ["High"] * 2)
        home.rules.write_text(rule("Low", "loss < 1"))
        assert hup(daemon) == "rules; 1 rules in force"
        home.log("b.jsonl", {"loss": 0.5})
        daemon.until(lambda: daemon.titles() == ["High", "High", "Low"])
        home.rules.write_text("rules: [")
        hup(daemon)
        assert len(problems(daemon)) == 4


def test_a_new_title_or_text_keeps_state_and_cooldown_and_a_new_condition_is_rebuilt_silently(tmp_path):
    home = Home(tmp_path, rule(when="mean(loss, 3) > 2"))
    with home.daemon() as daemon:
        home.log("a.jsonl", {"loss": 3.0}, {"loss": 3.0}, {"loss": 3.0})
        daemon.until(lambda: daemon.titles() == ["High"])
        home.rules.write_text(rule(when="mean(loss, 3) > 2", text="now {loss} is new"))
        assert hup(daemon).startswith("rules;")
        home.log("a.jsonl", {"loss": 3.0})
        home.log("b.jsonl", {"loss": 5.0}, {"loss": 5.0}, {"loss": 5.0})
        daemon.until(lambda: len(daemon.titles()) == 2)
        daemon.until(lambda: "now 5 is new" in "".join(daemon.printed))
        assert [e["run"] for e in daemon.kinds("firing")] == ["a.jsonl", "b.jsonl"]  # a goes on firing, untold
        # Another condition, true of what is there since line 3: rebuilt, and owed one message.
        home.rules.write_text(rule("Mean of four", "mean(loss, 4) > 2"))
        hup(daemon)
        home.log("a.jsonl", {"loss": 3.0})
        daemon.until(lambda: "Mean of four" in daemon.titles())
        home.log("a.jsonl", {"loss": 3.0})
        home.log("c.jsonl", {"loss": 9.0}, {"loss": 9.0}, {"loss": 9.0}, {"loss": 9.0})
        daemon.until(lambda: len(daemon.titles()) == 4)
    assert daemon.titles() == ["High", "High", "Mean of four", "Mean of four"]
    assert [e["run"] for e in daemon.kinds("alert")] == ["a.jsonl", "b.jsonl", "a.jsonl", "c.jsonl"]
    assert not daemon.kinds("internal")


def test_a_cooldown_survives_reload_and_restart(tmp_path):
    home = Home(tmp_path, "version: 1\nrules: [{title: High, when: loss > 2, wait_duration: 1h}]\n")
    with home.daemon() as daemon:
        home.log("a.jsonl", {"loss": 3.0})
        daemon.until(lambda: daemon.titles() == ["High"])
        home.log("a.jsonl", {"loss": 1.0}, {"loss": 3.0})
        daemon.until(lambda: daemon.kinds("suppressed"))
        home.rules.write_text("version: 1\nrules: [{title: High, when: loss > 2.5, wait_duration: 1h}]\n")
        hup(daemon)
        home.log("a.jsonl", {"loss": 1.0}, {"loss": 3.0})
        daemon.until(lambda: len(daemon.kinds("suppressed")) == 2)
    with home.daemon() as again:
        home.log("a.jsonl", {"loss": 1.0}, {"loss": 3.0})
        again.until(lambda: again.kinds("suppressed"))
        assert "3 since the last message" in again.kinds("suppressed")[0]["text"]
        assert again.titles() == []


def test_a_changed_receiver_takes_the_next_message_and_a_broken_configuration_keeps_the_last_good_one(tmp_path):
    side = Side(tmp_path)
    with side.hooks() as server:
        one, two = (f"{{hook: {{url: '{url(server, path)}'}}}}" for path in ("/one", "/two"))
        home = Home(tmp_path, rule(), one)
        with home.daemon(**side.environ) as daemon:
            home.log("a.jsonl", {"loss": 3.0})
            eventually(lambda: server.told.qsize() == 1)
            home.configure(two)
            daemon.until(lambda: daemon.kinds("reload"))  # by itself
            home.log("b.jsonl", {"loss": 4.0})
            eventually(lambda: server.told.qsize() == 2)
            home.configure("{hook: {url: '${NOT_SET}'}}")
            hup(daemon)
            hup(daemon)
            home.rules.write_text(rule(text="same mistake in the configuration, other rules"))
            hup(daemon)
            assert len([p for p in problems(daemon) if "NOT_SET is not set" in p]) == 1
            home.log("c.jsonl", {"loss": 5.0})
            eventually(lambda: server.told.qsize() == 3)
            home.configure("{hook: {url: 'slak://x/y'}}")
            hup(daemon)
            home.log("d.jsonl", {"loss": 6.0})
            daemon.until(lambda: [e for e in daemon.kinds("delivery") if "dead" in e["text"]])
            home.configure(two)
            hup(daemon)
            (dead,) = home.rows("outbox")
            assert home.walert("outbox", "retry", str(dead["id"])).returncode == 0
            eventually(lambda: server.told.qsize() == 4)
            paths = [request.path for request in server.requests()]
    assert paths == ["/one", "/two", "/two", "/two"]
    assert "slak://" in dead["reason"] and "x/y" not in dead["reason"]


def test_a_new_root_is_followed_and_told_to_training_scripts(tmp_path):
    home = Home(tmp_path, rule())
    with home.daemon() as daemon:
        (tmp_path / "more").mkdir()
        (tmp_path / "more" / "x.jsonl").write_text('{"loss": 3}\n')
        home.configure(watch="[runs/, more/]")
        hup(daemon)
        daemon.until(lambda: daemon.titles() == ["High"])
        with open(tmp_path / "more" / "y.jsonl", "w") as log:
            log.write('{"loss": 4}\n')
        daemon.until(lambda: len(daemon.titles()) == 2, 1.5)
        assert str(tmp_path / "more") in (tmp_path / "walert.db.lock").read_text()
        home.configure(watch="[more/]")
        hup(daemon)
        home.log("a.jsonl", {"loss": 3})
        with open(tmp_path / "more" / "z.jsonl", "w") as log:
            log.write('{"loss": 5}\n')
        daemon.until(lambda: len(daemon.titles()) == 3)
    assert [e["run"] for e in daemon.kinds("alert")] == ["x.jsonl", "y.jsonl", "z.jsonl"]


@pytest.mark.parametrize("change", ["restart", "reload"])
def test_what_fires_goes_on_firing_and_resolves_once_across_a_change(tmp_path, change):
    text = "version: 1\nrules: [{{title: High, when: loss > 2, resolved: true, text: '{}'}}]\n"
    home = Home(tmp_path, text.format("one"))
    daemon = home.daemon()
    home.log("a.jsonl", {"loss": 3.0}, {"loss": 3.0})
    daemon.until(lambda: daemon.titles() == ["High"])
    home.rules.write_text(text.format("two"))
    if change == "restart":
        assert daemon.stop() == 0
        daemon = home.daemon()
    else:
        hup(daemon)
    home.log("a.jsonl", {"loss": 1.0}, {"loss": 1.0})
    daemon.until(lambda: daemon.kinds("resolved"))
    daemon.stop()
    kinds = [json.loads(row)["alert"]["kind"] for row in home.walert("alerts", "--json").stdout.splitlines()]
    assert kinds == ["firing", "resolved"]
