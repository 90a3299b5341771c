"""Whatever comes, a running window says what its samples say: against exact arithmetic, through restarts and attempts."""

from __future__ import annotations

import json
import math

import windows_reference as ref
from hypothesis import given, settings
from hypothesis import strategies as st

from walert.rules.windows import MISSING, Shelf

ORDINARY = st.floats(min_value=-1e6, max_value=1e6)
SPIKES = st.sampled_from([1e8, -1e8, 1e16, 1e30])
LEVELS = st.sampled_from([0.0, 1.0, -1.0, 1e9, 123456.789])
ANY = st.floats(min_value=-1e150, max_value=1e150)


@st.composite
def streams(draw, most=120):
    """Levels with a little or a lot of noise, constants, alternating signs, spikes that come and go."""
    out: list[float] = []
    for _ in range(draw(st.integers(1, 4))):
        level, size = draw(LEVELS), draw(st.sampled_from([0.0, 1e-6, 1e-3, 1.0]))
        noise = draw(st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=most // 4))
        out += [level + size * x for x in noise]
        if draw(st.booleans()):
            out.append(draw(st.one_of(SPIKES, ORDINARY)))
    return out


def make(functions, **how):
    shelf = Shelf()
    return shelf, {function: shelf.reader(function, **how) for function in functions}


def close(answer, truth, size, tolerance):
    # Differences whose squares underflow are beyond the guard.
    return answer == truth or abs(answer - truth) <= max(tolerance * size, 1e-150)


NUMERIC = ("mean", "std", "sum_over", "slope")
ORDERED = ("median", "quantile", "min_over", "max_over")


@settings(max_examples=150, deadline=None)
@given(st.one_of(streams(), st.lists(ANY, max_size=60)), st.integers(2, 12))
def test_windows_of_samples_agree_with_exact_arithmetic(values, n):
    shelf, read = make(NUMERIC + ORDERED, amount=n, q=0.3)
    for i, value in enumerate(values):
        shelf.push(value, 1e9 + 3.0 * i, None)
        held = values[max(0, i + 1 - n) : i + 1]
        if len(held) < n:
            assert all(reader() is MISSING for reader in read.values())
            continue
        steps = [1e9 + 3.0 * j for j in range(i + 1 - n, i + 1)]
        agree(held, steps, read)


def agree(held, steps, read):
    size, spread = max(map(abs, held)), ref.std(held)
    assert close(read["mean"](), ref.mean(held), size, 1e-11)
    assert close(read["sum_over"](), ref.mean(held) * len(held), size * len(held), 1e-11)
    # The guard lets M2 fall 1e8-fold before it is computed anew, and keeps the roundings of 1e8 times its size until then.
    assert close(read["std"](), spread, spread, 1e-6)
    assert close(read["slope"](), ref.slope(steps, held), spread, 1e-6) or spread < 1e-140
    assert read["median"]() == ref.median(held)
    assert read["quantile"]() == ref.quantile(held, 0.3)
    assert read["min_over"]() == min(held)
    assert read["max_over"]() == max(held)


@settings(max_examples=80, deadline=None)
@given(streams(), st.integers(2, 12))
def test_scores_hold_a_sample_against_those_before_it(values, n):
    shelf, read = make(("zscore", "mad_z"), amount=n)
    for i, value in enumerate(values):
        shelf.push(value, float(i), None)
        before = values[max(0, i - n) : i]
        if len(before) < n:
            assert read["zscore"]() is read["mad_z"]() is MISSING
            continue
        spread, deviation = ref.std(before), ref.mad(before)
        score = read["zscore"]()
        if spread == 0.0:
            assert math.isnan(score)
        else:
            truth = (value - ref.mean(before)) / spread
            # The mean of the samples is rounded once in `truth`: that is what it can be held to.
            assert close(score, truth, max(1.0, abs(truth)), 1e-6 + 4e-16 * max(map(abs, before)) / spread)
        robust = read["mad_z"]()
        assert math.isnan(robust) if deviation == 0.0 else robust == (value - ref.median(before)) / (1.4826 * deviation)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1e12), st.floats(0.0, 5.0)), min_size=2, max_size=80), st.integers(2, 10))
def test_rates_of_counters_lose_nothing_to_restarts(samples, n):
    shelf, read = make(("rate",), amount=n)
    values, times = [], []
    for i, (value, passed) in enumerate(samples):
        values.append(value)
        times.append((times[-1] if times else 1.7e9) + passed)
        shelf.push(value, float(i), times[-1])
        if len(values) >= n:
            truth, seconds = ref.increase(values[-n:]), times[-1] - times[-n]
            assert (
                math.isnan(read["rate"]())
                if seconds == 0
                else close(read["rate"](), truth / seconds, truth / seconds, 1e-14)
            )


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.tuples(ORDINARY, st.integers(0, 6)), min_size=1, max_size=80),
    st.integers(1, 30),
    st.sampled_from(["steps", "seconds"]),
)
def test_windows_of_steps_and_seconds_hold_what_is_in_range(samples, width, kind):
    functions = (*NUMERIC, *ORDERED, "count", "delta")
    shelf, read = make(functions, kind=kind, amount=float(width), q=0.3)
    marks, values, mark = [], [], 1_000_000
    for value, further in samples:
        mark += further
        marks.append(float(mark))
        values.append(value)
        shelf.push(value, marks[-1], marks[-1])
        held = [(m, v) for m, v in zip(marks, values, strict=True) if m > mark - width]
        if mark - marks[0] < width or len(held) < 2:
            assert all(reader() is MISSING for reader in read.values())
            continue
        assert read["count"]() == len(held)
        assert read["delta"]() == held[-1][1] - held[0][1]
        if ref.slope([m for m, _ in held], [v for _, v in held]) == ref.slope(
            [m for m, _ in held], [v for _, v in held]
        ):
            agree([v for _, v in held], [m for m, _ in held], read)


KEPT = ("mean", "std", "sum_over", "slope", "rate", "median", "min_over", "max_over", "count", "delta", "frac")
SOLE = ("ema", "zscore", "mad_z", "prev", "first", "best_min", "since_best_max", "streak")


def everything():
    shelf = Shelf()
    readers = [
        shelf.reader(f, kind=k, amount=a) for f in KEPT for k, a in (("samples", 5), ("steps", 9.0), ("seconds", 2.5))
    ]
    return shelf, readers + [shelf.reader(f, amount=4) for f in SOLE]


ACTIONS = st.one_of(
    st.tuples(
        st.just("push"), st.one_of(ORDINARY, SPIKES, LEVELS), st.integers(0, 3), st.sampled_from([None, 0.0, 0.37, 1.0])
    ),
    st.tuples(st.just("rewind"), st.integers(0, 12)),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(ACTIONS, max_size=60), st.sets(st.integers(0, 60), max_size=6))
def test_a_restart_at_any_point_shows_nowhere(actions, restarts):
    steady, steady_readers = everything()
    kept, kept_readers = everything()
    step, time = 0.0, 1_700_000_000.123456
    for i, (what, *how) in enumerate(actions):
        if i in restarts:
            state = json.loads(json.dumps(kept.dump()))
            kept, kept_readers = everything()
            kept.load(state)
        if what == "rewind":
            step -= how[0]
            steady.rewind(step)
            kept.rewind(step)
        else:
            step, time = step + how[1], time + (how[2] or 0.0)
            for shelf in (steady, kept):
                shelf.push(how[0], step, None if how[2] is None else time)
        # repr tells NaN from NaN no more than it should, and -0.0 from 0.0.
        assert [repr(r()) for r in kept_readers] == [repr(r()) for r in steady_readers]
    assert kept.dump() == steady.dump() or repr(kept.dump()) == repr(steady.dump())


@settings(max_examples=80, deadline=None)
@given(streams(), st.integers(2, 12), st.integers(0, 100), st.lists(ORDINARY, max_size=12))
def test_after_an_attempt_a_window_is_that_of_the_samples_left(values, n, back, after):
    functions = (*NUMERIC, *ORDERED, "zscore", "mad_z")
    shelf, read = make(functions, amount=n, q=0.3)
    for i, value in enumerate(values):
        shelf.push(value, float(i), None)
    shelf.rewind(float(back))
    fresh, told = make(functions, amount=n, q=0.3)
    held = range(max(0, len(values) - n), min(len(values), back))
    for i in held:
        fresh.push(values[i], float(i), None)
    for i, value in enumerate(after):
        shelf.push(value, float(back + i), None)
        fresh.push(value, float(back + i), None)
        left = ([values[j] for j in held] + after[: i + 1])[-n:]
        alike(read, told, max(1.0, *map(abs, left)), ref.std(left))


def alike(read, told, size, spread):
    for function, reader in read.items():
        ours, theirs = reader(), told[function]()
        if ours is MISSING or theirs is MISSING or math.isnan(theirs):
            assert repr(ours) == repr(theirs) or (function in ("zscore", "mad_z") and theirs is MISSING)
        elif function in ("mean", "sum_over", "std", "slope"):
            assert close(ours, theirs, size * 12, 1e-11) or close(ours, theirs, spread, 1e-6)
        else:
            assert close(ours, theirs, max(1.0, abs(theirs)), 1e-6)


@settings(max_examples=20, deadline=None)
@given(st.floats(-1e12, 1e12), st.integers(2, 40))
def test_a_constant_stays_itself(value, n):
    shelf, read = make((*NUMERIC, *ORDERED, "ema"), amount=n)
    for i in range(3 * n):
        shelf.push(value, float(i), None)
    assert read["mean"]() == read["median"]() == read["quantile"]() == read["ema"]() == value
    assert read["std"]() == read["slope"]() == 0.0


@settings(max_examples=60, deadline=None)
@given(
    st.one_of(streams(), st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=60)), st.integers(2, 12)
)
def test_the_fast_way_in_is_the_slow_one(values, n):
    shelf, _ = make((*NUMERIC, "max_over"), amount=n)
    plain, _ = make(
        (*NUMERIC, "max_over", "zscore"), amount=n
    )  # a score sees the window before: each statistic is told by itself
    for i, value in enumerate(values):
        shelf.push(value, float(i), None)
        plain.push(value, float(i), None)
        ours, theirs = (each.dump()[f"{n} samples"] for each in (shelf, plain))
        theirs[2].pop("zscore")
        assert repr(ours) == repr(theirs)
