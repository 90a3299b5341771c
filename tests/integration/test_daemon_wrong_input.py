"""Wrong input of every kind: one clear line each, the right exit code, and nothing else is stopped by it."""

import os
import socket
import subprocess

import pytest
from daemons import WALERTD, Home, eventually

GOOD = "version: 1\nrules: [{title: High, when: loss > 2}]\n"
SECRET = "hunter2geheim"


def start(home, *arguments, **environ):
    return home.run([*WALERTD, *arguments], **environ)


# --- what keeps walertd from starting: exit code 2 and a sentence


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("watch: [runs/\n", "walert.yaml:2:1: error[syntax]"),
        ("watch: [runs/]\nreciever: {}\n", "walert.yaml:2:1: error[unknown-key]"),
        ('receivers: {me: {url: "${NOT_SET_ANYWHERE}"}}\n', "the variable NOT_SET_ANYWHERE is not set"),
        ("default_receivers: [team]\n", "error[unknown-receiver]: there is no receiver `team`"),
        ("rules: ['pack:trainign']\n", "there is no pack `trainign`. Did you mean `training`?"),
        ("- a list\n", "walert.yaml:1:1: error["),
        ("\xff\x00", "walert.yaml"),
    ],
)
def test_an_unusable_configuration_is_exit_code_2_and_says_where(tmp_path, config, said):
    home = Home(tmp_path, GOOD)
    home.config.write_bytes(config.encode("latin-1"))
    done = start(home)
    assert done.returncode == 2
    assert said in done.stderr and "cannot be used" in done.stderr
    assert "Traceback" not in done.stderr and done.stdout == ""


def test_a_configuration_that_is_missing_or_a_folder_is_exit_code_2(tmp_path):
    home = Home(tmp_path, GOOD)
    missing, folder = start(home, "--config", "none.yaml"), start(home, "--config", "runs")
    assert missing.returncode == folder.returncode == 2
    assert "none.yaml cannot be read: No such file or directory" in missing.stderr
    assert "runs cannot be read: Is a directory" in folder.stderr
    by_variable = start(home, WALERT_CONFIG="elsewhere.yaml")
    assert by_variable.returncode == 2 and "elsewhere.yaml" in by_variable.stderr


@pytest.mark.parametrize("place", ["/proc/walert/walert.db", "rules.yaml/walert.db", "runs"])
def test_a_state_file_that_cannot_be_written_is_exit_code_2(tmp_path, place):
    home = Home(tmp_path, GOOD)
    home.config.write_text(f"rules: [rules.yaml]\nstate: {place}\n")
    done = start(home)
    assert done.returncode == 2
    assert "`state:`" in done.stderr and "Traceback" not in done.stderr


def test_an_option_that_there_is_not_is_exit_code_2(tmp_path):
    home = Home(tmp_path, GOOD)
    assert start(home, "--onse").returncode == 2
    assert start(home, "--log-format", "xml").returncode == 2


# --- what costs one file, one log or one receiver, and no more


def wrong_rules(folder):
    """A folder of rule files, each wrong in its own way, but for one."""
    folder.mkdir()
    texts = {
        "a_good": GOOD,
        "b_no_yaml": "rules: [{title: ",
        "c_key": "version: 1\nrules: [{title: T, when: x > 1, whem: 2}]\n",
        "d_level": "version: 1\nrules: [{title: T, when: x > 1, level: FATAL}]\n",
        "e_condition": "version: 1\nrules: [{title: T, when: 'x >'}]\n",
        "f_stranger": "version: 1\nrules: [{title: Stranger, when: loss > 2, receivers: [nobody]}]\n",
        "g_binary": "\0\1\2",
        "h_empty": "",
        "i_good": "version: 1\nrules: [{title: Low, when: loss < 1}]\n",
    }
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    (folder / "j_dangling.yaml").symlink_to("nowhere")
    (folder / "k_folder.yaml").mkdir()


def wrong_logs(runs):
    """What looks like logs and is none."""
    (runs / "folder.jsonl").mkdir(parents=True)
    os.mkfifo(runs / "pipe.jsonl")
    (runs / "dangling.jsonl").symlink_to("nowhere")
    (runs / "loop").symlink_to(".")
    (runs / "binary.jsonl").write_bytes(bytes(range(256)) * 4 + b"\n{}\n[1]\nnull\n" + b"\xff\xfe\n")
    (runs / "device.jsonl").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as bound:
        here = os.getcwd()
        os.chdir(runs)  # a socket's path is short
        bound.bind("socket.jsonl")
        os.chdir(here)


def test_a_wrong_rule_file_log_or_receiver_stops_no_other(tmp_path):
    home = Home(tmp_path, GOOD)
    bad = {
        "slak": f"slak://{SECRET}/b/c",
        "half": f"slack://{SECRET}",
        "none": f"no url {SECRET}",
        "gone": f"json://user:{SECRET}@127.0.0.1:9/",
    }
    wrong_rules(tmp_path / "rules")
    wrong_logs(home.runs)
    home.configure(
        "{console: {url: 'console://'}, " + ", ".join(f"{n}: {{url: '{u}'}}" for n, u in bad.items()) + "}",
        rules="[rules/]",
    )
    with home.daemon() as daemon:
        home.log("a.jsonl", {"loss": 3})
        home.log("b.jsonl", {"loss": 0.5})
        daemon.until(lambda: {"High", "Low", "Stranger"} <= set(daemon.titles()))
        daemon.until(lambda: all(t in "".join(daemon.printed) for t in ("WARN: High", "WARN  Low", "WARN: Stranger")))
        daemon.until(lambda: len([e for e in daemon.kinds("delivery") if "dead:" in e["text"]]) == 6)
        shown = home.walert("outbox").stdout + home.walert("status").stdout
        dead = home.rows("outbox")
    problems = [e["text"] for e in daemon.kinds("problem")]
    for name in ("b_no_yaml", "c_key", "d_level", "e_condition", "g_binary"):
        assert len([p for p in problems if f"{name}.yaml:" in p]) == 1, (name, problems)
    for name in ("slak", "half", "none"):
        assert any(f"{name}: " in e["text"] for e in daemon.kinds("receiver")), name
        assert {r["state"] for r in dead if r["receiver"] == name} == {"dead"}
        assert all(r["reason"] for r in dead if r["receiver"] == name)
    assert {r["state"] for r in dead if r["receiver"] == "gone"} == {"waiting"}
    assert any("no receiver is called 'nobody'" in e["text"] for e in daemon.kinds("unknown-receiver"))
    everything = daemon.said + "".join(daemon.printed) + shown + (tmp_path / "walert.db").read_bytes().decode("latin-1")
    assert SECRET not in everything
    assert daemon.process.returncode == 0 and "Traceback" not in daemon.said


def test_check_tells_of_a_receiver_that_cannot_work_without_its_secret(tmp_path):
    home = Home(tmp_path, GOOD, f"{{a: {{url: 'slak://{SECRET}'}}, console: {{url: 'console://'}}}}")
    checked = home.walert("check")
    assert checked.returncode == 1
    assert "there is no service slak://. Did you mean slack://?" in checked.stdout
    assert SECRET not in checked.stdout + checked.stderr


def test_a_watched_folder_that_is_missing_is_followed_when_it_appears(tmp_path):
    home = Home(tmp_path, GOOD)
    home.configure(watch="[later/deep/, 'globbed/*/m.jsonl']")
    with home.daemon() as daemon:
        later = tmp_path / "later" / "deep"
        later.mkdir(parents=True)
        (later / "a.jsonl").write_text('{"loss": 3}\n')
        daemon.until(lambda: daemon.titles() == ["High"])
        with open(later / "b.jsonl", "w") as log:
            log.write('{"loss": 4}\n')
        daemon.until(lambda: len(daemon.titles()) == 2, 1.5)  # watched by now, not only swept
        (tmp_path / "globbed" / "x").mkdir(parents=True)
        (tmp_path / "globbed" / "x" / "m.jsonl").write_text('{"loss": 5}\n')
        daemon.until(lambda: len(daemon.titles()) == 3)


def test_a_watched_folder_that_is_made_anew_is_watched_anew(tmp_path):
    home = Home(tmp_path, GOOD)
    with home.daemon() as daemon:
        home.log("a.jsonl", {"loss": 3})
        daemon.until(lambda: len(daemon.titles()) == 1)
        home.runs.rename(tmp_path / "old")
        home.runs.mkdir()
        home.log("b.jsonl", {"loss": 4})
        daemon.until(lambda: len(daemon.titles()) == 2)


def test_once_says_2_for_a_broken_rule_file_and_judges_by_the_others(tmp_path):
    home = Home(tmp_path, GOOD)
    (tmp_path / "broken.yaml").write_text("rules: [")
    home.configure(rules="[rules.yaml, broken.yaml, missing.yaml]")
    home.log("a.jsonl", {"loss": 3})
    done = home.once()
    assert done.returncode == 2
    assert "broken.yaml:" in done.stderr and "missing.yaml:0:0: error[not-found]" in done.stderr
    assert "WARN  High" in done.stdout


def test_a_hostile_event_of_a_log_is_a_bad_line_and_the_daemon_lives(tmp_path):
    home = Home(tmp_path, GOOD)
    events = [
        {"event": "start", "id": {"a": 1}, "name": ["x"], "project": 7, "tags": "nope", "rank": "x", "host": 1},
        {"event": "start", "id": "../../etc", "name": "\x1b[31m", "rank": -1},
        {"event": "finish", "state": {"deep": []}, "exit_code": "x"},
        {"event": "finish", "state": "weird"},
        {"event": "alert", "title": "T" * 9000, "text": "\ud800 \x1b]0;x\x07"},
        {"event": "alert", "title": "T", "text": "x", "wait_duration": -1},
        {"event": "alert", "title": 1, "text": None},
        {"event": "heartbeat", "x": "y"},
        {"event": "other"},
        "no object",
    ]
    for number, event in enumerate(events):
        home.log(f"{number}.jsonl", {"_walert": event, "_timestamp": 1.8e9}, {"loss": 3, "_timestamp": 1e300})
        home.log("all.jsonl", {"_walert": event})
    home.log("all.jsonl", {"loss": 3})
    done = home.once()
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr and "internal" not in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert sum("[WARN] firing" in line for line in done.stderr.splitlines()) >= 9


def test_a_name_of_a_log_that_is_no_text_can_be_printed(tmp_path):
    home = Home(tmp_path, GOOD)
    path = os.fsencode(home.runs) + b"/\xff\n\x1b.jsonl"
    with open(path, "wb") as log:
        log.write(b'{"loss": 3}\n')
    with home.daemon() as daemon:
        daemon.until(lambda: daemon.titles() == ["High"])
        eventually(lambda: home.rows("alerts"))
        (row,) = home.rows("alerts")
        shown = home.walert("alerts")
        replayed = home.predicted()
    assert row["alert"]["run"]["name"] == "\\xff\\n\\x1b.jsonl"
    assert shown.returncode == 0 and "High" in shown.stdout and "\x1b" not in shown.stdout
    assert [r["happening"] for r in replayed] == ["firing", "message", "summary"]


def test_walertd_started_without_standard_streams_writes_into_no_file(tmp_path):
    home = Home(tmp_path, GOOD)
    home.log("a.jsonl", {"loss": 3})
    line = " ".join([*WALERTD, "--once", "<&-", ">&-", "2>&-"])
    done = subprocess.run(line, shell=True, cwd=tmp_path, env=home.environ, timeout=60)
    assert done.returncode == 1  # the console could not take it
    assert [r["title"] for r in home.rows("outbox")] == ["High"]
    assert home.rows("status")[0]["status"]["counters"]["records"] == 1


def test_a_watched_folder_that_is_missing_is_said_and_once_ends_with_2_after_judging_the_others(tmp_path):
    home = Home(tmp_path, GOOD)
    home.config.write_text(home.config.read_text().replace("[runs/]", "[runs/, gone/]"))
    home.log("m.jsonl", {"step": 1, "loss": 9})
    done = home.once()
    assert done.returncode == 2
    assert f"{tmp_path}/gone: there is no such folder" in done.stderr
    assert home.walert("alerts", "--json").stdout.strip()
