"""Windows of a number of samples: what they hold, when they speak, what they say."""

import math

import pytest

from walert.rules.windows import FUNCTIONS, MISSING, Shelf


def fed(function, values, *, steps=None, times=None, **how):
    """The reader of one function after the samples of a file, step by step and a second apart unless told."""
    shelf = Shelf()
    reader = shelf.reader(function, **how)
    for i, value in enumerate(values):
        shelf.push(value, steps[i] if steps else float(i), times[i] if times else 1000.0 + i)
    return reader()


WINDOWS = [
    "mean",
    "median",
    "std",
    "min_over",
    "max_over",
    "sum_over",
    "count",
    "delta",
    "pct_change",
    "slope",
    "rate",
    "quantile",
]


@pytest.mark.parametrize("function", WINDOWS)
def test_a_window_is_missing_until_it_holds_its_samples(function):
    assert fed(function, [1.0, 2.0], amount=3) is MISSING
    assert fed(function, [1.0, 2.0, 4.0], amount=3) is not MISSING


@pytest.mark.parametrize("function", WINDOWS)
def test_with_a_minimum_it_speaks_earlier(function):
    assert fed(function, [1.0], amount=3, minimum=2) is MISSING
    assert fed(function, [1.0, 2.0], amount=3, minimum=2) is not MISSING


def test_nothing_is_missing_even_with_a_minimum_of_none():
    assert fed("mean", [], amount=3, minimum=0) is MISSING


@pytest.mark.parametrize(
    ("function", "answer"),
    [
        ("mean", 4.0),
        ("median", 3.0),
        ("std", math.sqrt(26 / 3)),
        ("min_over", 1.0),
        ("max_over", 8.0),
        ("sum_over", 12.0),
        ("count", 3.0),
        ("delta", -2.0),
        ("pct_change", -2.0 / 3.0),
        ("slope", -1.0),
        ("quantile", 3.0),
    ],
)
def test_only_the_last_samples_count(function, answer):
    assert fed(function, [100.0, 3.0, 8.0, 1.0], amount=3) == pytest.approx(answer, rel=1e-15)


def test_quantiles_interpolate_linearly():
    assert fed("quantile", [10.0, 20.0, 40.0, 80.0], amount=4, q=0.25) == 17.5
    assert fed("quantile", [10.0, 20.0, 40.0, 80.0], amount=4, q=0.0) == 10.0
    assert fed("quantile", [10.0, 20.0, 40.0, 80.0], amount=4, q=1.0) == 80.0


def test_a_change_from_zero_has_no_fraction():
    assert math.isnan(fed("pct_change", [0.0, 1.0], amount=2))


def test_a_change_from_below_zero_is_a_fraction_of_the_size():
    assert fed("pct_change", [-2.0, -1.0], amount=2) == 0.5


def test_prev_is_k_samples_ago():
    assert fed("prev", [1.0, 2.0, 3.0], amount=1) == 2.0
    assert fed("prev", [1.0, 2.0, 3.0], amount=2) == 1.0
    assert fed("prev", [1.0, 2.0, 3.0], amount=3) is MISSING


def test_a_slope_is_per_step_also_at_a_billion_steps():
    steps = [1e9 + 10 * i for i in range(50)]
    assert fed("slope", [0.25 * s for s in steps], steps=steps, amount=20) == pytest.approx(0.25, rel=1e-12)


def test_a_slope_over_one_step_has_no_answer():
    assert math.isnan(fed("slope", [1.0, 2.0, 3.0], steps=[5.0, 5.0, 5.0], amount=3))


def test_a_slope_survives_steps_that_overflow_when_squared():
    assert math.isfinite(fed("slope", [1.0, 2.0, 3.0, 4.0], steps=[0.0, 1e300, -1e300, 1.7e308], amount=3))


def test_a_rate_is_per_second():
    assert fed("rate", [0.0, 30.0, 90.0], times=[0.0, 1.0, 3.0], amount=3) == 30.0


def test_a_counter_that_falls_restarted():
    assert fed("rate", [100.0, 160.0, 20.0, 50.0], times=[0.0, 10.0, 20.0, 30.0], amount=4) == pytest.approx(
        110.0 / 30.0
    )


def test_a_rate_without_times_is_missing_and_without_passing_time_has_no_answer():
    assert fed("rate", [1.0, 2.0], times=[None, None], amount=2) is MISSING
    assert math.isnan(fed("rate", [1.0, 2.0], times=[5.0, 5.0], amount=2))


def test_a_constant_does_not_spread_and_is_its_own_mean():
    values = [3.0, -2.0, *[0.1] * 40]
    assert fed("std", values, amount=30) == 0.0
    assert fed("mean", values, amount=30) == 0.1


def test_sums_of_whole_numbers_are_exact():
    flags = [float(i % 7 == 0) for i in range(5000)]
    assert fed("sum_over", flags, amount=700) == 100.0
    assert fed("mean", flags, amount=700) == 100.0 / 700.0


def test_a_spike_that_left_leaves_no_trace():
    quiet = [1.0, 2.0, 3.0, 4.0]
    assert fed("std", [*quiet, 1e8, *quiet], amount=4) == fed("std", quiet, amount=4)
    assert fed("mean", [*quiet, 1e8, *quiet], amount=4) == 2.5
    assert fed("slope", [*quiet, 1e8, *quiet], amount=4) == pytest.approx(1.0, rel=1e-15)


def test_numbers_near_the_largest_double_neither_overflow_nor_linger():
    huge = [1.5e308, -1.5e308, 1.5e308]
    assert fed("mean", huge, amount=3) == pytest.approx(0.5e308)
    assert fed("std", huge, amount=3) == pytest.approx(math.sqrt(2) * 1e308, rel=1e-12)
    assert fed("median", huge[1:], amount=2) == 0.0
    assert fed("mean", [*huge, 1.0, 2.0, 3.0], amount=3) == 2.0
    assert fed("std", [*huge, 1.0, 2.0, 3.0], amount=3) == pytest.approx(math.sqrt(2 / 3), rel=1e-15)


def test_a_score_excludes_the_sample_itself():
    before = [1.0, 2.0, 3.0, 4.0]
    assert fed("zscore", [*before, 10.0], amount=4) == pytest.approx((10.0 - 2.5) / math.sqrt(1.25), rel=1e-14)
    assert fed("mad_z", [*before, 10.0], amount=4) == pytest.approx((10.0 - 2.5) / (1.4826 * 1.0), rel=1e-14)


def test_a_score_waits_for_n_samples_before_it():
    assert fed("zscore", [1.0, 2.0, 3.0], amount=3) is MISSING
    assert fed("mad_z", [1.0, 2.0, 3.0], amount=3) is MISSING


def test_a_score_against_what_does_not_spread_has_no_answer():
    assert math.isnan(fed("zscore", [1.0, 1.0, 1.0, 2.0], amount=3))
    assert math.isnan(fed("mad_z", [1.0, 1.0, 1.0, 5.0, 2.0], amount=4))


def test_a_share_counts_true_judgements():
    assert fed("frac", [1.0, 0.0, 1.0, 1.0], amount=4) == 0.75
    assert fed("frac", [1.0, 0.0, 1.0], amount=4) is MISSING


def test_readers_of_one_window_share_its_samples():
    shelf = Shelf()
    for function in ("mean", "std", "median", "max_over", "zscore"):
        shelf.reader(function, amount=5)
    shelf.reader("mean", amount=6)
    assert sorted(shelf.dump()) == ["5 samples", "6 samples", "samples"]


def test_an_unknown_function_is_an_error():
    assert "mean" in FUNCTIONS
    with pytest.raises(KeyError):
        Shelf().reader("mode", amount=3)


def test_a_step_far_away_that_left_leaves_no_trace_in_a_slope():
    steps = [0.0, 1e14, *[float(i) for i in range(2, 12)]]
    assert fed("slope", [3.0 * i for i in range(12)], steps=steps, amount=6) == pytest.approx(3.0, rel=1e-9)
