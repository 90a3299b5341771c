"""Condition text to terms, through Python's own parser and a closed list of what may stand in it.

The list is short: names, numbers, arithmetic, comparisons, `and or not`, `x if c else y`, the functions of `functions.SIGNATURES`. Anything
else is a finding with its place. All findings of a condition are reported, not only the first.
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from walert.rules import terms as t
from walert.rules.arguments import READERS, Given
from walert.rules.functions import CONSTANTS, MATH, OF_RUN, SIGNATURES, Signature
from walert.rules.hints import REFUSED, function_hint, syntax_hint
from walert.rules.problems import ConditionError, Finding
from walert.rules.scan import Scanned, normalise, scan

MAX_NODES = 200
MAX_DEPTH = 120
MAX_FINDINGS = 20  # of one condition: who has made so many mends some first

_BINARY = {
    ast.Add: "add", ast.Sub: "sub", ast.Mult: "mul", ast.Div: "div", ast.FloorDiv: "floordiv", ast.Mod: "mod", ast.Pow: "pow",
}  # fmt: skip
_COMPARE = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!="}


@dataclass(frozen=True, slots=True)
class Parsed:
    """The terms of a condition, where each begins (by the term's `id`, so keep `truth`), and each metric's name with its offset."""

    truth: t.Truth
    places: Mapping[int, int]
    mentions: tuple[tuple[str, int], ...]


def parse_truth(text: str) -> t.Truth:
    """The terms of a condition. Raises `ConditionError` with every finding."""
    return parse_placed(text).truth


def parse_placed(text: str) -> Parsed:
    """As `parse_truth`, with places: characters into the text. Raises `ConditionError` with every finding."""
    scanned, findings = scan(text)
    if findings:
        raise ConditionError(findings)
    body = _python(text, scanned)
    reader = _Reader(scanned, text)
    truth = reader.truth(body)
    if reader.findings or truth is None:
        raise ConditionError(sorted(set(reader.findings))[:MAX_FINDINGS])
    return Parsed(truth, reader.places, tuple(reader.mentions))


def _python(text: str, scanned: Scanned) -> ast.expr:
    # Leading blanks would be indentation to the parser; the offsets stay right because they are cut from the names' side too.
    lead = len(scanned.text) - len(scanned.text.lstrip())
    if not scanned.text.strip():
        raise ConditionError([Finding(0, "empty", "the condition is empty.", "Write for example: loss > 10.")])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(scanned.text.strip(), mode="eval")
    except SyntaxError as error:
        end = len(text.rstrip())  # where Python gives no place, something is missing at the end
        offset = min(lead + error.offset - 1, end) if error.offset else end
        raise ConditionError([Finding(offset, "syntax", _syntax_sentence(error), syntax_hint(text, offset))]) from None
    except (ValueError, MemoryError, RecursionError):
        raise ConditionError([Finding(0, "syntax", "the condition cannot be parsed.", "")]) from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES * 3:
        raise ConditionError(
            [Finding(0, "too-long", f"the condition has more than {MAX_NODES} terms.", "Split it into several rules.")]
        )
    return tree.body


def _syntax_sentence(error: SyntaxError) -> str:
    message = (error.msg or "invalid syntax").split(". Perhaps")[0].split(". Maybe")[0]
    return f"this is no condition: {message}."


_Term = TypeVar("_Term", bound="t.Truth | t.Number | None")


@dataclass
class _Reader:
    scanned: Scanned
    text: str
    findings: list[Finding] = field(default_factory=list)
    places: dict[int, int] = field(default_factory=dict)
    mentions: list[tuple[str, int]] = field(default_factory=list)
    nodes: int = 0
    depth: int = 0
    histories: int = 0

    def __post_init__(self) -> None:
        self.lead = len(self.scanned.text) - len(self.scanned.text.lstrip())
        self.encoded = self.scanned.text.strip().encode()

    # --- where things are

    def offset(self, node: ast.AST) -> int:
        """Characters into the condition; the parser counts UTF-8 bytes of the stripped text."""
        column = getattr(node, "col_offset", 0)
        return self.lead + len(self.encoded[:column].decode(errors="ignore"))

    def placed(self, node: ast.AST, term: _Term) -> _Term:
        """`term`, its place remembered."""
        if term is not None:
            self.places[id(term)] = self.offset(node)
        return term

    def find(self, node: ast.AST, code: str, what: str, hint: str = "") -> None:
        """Record a finding at `node`; the caller goes on, so that all are told at once."""
        self.findings.append(Finding(self.offset(node), code, what, hint))

    # --- truths

    def truth(self, node: ast.expr) -> t.Truth | None:
        """A comparison, a predicate, or several with `and or not`."""
        return self.placed(node, self.unplaced_truth(node))

    def unplaced_truth(self, node: ast.expr) -> t.Truth | None:
        """What `truth` answers, before its place is noted."""
        match node:
            case ast.BoolOp(op=op, values=values):
                parts = [self.truth(v) for v in values]
                if any(p is None for p in parts):
                    return None
                kind = t.All if isinstance(op, ast.And) else t.Any_
                return kind(tuple(p for p in parts if p is not None))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inner = self.truth(operand)
                return None if inner is None else t.Not(inner)
            case ast.Compare():
                return self.compare(node)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                parts = [self.truth(test), self.truth(body), self.truth(orelse)]
                if any(p is None for p in parts):
                    return None
                return t.ChooseTruth(*parts)  # type: ignore[arg-type]
            case ast.Call(func=ast.Name()):
                return self.truth_call(node)
        before = len(self.findings)
        if self.number(node) is not None or len(self.findings) == before:
            self.find(
                node, "not-a-condition", "a bare value is no condition.", "Compare it: loss > 10, or isnan(loss)."
            )
        return None

    def compare(self, node: ast.Compare) -> t.Truth | None:
        """A comparison or a chain, all sides numbers."""
        operators: list[str] = []
        for op in node.ops:
            if type(op) not in _COMPARE:
                self.find(
                    node, "not-allowed", "`in` and `is` cannot stand in a condition.", "Compare with < <= > >= == !=."
                )
                return None
            operators.append(_COMPARE[type(op)])
        sides = [self.number(side) for side in [node.left, *node.comparators]]
        if any(side is None for side in sides):
            return None
        return t.Compare(tuple(operators), tuple(s for s in sides if s is not None))

    def truth_call(self, node: ast.Call) -> t.Truth | None:
        """`isnan(…)`, `seen(…)` and their kind."""
        signature = self.signature(node)
        if signature is None:
            return None
        name = self.called(node)
        if signature.kind == "predicate":
            args = self.numbers(node, signature)
            return None if args is None else t.Predicate(name, args[0])
        if signature.kind == "presence":
            given = self.arguments(node, signature)
            return None if given is None else t.Presence(name, given.metric, given.span)
        self.find(
            node, "not-a-condition", f"{name}(…) is a number, no condition.", f"Compare it: {signature.example} > 10."
        )
        return None

    # --- numbers

    def number(self, node: ast.expr) -> t.Number | None:
        """A value: constant, metric, arithmetic, a function's answer."""
        self.nodes += 1
        self.depth += 1
        try:
            return self.placed(node, self.unplaced_number(node)) if self.bounded(node) else None
        finally:
            self.depth -= 1

    def bounded(self, node: ast.expr) -> bool:
        """Whether there are not yet more terms, or deeper ones, than anyone writes; told once."""
        if self.nodes > MAX_NODES:
            if self.nodes == MAX_NODES + 1:
                what = f"the condition has more than {MAX_NODES} terms."
                self.find(node, "too-long", what, "Split it into several rules.")
            return False
        if self.depth > MAX_DEPTH:
            self.find(node, "too-deep", f"terms nest deeper than {MAX_DEPTH}.", "Split it into several rules.")
            return False
        return True

    def unplaced_number(self, node: ast.expr) -> t.Number | None:
        """What `number` answers, before its place is noted."""
        match node:
            case ast.Constant(value=value):
                return self.constant(node, value)
            case ast.Name():
                return self.name(node)
            case ast.Subscript():
                metric = self.metric(node)
                return None if metric is None else t.Metric(metric)
            case ast.UnaryOp(op=ast.USub() | ast.UAdd() as op, operand=operand):
                return self.folded(node, "neg" if isinstance(op, ast.USub) else "pos", [self.number(operand)])
            case ast.BinOp(left=left, op=binary, right=right) if type(binary) in _BINARY:
                return self.folded(node, _BINARY[type(binary)], [self.number(left), self.number(right)])
            case ast.IfExp(test=test, body=body, orelse=orelse):
                condition, then, otherwise = self.truth(test), self.number(body), self.number(orelse)
                if condition is None or then is None or otherwise is None:
                    return None
                return t.Choose(condition, then, otherwise)
            case ast.Call(func=ast.Name()):
                return self.number_call(node)
        self.refuse(node)
        return None

    def refuse(self, node: ast.expr) -> None:
        """Say why this kind of expression cannot stand here."""
        if isinstance(node, ast.BoolOp | ast.Compare) or (
            isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        ):
            self.find(
                node, "truth-as-number", "a comparison is no number.", "Use `x if c else y`, or frac(condition, 100)."
            )
            return
        code, what, hint = REFUSED.get(type(node), ("not-allowed", "this cannot stand in a condition.", ""))
        self.find(node, code, what, hint)

    def constant(self, node: ast.Constant, value: object) -> t.Number | None:
        """A finite number; strings and other literals are refused."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.find(
                node,
                "not-a-number",
                f"{value!r:.40} is no number.",
                'A metric of that name is m["…"].' if isinstance(value, str) else "",
            )
            return None
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self.find(node, "not-finite", "this number is too large.", "Write `inf` if that is meant.")
            return None
        return t.Const(number)

    def name(self, node: ast.Name) -> t.Number | None:
        """A constant, a value of the run, or a metric."""
        name = self.scanned.names.get(self.offset(node), node.id)
        if name in CONSTANTS:
            return t.Const(CONSTANTS[name])
        if name in OF_RUN:
            return t.OfRun(name)
        if name in ("True", "False", "None"):
            self.find(node, "not-a-number", f"{name} is no number.")
            return None
        return t.Metric(self.mentioned(node, name))

    def mentioned(self, node: ast.expr, name: str) -> str:
        """`name`, a metric's, noted with its place."""
        self.mentions.append((name, self.offset(node)))
        return name

    def folded(self, node: ast.expr, function: str, args: list[t.Number | None]) -> t.Number | None:
        """An operation; one over constants alone is computed now and must be finite."""
        given = tuple(a for a in args if a is not None)
        if len(given) != len(args):
            return None
        values = [a.value for a in given if isinstance(a, t.Const)]
        if len(values) < len(given):
            return t.Apply(function, given)
        value = MATH[function](*values)
        if not math.isfinite(value) and not (
            function in ("neg", "pos") and isinstance(values[0], float) and not math.isfinite(values[0])
        ):
            self.find(
                node, "not-finite", "this constant part has no finite value.", "Write `inf` or `nan` if that is meant."
            )
            return None
        return t.Const(value)

    def number_call(self, node: ast.Call) -> t.Number | None:
        """A call that answers a number."""
        signature = self.signature(node)
        if signature is None:
            return None
        name = self.called(node)
        if signature.kind == "math":
            args = self.numbers(node, signature)
            return None if args is None else self.folded(node, name, list(args))
        if signature.kind == "feature":
            given = self.arguments(node, signature)
            if given is None:
                return None
            return t.Feature(name, given.metric, given.condition, given.span, given.amount, given.minimum, given.mode)
        self.find(
            node,
            "truth-as-number",
            f"{name}(…) is true or false, no number.",
            f"Use `1 if {signature.example} else 0`.",
        )
        return None

    # --- calls

    def called(self, node: ast.Call) -> str:
        """The name of the function called, as written."""
        assert isinstance(node.func, ast.Name)
        return self.scanned.names.get(self.offset(node.func), node.func.id)

    def signature(self, node: ast.Call) -> Signature | None:
        """How the called function is to be called; an unknown one is a finding with the nearest known name."""
        name = self.called(node)
        if name in SIGNATURES:
            return SIGNATURES[name]
        self.find(node.func, "unknown-function", f"there is no function `{name[:40]}`.", function_hint(name))
        return None

    def numbers(self, node: ast.Call, signature: Signature) -> tuple[t.Number, ...] | None:
        """The arguments of a function of values."""
        several = signature.takes[-1].endswith("...")
        if node.keywords or (len(node.args) < 2 if several else len(node.args) != 1):
            self.wrong_call(node, signature)
            return None
        args = [self.number(a) for a in node.args]
        return None if any(a is None for a in args) else tuple(a for a in args if a is not None)

    def wrong_call(self, node: ast.Call, signature: Signature) -> None:
        """The arguments do not fit: show one that does."""
        self.find(node, "wrong-arguments", f"{self.called(node)}(…) is called as {signature.example}.")

    def arguments(self, node: ast.Call, signature: Signature) -> Given | None:
        """The arguments of a function over history, each read by what the signature says it is."""
        takes = list(signature.takes)
        given = Given()
        positional = list(node.args)
        keywords = {k.arg: k.value for k in node.keywords if k.arg}
        before = len(self.findings)
        for take in takes:
            name = take.rstrip("?")
            if name == "min":
                argument = keywords.pop("min", None)
            else:
                argument = positional.pop(0) if positional else keywords.pop(name, None)
            if argument is None:
                if take.endswith("?"):
                    continue
                self.wrong_call(node, signature)
                return None
            READERS[name](self, argument, given)
        if positional or keywords or len(node.keywords) != len({k.arg for k in node.keywords}):
            self.wrong_call(node, signature)
        return given if len(self.findings) == before else None

    def metric(self, node: ast.expr) -> str | None:
        """A metric's name: `loss`, `train/loss`, `m["eval/top-1 acc"]`."""
        match node:
            case ast.Name():
                name = self.scanned.names.get(self.offset(node), node.id)
                if name in CONSTANTS or name in OF_RUN:
                    self.find(
                        node,
                        "not-a-metric",
                        f"`{name}` is no metric here.",
                        f'Write m["{name}"] for a metric of that name.',
                    )
                    return None
                return self.mentioned(node, name)
            case ast.Subscript(value=ast.Name(id="m"), slice=ast.Constant(value=str(name))) if name.strip():
                return self.mentioned(node, normalise(name))
        self.find(node, "not-a-metric", "a metric's name belongs here.", 'Write loss, train/loss or m["…"].')
        return None

    def literal(self, node: ast.expr) -> int | float | str | None:
        """A literal argument as written."""
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, int | float | str)
            and not isinstance(node.value, bool)
        ):
            return node.value
        self.find(
            node, "not-a-literal", "a plain number or a quoted span belongs here.", 'Write 100, "500 steps" or "10m".'
        )
        return None
