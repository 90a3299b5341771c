"""`init`, `log`, `alert`, `finish`: the calls of a process on its present run, which `alert` and `log` make if there is none."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from walert import paths
from walert.client import arguments, ending, identity, parent, preemption
from walert.client.asked import Asked, asked_for, from_environment
from walert.client.notice import say
from walert.client.run import Run
from walert.client.values import Values

if TYPE_CHECKING:
    from datetime import timedelta

    from walert.levels import AlertLevel

_RUN = "run"

_current: dict[str, Run] = {}  # at most one, below `_RUN`; `setdefault` and `pop` are atomic, so that no lock is needed
_last: list[Run] = []
_begun: list[str] = []  # ids that init() gave, for the second and later runs of one scheduler's job
_others: list[Run] = []  # that live beside the present one
_exiting: list[bool] = []


def init(
    project: str | None = None,
    name: str | None = None,
    config: object = None,
    tags: object = None,
    rules: object = None,
    dir: str | os.PathLike[str] | None = None,
    id: str | None = None,
    *,
    steps: int | None = None,
    **wandb: Any,
) -> Run:
    """Begin a run, and make it the one that `log`, `alert` and `finish` are about.

    `config` is recorded at the start, as far as it is small; `rules` are files, folders or `pack:NAME`s that are copied into the run and
    judge it; `dir` is used instead of `$WALERT_HOME/runs`; `steps` is how many there are
    to be: a run that ends well far from them finished early. Of wandb's arguments, `entity`, `group`, `job_type` and `notes` are recorded;
    `mode="disabled"` writes nothing; `resume` goes on counting steps where the run of the same `id` stopped; `settings` stand in for what
    is not given; the others are accepted and have no effect. What is still not given comes from `WALERT_PROJECT`, `WALERT_NAME`,
    `WALERT_RUN_ID`, `WALERT_TAGS`, `WALERT_DIR`, `WALERT_MODE`, `WALERT_RESUME`, `WALERT_RUN_GROUP`, `WALERT_JOB_TYPE`, `WALERT_NOTES`,
    `WALERT_ENTITY`, or the same of `WANDB_`. While a run of `init` lives, it is returned; `reinit=True` ends it first, and
    `reinit="create_new"` begins another one beside it, which `walert.log` is not about.

    Raises `TypeError` and `ValueError` for wrong arguments only.
    """
    given = {"project": project, "name": name, "config": config, "tags": tags, "rules": rules, "dir": dir, "id": id}
    given["steps"] = steps
    asked = asked_for(given | wandb, os.environ)
    if wandb.get("reinit") == "create_new":
        return _beside(asked)
    going_on = _make_room(wandb.get("reinit"))
    if going_on:
        return going_on
    run = _current[_RUN] = _make(asked)
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


def _make_room(reinit: object) -> Run | None:
    """The run that goes on instead of a new one; otherwise the present one, if any, is ended."""
    run = present()
    if run is None:
        return None
    ends = (
        run.ad_hoc
        or run.pid != os.getpid()
        or reinit in (True, "finish_previous")
        or (identity.in_jupyter() and reinit != "return_previous")
    )
    if not ends:
        say("init-again", f"init() again: the run {run.name} goes on. finish() ends it, and so does init(reinit=True).")
        return run
    run.end(ending.End(0))
    return None


def _present() -> Run:
    """The present run; else, in a spawned worker, its parent's; else one named after the script; at the interpreter's end, the last one."""
    run = _current.get(_RUN)
    if run:
        return run
    if _exiting and _last:
        return _last[0]
    made = _make(parent.of_parent(os.environ) or from_environment(os.environ), ad_hoc=True)
    run = _current.setdefault(_RUN, made)
    if run is made:
        _enter(run)
    return run


def _make(asked: Asked, *, ad_hoc: bool = False) -> Run:
    name = asked.name or identity.script_name()
    who = identity.identify(asked.id, os.environ, len(_begun) + 1)
    runs = asked.runs or paths.runs_dir()
    return Run(asked._replace(name=name, runs=runs), who, ad_hoc=ad_hoc, on_end=_forget)


def _beside(asked: Asked) -> Run:
    run = _make(asked)
    _begun.append(run.id)
    _others.append(run)
    ending.watch(_leave)
    preemption.watch(_preempted)
    run.begin()
    return run


def _enter(run: Run) -> None:
    if not run.ad_hoc:
        _begun.append(run.id)
        parent.announce(run)
    _last[:] = [run]
    ending.watch(_leave)
    preemption.watch(_preempted)
    run.begin()


def _forget(run: Run) -> None:
    if _current.get(_RUN) is run:
        _current.pop(_RUN, None)
    parent.withdraw(run)
    _others[:] = [other for other in _others if other is not run]
    if not _current and not _others:
        ending.unwatch()
        preemption.unwatch()


def _preempted() -> None:
    """The scheduler ends this process."""
    for run in [*_current.values(), *_others]:
        run.end(ending.TERMINATED)


def _leave(end: ending.End) -> None:
    """At the interpreter's end."""
    _exiting.append(True)
    for run in [*_current.values(), *_others]:
        run.end(end)
    for last in _last:
        last.settle()
