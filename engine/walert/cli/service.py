"""walertd as a service of systemd: `install` writes the unit file, and says what to run next.

  walert service install            # yours, in ~/.config/systemd/user
  walert service install --system   # the host's, as a user of its own
  walert service install --print    # to look at; nothing is written

The unit runs the walertd of this installation with the configuration that is found here, and lets it write its state and nothing else.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from walert.cli.actions import action, actions
from walert.cli.common import state_configuration, warn
from walert.cli.exits import FINE, PROBLEMS, USAGE, ExitCode
from walert.cli.service_unit import STATE_ROOT, Unit
from walert.config import Config, inspect_config
from walert.tail.discover import root_of

NAME = "walert.service"
SYSTEM_UNITS = "/etc/systemd/system"
SYSTEM_SECRETS = "/etc/walert/credentials"
_TMP = ("/tmp/", "/var/tmp/")
_PLACED_BY = ("WALERT_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `walert service`."""
    group = actions(parser)
    one = action(group, "install", "write the unit file of systemd", None)
    where = one.add_mutually_exclusive_group()
    where.add_argument("--user", action="store_true", help="a unit of your own (default)")
    where.add_argument("--system", action="store_true", help="a unit of the host")
    one.add_argument("--print", action="store_true", help="print the unit file, write nothing")
    one.add_argument("--force", action="store_true", help="overwrite a unit file that is there and differs")


def main(args: argparse.Namespace) -> int:
    """Write the unit. Exit code 0; 1 when another one is there; 2 when it cannot be made of this configuration."""
    config = state_configuration(args.config)
    unit = _unit(config, system=args.system)
    for doubt in _doubts(config, unit):
        warn(doubt)
    if args.print:
        print(unit.text(), end="")
        return FINE
    path = os.path.join(SYSTEM_UNITS if args.system else _user_units(), NAME)
    if not _write(path, unit.text(), force=args.force):
        return PROBLEMS
    if not args.system:
        os.makedirs(unit.state, mode=0o700, exist_ok=True)  # a unit cannot be let into a folder that is not there
    for line in _next(unit):
        print(line)
    return FINE


def _unit(config: Config, *, system: bool) -> Unit:
    state = os.path.dirname(config.state)
    if system:
        state = _system_state(config)
    unit = Unit(
        system=system,
        command=[*_walertd(), *(["--config", config.file] if config.file else [])],
        state=state,
        secrets=[(name, os.path.join(_secrets(system), name)) for name in _variables(config)],
        shares_tmp=not system and any(_in_tmp(place) for place in _places(config)),
        environ=[(name, os.environ[name]) for name in _PLACED_BY if os.environ.get(name)],
    )
    if any(not place.isprintable() for place in (*unit.command, unit.state, *(value for _, value in unit.environ))):
        raise ExitCode(
            USAGE, "walert: a path with control characters, or one that is no text, cannot be written into a unit file."
        )
    return unit


def _system_state(config: Config) -> str:
    """The folder of the state, which must be one that systemd makes for the service's own user."""
    written = config.file is not None and re.search(rb"^state:", Path(config.file).read_bytes(), re.MULTILINE)
    if not written:
        return f"{STATE_ROOT}walert"
    folder = os.path.dirname(config.state)
    if not folder.startswith(STATE_ROOT):
        raise ExitCode(
            USAGE,
            f"walert: with --system the state is kept below {STATE_ROOT}, not in {folder}: "
            f"write `state: {STATE_ROOT}walert/walert.db` into {config.file}.",
        )
    return folder


def _walertd() -> list[str]:
    """The walertd of this installation."""
    beside = os.path.join(os.path.dirname(sys.executable), "walertd")
    if os.access(beside, os.X_OK):
        return [beside]
    found = shutil.which("walertd")
    return [os.path.abspath(found)] if found else [sys.executable, "-m", "walert.cli.walertd"]


def _variables(config: Config) -> list[str]:
    """The variables that the configuration cannot do without."""
    if config.file is None:
        return []
    problems = inspect_config(Path(config.file).read_bytes(), config.file, {"HOME": os.path.expanduser("~")})[1]
    named = (
        re.search(r"the variable (\w+) is not set", problem.what)
        for problem in problems
        if problem.code == "unset-variable"
    )
    return list(dict.fromkeys(match[1] for match in named if match))


def _places(config: Config) -> list[str]:
    return [
        *(root_of(source) for source in config.sources),
        config.state,
        *([config.file] if config.file else []),
        *config.rule_paths,
    ]


def _in_tmp(path: str) -> bool:
    return path.startswith(_TMP) or f"{path}/" in _TMP


def _doubts(config: Config, unit: Unit) -> Iterator[str]:
    """What may keep the service from working, although its unit is sound."""
    if not unit.system:
        return
    if config.file is None or "/etc/" not in config.file:
        yield "the host's configuration is usually /etc/walert/walert.yaml: `--config` names it"
    elif unit.state == f"{STATE_ROOT}walert" and os.path.dirname(config.state) != unit.state:
        yield f"write `state: {unit.state}/walert.db` into {config.file}, so that `walert status` finds it, too"
    places = [unit.command[0], *([config.file] if config.file else []), *(root_of(source) for source in config.sources)]
    for place in places:
        if os.path.exists(place) and not _is_open(place):
            yield f"{place} cannot be read by everybody, and so not by the service: see SupplementaryGroups= in the unit"
        elif _in_tmp(place):
            yield f"{place} is not seen by the service, which gets a /tmp of its own"


def _is_open(path: str) -> bool:
    """Whether somebody with no rights of his own can read it."""
    parents = [str(parent) for parent in Path(path).resolve().parents]
    return all(os.stat(parent).st_mode & 0o001 for parent in parents) and bool(os.stat(path).st_mode & 0o004)


def _user_units() -> str:
    return os.path.join(_user_config(), "systemd", "user")


def _user_config() -> str:
    named = os.environ.get("XDG_CONFIG_HOME", "")
    return named if os.path.isabs(named) else os.path.expanduser("~/.config")


def _secrets(system: bool) -> str:
    return SYSTEM_SECRETS if system else os.path.join(_user_config(), "walert", "credentials")


def _write(path: str, text: str, *, force: bool) -> bool:
    """Write the unit as a whole or not at all; False when another one is there."""
    try:
        before = Path(path).read_text(encoding="utf-8", errors="replace") if os.path.exists(path) else None
        if before == text:
            print(f"{path} is there already, and is the same")
            return True
        if before is not None and not force:
            warn(f"{path} is there already, and differs: --force overwrites it, --print shows what would be written.")
            return False
        os.makedirs(os.path.dirname(path), exist_ok=True)
        new = f"{path}.new"
        Path(new).write_text(text, encoding="utf-8")
        os.replace(new, path)
    except OSError as error:
        hint = " Run it as root, or without --system." if isinstance(error, PermissionError) else ""
        raise ExitCode(USAGE, f"walert: {path} cannot be written: {error.strerror}.{hint}") from None
    print(f"wrote {path}")
    return True


def _next(unit: Unit) -> Iterator[str]:
    """The commands that are left to do."""
    control = "systemctl" if unit.system else "systemctl --user"
    yield "Next:"
    missing = [file for _, file in unit.secrets if not os.path.exists(file)]
    for file in missing:
        yield f"  install -D -m 600 /dev/stdin {shlex.quote(file)}   # type or paste the secret, then Ctrl-D"
    yield f"  {control} daemon-reload"
    yield f"  {control} enable --now walert"
    if not unit.system:
        yield "  loginctl enable-linger                # so that it goes on when you log out"
    journal = "journalctl -u walert -f" if unit.system else "journalctl --user -u walert -f"
    yield f"Then: walert status; {control} status walert; {journal}"
