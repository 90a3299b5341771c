"""The commands: what they print, on which stream, with which exit code, for what is right and what is wrong.

What only fails to begin is called in this process: it takes a tenth of the time.
"""

import json
import os
import re
import shlex
import subprocess
import sys

import pytest
from daemons import WALERTD, Home
from loopback import Reply, smtp_server
from slackside import HOOK, Side, url

from walert.cli import main

RULES = "version: 1\nrules: [{title: High, when: loss > 2}]\n"
JAPANESE = "学習が終わりました"


def quiet_failure(done, code, *said):
    """One sentence or more on stderr, no traceback, nothing on stdout."""
    assert done.returncode == code, (done.returncode, done.stderr)
    assert "Traceback" not in done.stderr and done.stdout == ""
    for words in said:
        assert words in done.stderr, done.stderr


@pytest.fixture
def walert(tmp_path, monkeypatch, capsys):
    """A command in the folder of the test, without a process of its own."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("WALERT_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WALERT_HOME", str(tmp_path))

    def call(*arguments):
        capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as leaving:  # argparse's way
            code = leaving.code
        said = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, code, said.out, said.err)

    return call


# --- init and check


def test_what_init_writes_is_clean_works_and_is_never_overwritten(tmp_path):
    home = Home(tmp_path / "other", RULES)
    home.folder = tmp_path
    first = home.walert("init")
    assert first.returncode == 0 and "walert check" in first.stdout
    written = {name: (tmp_path / name).read_bytes() for name in ("walert.yaml", "rules/walert.yaml")}
    checked = home.walert("check")
    assert checked.returncode == 0, checked.stdout
    assert home.walert("init").returncode == 1
    (tmp_path / "rules" / "walert.yaml").unlink()
    (tmp_path / "walert.yaml").write_text("# mine\n")
    half = home.walert("init")
    assert half.returncode == 1 and "walert.yaml is there already" in half.stdout
    assert (tmp_path / "walert.yaml").read_text() == "# mine\n"
    assert (tmp_path / "rules" / "walert.yaml").read_bytes() == written["rules/walert.yaml"]
    (tmp_path / "walert.yaml").write_bytes(written["walert.yaml"] + b"state: here.db\n")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "a.jsonl").write_text(
        "".join(f'{{"step": {n}, "acc": 0.5, "loss": NaN}}\n' for n in range(1001, 1010))
    )
    done = home.run([*WALERTD, "--once"])
    assert done.returncode == 0 and "Low accuracy" in done.stdout and "finite" in done.stdout


def test_init_says_where_it_cannot_write(tmp_path, walert, monkeypatch):
    home = Home(tmp_path, RULES)
    home.config.unlink()
    (tmp_path / "rules").write_text("a file")
    done = walert("init")
    assert done.returncode == 2 and "rules is no folder" in done.stderr and "Traceback" not in done.stderr
    monkeypatch.chdir("/proc")
    assert walert("init").returncode == 2


# --- send


def test_send_reaches_slack_and_a_mailbox_and_says_so(tmp_path):
    side = Side(tmp_path)
    with side.slack() as slack, smtp_server() as box:
        mail = f"mailto://localhost:{box.port}?smtp=localhost&from=a@example.com&to=b@example.com"
        home = Home(tmp_path, RULES, f'{{slack: {{url: "{HOOK}"}}, mail: {{url: "{mail}"}}}}')
        home.environ |= side.environ
        done = home.walert("send", "--to", "slack", "Hello <@U1234ABCD>", "from <!here>")
        assert (done.returncode, done.stderr) == (0, "slack: delivered\n")
        done = home.walert("send", "--to", "mail", JAPANESE, "本文", "--level", "error")
        assert (done.returncode, done.stderr) == (0, "mail: delivered\n")
        (request,) = slack.requests()
    assert "Hello <@U1234ABCD>" in request.json["text"] and "<!here>" in request.json["text"]
    assert JAPANESE in str(box.mails[0]["Subject"])


def test_send_says_why_not_and_never_the_url(tmp_path, walert, monkeypatch):
    side, secret = Side(tmp_path), "hunter2geheim"
    with side.hooks() as server:
        server.reply = Reply(403, f"no {secret}".encode())
        receivers = {
            "refused": url(server, f"/{secret}"),
            "nowhere": f"json://{secret}@127.0.0.1:9/",
            "wrong": f"slack://{secret}",
        }
        Home(tmp_path, RULES, json.dumps({name: {"url": address} for name, address in receivers.items()}))
        for name, value in side.environ.items():
            monkeypatch.setenv(name, value)
        for name in receivers:
            done = walert("send", "--to", name, "T", "x")
            quiet_failure(done, 5, f"{name}: not delivered")
            assert secret not in done.stderr
    quiet_failure(walert("send", "--to", "refusd", "T", "x"), 2, "refused")
    quiet_failure(walert("send", "--to", "refused", "T", "x", "--level", "loud"), 2, "INFO, WARN or ERROR")
    quiet_failure(walert("send", "T", "x"), 2, "--to")


# --- replay


def test_replay_of_what_is_no_log_says_so(tmp_path, walert):
    Home(tmp_path, RULES)
    quiet_failure(walert("replay", "none.jsonl"), 2, "none.jsonl: there is no such file")
    os.mkfifo(tmp_path / "pipe")
    quiet_failure(walert("replay", "pipe"), 2, "pipe: is neither a file nor a folder")
    quiet_failure(walert("replay", "/dev/zero"), 2, "/dev/zero: is neither a file nor a folder")
    quiet_failure(walert("replay", "--rules", "none.yaml", "runs"), 2, "none.yaml", "not-found")
    quiet_failure(walert("replay", "--rules", "pack:nope", "runs"), 2, "there is no rule pack `nope`")
    quiet_failure(walert("replay", "--source", "stepiteration", "runs"), 2, "write KEY=VALUE")
    quiet_failure(walert("replay", "--source", "colour=red", "runs"), 2, "colour")
    quiet_failure(walert("replay"), 2, "LOG")
    (tmp_path / "broken.yaml").write_text("rules: [{title: T, when: 'x >'}]")
    quiet_failure(walert("replay", "--rules", "broken.yaml", "runs"), 2, "broken.yaml:1:")


def test_replay_of_an_empty_file_a_folder_without_logs_and_binary_rubbish_is_fine(tmp_path, walert):
    home = Home(tmp_path, RULES)
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "binary.bin").write_bytes(bytes(range(256)) * 50)
    (home.runs / "readme.md").write_text("no log")
    os.mkfifo(home.runs / "pipe.jsonl")
    (home.runs / "gone.jsonl").symlink_to("nowhere")
    empty, folder = walert("replay", "empty.jsonl"), walert("replay", "runs")
    assert empty.returncode == folder.returncode == 0
    assert empty.stdout.endswith("1 run, 0 records, 0 bad lines: 0 messages, 0 suppressed\n")
    assert "there are no logs in it" in folder.stderr
    binary = walert("replay", "--json", "binary.bin")
    (summary,) = [json.loads(line) for line in binary.stdout.splitlines()]
    assert binary.returncode == 0 and summary["bad_lines"] > 0
    shown = walert("replay", "binary.bin")
    assert shown.stderr.startswith("binary.bin:1: ") and "\x1b" not in shown.stdout + shown.stderr


def test_replay_and_the_daemon_tell_the_same(tmp_path):
    home = Home(tmp_path, RULES.replace("loss > 2}", "loss > 2, for: 2, wait_duration: 5s, resolved: true}"))
    for name, start in (("a", 0), ("b/m", 3)):
        values = [3, 3, 1, 3, 3, 3, 1, float("nan"), 4, 4, 4, 4, 4, 4]
        home.log(
            f"{name}.jsonl", *({"loss": v, "timestamp": 1.7e9 + start + n, "step": n} for n, v in enumerate(values))
        )
    done = home.once()
    assert done.returncode == 0
    decided = sorted((r["alert"]["run"]["name"], r["alert"]["step"], r["alert"]["text"]) for r in home.rows("alerts"))
    predicted = [r for r in home.predicted() if r["happening"] == "message"]
    assert decided == sorted((r["run"], r["step"], r["text"]) for r in predicted)
    assert home.rows("status")[0]["status"]["counters"]["suppressed"] == len(
        [r for r in home.predicted() if r["happening"] == "suppressed"]
    )


# --- all of them


VERBS = ("status", "alerts", "outbox", "replay", "send", "check")
REST = {"replay": ["runs"], "send": ["--to", "console", "T", "x"]}


@pytest.mark.parametrize("verb", VERBS)
def test_a_configuration_that_is_missing_is_exit_code_2_for_every_verb(tmp_path, walert, verb):
    Home(tmp_path, RULES)
    done = walert(verb, "--config", "none.yaml", *REST.get(verb, []))
    assert done.returncode == 2 and "none.yaml" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_a_verb_or_option_that_there_is_not_is_exit_code_2(tmp_path, walert):
    Home(tmp_path, RULES)
    quiet_failure(walert("statsu"), 2, "Did you mean `status`?")
    quiet_failure(walert("status", "--jason"), 2, "--jason")
    assert re.fullmatch(r"walert \d+\.\d+.*\n", walert("--version").stdout)
    assert "walert VERB" in walert().stdout


def test_a_damaged_or_foreign_state_file_is_told_of_by_those_who_only_look(tmp_path, walert):
    Home(tmp_path, RULES)
    (tmp_path / "walert.db").write_bytes(b"\xff" * 5000)
    for arguments in (["status"], ["alerts"], ["outbox"], ["outbox", "retry", "1"]):
        quiet_failure(walert(*arguments), 2, "walert.db")
    assert (tmp_path / "walert.db").read_bytes() == b"\xff" * 5000


# --- where the output goes


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
@pytest.mark.parametrize("command", ["packs", "schema rules", "check --explain", "receivers"])
def test_output_that_cannot_be_written_is_one_sentence(tmp_path, command):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "walert", *command.split()],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert (done.returncode, done.stderr) == (1, "walert: the output cannot be written: No space left on device.\n")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-"])
def test_closed_streams_change_no_exit_code(tmp_path, closed):
    (tmp_path / "broken.yaml").write_text("version: 1\nrules: [{title: T, when: acc >}]\n")
    for command, code in (("packs", 0), ("check broken.yaml", 1), ("schema nope", 2), ("receivers", 0)):
        line = f"{shlex.quote(sys.executable)} -m walert.cli {command} {closed}"
        done = subprocess.run(line, shell=True, cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode, "Traceback" in done.stderr) == (code, False), (command, done.stderr)


def test_what_is_unknown_is_told_on_stderr(walert):
    for command in ("schema nope", "packs nope", "check nope.yaml", "check --explain nope"):
        quiet_failure(walert(*command.split()), 2, "there is no", "nope")


def test_silence_alone_lists(tmp_path):
    home = Home(tmp_path, RULES)
    home.once()
    assert home.walert("silence").stdout == home.walert("silence", "list").stdout == "no silences\n"


# --- what an option asks for


def test_init_writes_where_config_says(walert, tmp_path):
    first = walert("init", "--config", "host/my walert.yaml")
    assert first.returncode == 0 and "walert check --config 'host/my walert.yaml'" in first.stdout
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.yaml")) == [
        "host/my walert.yaml",
        "host/rules/walert.yaml",
    ]
    assert walert("check", "--config", "host/my walert.yaml").stdout == "2 files, 1 rule: no problems\n"


def test_a_folder_without_anything_to_check_is_no_success(walert, tmp_path):
    (tmp_path / "rulez").mkdir()
    quiet_failure(walert("check", "rulez"), 2, "there is no YAML file in rulez")
    assert walert("check").returncode == 0


def test_how_many_judgements_is_a_number(walert):
    for wrong in ("0", "x", "-1", "1.5", "9" * 5000):
        quiet_failure(walert("explain", "run", "title", f"--last={wrong}"), 2, "a number from 1 to 100000")
