"""Whatever stands in a rule file: reading it raises nothing but what it says it raises, ends soon, and answers the same every time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TypeVar

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from walert import template
from walert.documents import load_document
from walert.resources import schema
from walert.rules import terms as t
from walert.rules.compiling import Layout, compile_atom, compile_verdict
from walert.rules.expression import Condition, ConditionError, parse
from walert.rules.lint import around, as_problem, lint
from walert.rules.lint.constant import oddities
from walert.rules.load import examine_rules
from walert.rules.plan import RuleSet
from walert.rules.scan import scan

BOUNDED = settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
SECONDS = 1.0

NAMES = [
    "loss",
    "train/loss",
    "val.acc",
    'm["top-1 acc"]',
    "損失",
    "step",
    "nan",
    "inf",
    "pi",
    "m",
    "l\u043ess",
    "__x",
    "lambda",
]
NUMBERS = [
    "0",
    "1",
    "-1",
    "0.5",
    "1e400",
    "9" * 400,
    "0x10",
    "1j",
    "1_000",
    '"10m"',
    '"5 steps"',
    '"3 of 5"',
    '"x"',
    "100",
]
OPERATORS = [
    " + ",
    "/",
    " / ",
    "**",
    "//",
    " % ",
    " - ",
    "-",
    " < ",
    " >= ",
    " == ",
    " != ",
    " and ",
    " or ",
    " if ",
    " else ",
    ", ",
    " in ",
]
CALLS = [
    "mean(", "prev(", "quantile(", "absent(", "stalled(", "frac(", "streak(", "since_best(", "ema(", "isnan(", "seen(", "min(", "abs(", "print(",
    "(", "not ", "[", "-",
]  # fmt: skip
REST = [
    ")",
    ")",
    ")",
    "]",
    " > 1",
    ", 10)",
    ", min=3)",
    ", k=2)",
    "=",
    ";",
    "\0",
    "\u202e",
    "'",
    '"',
    "\\",
    "\n",
    "#",
    ":",
    "{",
    "}",
    "@",
    "é",
]
PIECES = st.sampled_from([*NAMES, *NUMBERS, *OPERATORS, *CALLS, *REST])
SOUP = st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=60)


def terms(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Numbers made of numbers, most of them as they should be."""
    window = st.sampled_from(["3", "100", '"5 steps"', '"10m"', "1", "1e9"])
    metric = st.sampled_from(NAMES[:5])
    return (
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "-", "*", "/", "//", "%", "**"]), inner)
        | st.builds(
            "{}({}, {})".format,
            st.sampled_from(["mean", "std", "count", "delta", "slope", "rate", "ema", "zscore"]),
            metric,
            window,
        )
        | st.builds("{}({})".format, st.sampled_from(["abs", "exp", "log", "sqrt", "floor"]), inner)
        | st.builds("{}({}, {})".format, st.sampled_from(["min", "max"]), inner, inner)
        | st.builds("frac({} > {}, {})".format, inner, inner, window)
        | st.builds("({} if {} > 1 else {})".format, inner, inner, inner)
    )


NUMBER = st.recursive(st.sampled_from([*NAMES[:8], "0", "1", "0.5", "1e9", "-2"]), terms, max_leaves=6)
COMPARISON = st.builds("{} {} {}".format, NUMBER, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), NUMBER)
CONDITION = st.recursive(
    COMPARISON | st.builds("{}({})".format, st.sampled_from(["isnan", "isinf", "isfinite"]), NUMBER),
    lambda inner: (
        st.builds("({}) {} ({})".format, inner, st.sampled_from(["and", "or"]), inner)
        | st.builds("not ({})".format, inner)
    ),
    max_leaves=4,
)

_T = TypeVar("_T")


def soon(call: Callable[[], _T]) -> _T:
    """What `call` answers, asked twice: the same, and within a second."""
    began = time.process_time()
    first = call()
    assert time.process_time() - began < SECONDS
    assert repr(call()) == repr(first)
    return first


def understood(text: str) -> Condition | list[object]:
    """The condition, or everything that is wrong with it."""
    try:
        return parse(text)
    except ConditionError as error:
        return list(error.problems)


@BOUNDED
@given(SOUP | CONDITION)
@example("prev(loss, 1e400) > 1")
@example(f"absent(loss, {'9' * 400})")
@example('m["\ud800"] > 1')
@example("-" * 1_999)
@example("not " * 400 + "x > 1")
@example("streak(" * 30 + "x > 1" + ") > 1" * 30)
def test_any_text_is_a_condition_or_says_where_it_is_none(text: str) -> None:
    scanned, findings = soon(lambda: scan(text))
    assert findings or len(scanned.text) == len(text)
    found = soon(lambda: understood(text))
    if isinstance(found, Condition):
        assert all(0 <= at <= len(text) for at in found.places.values())
        assert [text[at : at + 2] == "m[" or text[at : at + 1].isidentifier() for _, at in found.mentions].count(
            False
        ) == 0
    else:
        assert found
        assert all(p.what and p.code and 0 <= p.offset <= len(text) for p in found)  # type: ignore[attr-defined]


RULE_TEXTS = st.fixed_dictionaries(
    {"title": st.sampled_from(["A", "B", "L\u043ew", "{loss}"]), "when": CONDITION | SOUP},
    optional={
        "clear": CONDITION | SOUP,
        "for": st.sampled_from(["3", "5 steps", "10m", "2 of 3", "10 minutes", ""]) | st.integers(-1, 5),
        "text": SOUP | st.sampled_from(["{loss:.3f}", "{mean(loss, 3)}", "{loss:d}", "{stpe}"]),
        "group": st.sampled_from(["g", "h", "\u202e"]),
        "wait_duration": st.sampled_from([0, "5m", "x", 1e400]),
        "level": st.sampled_from(["WARN", "error", "x"]),
    },
)
ALIASES = "aliases: {loss: [loss, train/loss], acc: ['*/acc']}\n"


@BOUNDED
@given(st.lists(RULE_TEXTS, max_size=4))
def test_any_rules_are_read_linted_and_compiled(rules: list[dict[str, object]]) -> None:
    text = f"version: 1\n{ALIASES}rules:\n" + "".join(f"  - {json.dumps(rule)}\n" for rule in rules)
    examined = soon(lambda: examine_rules(text, "f"))
    known = around(examined.written)
    remarks = soon(lambda: lint(examined.written, examined.aliases, known, whole=examined.loaded.usable))
    lines = text.split("\n")
    for problem in [*examined.loaded.problems, *(as_problem(examined.document, remark) for remark in remarks)]:
        assert 0 <= problem.line <= len(lines)
        assert problem.line == 0 or 1 <= problem.column <= len(lines[problem.line - 1]) + 1
    RuleSet(examined.loaded.rules)


FILE = """\
version: 1
defaults: {level: INFO, labels: {site: tokyo}}
aliases: {loss: [loss, train.loss, '*/loss']}
rules:
  - title: Low accuracy
    when: >
      acc < 0.8 and
      mean(loss, 10) > 3
    text: |
      acc {acc:.3f}
"""
PUT = st.text(max_size=6) | st.sampled_from(
    ["*a", "&a ", "!!x ", "[", "{", "\t", "\0", "- ", ": ", "<<: ", "'", '"', "|", "\ufeff", "\u202e"]
)
CUTS = st.tuples(st.integers(0, len(FILE)), st.integers(0, 12), PUT)


@BOUNDED
@given(st.lists(CUTS, min_size=1, max_size=4))
def test_any_file_is_answered(cuts: list[tuple[int, int, str]]) -> None:
    text = FILE
    for at, length, put in cuts:
        text = text[:at] + put + text[at + length :]
    document = soon(lambda: load_document(text, "f", schema("rules")))
    assert list(document.problems) == sorted(document.problems)
    examined = soon(lambda: examine_rules(text, "f"))
    assert examined.loaded.rules or examined.loaded.problems or examined.document.data["rules"] == []


FIELDS = [
    "{", "}", "{{", "}}", "{loss}", "{loss:.3f}", "{loss:d}", "{step}", '{m["a b"]}', "{loss!r}", "{}", "{0}", "{loss:>1000000000}", "{:", "x ",
]  # fmt: skip
TEMPLATE = st.lists(st.sampled_from(FIELDS) | st.text(max_size=5), max_size=12).map("".join)
VALUES = {"loss": 1.5, "step": 3, "a b": float("inf"), "run": "r"}


@BOUNDED
@given(TEMPLATE)
@example("{" * 9_999)
@example("{loss:.99f}" * 900)
def test_any_text_is_filled_in(text: str) -> None:
    slips = soon(lambda: template.check(text))
    assert all(0 <= slip.offset <= len(text) for slip in slips)
    filled = soon(lambda: template.fill(text, VALUES))
    assert len(filled) <= 200 * (len(text) + 1)
    unknown = [name for name in template.names_in(text) if name not in VALUES]
    if not slips and not unknown and not any(name in text for name in template.FACTS if name not in VALUES):
        assert "<template error" not in filled or "<template error" in text


VALUE = (
    st.sampled_from([float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e308, None])
    | st.floats()
)
PLAIN = st.recursive(
    st.sampled_from(["x", "y", "abs(x)", "exp(y)", "min(x, 1)", "max(y, 0)", "-abs(x)", "sqrt(y)", "abs(y) + 1"]),
    lambda inner: (
        st.builds("max({}, {})".format, inner, inner)
        | st.builds("(2 - {})".format, inner)
        | st.builds("({} - 1)".format, inner)
    ),
    max_leaves=3,
)
AGAINST = st.builds(
    "{} {} {}".format,
    PLAIN,
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    st.sampled_from(["0", "1", "-1", "0.5", "2", "inf", "nan"]),
)
CLAIMED = st.recursive(
    AGAINST | st.builds("-1 < {} <= {}".format, PLAIN, st.sampled_from(["-2", "0", "1"])),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["and", "or"]), inner)
        | st.builds("(not {})".format, inner)
    ),
    max_leaves=4,
)


@BOUNDED
@given(CLAIMED, st.lists(st.tuples(VALUE, VALUE), min_size=8, max_size=8))
@example("x > inf", [(float("inf"), 0.0)] * 8)
@example("abs(x) < 0 or y > 1", [(0.0, 2.0)] * 8)
def test_what_is_called_constant_is_so_for_all_values(text: str, rows: list[tuple[float | None, float | None]]) -> None:
    truth = parse(text).truth
    for odd in oddities(truth):
        for row in rows:
            verdict = judged(odd.node, dict(zip("xy", row, strict=True)))
            assert not (odd.code == "never-true" and verdict is True), (odd, row)
            assert not (odd.code == "always-true" and verdict is False), (odd, row)


def judged(truth: t.Truth, values: dict[str, float | None]) -> bool | None:
    """The verdict of a condition without history on the values of its metrics."""
    names = list(values)
    layout = Layout(names.index, lambda node: 0)
    atoms = [compile_atom(atom, layout) for atom in t.atoms(truth)]
    return compile_verdict(truth)([atom(list(values.values()), [], [7.0, None, None, 1.0, 0.0, 0.0]) for atom in atoms])
