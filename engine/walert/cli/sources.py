"""`--source KEY=VALUE` stands for an option of a `watch` entry; an option as it is written there."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from walert.cli.exits import USAGE, ExitCode
from walert.errors import ConfigError
from walert.model import Source

_LISTS = ("step", "time", "tags")
_PAIRS = ("pivot", "rename")
_PLAIN = re.compile(r"[A-Za-z_/.][\w/.-]*", re.ASCII)
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", ".nan", ".inf"}


def source_of(log: str, options: list[str]) -> Source:
    """The `watch` entry that `--source` options stand for. Raises `ConfigError` for one that is none."""
    path = os.path.abspath(log)
    if not options:
        return Source(path=path)
    from walert.config import read_config

    entry: dict[str, object] = {"path": path.replace("$", "$$")}
    for option in options:
        key, separator, value = option.partition("=")
        if not separator:
            raise ExitCode(USAGE, f"walert: --source {option}: write KEY=VALUE, such as step=iteration.")
        entry[key] = _value(key, value)
    config, problems = read_config(json.dumps({"watch": [entry]}), "--source", {})
    if config is None:
        raise ConfigError("the --source options cannot be used.", problems)
    return config.sources[0]


def _value(key: str, value: str) -> object:
    if key in _LISTS:
        return value.split(",")
    if key in _PAIRS:
        first, _, second = value.partition(":")
        return {"name": first, "value": second} if key == "pivot" else {first: second}
    return {"true": True, "false": False}.get(value, value)


def options_of(source: Source) -> dict[str, Any]:
    """The options of a source that are not the default ones, as a `watch` entry spells them."""
    plain = Source(path=source.path)
    found = {f.name: getattr(source, f.name) for f in fields(Source) if f.name != "path"}
    return {name: _spelled(name, value) for name, value in found.items() if value != getattr(plain, name)}


def entry_of(path: str, options: Mapping[str, Any]) -> str:
    """A `watch` entry as it is pasted into walert.yaml."""
    if not options:
        return f"- {_yaml(path)}"
    return f"- {{{', '.join(f'{key}: {_yaml(value)}' for key, value in {'path': path, **options}.items())}}}"


def _spelled(name: str, value: Any) -> Any:
    if name == "pivot":
        return {"name": value[0], "value": value[1]}
    if isinstance(value, tuple):
        return value[0] if len(value) == 1 and name != "tags" else list(value)
    return dict(value) if isinstance(value, Mapping) else value


def _yaml(value: Any) -> str:
    """A value in YAML's flow style; quoted as JSON is where it could mean anything else."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{_yaml(key)}: {_yaml(item)}' for key, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_yaml, value))}]"
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return json.dumps(value).replace("$", "$$") if isinstance(value, str) else json.dumps(value)
