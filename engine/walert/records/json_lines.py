"""JSON lines -> Python values: msgspec's one door in this package, and what it leaves to the standard library.

msgspec refuses the literals `NaN` and `Infinity`, numbers beyond a float and lone surrogates; the standard library
takes them, at five times the price. So: fast first; then with the literals quoted, which every reader here takes for
the same numbers; then the standard library; then it is a bad line. Which way took the last line is tried first on the
next: it decides the cost only, never the outcome.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final

import msgspec

MAX_DEPTH: Final = 100
"""Deepest nesting of a line. Fixed, because the interpreter's own limit depends on who called."""

FAILURES: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What the fast decoders raise on a line that is not for them."""

_anything: Final[Callable[[bytes], Any]] = msgspec.json.Decoder().decode

# Possessive, and matching an unterminated string too: linear on every input.
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?', re.DOTALL)
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_TYPES: Final[dict[str, Any]] = {
    "number": float,
    "text": str,
    "flag": bool,
    "null": None,
    "any": float | str | bool | None,
}
_LONGEST_INTEGER: Final = 400  # digits; a float ends at 309, int() refuses at 4300


class NotJson(ValueError):
    """The line is not JSON; the text is the reason, one short sentence."""


def struct_decoder(shape: tuple[tuple[str, Any], ...]) -> Callable[[bytes], Any]:
    """A decoder of objects with exactly these keys, into an object with the attributes f0, f1, ... in their order.

    A key's kind is `number` (a float), `text`, `flag`, `null`, `any` of these, or the keys of a nested object. What the
    decoder raises on another object is one of `FAILURES`. Raises ValueError here on a key that msgspec cannot have.
    """
    return msgspec.json.Decoder(_struct(shape)).decode


def _struct(shape: tuple[tuple[str, Any], ...]) -> type[msgspec.Struct]:
    fields = [f"f{index}" for index in range(len(shape))]
    return msgspec.defstruct(
        "Line",
        [
            (field, _struct(kind) if isinstance(kind, tuple) else _TYPES[kind])
            for field, (_, kind) in zip(fields, shape, strict=True)
        ],
        rename={field: key for field, (key, _) in zip(fields, shape, strict=True)},
        forbid_unknown_fields=True,
        gc=False,
    )


class JsonReader:
    """Reads the lines of one stream, remembering which way the last one was read.

    `prepare` is what to do to a line first: None, or what quotes the literals that the last lines held.
    """

    __slots__ = ("prepare",)

    def __init__(self) -> None:
        self.prepare: Callable[[bytes], bytes] | None = None

    def read(self, data: bytes) -> Any:
        """The value of one line. Non-finite literals may come as their spelling in a string. Raises NotJson."""
        try:
            return _anything(self.prepare(data) if self.prepare else data)
        except FAILURES:
            return self._read_otherwise(data)

    def _read_otherwise(self, data: bytes) -> Any:
        for prepare in _PREPARATIONS:
            if prepare is not self.prepare:
                try:
                    value = _anything(prepare(data) if prepare else data)
                except FAILURES:
                    continue
                self.prepare = prepare
                return value
        return _exactly(data)


def too_deep(data: bytes) -> bool:
    """Whether a JSON line nests deeper than MAX_DEPTH, found without recursion. True also for unbalanced brackets."""
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return False
    brackets = _STRING.sub(b"", data).translate(None, _NOT_BRACKETS)
    for _ in range(MAX_DEPTH):  # each round takes away the innermost pairs
        if not brackets:
            return False
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return bool(brackets)


def _quote_nan(data: bytes) -> bytes:
    """Quotes every NaN, wherever it stands: inside a string that breaks the line, so a line that decodes was right."""
    return data.replace(b"NaN", b'"NaN"')


def _quote_all(data: bytes) -> bytes:
    quoted = _quote_nan(data).replace(b"Infinity", b'"Infinity"')
    return quoted.replace(b'-"Infinity"', b'"-Infinity"')


_PREPARATIONS: Final = (None, _quote_nan, _quote_all)


def _exactly(data: bytes) -> Any:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotJson(f"not UTF-8: byte {data[error.start]:#04x} at offset {error.start}") from None
    try:
        return json.loads(text, parse_int=_integer)
    except RecursionError:
        raise NotJson(f"nested deeper than {MAX_DEPTH} levels") from None
    except json.JSONDecodeError as error:
        raise NotJson(f"not JSON: {error.msg.removesuffix(' at')} at character {error.pos + 1}") from None


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) < _LONGEST_INTEGER else float(digits)
