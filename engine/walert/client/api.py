"""`init`, `log`, `alert`, `finish`: the calls of a process on its present run, which `alert` and `log` make if there is none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from walert import paths
from walert.client import arguments, ending, identity, rule_files
from walert.client.notice import say
from walert.client.run import Run
from walert.client.values import Values

if TYPE_CHECKING:
    from datetime import timedelta

    from walert.levels import AlertLevel

WANDB_ARGUMENTS = (
    "allow_val_change", "anonymous", "config_exclude_keys", "config_include_keys", "entity", "force", "fork_from", "group", "job_type",
    "magic", "mode", "monitor_gym", "notes", "reinit", "resume", "resume_from", "save_code", "settings", "sync_tensorboard", "tensorboard",
)  # fmt: skip
MODES = ("online", "offline", "shared", "dryrun", "disabled")
_RUN = "run"

_current: dict[str, Run] = {}  # at most one, below `_RUN`; `setdefault` and `pop` are atomic, so that no lock is needed
_last: list[Run] = []
_begun: list[str] = []  # ids that init() gave, for the second and later runs of one scheduler's job
_exiting: list[bool] = []


def init(
    project: str | None = None,
    name: str | None = None,
    config: object = None,
    tags: object = None,
    rules: object = None,
    dir: str | os.PathLike[str] | None = None,
    id: str | None = None,
    **wandb: Any,
) -> Run:
    """Begin a run, and make it the one that `log`, `alert` and `finish` are about.

    `config` is recorded at the start, as far as it is small; `rules` are files, folders or `pack:NAME`s that are copied into the run and
    judge it; `dir` is used instead of `$WALERT_HOME/runs`. What is not given comes from `WALERT_PROJECT`, `WALERT_NAME`, `WALERT_RUN_ID`,
    `WALERT_TAGS`, `WALERT_DIR`, `WALERT_MODE`, or the same of `WANDB_`. `mode="disabled"` writes nothing; wandb's other arguments are
    accepted and have no effect. While a run of `init` lives, it is returned; `reinit=True` ends it first.

    Raises `TypeError` and `ValueError` for wrong arguments only.
    """
    _check_extras(wandb)
    wanted: dict[str, Any] = {
        "project": arguments.name(project, "project"),
        "name": arguments.name(name, "name"),
        "id": arguments.name(id, "id"),
        "runs": arguments.folder(dir),
        "tags": arguments.tags(tags),
        "config": arguments.config(config),
        "rules": rule_files.find(rules),
        "disabled": _is_disabled(wandb.get("mode")),
    }
    going_on = _make_room(wandb.get("reinit"))
    if going_on:
        return going_on
    run = _current[_RUN] = _make(**wanted)
    _enter(run)
    return run


def log(data: Mapping[str, Any], step: int | None = None, commit: bool | None = None, sync: bool | None = None) -> None:
    """Append one record to the present run's log: see `Run.log`."""
    _present().log(data, step, commit, sync)


def alert(
    title: str,
    text: str,
    level: AlertLevel | str | None = None,
    wait_duration: float | timedelta | None = None,
) -> None:
    """Tell people, in the name of the present run: see `Run.alert`. Without one, a run named after the script is made."""
    arguments.title(title), arguments.text(text), arguments.level(level), arguments.wait_duration(wait_duration)
    _present().alert(title, text, level, wait_duration)


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """End the present run, if there is one: finished for exit code 0 or none, else failed."""
    code = arguments.exit_code(exit_code)
    run = _current.get(_RUN)
    if run:
        run.end(ending.End(code))


def present() -> Run | None:
    """The run that `log` and `alert` are about, or None: what `walert.run` is."""
    return _current.get(_RUN)


def config() -> Values:
    """The present run's configuration, or one of no run: what `walert.config` is."""
    run = present()
    return run.config if run else Values("config")


def summary() -> Values:
    """The last value of each metric of the present run: what `walert.summary` is."""
    run = present()
    return run.summary if run else Values("summary")


def _check_extras(wandb: Mapping[str, Any]) -> None:
    unknown = sorted(set(wandb).difference(WANDB_ARGUMENTS))
    if unknown:
        known = "project, name, config, tags, rules, dir, id"
        raise TypeError(f"init() takes {known}, and wandb's {', '.join(WANDB_ARGUMENTS)}; not {', '.join(unknown)}")
    mode = wandb.get("mode")
    if mode is not None and mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, not {mode!r}")
    ignored = sorted(
        name for name, value in wandb.items() if value is not None and name not in ("mode", "reinit", "resume")
    )
    if ignored:
        say("init-extras", f"init(): accepted and ignored: {', '.join(ignored)}.")


def _is_disabled(mode: str | None) -> bool:
    return (mode or identity.setting(os.environ, "MODE") or "online") == "disabled"


def _make_room(reinit: object) -> Run | None:
    """The run that goes on instead of a new one; otherwise the present one, if any, is ended."""
    run = present()
    if run is None:
        return None
    ends = (
        run.ad_hoc
        or run.pid != os.getpid()
        or identity.in_jupyter()
        or reinit in (True, "finish_previous", "create_new")
    )
    if not ends:
        say("init-again", f"init() again: the run {run.name} goes on. finish() ends it, and so does init(reinit=True).")
        return run
    run.end(ending.End(0))
    return None


def _present() -> Run:
    """The present run; a new one named after the script if there is none; at the interpreter's end, the last one."""
    run = _current.get(_RUN)
    if run:
        return run
    if _exiting and _last:
        return _last[0]
    made = _make(disabled=_is_disabled(None), ad_hoc=True)
    run = _current.setdefault(_RUN, made)
    if run is made:
        _enter(run)
    return run


def _make(
    *,
    project: str | None = None,
    name: str | None = None,
    id: str | None = None,
    runs: str | None = None,
    tags: tuple[str, ...] = (),
    config: dict[str, Any] | None = None,
    rules: list[str] | None = None,
    disabled: bool = False,
    ad_hoc: bool = False,
) -> Run:
    environ = os.environ
    return Run(
        runs=runs or arguments.folder(identity.setting(environ, "DIR")) or paths.runs_dir(),
        project=project or identity.setting(environ, "PROJECT"),
        name=name or identity.setting(environ, "NAME") or identity.script_name(),
        who=identity.identify(id, environ, len(_begun) + 1),
        tags=tags or tuple(t.strip() for t in (identity.setting(environ, "TAGS") or "").split(",") if t.strip()),
        config=config,
        rules=rules,
        disabled=disabled,
        ad_hoc=ad_hoc,
        on_end=_forget,
    )


def _enter(run: Run) -> None:
    if not run.ad_hoc:
        _begun.append(run.id)
    _last[:] = [run]
    ending.watch(_leave)
    run.begin()


def _forget(run: Run) -> None:
    if _current.get(_RUN) is run:
        _current.pop(_RUN, None)
    ending.unwatch()


def _leave(end: ending.End) -> None:
    """At the interpreter's end."""
    _exiting.append(True)
    run = _current.get(_RUN)
    if run:
        run.end(end)
    for last in _last:
        last.settle()
