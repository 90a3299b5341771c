"""What ships beside the code: JSON Schemas and rule packs. Looks in the installed package, then in the checkout."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent.parent
_SUFFIX = ".schema.json"


def schema_names() -> tuple[str, ...]:
    """Names of the shipped schemas (`rules`, `config`, …), sorted."""
    return tuple(sorted(p.name.removesuffix(_SUFFIX) for p in _folder("schemas").glob(f"*{_SUFFIX}")))


def schema_path(name: str) -> Path:
    """The file of the schema `name`. Raises `KeyError` with a sentence when there is none."""
    if name not in schema_names():
        raise KeyError(f"there is no schema {name!r}; there are: {', '.join(schema_names())}")
    return _folder("schemas") / f"{name}{_SUFFIX}"


@functools.cache
def schema(name: str) -> dict[str, Any]:
    """The schema `name`, parsed once; do not change it. Raises `KeyError` with a sentence when there is none."""
    parsed: dict[str, Any] = json.loads(schema_path(name).read_text(encoding="utf-8"))
    return parsed


def pack_names() -> tuple[str, ...]:
    """Names of the shipped rule packs, as in `pack:NAME`, sorted."""
    return tuple(sorted(p.stem for p in _folder("rules").glob("*.yaml") if not p.name.endswith(".test.yaml")))


def pack_path(name: str) -> Path:
    """The file of the rule pack `name`. Raises `KeyError` with a sentence when there is none."""
    if name not in pack_names():
        raise KeyError(f"there is no pack {name!r}; there are: {', '.join(pack_names())}")
    return _folder("rules") / f"{name}.yaml"


def _folder(name: str) -> Path:
    shipped = _PACKAGE / "data" / name
    return shipped if shipped.is_dir() else _CHECKOUT / name
