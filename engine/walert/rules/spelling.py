"""Conditions back to text, as their author could have written them: what `parse_truth` reads back to the same terms."""

from __future__ import annotations

import json
import keyword
import math

from walert.rules import terms as t
from walert.rules.functions import CONSTANTS, OF_RUN, SIGNATURES
from walert.units import Span, format_duration, parse_duration

_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "floordiv": "//", "mod": "%", "pow": "**"}
_BINDS = {"add": 6, "sub": 6, "mul": 7, "div": 7, "floordiv": 7, "mod": 7, "pow": 9}
_UNARY, _ATOMIC, _CHOICE, _OR, _AND, _NOT, _COMPARE = 8, 10, 1, 2, 3, 4, 5
_TAKEN = frozenset({*CONSTANTS, *OF_RUN, *SIGNATURES, *keyword.kwlist, "m"})


def spell(node: t.Node) -> str:
    """The text of a condition or of a part of one."""
    return _spell(node)[0]


def _spell(node: t.Node) -> tuple[str, int]:
    """(text, how tightly its outermost operator binds)."""
    match node:
        case t.Const(value):
            return _constant(value)
        case t.Metric(name):
            return metric(name), _ATOMIC
        case t.OfRun(name):
            return name, _ATOMIC
        case t.Apply(function, args):
            return _apply(function, args)
        case t.Feature():
            return _feature(node), _ATOMIC
        case t.Presence(function, name, span):
            given = ([metric(name)] if name is not None else []) + ([_span(span)] if span is not None else [])
            return f"{function}({', '.join(given)})", _ATOMIC
        case t.Predicate(function, arg):
            return f"{function}({spell(arg)})", _ATOMIC
        case t.Compare(operators, sides):
            parts = [_within(side, _COMPARE + 1) for side in sides]
            return "".join(
                [parts[0], *(f" {op} {part}" for op, part in zip(operators, parts[1:], strict=True))]
            ), _COMPARE
        case _:
            return _truth(node)


def _truth(node: t.Node) -> tuple[str, int]:
    match node:
        case t.Not(arg):
            return f"not {_within(arg, _NOT)}", _NOT
        case t.All(args):
            return " and ".join(_within(a, _AND + 1) for a in args), _AND
        case t.Any_(args):
            return " or ".join(_within(a, _OR + 1) for a in args), _OR
        case t.Choose(c, a, b) | t.ChooseTruth(c, a, b):
            return f"{_within(a, _CHOICE + 1)} if {_within(c, _CHOICE + 1)} else {_within(b, _CHOICE)}", _CHOICE
    raise AssertionError(node)


def _within(node: t.Node, binds: int) -> str:
    text, own = _spell(node)
    return text if own >= binds else f"({text})"


def _constant(value: float) -> tuple[str, int]:
    text = _literal(abs(value))
    return (f"-{text}", _UNARY) if math.copysign(1.0, value) < 0 and value == value else (text, _ATOMIC)


def _literal(value: float) -> str:
    if value != value:
        return "nan"
    if math.isinf(value):
        return "inf"
    return str(int(value)) if value == int(value) and value < 1e15 else repr(value)


def _apply(function: str, args: tuple[t.Number, ...]) -> tuple[str, int]:
    if function in ("neg", "pos"):
        return f"{'-' if function == 'neg' else '+'}{_within(args[0], _UNARY)}", _UNARY
    if function not in _SIGNS:
        return f"{function}({', '.join(spell(a) for a in args)})", _ATOMIC
    binds = _BINDS[function]
    left, right = (binds + 1, _UNARY) if function == "pow" else (binds, binds + 1)
    return f"{_within(args[0], left)} {_SIGNS[function]} {_within(args[1], right)}", binds


def _feature(node: t.Feature) -> str:
    first = metric(node.metric) if node.metric is not None else spell(node.condition) if node.condition else ""
    parts = [first]
    if node.span is not None:
        parts.append(_span(node.span))
    if node.amount is not None:
        parts.append(_literal(node.amount))
    if node.mode is not None:
        parts.append(f'"{node.mode}"')
    if node.minimum is not None:
        parts.append(f"min={node.minimum}")
    return f"{node.function}({', '.join(parts)})"


def _span(span: Span) -> str:
    if span.kind == "samples":
        return _literal(span.amount)
    if span.kind == "steps":
        return f'"{_literal(span.amount)} steps"'
    text = format_duration(span.amount)
    return f'"{text}"' if parse_duration(text) == span.amount else f'"{span.amount!r}s"'


def metric(name: str) -> str:
    """A metric's name as a condition writes it: as it is where it can stand so, else `m["…"]`."""
    parts = name.split("/")
    plain = all(p.isidentifier() and p.isascii() and not p.startswith("__") and p not in _TAKEN for p in parts)
    return name if plain else f"m[{json.dumps(name, ensure_ascii=False)}]"
