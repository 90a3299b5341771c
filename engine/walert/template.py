"""Message texts: `{loss:.3f}` and friends by a closed formatter. No attribute, no index, no conversion: a name and a number format.

A template that cannot be filled in never costs the message: what went wrong stands in its place as `<template error: …>`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

MAX_TEXT = 10_000

_FIELD = re.compile(
    r"""\{\{|\}\}|\{(?P<name>m\["[^"{}]*"\]|m\['[^'{}]*'\]|[^{}:!]*)(?P<conversion>![^{}:]*)?(?::(?P<format>[^{}]*))?\}|[{}]"""
)
_REACHES_IN = re.compile(r"(?:^|[./])__|\[[^\]]*\]$")
_NUMBER_FORMAT = re.compile(r"[<>=^]?[-+ ]?0?\d{0,2}[,_]?(?:\.\d{1,2})?[eEfFgG%]?|\d{0,2}d")

FACTS = (
    "step", "epoch", "run", "project", "title", "level", "time", "since", "value", "suppressed", "host", "file", "line", "attempt", "for",
)  # fmt: skip

Value = float | int | str | None


@dataclass(frozen=True, slots=True)
class Slip:
    """Something wrong in a template: `offset` in characters."""

    offset: int
    what: str


@dataclass(frozen=True, slots=True)
class Field:
    """A value that a template fills in: where its brace stands, a fact's name or a metric's flattened one, and its number format."""

    offset: int
    name: str
    format: str


def metric_name(written: str) -> str:
    """The flattened metric name of a field as written: `train.loss`, `train/loss`, `m["train/loss"]`.

    A kept value, `quantile(loss, 100, 0.5)`, keeps its points.
    """
    written = written.strip()
    if written.startswith("m["):
        return written[3:-2].replace(".", "/")
    return written if written.endswith(")") else written.replace(".", "/")


def fields(text: str) -> list[Field]:
    """What a template fills in, in order; what `check` complains of is not among it."""
    found = []
    for match in _FIELD.finditer(text[:MAX_TEXT]):
        name = (match.group("name") or "").strip()
        if name and not match.group("conversion"):
            name = name if name in FACTS else metric_name(name)
            found.append(Field(match.start(), name, match.group("format") or ""))
    return found


def names_in(text: str) -> list[str]:
    """The metrics that a template fills in, in order; facts such as `{step}` are none."""
    return [field.name for field in fields(text) if field.name not in FACTS]


def check(text: str) -> list[Slip]:
    """What can be known to be wrong before there are values: stray braces, empty fields, formats that are none."""
    slips = (Slip(match.start(), _wrong(match)) for match in _FIELD.finditer(text))
    return [slip for slip in slips if slip.what]


def _wrong(match: re.Match[str]) -> str:
    """What is wrong with one field or brace; empty when nothing is."""
    name, form = (match.group("name") or "").strip(), match.group("format") or ""
    if match.group() in ("{{", "}}"):
        return ""
    if match.group() in ("{", "}"):
        return "a single brace: write {{ or }} for a brace in the text"
    if not name:
        return "an empty field: write {loss} or {step}"
    if match.group("conversion"):
        return "a conversion such as !r cannot stand here"
    if name.isdecimal():
        return f"`{name[:30]}` counts nothing here: a field has a name, such as {{loss}} or {{step}}"
    if _REACHES_IN.search(name) and not name.startswith("m["):
        return f"`{name[:30]}` reaches into a value: a field is a metric's name or a fact, nothing else"
    if form and not _NUMBER_FORMAT.fullmatch(form):
        return f"`{form[:30]}` is no number format: write for example .3f"
    return ""


def fill(text: str, values: Mapping[str, Value], escape: Callable[[str], str] = str) -> str:
    """`text` with its fields filled in from `values`, metrics under flattened names. Values that are text go through `escape`."""

    def one(match: re.Match[str]) -> str:
        whole = match.group()
        if whole in ("{{", "}}"):
            return whole[0]
        if whole in ("{", "}"):
            return whole
        name = match.group("name").strip()
        key = name if name in FACTS else metric_name(name)
        if match.group("conversion"):
            return _error(f"{name}: no conversion")
        if key not in values:
            return _error(f"{name or 'empty field'}: no such value")
        return _one(name, values[key], match.group("format") or "", escape)

    return _FIELD.sub(one, text[:MAX_TEXT])


def _one(name: str, value: Value, spec: str, escape: Callable[[str], str]) -> str:
    if value is None:
        return "none"
    if isinstance(value, str):
        return escape(value)
    if not spec:
        return number(value)
    if not _NUMBER_FORMAT.fullmatch(spec):
        return _error(f"{name}: format")
    try:
        return format(int(value) if spec.endswith("d") else value, spec)
    except (ValueError, OverflowError):
        return _error(f"{name}: format")


def _error(what: str) -> str:
    return f"<template error: {what[:80]}>"


def number(value: float) -> str:
    """A value as people read it: whole numbers without a point, others to six significant digits."""
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e15):
        return str(int(value))
    return f"{value:.6g}"
