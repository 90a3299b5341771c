"""Values to blobs and back: msgpack of plain builtins, and the frozen values of the model spelled out as builtins.

A blob is exact: NaN, infinities and -0.0 come back as they went in. Tuples come back as lists. Nothing is ever pickled,
so a state file cannot run code. Text that is not valid Unicode (file names, a hostile log) survives as well. msgspec's
one door for blobs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast, get_args

import msgspec

from walert.errors import DamagedState, StoreError
from walert.model import Alert, AlertLevel, Curve, MessageKind, Run

_LONE_SURROGATES, _LARGE_INT, _ODD_KEYS = 1, 2, 3
_KINDS = frozenset(get_args(MessageKind))


def pack(value: Any) -> bytes:
    """Builtins (None, bool, int, float, str, bytes, list, tuple, dict) as a blob; TypeError for anything else."""
    try:
        return msgspec.msgpack.encode(value, enc_hook=_refuse)
    except (UnicodeEncodeError, OverflowError):
        return msgspec.msgpack.encode(_escape(value), enc_hook=_refuse)


def unpack(blob: bytes) -> Any:
    """The builtins of a blob; DamagedState when the bytes are."""
    try:
        return msgspec.msgpack.decode(blob, ext_hook=_restore)
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise DamagedState(
            f"A value in the state file is damaged ({error}). Stop walertd and restore or remove it."
        ) from error


def _refuse(value: object) -> Any:
    raise TypeError(f"only builtins can be stored, not {type(value).__name__}")


def _escape(value: Any) -> Any:
    """The same tree with what msgpack cannot spell wrapped in extension types."""
    if isinstance(value, str):
        return value if _is_valid(value) else msgspec.msgpack.Ext(_LONE_SURROGATES, to_bytes(value))
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return msgspec.msgpack.Ext(_LARGE_INT, format(value, "x").encode())
    if isinstance(value, list | tuple):
        return [_escape(item) for item in value]
    if isinstance(value, Mapping):
        return _escape_mapping(value)
    return value


def _escape_mapping(value: Mapping[Any, Any]) -> Any:
    pairs = [[_escape(key), _escape(item)] for key, item in value.items()]
    if any(isinstance(key, msgspec.msgpack.Ext) for key, _ in pairs):
        return msgspec.msgpack.Ext(_ODD_KEYS, msgspec.msgpack.encode(pairs, enc_hook=_refuse))
    return {key if not isinstance(key, list) else tuple(key): item for key, item in pairs}


def _restore(code: int, data: memoryview) -> Any:
    if code == _LONE_SURROGATES:
        return from_bytes(bytes(data))
    if code == _LARGE_INT:
        return int(bytes(data), 16)
    if code == _ODD_KEYS:
        return dict(msgspec.msgpack.decode(data, ext_hook=_restore))
    raise ValueError(f"unknown extension {code}")


# --- text and integers in columns ----------------------------------------------------------------------------------


def _is_valid(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def to_bytes(text: str) -> bytes:
    """UTF-8 that also spells lone surrogates, which is how Python holds file names that are not UTF-8."""
    return text.encode("utf-8", "surrogatepass")


def from_bytes(data: bytes) -> str:
    """The inverse of `to_bytes`."""
    return data.decode("utf-8", "surrogatepass")


def to_column(text: str) -> str | bytes:
    """Text as SQLite takes it: as text, or as bytes when it holds lone surrogates. Equal texts give equal columns."""
    return text if _is_valid(text) else to_bytes(text)


def from_column(value: str | bytes) -> str:
    """The inverse of `to_column`."""
    return from_bytes(value) if isinstance(value, bytes) else value


def to_optional_column(text: str | None) -> str | bytes | None:
    """`to_column`, with NULL for None."""
    return None if text is None else to_column(text)


def from_optional_column(value: str | bytes | None) -> str | None:
    """The inverse of `to_optional_column`."""
    return None if value is None else from_column(value)


def to_signed(number: int) -> int:
    """A device or inode number as SQLite's signed 64 bits: some file systems use the highest bit."""
    return number - 2**64 if number >= 2**63 else number


def from_signed(number: int) -> int:
    """The inverse of `to_signed`."""
    return number + 2**64 if number < 0 else number


# --- the values of the model ----------------------------------------------------------------------------------------


def run_to_builtins(run: Run) -> dict[str, Any]:
    """A run as builtins, every field by its name."""
    return {
        "id": run.id,
        "name": run.name,
        "project": run.project,
        "tags": list(run.tags),
        "host": run.host,
        "attempt": run.attempt,
    }


def run_from_builtins(data: Mapping[str, Any]) -> Run:
    """The inverse of `run_to_builtins`; fields that an older row lacks get their defaults."""
    return Run(
        id=data["id"],
        name=data["name"],
        project=data.get("project"),
        tags=tuple(data.get("tags", ())),
        host=data.get("host"),
        attempt=data.get("attempt", 0),
    )


def alert_to_builtins(alert: Alert) -> dict[str, Any]:
    """An alert as builtins, every field by its name: enough to render its messages again."""
    return {
        "id": alert.id,
        "kind": alert.kind,
        "run": run_to_builtins(alert.run),
        "title": alert.title,
        "level": alert.level.value,
        "text": alert.text,
        "values": dict(alert.values),
        "step": alert.step,
        "time": alert.time,
        "log": alert.log,
        "origin": alert.origin,
        "suppressed": alert.suppressed,
        "labels": dict(alert.labels),
        "runbook": alert.runbook,
        "late": alert.late,
        "sparkline": alert.sparkline,
        "host": alert.host,
        "at": alert.at,
    }


def alert_from_builtins(data: Mapping[str, Any]) -> Alert:
    """The inverse of `alert_to_builtins`; fields that an older row lacks get their defaults."""
    if data["kind"] not in _KINDS:
        raise StoreError(
            f"The state file holds an alert of the unknown kind {data['kind']!r}. Was it written by a newer walert?"
        )
    return Alert(
        id=data["id"],
        kind=cast(MessageKind, data["kind"]),
        run=run_from_builtins(data["run"]),
        title=data["title"],
        level=AlertLevel(data["level"]),
        text=data["text"],
        values=data["values"],
        step=data["step"],
        time=data["time"],
        log=data["log"],
        origin=data["origin"],
        suppressed=data.get("suppressed", 0),
        labels=data.get("labels", {}),
        runbook=data.get("runbook"),
        late=data.get("late", False),
        sparkline=data.get("sparkline"),
        host=data.get("host"),
        at=data.get("at", 0.0),
    )


def curves_to_builtins(curves: Sequence[Curve]) -> list[Any]:
    """The curves of an alert as builtins: its evidence."""
    return [[curve.name, list(curve.steps), list(curve.values), list(curve.limits)] for curve in curves]


def curves_from_builtins(data: Sequence[Any]) -> tuple[Curve, ...]:
    """The inverse of `curves_to_builtins`."""
    return tuple(Curve(name, tuple(steps), tuple(values), tuple(limits)) for name, steps, values, limits in data)


def read_alert(blob: bytes, evidence: bytes | None = None) -> Alert:
    """The alert of a blob, with the curves of its evidence, if any; StoreError, whatever is wrong with the alert.

    Damaged evidence costs the picture, never the message.
    """
    alert = _read_alert(blob)
    if evidence is None:
        return alert
    try:
        return replace(alert, curves=curves_from_builtins(unpack(evidence)))
    except (StoreError, TypeError, ValueError):
        return alert


def _read_alert(blob: bytes) -> Alert:
    try:
        return alert_from_builtins(unpack(blob))
    except (KeyError, TypeError, ValueError) as error:
        raise StoreError(f"An alert in the state file is damaged ({error!r}).") from error
