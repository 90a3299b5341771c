"""Steps and times in little room, and back without loss."""

import pytest

from walert.rules.windows import Shelf
from walert.rules.windows.packing import pack_marks, unpack_marks


@pytest.mark.parametrize(
    "marks",
    [
        [],
        [0.0],
        [1.0, 2.0, 30.0, 4.0],
        [1_700_000_000.123456, 1_700_000_000.25, 1_700_000_001.0],
        [0.1, 0.2, 0.3],
        [1e17, 1e17 + 16, 3.0],
        [2.0**60, 2.0**60 + 512.0, -(2.0**60)],
        [5.0, None, 7.0],
        [-1.0, -5.0],
    ],
)
def test_marks_come_back_as_they_were(marks):
    assert unpack_marks(pack_marks(marks)) == marks


def test_whole_steps_are_kept_as_differences():
    assert pack_marks([1000.0, 1010.0, 1020.0]) == [1.0, 1000, 10, 10]


def test_times_of_day_are_kept_as_whole_numbers():
    assert all(isinstance(number, int) for number in pack_marks([1_700_000_000.1, 1_700_000_000.2])[1:])


def test_a_window_new_to_a_restart_starts_empty_and_a_new_statistic_knows_the_samples():
    before = Shelf()
    before.reader("mean", amount=3)
    for i in range(5):
        before.push(float(i), float(i), None)
    after = Shelf()
    mean, spread = after.reader("mean", amount=3), after.reader("max_over", amount=3)
    other = after.reader("mean", amount=2)
    after.load(before.dump())
    assert (mean(), spread(), other()) == (3.0, 4.0, None)


def test_a_dump_shares_nothing_with_the_window():
    shelf = Shelf()
    shelf.reader("mean", amount=3)
    shelf.push(1.0, 1.0, None)
    state = shelf.dump()
    copy = repr(state)
    shelf.push(2.0, 2.0, None)
    assert repr(state) == copy
