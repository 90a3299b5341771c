"""A condition that is spelled out from its terms is read back to the same terms."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from walert.rules.problems import ConditionError
from walert.rules.spelling import metric, spell
from walert.rules.syntax import parse_truth

leaf = st.one_of(
    st.sampled_from(
        ["a", "train/loss", "val.acc", 'm["top-1 acc"]', 'm["step"]', 'm["a//b"]', "pi", "inf", "step", "epoch"]
    ),
    st.integers(0, 10**16).map(str),
    st.floats(0, 1e30).map(repr),
    st.sampled_from(
        [
            *(
                "last(a)",
                "mean(a, 100)",
                'slope(train/loss, "1500000 steps")',
                'median(a, "90s")',
                "mean(a, 100, min=10)",
            ),
            *(
                "quantile(a, 100, 0.95)",
                "quantile(a, 100, 0.95, min=10)",
                'frac(a > 1, "10m", min=10)',
                "prev(a)",
                "prev(a, 3)",
                'since_best(a, "min")',
                "frac(a > 1, 100)",
                "ema(a, 20)",
            ),
            *("streak(a > 1 or isnan(a))", "zscore(a, 50)", 'rate(a, "0.1s")', "age(a)", "best_max(a)"),
        ]
    ),
)
numbers = st.recursive(
    leaf,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" + ", " - ", " * ", " / ", " // ", " % ", " ** "]), inner).map(
            lambda p: f"({p[0]}){p[1]}({p[2]})"
        ),
        st.tuples(st.sampled_from("-+"), inner).map(lambda p: f"{p[0]}({p[1]})"),
        st.tuples(st.sampled_from(["abs", "log10"]), inner).map(lambda p: f"{p[0]}({p[1]})"),
        st.tuples(inner, inner, inner).map(lambda p: f"max({p[0]}, {p[1]}, {p[2]})"),
        st.tuples(inner, inner, inner).map(lambda p: f"(({p[0]}) if a > ({p[1]}) else ({p[2]}))"),
    ),
    max_leaves=6,
)
atoms = st.one_of(
    st.tuples(numbers, st.sampled_from([" < ", " <= ", " > ", " >= ", " == ", " != "]), numbers).map("".join),
    st.tuples(numbers, numbers, numbers).map(lambda p: f"({p[0]}) < ({p[1]}) <= ({p[2]})"),
    st.tuples(st.sampled_from(["isnan", "isinf", "isfinite"]), numbers).map(lambda p: f"{p[0]}({p[1]})"),
    st.sampled_from(["seen(a)", 'absent(train/loss, "1h30m")', 'absent(a, "500 steps")', 'stalled("15m")']),
)
conditions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from([" and ", " or "]), inner).map(lambda p: f"({p[0]}){p[1]}({p[2]})"),
        inner.map(lambda x: f"not ({x})"),
        st.tuples(inner, inner, inner).map(lambda p: f"(({p[0]}) if ({p[1]}) else ({p[2]}))"),
    ),
    max_leaves=4,
)


@settings(max_examples=400, deadline=None)
@given(conditions)
def test_what_is_spelled_is_read_back(text):
    try:
        truth = parse_truth(text)
    except ConditionError:  # a constant part that is not finite, or too many terms
        return
    assert parse_truth(spell(truth)) == truth


def test_it_is_written_as_people_write_it():
    for text in (
        "val_loss > 1.5 * train/loss",
        "mean(loss, 100) > 3 and not isnan(grad_norm)",
        'a - (b - c) > -2 or absent(val, "1h")',
        '(-a) ** 2 < m["top-1 acc"] <= 3',
    ):
        assert spell(parse_truth(text)) == text


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["a", "step", "if", "1x", "__a", "x y", "é", "mean", ""]), min_size=1, max_size=3).map(
        "/".join
    )
)
def test_every_name_can_be_written(name):
    try:
        truth = parse_truth(f'm["{name}"] > 1')
    except ConditionError:
        return
    assert parse_truth(f"{metric(truth.sides[0].name)} > 1") == truth
