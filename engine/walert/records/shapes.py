"""Fast readers for lines that all look alike: the keys of a line, compiled into one function from bytes to a record.

A writer repeats the same keys line after line. What the general way found out about such lines (their names, step, time
and what their nulls mean) is compiled once; msgspec then reads the numbers straight into their places. A reader answers
None, or raises one of json_lines.FAILURES, for every line that differs in any way that could matter: those go the general
way, which alone decides. The generated code holds no text of the line: names enter it as constants.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from math import nan
from textwrap import dedent, indent
from typing import Any, Final, Literal, NamedTuple

from walert.model import Record
from walert.records.flatten import Flattener
from walert.records.json_lines import FAILURES, struct_decoder
from walert.records.names import NON_FINITE
from walert.records.plan import Planner
from walert.records.times import EARLIEST, LATEST, from_number, from_text

Reader = Callable[[bytes, int, int, int], Record | None]
"""data, line, offset, records before it -> record."""

Row = Callable[[bytes], tuple[Any, ...] | None]

Kind = Literal["number", "text", "flag", "null", "any"]
Shape = tuple[tuple[str, Any], ...]
"""Keys in order, each with its Kind or, for an object, its Shape."""

MAX_KEYS: Final = 256
_MAX_ROWS: Final = 8  # rule sets want different metrics of a form
MAX_TEXT: Final = 16_384  # characters of all keys together: compiled shapes are shared and kept
_KINDS: Final[Mapping[type, Kind]] = {float: "number", int: "number", str: "text", bool: "flag", type(None): "null"}

Role = Literal["metric", "nullable", "none", "step", "time", "date", "duration", "iso", "quiet"]


class Field(NamedTuple):
    """One scalar of a shape: the metric name it has, and what it is for.

    `nullable` is a metric whose null is NaN; `none` is nothing at all; `date` is a time key after the first, `duration`
    a time key that held no date; `quiet` is a text that is no metric as long as it spells no number.
    """

    name: str
    role: Role


class Blueprint(NamedTuple):
    """All that a reader depends on; equal ones share a reader. `fields` are in the order of the shape's scalars."""

    shape: Shape
    fields: tuple[Field, ...]
    epoch: str | None


def shape_of(record: Mapping[str, Any]) -> Shape | None:
    """The shape of a record; None if it holds an array, or is too large to be compiled."""
    shape = _shape(record, 0)
    if shape is None or sum(1 for _ in _keys(shape)) > MAX_KEYS or sum(map(len, _keys(shape))) > MAX_TEXT:
        return None
    return shape


def _shape(record: Mapping[str, Any], depth: int) -> Shape | None:
    if depth > 8 or len(record) > MAX_KEYS:
        return None
    parts: list[tuple[str, Any]] = []
    for key, value in record.items():
        kind = _shape(value, depth + 1) if isinstance(value, dict) else _kind(value)
        if kind is None:
            return None
        parts.append((key, kind))
    return tuple(parts)


def _kind(value: object) -> Kind | None:
    kind = _KINDS.get(type(value))
    return "any" if kind == "text" and value in NON_FINITE else kind


def _keys(shape: Shape) -> Iterator[str]:
    for key, kind in shape:
        yield key
        if isinstance(kind, tuple):
            yield from _keys(kind)


def merged(old: Shape, new: Shape) -> Shape:
    """A shape for the lines of both; where their keys differ, the new one."""
    if [key for key, _ in old] != [key for key, _ in new]:
        return new
    return tuple((key, _merged_kind(was, now)) for (key, was), (_, now) in zip(old, new, strict=True))


def _merged_kind(old: Any, new: Any) -> Any:
    if isinstance(old, tuple) and isinstance(new, tuple):
        return merged(old, new)
    if isinstance(old, tuple) or isinstance(new, tuple):
        return new
    return old if old == new else "any"


def blueprint(record: Mapping[str, Any], shape: Shape, planner: Planner, flattener: Flattener) -> Blueprint | None:
    """How to read records like this one, or None if some of them could mean different things."""
    scalars = list(_scalars(record, shape, "", flattener))
    named = {name: (kind, value) for name, kind, value, _ in scalars if name}
    if len(named) < sum(1 for name, *_ in scalars if name) or any(left_out for *_, left_out in scalars):
        return None  # two spellings of one name, or a name beyond the bounds
    numbers = [name for name, (kind, _) in named.items() if kind == "number"]
    plan = planner.plan(numbers)
    roles: dict[str, Role] = dict.fromkeys((*plan.steps, *plan.counters), "none")
    if plan.steps:
        roles[plan.steps[0]] = "step"
    roles |= _time_roles(named, planner)
    if any(not _is_steady(kind, roles.get(name)) for name, (kind, _) in named.items() if name in planner.counters):
        return None
    if flattener.rooted and planner.counters.issuperset(numbers):
        return None  # such a line may be no record at all
    fields = tuple(Field(name, _role(name, kind, roles, flattener)) for name, kind, *_ in scalars)
    return Blueprint(shape, fields, plan.epochs[0] if plan.epochs else None)


def _scalars(
    record: Mapping[str, Any], shape: Shape, prefix: str, flattener: Flattener
) -> Iterator[tuple[str, Kind, Any, bool]]:
    """Name, kind and value of each scalar, and whether a bound leaves it out."""
    level = flattener.level(prefix, record)
    for name, written, value, (_, kind) in zip(level.names, level.written, record.values(), shape, strict=True):
        if isinstance(kind, tuple):
            yield from _scalars(value, kind, written + "/", flattener)
        else:
            yield name, kind, value, level.ignored > 0


def _time_roles(named: Mapping[str, tuple[Kind, Any]], planner: Planner) -> dict[str, Role]:
    roles: dict[str, Role] = {}
    for name in planner.times:
        kind, value = named.get(name, ("flag", None))
        first = not {"time", "iso"}.intersection(roles.values())
        if kind == "number":
            roles[name] = "duration" if from_number(value) is None else "time" if first else "date"
        elif kind == "text" and (not first or from_text(value) is not None):
            roles[name] = "iso" if first else "quiet"
    return roles


def _is_steady(kind: Kind, role: Role | None) -> bool:
    """Whether a key that tells step, time or epoch can only go on as it is. A text that is no date yet could be one."""
    return kind in ("number", "flag") or (kind == "text" and role in ("iso", "quiet"))


def _role(name: str, kind: Kind, roles: Mapping[str, Role], flattener: Flattener) -> Role:
    if not name or kind == "flag":
        return "none"
    if name in roles:
        return roles[name]
    if kind == "text":
        return "quiet"
    counts = kind in ("null", "any") and flattener.null_counts(name)
    return "nullable" if counts else "none" if kind == "null" else "metric"


@lru_cache(maxsize=256)
def compiled(plan: Blueprint) -> Form | None:
    """How lines of a blueprint are read; None if msgspec cannot have a key of it (one with a quote, say)."""
    try:
        decode = struct_decoder(plan.shape)
    except ValueError:
        return None
    return Form(plan, decode)


class Reading(NamedTuple):
    """How a loop reads a line of a form without making a record of it: Python statements and expressions for generated code.

    `space` names what they use, `decode` among it, which makes `s` of a line or raises one of `FAILURES`. `checks` are run on `s`, in order;
    they end in `break` where the line is of another form. Then the other expressions hold. That step and epoch are finite is left to the loop
    to see. Without `stepped`, the step is the record's ordinal; without `timed`, there is no time.
    """

    space: Mapping[str, object]
    checks: tuple[str, ...]
    step: str
    time: str
    epoch: str
    values: tuple[str, ...]


class Form:
    """Lines of one shape: `read` makes a record of one of them; `reading` tells a loop how to do without.

    `names` are the metrics of such a record, in its order. `stepped`, `timed` and `epochal` tell whether it has a step, a time and an epoch.
    """

    __slots__ = ("_plan", "_readings", "_rows", "decode", "epochal", "names", "read", "stepped", "timed")

    def __init__(self, plan: Blueprint, decode: Callable[[bytes], Any]) -> None:
        self._plan, self.decode = plan, decode
        self._readings: dict[tuple[str, ...], Reading] = {}
        self._rows: dict[tuple[str, ...], Row] = {}
        source = _Source(plan)
        self.names: tuple[str, ...] = tuple(sorted(source.places))
        self.stepped = source.known["has_step"] == "True"
        self.timed = source.known["time"] == "time"
        self.epochal = source.known["epoch"] == "epoch"
        self.read: Reader = _define(*source.reader(), name="read", decode=decode)

    def reading(self, wanted: tuple[str, ...]) -> Reading:
        """How a loop reads the metrics `wanted`."""
        return _Source(self._plan).reading(wanted, {"decode": self.decode, **_SPACE})

    def row(self, data: bytes, wanted: tuple[str, ...]) -> tuple[Any, ...] | None:
        """(step, time, epoch, the metrics `wanted`) of a line; None if it is of another form. Step, time and epoch may be None."""
        row = self._rows.get(wanted)
        if row is None:
            if len(self._rows) >= _MAX_ROWS:
                self._rows.clear()
            row = self._rows[wanted] = _define(_Source(self._plan).row(wanted), {}, name="row", decode=self.decode)
        try:
            return row(data)
        except FAILURES:
            return None


def _define(text: str, constants: Mapping[str, str], *, name: str, decode: Callable[[bytes], Any]) -> Any:
    module = _Constants(constants).visit(ast.parse(text))
    space: dict[str, Any] = {"__builtins__": {}, "decode": decode, **_SPACE}
    exec(compile(ast.fix_missing_locations(module), "<shape>", "exec"), space)
    return space[name]


class _Source:
    """Writes the text of what reads lines: names appear in it as K0, K1, ... only."""

    def __init__(self, plan: Blueprint) -> None:
        self.places: dict[
            str, tuple[str, str]
        ] = {}  # of a metric: where it stands, and what converts it if it may be a text
        self.known = {"step": "count + 1.0", "has_step": "False", "time": "None", "epoch": "None"}
        self._checks: list[str] = []
        self._fields = iter(plan.fields)
        self._epoch = plan.epoch
        self._object(plan.shape, "s")

    def reader(self) -> tuple[str, dict[str, str]]:
        """`read(data, line, offset, count)`: one line's record, or None."""
        constants = {f"K{i}": name for i, name in enumerate(sorted(self.places))}
        items = ", ".join(f"{key}: {self.places[name][0]}" for key, name in constants.items())
        lines = ["def read(data, line, offset, count):", " s = decode(data)", *self._checks, f" metrics = {{{items}}}"]
        for key, name in constants.items():
            place, convert = self.places[name]
            if convert:
                lines.append(
                    f" value = {place}\n if value.__class__ is not float:\n  value = {convert}(value)\n"
                    f"  if value is None: del metrics[{key}]\n  else: metrics[{key}] = value"
                )
        known = "{step}, {has_step}, {time}, {epoch}".format(**self.known)
        lines.append(f" return new(Record, (line, offset, {known}, metrics, None))")
        return "\n".join(lines), constants

    def reading(self, wanted: tuple[str, ...], space: Mapping[str, object]) -> Reading:
        """See `Reading`."""
        values = {name: place for name, (place, _) in self.places.items()}
        checks = [check for check in self._checks if check not in _LEFT]
        for i, (name, (place, convert)) in enumerate(self.places.items()):
            if convert:
                values[name] = f"s_{i}"
                checks.append(
                    f" s_{i} = {place}\n if s_{i}.__class__ is not float:\n  s_{i} = {convert}(s_{i})\n  if s_{i} is None: return None"
                )
        step = self.known["step"] if self.known["has_step"] == "True" else "None"
        blocks = tuple(dedent(check).replace("return None", "break") for check in checks)
        return Reading(
            space, blocks, step, self.known["time"], self.known["epoch"], tuple(values[name] for name in wanted)
        )

    def row(self, wanted: tuple[str, ...]) -> str:
        """`row(data)`: what a loop reads of a line, as a tuple; None where it would break."""
        reading = self.reading(wanted, {})
        row = ", ".join((reading.step, reading.time, reading.epoch, *reading.values))
        checks = [indent(check.replace("break", "return None"), " ") for check in reading.checks]
        return "\n".join(["def row(data):", " s = decode(data)", *checks, f" return ({row})"])

    def _object(self, shape: Shape, place: str) -> None:
        for index, (_, kind) in enumerate(shape):
            if isinstance(kind, tuple):
                inner = f"s{len(self._checks)}"
                self._checks.append(f" {inner} = {place}.f{index}")
                self._object(kind, inner)
            else:
                self._scalar(next(self._fields), f"{place}.f{index}", loose=kind in ("any", "null"))

    def _scalar(self, field: Field, place: str, loose: bool) -> None:
        if field.role in ("step", "time", "iso"):
            self._take(field.role, place)
        elif field.role == "quiet":
            self._checks.append(f" if {place} in NON_FINITE: return None")
        elif field.role == "date":
            self._checks.append(f" if from_number({place}) is None: return None")
        elif field.role != "none":
            self._metric(field, place, loose)
        if field.name and field.name == self._epoch:
            self._checks += [f" epoch = {place}", _FINITE.format("epoch")]
            self.known["epoch"] = "epoch"

    def _take(self, role: Role, place: str) -> None:
        if role == "step":
            self._checks += [f" step = {place}", _FINITE.format("step")]
            self.known.update(step="step", has_step="True")
            return
        convert = "from_number" if role == "time" else "from_text"
        test = f"not ({EARLIEST} <= time and time < {LATEST})" if role == "time" else "True"
        self._checks.append(f" time = {place}\n if {test}:\n  time = {convert}(time)\n  if time is None: return None")
        self.known["time"] = "time"

    def _metric(self, field: Field, place: str, loose: bool) -> None:
        if field.role == "duration":
            self._checks.append(f" if not {place} < {EARLIEST}: return None")
        convert = ("nullable" if field.role == "nullable" else "spelled") if loose else ""
        self.places[field.name] = place, convert


_FINITE: Final = " if {0} - {0} != 0.0: return None"
_LEFT: Final = frozenset(_FINITE.format(name) for name in ("step", "epoch"))  # to who reads without making a record


class _Constants(ast.NodeTransformer):
    """Puts the metric names in: as constants, so that no text of a log is ever parsed as code."""

    def __init__(self, constants: Mapping[str, str]) -> None:
        self._constants = constants

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.Constant(self._constants[node.id]) if node.id in self._constants else node


_NULLABLE: Final[dict[str | None, float]] = {None: nan}
_NULLABLE.update(NON_FINITE)
_SPACE: Final[Mapping[str, Any]] = {
    "FAILURES": FAILURES,
    "NON_FINITE": NON_FINITE,
    "Record": Record,
    "float": float,
    "from_number": from_number,
    "from_text": from_text,
    "new": tuple.__new__,
    "nullable": _NULLABLE.get,
    "spelled": NON_FINITE.get,
}
