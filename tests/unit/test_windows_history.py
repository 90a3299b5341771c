"""The samples that windows share: kept once, read from older state files, and summed up in blocks."""

from __future__ import annotations

import random

import pytest
import windows_reference as ref

from walert.rules.windows import Shelf, joined
from walert.rules.windows.packing import pack_marks

FUNCTIONS = ("mean", "std", "slope", "median", "min_over", "zscore", "delta")


def shelf(*widths, functions=FUNCTIONS):
    made = Shelf()
    return made, [made.reader(function, amount=width) for width in widths for function in functions]


def fed(made, values, first=0):
    for i, value in enumerate(values, first):
        made.push(value, float(i), None)


def noise(count):
    chance = random.Random(5)
    return [chance.gauss(3.0, 1.0) for _ in range(count)]


def read(readers):
    return [repr(reader()) for reader in readers]


def test_the_samples_of_all_windows_are_dumped_once():
    made, _ = shelf(5, 20, 50)
    fed(made, noise(80))
    state = made.dump()
    assert len(state["samples"][0]) == 50
    assert [state[f"{width} samples"][0] for width in (5, 20, 50)] == [5, 20, 50]


def as_once(state):
    """A state as it was when each window had its samples to itself."""
    values, steps, *_ = state["samples"]
    marks = list(range(80 - len(values), 80))
    assert pack_marks(map(float, marks)) == steps
    return {
        key: [values[-count:], pack_marks([float(m) for m in marks[-count:]]), None, 0.0, None, due, statistics]
        for key, (count, due, statistics) in ((k, v) for k, v in state.items() if k != "samples")
    }


def test_a_state_from_before_windows_shared_their_samples_goes_on_bit_for_bit():
    steady, steady_readers = shelf(5, 20, 50)
    fed(steady, noise(80))
    kept, readers = shelf(5, 20, 50)
    kept.load(as_once(steady.dump()))
    assert read(readers) == read(steady_readers)
    for each in (steady, kept):
        fed(each, noise(60), first=80)
    assert read(readers) == read(steady_readers)
    assert kept.dump()["50 samples"] == steady.dump()["50 samples"]


def test_a_range_from_before_there_were_blocks_goes_on_bit_for_bit():
    made, again = Shelf(), Shelf()
    readers = [each.reader("std", kind="steps", amount=30.0) for each in (made, again)]
    fed(made, noise(80))
    again.load({key: state[:8] for key, state in made.dump().items()})
    for each in (made, again):
        fed(each, noise(60), first=80)
    assert repr(readers[0]()) == repr(readers[1]())


@pytest.mark.parametrize("once", [False, True])
def test_a_window_that_was_folded_again_joins_those_that_were_kept(once):
    values = noise(80)
    kept, _ = shelf(5, 20)
    again, _ = shelf(5, 20, 50)
    for each in (kept, again):
        fed(each, values)
    state = as_once(kept.dump()) if once else kept.dump()
    made, readers = shelf(5, 20, 50)
    made.load(joined(again.dump(), state))
    whole, expected = shelf(5, 20, 50)
    whole.load(again.dump())
    assert read(readers) == read(expected)
    assert all(reader() is not None for reader in readers)


def test_a_joined_shelf_keeps_the_longer_history():
    kept, _ = shelf(50)
    again, _ = shelf(5)
    for each in (kept, again):
        fed(each, noise(80))
    made, readers = shelf(5, 50)
    made.load(joined(again.dump(), kept.dump()))
    assert all(reader() is not None for reader in readers)


STREAMS = {
    "falling": lambda i: 10.0 ** (100 - i / 50),
    "level": lambda i: 1e9 + random.Random(i).random() * 1e-3,
    "spikes": lambda i: 1e12 if i % 997 == 0 else random.Random(i).random(),
    "constant": lambda i: 0.1,
    "huge": lambda i: random.Random(i).choice([1e300, -1e300]),
}


@pytest.mark.parametrize("stream", STREAMS)
def test_a_long_window_is_summed_up_from_its_blocks_as_exactly_as_a_short_one(stream):
    values = [STREAMS[stream](i) for i in range(5000)]
    made, (mean, std, slope) = shelf(1500, functions=("mean", "std", "slope"))
    for i, value in enumerate(values):
        made.push(value, 1e9 + 3.0 * i, None)
        if i in (1499, 2300, 3333, 4999):
            held, steps = values[i - 1499 : i + 1], [1e9 + 3.0 * j for j in range(i - 1499, i + 1)]
            size = max(map(abs, held))
            assert mean() == pytest.approx(ref.mean(held), rel=1e-11, abs=1e-11 * size)
            if stream != "huge":  # whose squares are beyond the reference
                spread = ref.std(held)
                assert std() == pytest.approx(spread, rel=1e-6)
                assert slope() == pytest.approx(ref.slope(steps, held), rel=1e-6, abs=1e-6 * spread)


@pytest.mark.parametrize("stream", STREAMS)
def test_a_restart_finds_the_same_blocks(stream):
    steady, steady_readers = shelf(1100, 1500)
    kept, readers = shelf(1100, 1500)
    for i in range(4000):
        if i in (1203, 2777, 3100):
            state = kept.dump()
            kept, readers = shelf(1100, 1500)
            kept.load(state)
        if i == 3000:
            steady.rewind(2900.0)
            kept.rewind(2900.0)
        for each in (steady, kept):
            each.push(STREAMS[stream](i), float(i if i < 3000 else i - 100), None)
        if i % 97 == 0:
            assert read(readers) == read(steady_readers)
    assert repr(kept.dump()) == repr(steady.dump())
