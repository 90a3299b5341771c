"""What a run is to be: from the arguments of `init()`, then wandb's settings, then the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from walert.client import arguments, rule_files
from walert.client.extras import arguments_in
from walert.client.identity import setting
from walert.client.notice import say

OWN = ("project", "name", "config", "tags", "rules", "dir", "id", "steps")
WANDB_ARGUMENTS = (
    "allow_val_change", "anonymous", "config_exclude_keys", "config_include_keys", "entity", "force", "fork_from", "group", "job_type",
    "magic", "mode", "monitor_gym", "notes", "reinit", "resume", "resume_from", "save_code", "settings", "sync_tensorboard", "tensorboard",
)  # fmt: skip
TRACKIO_ARGUMENTS = (
    "auto_log_cpu", "auto_log_gpu", "bucket_id", "cpu_log_interval", "dataset_id", "embed", "gpu_log_interval", "private", "server_url",
    "space_id", "webhook_min_level", "webhook_url",
)  # fmt: skip
MODES = ("online", "offline", "shared", "dryrun", "run", "disabled")
RESUMES = ("allow", "must", "never", "auto")
_MEANT = frozenset(
    {"config_exclude_keys", "config_include_keys", "entity", "group", "job_type", "mode", "notes", "reinit", "resume", "settings"}
)  # fmt: skip


class Asked(NamedTuple):
    """What a run is to be. `resume` is whether it goes on where an earlier attempt of the same id stopped counting steps.

    `steps` is how many it plans to have.
    """

    project: str | None = None
    name: str | None = None
    id: str | None = None
    runs: str | None = None
    tags: tuple[str, ...] = ()
    config: dict[str, Any] | None = None
    rules: tuple[str, ...] = ()
    entity: str | None = None
    group: str | None = None
    job_type: str | None = None
    notes: str | None = None
    resume: bool = False
    disabled: bool = False
    steps: int | None = None


def asked_for(given: Mapping[str, Any], environ: Mapping[str, str]) -> Asked:
    """The wish that arguments and environment make. Raises `TypeError` and `ValueError` for arguments that are wrong, never for a variable."""
    _check(given)
    settings, without_effect = arguments_in(given.get("settings"))
    ignored = [
        *sorted(n for n, v in given.items() if v is not None and n not in _MEANT and n not in OWN),
        *without_effect,
    ]
    if ignored:
        say("init-extras", f"init(): accepted and ignored: {', '.join(ignored)}.")
    wanted = settings | {name: value for name, value in given.items() if value is not None}
    mode = _one_of(MODES, wanted.get("mode"), "mode")
    resume = wanted.get("resume")
    if not isinstance(resume, bool):
        resume = (_one_of(RESUMES, resume, "resume") or setting(environ, "RESUME") or "never") != "never"
    found: dict[str, Any] = {name: arguments.name(wanted.get(name), name) for name in _NAMES} | _others(wanted)
    found |= {"config": _config(wanted), "resume": resume, "disabled": mode == "disabled" if mode else None}
    found["steps"] = arguments.steps(wanted.get("steps"))
    return from_environment(environ)._replace(
        **{name: value for name, value in found.items() if value not in (None, ())}
    )


_NAMES = ("project", "name", "id", "entity", "group", "job_type", "notes")


def _others(wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "runs": arguments.folder(wanted.get("dir")),
        "tags": arguments.tags(wanted.get("tags")),
        "rules": tuple(rule_files.find(wanted.get("rules"))),
    }


def from_environment(environ: Mapping[str, str]) -> Asked:
    """The wish that `WALERT_` variables, else wandb's, make."""
    tags = (setting(environ, "TAGS") or "").split(",")
    return Asked(
        project=setting(environ, "PROJECT"),
        name=setting(environ, "NAME"),
        runs=arguments.folder(setting(environ, "DIR")),
        tags=tuple(tag.strip() for tag in tags if tag.strip()),
        entity=setting(environ, "ENTITY"),
        group=setting(environ, "RUN_GROUP"),
        job_type=setting(environ, "JOB_TYPE"),
        notes=setting(environ, "NOTES"),
        disabled=setting(environ, "MODE") == "disabled",
    )


def _check(given: Mapping[str, Any]) -> None:
    unknown = sorted(set(given).difference(OWN, WANDB_ARGUMENTS, TRACKIO_ARGUMENTS))
    if unknown:
        known = f"{', '.join(OWN)}, and wandb's {', '.join(WANDB_ARGUMENTS)}"
        raise TypeError(f"init() takes {known}; not {', '.join(unknown)}")


def _one_of(allowed: tuple[str, ...], value: object, what: str) -> str | None:
    if value is None or (isinstance(value, str) and value in allowed):
        return value
    raise ValueError(f"{what} must be one of {', '.join(allowed)}, not {value!r}")


def _config(wanted: Mapping[str, Any]) -> dict[str, Any]:
    config = wanted.get("config")
    if isinstance(config, str | os.PathLike):
        raise TypeError(
            "config must be a dict or an object with attributes: read the file first, such as with yaml.safe_load()"
        )
    found = arguments.config(config)
    include, exclude = wanted.get("config_include_keys"), wanted.get("config_exclude_keys")
    if include:
        return {name: value for name, value in found.items() if name in include}
    return {name: value for name, value in found.items() if name not in (exclude or ())}
