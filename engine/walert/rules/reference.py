"""The reference evaluator: a condition judged by simpleeval, one node at a time. simpleeval's one door.

It shares nothing with the compiled code but the table of total functions, is 20 to 40 times slower, and is there to hold the
fast path to what the language says: the property tests compare both. simpleeval is handed floats, total operators and no
attributes; a condition reaches it only after the closed grammar of `syntax` has let it through.
"""

from __future__ import annotations

import ast
import keyword
from collections.abc import Callable, Mapping
from typing import Any

from simpleeval import SimpleEval

from walert.rules.compiling import kleene_and, kleene_not, kleene_or
from walert.rules.functions import CONSTANTS, MATH, OF_RUN, SIGNATURES
from walert.rules.scan import scan
from walert.rules.syntax import parse_truth

Number = float | None
Truth = bool | None


def judge(text: str, samples: Mapping[str, float], run: Mapping[str, float] | None = None) -> Truth:
    """The verdict of `text` on the newest samples, each comparison computed now.

    `samples` are by flattened name; a metric that is not there is MISSING. Functions over history are not for this evaluator. Raises
    `ConditionError` for what is no condition, `simpleeval.FeatureNotAvailable` for a function over history.
    """
    parse_truth(text)
    evaluator = _Reference(samples, run or {})
    return evaluator.eval(_spelled_out(text))  # type: ignore[no-any-return]


def _spelled_out(text: str) -> str:
    """Metric names as `m["…"]`, so that one mapping answers for all of them."""
    scanned, _ = scan(text)
    out, at = [], 0
    for offset, name in sorted(scanned.names.items()):
        word = scanned.text[offset : offset + len(name)]
        if keyword.iskeyword(word) or name in CONSTANTS or name in OF_RUN or name in SIGNATURES or name == "m":
            continue
        out += [scanned.text[at:offset], f'm["{name}"]']
        at = offset + len(name)
    return "".join([*out, scanned.text[at:]])


class _Samples(dict[str, Number]):
    def __init__(self, samples: Mapping[str, float]) -> None:
        super().__init__({name.replace(".", "/"): value for name, value in samples.items()})

    def __getitem__(self, name: str) -> Number:
        return self.get(name.replace(".", "/"))


class _Reference(SimpleEval):  # type: ignore[misc]
    def __init__(self, samples: Mapping[str, float], run: Mapping[str, float]) -> None:
        words = {
            "add": ast.Add,
            "sub": ast.Sub,
            "mul": ast.Mult,
            "div": ast.Div,
            "floordiv": ast.FloorDiv,
            "mod": ast.Mod,
            "pow": ast.Pow,
        }
        operators: dict[type[ast.AST], Callable[..., Any]] = {
            kind: _carrying(MATH[name]) for name, kind in words.items()
        }
        operators |= {ast.USub: _carrying(MATH["neg"]), ast.UAdd: _carrying(MATH["pos"]), ast.Not: kleene_not}
        functions = {name: _carrying(MATH[name]) for name in MATH if name in SIGNATURES}
        functions |= {"isnan": _asking(lambda x: x != x), "isinf": _asking(lambda x: abs(x) == CONSTANTS["inf"])}
        functions |= {"isfinite": _asking(lambda x: x - x == 0), "seen": lambda x: x is not None}
        names = {"m": _Samples(samples), **CONSTANTS, **{name: run.get(name) for name in OF_RUN}}
        super().__init__(operators, functions, names, {})
        self.nodes |= {ast.BoolOp: self._kleene, ast.Compare: self._links, ast.IfExp: self._choice}

    def _eval_constant(self, node: ast.Constant) -> object:
        return float(node.value) if isinstance(node.value, int) else node.value

    def _kleene(self, node: ast.BoolOp) -> Truth:
        parts = [self._eval(value) for value in node.values]
        return kleene_and(*parts) if isinstance(node.op, ast.And) else kleene_or(*parts)

    def _links(self, node: ast.Compare) -> Truth:
        sides = [self._eval(side) for side in (node.left, *node.comparators)]
        return kleene_and(*(_link(op, a, b) for op, a, b in zip(node.ops, sides, sides[1:], strict=False)))

    def _choice(self, node: ast.IfExp) -> Any:
        chosen = self._eval(node.test)
        return None if chosen is None else self._eval(node.body if chosen else node.orelse)


def _carrying(function: Callable[..., float]) -> Callable[..., Number]:
    def carrying(*args: Number) -> Number:
        return None if any(a is None for a in args) else function(*args)

    return carrying


def _asking(question: Callable[[float], bool]) -> Callable[[Number], Truth]:
    return lambda x: None if x is None else question(x)


def _link(op: ast.cmpop, a: Number, b: Number) -> Truth:
    if a is None or b is None or a != a or b != b:
        return None
    match op:
        case ast.Lt():
            return a < b
        case ast.LtE():
            return a <= b
        case ast.Gt():
            return a > b
        case ast.GtE():
            return a >= b
        case ast.Eq():
            return a == b
    return a != b
