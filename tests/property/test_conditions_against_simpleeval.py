"""The compiled conditions and the reference evaluator give the same verdict, whatever the condition and the values."""

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from walert.rules import terms as t
from walert.rules.compiling import Layout, compile_atom, compile_verdict
from walert.rules.expression import ConditionError, parse
from walert.rules.reference import judge

NAMES = ["a", "b", "train/loss", "val.acc"]
floats = st.one_of(st.sampled_from([0.0, 1.0, -1.0, math.nan, math.inf, -math.inf, 1e308]), st.floats(-1e3, 1e3))
leaf = st.one_of(
    st.sampled_from([*NAMES, 'm["a"]', "pi", "step"]), st.integers(0, 9).map(str), st.floats(0, 9).map(repr)
)
numbers = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" + ", " - ", " * ", " / ", " // ", " % ", " ** "]), inner).map(
            lambda p: f"({p[0]}{p[1]}{p[2]})"
        ),
        inner.map(lambda x: f"-({x})"),
        st.tuples(st.sampled_from(["abs", "sqrt", "exp", "log", "floor", "round"]), inner).map(
            lambda p: f"{p[0]}({p[1]})"
        ),
        st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda p: f"{p[0]}({p[1]}, {p[2]})"),
    ),
    max_leaves=5,
)
atoms = st.one_of(
    st.tuples(numbers, st.sampled_from([" < ", " <= ", " > ", " >= ", " == ", " != "]), numbers).map("".join),
    st.tuples(numbers, numbers, numbers).map(lambda p: f"{p[0]} < {p[1]} <= {p[2]}"),
    st.tuples(st.sampled_from(["isnan", "isinf", "isfinite"]), numbers).map(lambda p: f"{p[0]}({p[1]})"),
    st.sampled_from(NAMES).map(lambda n: f"seen({n})"),
    st.tuples(numbers, numbers, numbers, numbers).map(lambda p: f"({p[0]} if {p[1]} > {p[2]} else {p[3]}) > 1"),
)
conditions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map(lambda p: f"({p[0]}{p[1]}{p[2]})"),
        inner.map(lambda x: f"not ({x})"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} if {p[1]} else {p[2]})"),
    ),
    max_leaves=4,
)


def compiled(text, samples, run):
    truth = parse(text).truth
    names = [name.replace(".", "/") for name in NAMES]
    layout = Layout(names.index, lambda node: 0)
    values = [samples.get(name) for name in names]
    verdicts = [compile_atom(atom, layout)(values, [], [run, None, None, 1.0, 0.0, 0.0]) for atom in t.atoms(truth)]
    return compile_verdict(truth)(verdicts)


@settings(max_examples=400, deadline=None)
@given(conditions, st.dictionaries(st.sampled_from([n.replace(".", "/") for n in NAMES]), floats), st.integers(0, 99))
def test_compiled_code_and_simpleeval_agree(text, samples, step):
    try:
        parse(text)
    except ConditionError:  # a constant part that is not finite
        return
    assert compiled(text, samples, float(step)) is judge(text, samples, {"step": float(step)})
