"""`walert service install`: the unit of systemd, judged by systemd itself where it is there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from daemons import Home, eventually

RULES = "version: 1\nrules: [{title: High, when: loss > 2, wait_duration: 0, repeat: always}]\n"
SYSTEM = "watch: [/srv/runs/]\nstate: /var/lib/walert/walert.db\n"
ENVIRON = {"WALERT_HOME": "", "XDG_STATE_HOME": "", "XDG_DATA_HOME": ""}


def printed(home: Home, *arguments: str, **environ: str) -> str:
    done = home.walert("service", "install", "--print", *arguments, **ENVIRON | environ)
    assert done.returncode == 0, done.stderr
    return done.stdout


def settings(unit: str) -> dict[str, list[str]]:
    """Every setting with its values."""
    found: dict[str, list[str]] = {}
    for line in unit.splitlines():
        if "=" in line and not line.startswith("#"):
            name, value = line.split("=", 1)
            found.setdefault(name, []).append(value)
    return found


def analyze(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """systemd's own judgement."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    done = subprocess.run(
        ["systemd-analyze", *arguments],
        capture_output=True, text=True, cwd=folder, env={**os.environ, "XDG_RUNTIME_DIR": str(folder), "SYSTEMD_COLORS": "0"},
    )  # fmt: skip
    if "unrecognized option" in done.stderr or "Unknown command verb" in done.stderr:
        pytest.skip(f"this systemd-analyze does not know {arguments[0]}")
    return done


def test_a_unit_of_one_s_own_is_written_where_systemd_looks_and_the_next_commands_are_said(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    home.config.write_text("watch: [runs/]\nrules: [rules.yaml]\nstate: kept/walert.db\n")
    done = home.walert("service", "install", XDG_CONFIG_HOME=str(tmp_path / "xdg"))
    unit = tmp_path / "xdg" / "systemd" / "user" / "walert.service"
    assert done.returncode == 0 and f"wrote {unit}" in done.stdout
    for command in ("systemctl --user daemon-reload", "systemctl --user enable --now walert", "loginctl enable-linger"):
        assert command in done.stdout
    found = settings(unit.read_text())
    (command,) = found["ExecStart"]
    walertd, option, config = command.split()
    assert os.access(walertd, os.X_OK) and (option, config) == ("--config", f"{tmp_path}/walert.yaml")
    assert found["Type"] == ["notify"] and found["WatchdogSec"] == ["60s"] and found["Restart"] == ["on-failure"]
    assert found["ReadWritePaths"] == [f"{tmp_path}/kept"] and (tmp_path / "kept").stat().st_mode & 0o777 == 0o700
    assert found["NoNewPrivileges"] == ["yes"] and found["ProtectSystem"] == ["strict"]
    assert found["Environment"] == [f"WALERT_HOME={tmp_path}"]


def test_a_unit_that_is_there_is_overwritten_only_when_asked_to(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)

    def install(*arguments: str) -> subprocess.CompletedProcess[str]:
        return home.walert("service", "install", *arguments, XDG_CONFIG_HOME=str(tmp_path / "xdg"))

    install()
    unit = tmp_path / "xdg" / "systemd" / "user" / "walert.service"
    same = install()
    assert same.returncode == 0 and "is there already, and is the same" in same.stdout
    unit.write_text("mine\n")
    refused = install()
    assert (
        refused.returncode == 1 and "differs: --force overwrites it" in refused.stderr and unit.read_text() == "mine\n"
    )
    assert install("--force").returncode == 0 and "Type=notify" in unit.read_text()
    assert [path.name for path in unit.parent.iterdir()] == ["walert.service"]


def test_variables_become_credentials_by_name_and_no_secret_is_in_the_unit(tmp_path: Path) -> None:
    home = Home(
        tmp_path, RULES, '{a: {url: "${SLACK_URL}"}, b: {url: "${B:-console://}"}, c: {url: "mailtos://u:${PW}@h"}}'
    )
    text = printed(
        home, SLACK_URL="slack://hunter2geheim/b/c", PW="hunter2geheim", XDG_CONFIG_HOME=str(tmp_path / "x y%")
    )
    folder = f"{tmp_path}/x y%%/walert/credentials"
    assert settings(text)["LoadCredential"] == [f'SLACK_URL:"{folder}/SLACK_URL"', f'PW:"{folder}/PW"']
    assert "hunter2geheim" not in text
    done = home.walert("service", "install", XDG_CONFIG_HOME=str(tmp_path / "x y%"))
    assert f"install -D -m 600 /dev/stdin '{tmp_path}/x y%/walert/credentials/SLACK_URL'" in done.stdout


@pytest.mark.parametrize("kind", ["--user", "--system"])
def test_systemd_finds_no_fault_with_the_unit(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / '100% of $HOME\'s "runs"'
    home = Home(folder, RULES)
    if kind == "--system":
        home.config.write_text(SYSTEM)
    (tmp_path / "walert.service").write_text(printed(home, kind))
    done = analyze(
        *(["--user"] if kind == "--user" else []),
        "verify",
        "--man=no",
        str(tmp_path / "walert.service"),
        folder=tmp_path,
    )
    assert done.returncode == 0 and "walert.service" not in done.stderr, done.stderr


def test_systemd_s_own_measure_of_exposure_is_low(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    home.config.write_text(SYSTEM)
    (tmp_path / "walert.service").write_text(printed(home, "--system"))
    done = analyze("security", "--offline=true", "--no-pager", str(tmp_path / "walert.service"), folder=tmp_path)
    level = re.search(r"Overall exposure level for walert.service: ([\d.]+)", done.stdout)
    assert level is not None, done.stderr
    assert float(level[1]) <= 1.5


def test_the_host_s_unit_keeps_its_state_where_systemd_makes_it(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    home.config.write_text("state: /var/lib/alerts/training/w.db\n")
    found = settings(printed(home, "--system"))
    assert found["StateDirectory"] == ["alerts/training"] and found["DynamicUser"] == ["yes"]
    assert "ReadWritePaths" not in found and found["WantedBy"] == ["multi-user.target"]
    home.config.write_text(f"state: {tmp_path}/w.db\n")
    done = home.walert("service", "install", "--system", "--print")
    assert done.returncode == 2 and "write `state: /var/lib/walert/walert.db` into" in done.stderr


def test_the_host_s_unit_says_what_its_user_will_not_see(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    (tmp_path / "closed").mkdir(mode=0o700)
    home.config.write_text(f"watch: [{tmp_path}/closed/]\nstate: /var/lib/walert/walert.db\n")
    done = home.walert("service", "install", "--system", "--print")
    assert done.returncode == 0 and f"{tmp_path}/closed " in done.stderr


def test_the_unit_of_the_host_is_written_below_etc(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES)
    home.config.write_text(SYSTEM)
    script = (
        'mount -t tmpfs tmpfs /etc && mkdir -p /etc/systemd/system && "$@" && cat /etc/systemd/system/walert.service'
    )
    walert = [sys.executable, "-c", "import sys; from walert.cli import main; sys.exit(main())"]
    if (
        shutil.which("unshare") is None
        or home.run(["unshare", "-Urm", "mount", "-t", "tmpfs", "tmpfs", "/etc"]).returncode
    ):
        pytest.skip("a mount namespace is not permitted here")
    done = home.run(["unshare", "-Urm", "sh", "-c", script, "sh", *walert, "service", "install", "--system"])
    assert done.returncode == 0, done.stderr
    assert (
        "wrote /etc/systemd/system/walert.service" in done.stdout and "  systemctl enable --now walert" in done.stdout
    )
    assert "StateDirectory=walert" in done.stdout


def test_a_configuration_that_cannot_be_used_and_a_folder_that_cannot_be_written_are_exit_code_2(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path, RULES)
    (tmp_path / "file").touch()
    done = home.walert("service", "install", XDG_CONFIG_HOME=str(tmp_path / "file"))
    assert done.returncode == 2 and "cannot be written" in done.stderr and "Traceback" not in done.stderr
    home.config.write_text("watch: 3\n")
    assert home.walert("service", "install", "--print").returncode == 2


UNDER_MDWE = """
import ctypes, os, sys
if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0):  # PR_SET_MDWE, which is what MemoryDenyWriteExecute= asks for
    sys.exit(77)
os.execv(sys.executable, [sys.executable, "-m", "walert.cli.walertd"])
"""


def test_walertd_runs_without_memory_that_is_both_written_and_executed(tmp_path: Path) -> None:
    home = Home(tmp_path, RULES, '{console: {url: "console://"}, hook: {url: "json://127.0.0.1:9/"}}')
    command = [sys.executable, "-c", UNDER_MDWE]
    with subprocess.Popen(
        command, cwd=tmp_path, env=home.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as daemon:
        home.log("a.jsonl", {"loss": 3})

        def tried() -> bool:
            return daemon.poll() is not None or any(row.reason for row in _outbox(home))

        eventually(tried)
        if daemon.poll() == 77:
            pytest.skip("this kernel cannot deny such memory")
        daemon.send_signal(signal.SIGTERM)
        out, err = daemon.communicate(timeout=30)
    assert daemon.returncode == 0 and "High" in out and "Traceback" not in err


def _outbox(home: Home) -> list[object]:
    from walert.errors import StoreError

    try:
        return list(home.outbox())
    except StoreError:
        return []
