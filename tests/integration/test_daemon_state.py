"""The state file: a disk that fills up and is freed, a file that is gone, damaged, foreign, locked."""

import contextlib
import json
import sqlite3
import subprocess
import threading

import pytest
from daemons import WALERT, Home

RULES = "version: 1\nrules: [{title: High, when: loss > 2, wait_duration: 0, repeat: always}]\n"
FIELDS = {
    "status": {"pid", "running", "passed", "others", "status"},
    "alerts": {"alert", "verdict", "why", "messages"},
    "outbox": {
        *("id", "receiver", "state", "kind", "title", "level", "run", "alert", "tries", "born", "due", "reason"),
        *("reference", "route", "alerts", "collect", "bundle"),
    },
}


@pytest.fixture
def small_disk(tmp_path):
    """A disk of its own for the state file."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small tmpfs is not permitted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def steps_told(home):
    return sorted(row["alert"]["step"] for row in home.rows("alerts"))


def test_a_full_disk_loses_nothing_and_walertd_goes_on_when_it_is_freed(tmp_path, small_disk):
    home = Home(tmp_path, RULES)
    receivers = '{console: {url: "console://", flood: never}}'
    home.config.write_text(f"rules: [rules.yaml]\nwatch: [runs/]\nreceivers: {receivers}\nstate: disk/walert.db\n")
    with home.daemon() as daemon:
        home.log("a.jsonl", *({"step": n, "loss": 3.0} for n in range(1, 4)))
        daemon.until(lambda: len(daemon.titles()) == 3)
        ballast = small_disk / "ballast"
        with pytest.raises(OSError, match="No space"), open(ballast, "wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        home.log("a.jsonl", *({"step": n, "loss": 3.0} for n in range(4, 250)))
        home.log("b.jsonl", *({"step": n, "loss": 4.0} for n in range(300, 400)))
        daemon.until(lambda: any("cannot commit" in e["text"] for e in daemon.kinds("state")))
        home.rules.write_text(RULES.replace("High", "Higher"))  # a reload commits, too
        daemon.until(lambda: daemon.kinds("reload"))
        ballast.unlink()
        daemon.until(lambda: any("committing again" in e["text"] for e in daemon.kinds("state")))
        daemon.until(lambda: len(daemon.titles()) == 3 + 246 + 100)
        daemon.until(lambda: sum("alert: " in line for line in daemon.printed) == 349)
    assert daemon.process.returncode == 0
    assert steps_told(home) == [*range(1, 250), *range(300, 400)]


def test_once_on_a_full_disk_says_so_and_the_next_one_lacks_nothing(tmp_path, small_disk):
    home = Home(tmp_path, RULES)
    home.config.write_text("rules: [rules.yaml]\nwatch: [runs/]\nstate: disk/walert.db\n")
    assert home.once().returncode == 0
    ballast = small_disk / "ballast"
    with pytest.raises(OSError, match="No space"), open(ballast, "wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    home.log("a.jsonl", *({"step": n, "loss": 3.0} for n in range(1, 100)))
    full = home.once()
    assert full.returncode in (1, 2) and "disk" in full.stderr and "Traceback" not in full.stderr
    ballast.unlink()
    assert home.once().returncode == 0
    assert steps_told(home) == list(range(1, 100))


@pytest.mark.parametrize("damage", ["gone", "empty", "garbage", "half", "foreign"])
def test_a_state_file_that_is_gone_or_damaged_is_begun_anew_and_told_of(tmp_path, damage):
    home = Home(tmp_path, RULES)
    home.log("a.jsonl", {"step": 1, "loss": 3.0}, {"step": 2, "loss": 1.0})
    assert home.once().returncode == 0
    state = tmp_path / "walert.db"
    content = state.read_bytes()
    state.unlink()
    if damage == "foreign":
        with sqlite3.connect(state) as other:
            other.execute("CREATE TABLE mine (x)")
        other.close()
    elif damage != "gone":
        state.write_bytes({"empty": b"", "garbage": b"\xff" * 9999, "half": content[: len(content) // 2]}[damage])
    with home.daemon() as daemon:
        daemon.until(lambda: daemon.titles() == ["High"])  # read from its start again
        home.log("a.jsonl", {"step": 3, "loss": 4.0})
        daemon.until(lambda: len(daemon.titles()) == 2)
    assert daemon.process.returncode == 0
    if damage in ("garbage", "half", "foreign"):
        assert "set aside as walert.db.corrupt-" in daemon.kinds("state")[0]["text"]
        assert list(tmp_path.glob("walert.db.corrupt-*"))
    assert steps_told(home) == [1, 3]


def test_a_state_file_that_is_locked_for_a_while_delays_and_loses_nothing(tmp_path):
    home = Home(tmp_path, RULES)
    with home.daemon() as daemon:
        home.log("a.jsonl", {"step": 1, "loss": 3.0})
        daemon.until(lambda: len(daemon.titles()) == 1)
        with sqlite3.connect(tmp_path / "walert.db", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            home.log("a.jsonl", {"step": 2, "loss": 3.0})
            daemon.until(lambda: "cannot commit" in daemon.said and "SQLITE_BUSY" in daemon.said)
            other.execute("ROLLBACK")
        other.close()
        daemon.until(lambda: len(daemon.titles()) == 2)
    assert steps_told(home) == [1, 2]


def test_hundreds_of_logs_that_cannot_be_committed_together_are_judged_once_when_they_can(tmp_path):
    home = Home(tmp_path, RULES)
    home.log("first.jsonl", {"step": 1, "loss": 1.0})
    with home.daemon() as daemon:
        daemon.until(lambda: home.counters().get("records") == 1)
        with contextlib.closing(sqlite3.connect(tmp_path / "walert.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for n in range(300):
                home.log(f"run-{n}.jsonl", {"step": n, "loss": 3.0})
            daemon.until(lambda: "cannot commit" in daemon.said)
            other.execute("ROLLBACK")
        daemon.until(lambda: home.counters().get("records") == 301)
    assert steps_told(home) == list(range(300))


def test_listings_parse_line_by_line_and_have_the_fields_that_they_had(tmp_path):
    home = Home(tmp_path, RULES, '{console: {url: "console://"}, bad: {url: "slack://x"}}')
    for verb in FIELDS:
        before = home.walert(verb)
        assert before.returncode == 3 and "no state file" in before.stderr and before.stdout == ""
    home.log("a.jsonl", {"loss": float("inf")}, {"loss": 4.0})
    home.once()
    for verb, fields in FIELDS.items():
        rows = home.rows(verb)
        assert rows and all(set(row) == fields for row in rows), verb
    (status,) = home.rows("status")
    assert status["status"]["firing"][0]["values"] == {"loss": 4}
    assert home.rows("alerts")[0]["alert"]["values"] == {"loss": "Infinity"}
    assert json.loads(json.dumps(status), parse_constant=pytest.fail)
    assert home.walert("alerts", "--since", "1h").stdout.count("High") == 2
    assert home.walert("alerts", "--since", "0").stdout == "no alerts\n"
    for age in ("yesterday", "-1h", "nan", ""):
        wrong = home.walert("alerts", "--since", age)
        assert wrong.returncode == 2 and "--since" in wrong.stderr, age


def test_a_shell_without_the_secrets_can_look_into_the_state_file(tmp_path):
    home = Home(tmp_path, RULES, '{hook: {url: "${SLACK_URL}"}, console: {url: "console://"}}')
    home.log("a.jsonl", {"loss": 3.0})
    assert home.once(SLACK_URL="console://").returncode == 0
    for verb in ("status", "alerts", "outbox"):
        done = home.walert(verb)
        assert done.returncode == (3 if verb == "status" else 0), done.stderr
        assert done.stderr == ""
    home.config.write_text("state: '${PLACE}/walert.db'\n")
    assert home.walert("status").returncode == 2  # where it is cannot be told


def test_a_listing_into_a_pipe_that_closes_ends_quietly(tmp_path):
    home = Home(tmp_path, RULES)
    home.log("a.jsonl", *({"step": n, "loss": 3.0} for n in range(1, 300)))
    assert home.once().returncode == 0
    for arguments in (["alerts", "--json"], ["alerts"], ["replay", "--rules", "rules.yaml", "runs"]):
        with subprocess.Popen(
            [*WALERT, *arguments], cwd=tmp_path, env=home.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as listing:
            assert listing.stdout is not None and listing.stderr is not None
            listing.stdout.readline()
            listing.stdout.close()
            assert listing.stderr.read() == b""
        assert listing.returncode == 0


def test_many_look_while_it_works(tmp_path):
    home = Home(tmp_path, RULES)
    with home.daemon() as daemon:
        looks = [threading.Thread(target=home.walert, args=(verb, "--json")) for verb in ("status", "alerts", "outbox")]
        for look in looks:
            look.start()
        for step in range(1, 50):
            home.log("a.jsonl", {"step": step, "loss": 3.0})
        daemon.until(lambda: len(daemon.titles()) == 49)
        for look in looks:
            look.join()
    assert daemon.process.returncode == 0 and not daemon.kinds("state")
