"""walertd's own input and output: strict warnings, a closed stdout, pipes that nobody reads, colour, both forms of its log."""

import json
import os
import re
import subprocess
import sys

from daemons import WALERTD, Home, eventually

RULES = "version: 1\nrules: [{title: High, when: loss > 2, wait_duration: 0, repeat: always}]\n"


def test_warnings_as_errors_stop_nothing(tmp_path):
    home = Home(tmp_path, RULES, '{console: {url: "console://"}, gone: {url: "json://127.0.0.1:9/"}}')
    command = [sys.executable, "-W", "error", *WALERTD[1:], "--log-format", "json"]
    daemon = subprocess.Popen(
        command, cwd=tmp_path, env=home.environ | {"PYTHONWARNINGS": "error"}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    with daemon:
        assert daemon.stderr is not None and daemon.stdout is not None
        lines = [json.loads(daemon.stderr.readline())]
        for n in range(3):
            home.log(f"{n}/a.jsonl", {"loss": 3.0 + n})
            while not any(f"{n}/a.jsonl" in line["text"] for line in lines):
                lines.append(json.loads(daemon.stderr.readline()))
        daemon.terminate()
        lines += [json.loads(line) for line in daemon.stderr]
    assert daemon.returncode == 0
    assert not [line for line in lines if "Warning" in line["text"] or "watcher has died" in line["text"]]


def test_a_reader_that_goes_away_stops_nothing_and_its_messages_wait(tmp_path):
    home = Home(tmp_path, RULES)
    daemon = subprocess.Popen(
        [*WALERTD], cwd=tmp_path, env=home.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    with daemon:
        assert daemon.stderr is not None and daemon.stdout is not None
        daemon.stderr.readline()
        daemon.stdout.close()
        daemon.stderr.close()
        home.log("a.jsonl", {"loss": 3.0}, {"loss": 4.0})
        eventually(lambda: home.counters().get("records") == 2 and any(r.reason for r in home.outbox()))
        daemon.terminate()
    assert daemon.returncode == 0
    assert [row.state for row in home.outbox()] == ["waiting", "waiting"]
    home.walert("outbox", "retry", *(str(row.id) for row in home.outbox()))
    said = home.once().stdout
    assert said.count("WARN") == 2 and "loss = 3" in said and "loss = 4" in said


def test_pipes_that_nobody_reads_hold_up_neither_judging_nor_the_end(tmp_path):
    home = Home(tmp_path, RULES)
    lines = 2_000  # some 600 kB of log and console: a pipe holds 64
    with subprocess.Popen(
        [*WALERTD], cwd=tmp_path, env=home.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as daemon:
        home.log("a.jsonl", *({"loss": 3.0} for _ in range(lines)))
        eventually(lambda: home.counters().get("records") == lines)
        home.log("b.jsonl", {"loss": 4.0})
        eventually(lambda: home.counters()["records"] == lines + 1)
        daemon.terminate()
        daemon.wait(30)
        assert daemon.returncode == 0
        assert daemon.stdout is not None and daemon.stderr is not None
        daemon.stdout.close()
        daemon.stderr.close()
    states = [row.state for row in home.outbox("waiting", "delivered", "dead")]
    assert len(states) == lines + 1 and set(states) <= {"waiting", "delivered"}


def test_colour_is_for_terminals_and_never_under_no_color(tmp_path):
    home = Home(tmp_path, RULES)

    def on_terminal(name, **environ):
        home.log(name, {"loss": 3.0, name: 1})
        ours, theirs = os.openpty()
        subprocess.run(
            [*WALERTD, "--once"], cwd=tmp_path, env=home.environ | {"TERM": "xterm"} | environ, stdout=theirs, stderr=subprocess.DEVNULL
        )  # fmt: skip
        os.close(theirs)
        said = os.read(ours, 1 << 16)
        os.close(ours)
        return said

    assert b"\x1b[" in on_terminal("a.jsonl", NO_COLOR="")
    plain = on_terminal("b.jsonl", NO_COLOR="1")
    assert b"High" in plain and b"\x1b" not in plain
    home.log("c.jsonl", {"loss": 5.0})
    piped = home.once()
    assert "High" in piped.stdout and "\x1b" not in piped.stdout + piped.stderr


def test_the_log_is_one_line_an_event_as_text_and_as_json(tmp_path):
    home = Home(tmp_path, RULES)
    home.log("a\n\x1b.jsonl", {"loss": 3.0})
    (home.runs / "bad.jsonl").write_bytes(b"no json \x1b[31m\n")
    text = home.once().stderr
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z [a-z-]+ +\S.*"
    assert all(re.fullmatch(stamp, line) for line in text.splitlines()), text
    home.log("b.jsonl", {"loss": 4.0})
    command = [*WALERTD, "--once", "--log-format", "json"]
    rows = [json.loads(line) for line in home.run(command).stderr.splitlines()]
    assert [r["kind"] for r in rows] == ["start", "firing", "alert", "delivery", "stop"]
    assert all({"time", "kind", "text"} <= set(row) for row in rows)


def test_a_log_in_another_encoding_than_utf_8_is_still_written(tmp_path):
    home = Home(tmp_path, RULES.replace("High", "損失"))
    home.log("a.jsonl", {"loss": 3.0})
    done = home.once(PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and "損失" in done.stderr and "\\u640d" in done.stdout
    listed = home.walert("alerts", PYTHONIOENCODING="ascii")
    assert listed.returncode == 0 and "Traceback" not in listed.stderr
