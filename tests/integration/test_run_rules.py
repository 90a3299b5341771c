"""Rules that travel with a run: `init(rules=...)` in a real training process, judged by walertd, replayed and explained."""

import json
import os
import subprocess
import sys

import pytest
from daemons import Home

HOST = """version: 1
rules:
  - {title: Low accuracy, when: acc < 0.5, wait_duration: 0}
  - {title: High loss, when: loss > 100, wait_duration: 0}
"""
OWN = """version: 1
rules:
  - {title: Low accuracy, when: acc < 0.9, wait_duration: 0}
  - {title: Own only, when: loss > 1, wait_duration: 0}
"""
TRAIN = """
import sys, walert
run = walert.init(project="p", name="r", rules=sys.argv[1:] or None)
for loss, acc in ((0.5, 0.95), (2.0, 0.7), (200.0, 0.3)):
    walert.log({"loss": loss, "acc": acc})
print(run.dir)
walert.finish()
"""


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path, HOST)


def trained(home, *rules):
    """The folder of a finished run."""
    for name, text in zip(("one.yaml", "two.yaml"), rules, strict=False):
        (home.folder / name).write_text(text)
    named = [str(home.folder / name) for name, _ in zip(("one.yaml", "two.yaml"), rules, strict=False)]
    done = subprocess.run(
        [sys.executable, "-c", TRAIN, *named], env=home.environ, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def firings(home, folder, *more):
    """(title, line) of what a replay says fires."""
    rows = [
        json.loads(row)
        for row in home.walert("replay", folder, "--json", "--config", str(home.config), *more).stdout.splitlines()
    ]
    return sorted((row["title"], row["line"]) for row in rows if row["happening"] == "firing")


def told(home):
    """The titles of the daemon's alerts that rules decided, as it lists them."""
    rows = home.rows("alerts", "--config", str(home.config))
    return sorted(row["alert"]["title"] for row in rows if row["alert"]["kind"] == "firing")


def test_a_run_is_judged_by_its_own_rules_and_by_the_hosts_of_other_titles(home):
    folder = trained(home, OWN)
    assert home.once().returncode == 0
    assert told(home) == ["High loss", "Low accuracy", "Own only"]
    assert firings(home, folder) == [("High loss", 4), ("Low accuracy", 3), ("Own only", 3)]


def test_a_run_without_rules_of_its_own_is_judged_by_the_hosts(home):
    folder = trained(home)
    assert firings(home, folder) == [("High loss", 4), ("Low accuracy", 4)]


def test_a_rule_that_the_run_switched_off_is_off_for_it(home):
    off = "version: 1\nrules: [{title: High loss, when: loss > 1, enabled: false}]\n"
    assert firings(home, trained(home, off)) == [("Low accuracy", 4)]


def test_rules_given_by_hand_stand_alone(home):
    folder = trained(home, OWN)
    assert firings(home, folder, "--rules", str(home.rules)) == [("High loss", 4), ("Low accuracy", 4)]


def test_what_becomes_of_the_original_later_is_no_matter(home):
    folder = trained(home, OWN)
    (home.folder / "one.yaml").write_text("version: 1\nrules: []\n")
    assert ("Own only", 3) in firings(home, folder)


def test_a_broken_copy_gives_way_to_the_hosts_rules_with_a_warning(home):
    good = "version: 1\nrules: [{title: Own only, when: loss > 1, wait_duration: 0}]\n"
    folder = trained(home, OWN.replace("acc < 0.9", "acc <<< 0.9"), good)
    done = home.once()
    warned = [line for line in done.stderr.splitlines() if "WARN /" in line]
    assert len(warned) == home.counters()["run_rule_files_not_used"] == 1
    assert f"{folder}/rules/one.yaml:3" in warned[0]
    assert "the host's rules stand in" in warned[0]
    assert told(home) == ["High loss", "Low accuracy", "Own only"]
    assert firings(home, folder) == [("High loss", 4), ("Low accuracy", 4), ("Own only", 3)]


def test_a_restarted_daemon_goes_on_by_the_runs_rules(home):
    folder = trained(home, OWN.replace("loss > 1", "loss > 500"))
    home.once()
    before = told(home)
    with open(f"{folder}/metrics.jsonl", "a") as log:
        log.write('{"_step": 9, "loss": 900, "acc": 0.1}\n')
    assert home.once().returncode == 0
    assert "Own only" not in before
    assert "Own only" in told(home)


def test_the_runs_own_rules_are_explained(home):
    folder = trained(home, OWN)
    home.once()
    said = home.walert("explain", "r", "Own only", "--config", str(home.config))
    assert said.returncode == 0, said.stderr
    assert "loss > 1" in said.stdout
    said = home.walert("explain", "--log", folder, "*", "Own only", "--config", str(home.config))
    assert (
        f"{os.path.relpath(folder, home.folder)}/rules/one.yaml:4" in said.stdout or "rules/one.yaml:4" in said.stdout
    )


def test_only_walerts_own_runs_carry_rules(home):
    home.log("foreign/metrics.jsonl", {"loss": 2.0, "acc": 0.7})
    (home.runs / "foreign" / "rules").mkdir()
    (home.runs / "foreign" / "rules" / "x.yaml").write_text(OWN)
    assert firings(home, str(home.runs)) == []


def plant_link(rules):
    secret = rules.parent / "secret"
    secret.write_text("hunter2: [\n")
    (rules / "one.yaml").unlink()
    (rules / "one.yaml").symlink_to(secret)


def plant_pipe(rules):
    (rules / "one.yaml").unlink()
    os.mkfifo(rules / "one.yaml")


def plant_linked_folder(rules):
    rules.rename(rules.with_name("elsewhere"))
    rules.symlink_to(rules.with_name("elsewhere"))


def plant_size(rules):
    (rules / "one.yaml").write_text(OWN + "#" * (1 << 20))


def plant_many_rules(rules):
    lines = [f"  - {{title: T{n}, when: loss > {n}}}" for n in range(501)]
    (rules / "one.yaml").write_text("version: 1\nrules:\n" + "\n".join(lines) + "\n")


def plant_many_files(rules):
    for n in range(201):
        (rules / f"a{n:03}.yaml").write_text("version: 1\nrules: []\n")


def plant_a_url(rules):
    (rules / "one.yaml").write_text(OWN.replace("wait_duration: 0}", "receiver_url: 'json://h:1/'}", 1))


@pytest.mark.parametrize(
    "plant",
    [plant_link, plant_pipe, plant_linked_folder, plant_size, plant_many_rules, plant_many_files, plant_a_url],
)
def test_what_is_no_plain_bounded_rule_file_is_not_used(home, plant):
    folder = trained(home, OWN)
    rules = home.runs / os.path.relpath(folder, home.runs) / "rules"
    plant(rules)
    done = home.once()
    assert told(home) == ["High loss", "Low accuracy"]
    assert sum("WARN /" in line and "/rules" in line for line in done.stderr.splitlines()) == 1
    assert "hunter2" not in done.stderr
    assert firings(home, folder) == [("High loss", 4), ("Low accuracy", 4)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_rules_of_another_user_than_the_log_s_do_not_count(home):
    folder = trained(home, OWN)
    os.chown(f"{folder}/rules", 12345, -1)
    done = home.once()
    assert told(home) == ["High loss", "Low accuracy"]
    assert "belongs to another user than the log" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files to others")
def test_one_id_of_two_users_is_two_runs(home):
    start = {"_walert": {"v": 1, "event": "start", "id": "a1", "name": "r"}}
    alert = {"_walert": {"v": 1, "event": "alert", "title": "T", "text": "x", "level": "ERROR", "wait_duration": 86400}}
    for user in (12345, 12346):
        os.chown(home.log(f"of/{user}/metrics.jsonl", start, alert), user, -1)
    assert home.once().returncode == 0
    rows = home.rows("alerts", "--config", str(home.config))
    assert sorted(row["alert"]["run"]["id"] for row in rows if row["alert"]["kind"] == "alert") == [
        "a1@12345",
        "a1@12346",
    ]
