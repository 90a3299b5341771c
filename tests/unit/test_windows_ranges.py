"""Windows of steps and of seconds of event time."""

import pytest

from walert.rules.windows import MISSING, Shelf
from walert.rules.windows.series import MOST_SAMPLES


def window(function="count", kind="steps", amount=10.0, **how):
    shelf = Shelf()
    return shelf, shelf.reader(function, kind=kind, amount=amount, **how)


def feed(shelf, *samples):
    for value, mark in samples:
        shelf.push(value, mark, mark)


@pytest.mark.parametrize("kind", ["steps", "seconds"])
def test_it_is_full_when_the_file_is_that_old(kind):
    shelf, count = window(kind=kind)
    shelf.begin(100.0, 100.0)
    feed(shelf, (1.0, 104.0), (1.0, 109.0))
    assert count() is MISSING
    feed(shelf, (1.0, 110.0))
    assert count() == 3.0


@pytest.mark.parametrize("kind", ["steps", "seconds"])
def test_it_needs_two_samples(kind):
    shelf, mean = window("mean", kind=kind)
    shelf.begin(0.0, 0.0)
    feed(shelf, (7.0, 50.0))
    assert mean() is MISSING
    feed(shelf, (9.0, 51.0))
    assert mean() == 8.0


def test_without_a_beginning_told_the_first_sample_is_it():
    shelf, count = window()
    feed(shelf, (1.0, 100.0), (1.0, 109.0))
    assert count() is MISSING
    feed(shelf, (1.0, 110.0))
    assert count() == 2.0


@pytest.mark.parametrize("kind", ["steps", "seconds"])
def test_its_old_edge_is_outside(kind):
    shelf, total = window("sum_over", kind=kind)
    feed(shelf, (1.0, 0.0), (2.0, 1.0), (4.0, 10.0))
    assert total() == 6.0
    feed(shelf, (8.0, 11.0))
    assert total() == 12.0


def test_a_minimum_lets_it_speak_in_a_young_file():
    shelf, mean = window("mean", minimum=2)
    feed(shelf, (1.0, 0.0))
    assert mean() is MISSING
    feed(shelf, (3.0, 1.0))
    assert mean() == 2.0


def test_a_window_of_seconds_without_times_is_missing():
    shelf, mean = window("mean", kind="seconds")
    for step in range(100):
        shelf.push(1.0, float(step), None)
    assert mean() is MISSING


def test_a_window_of_seconds_is_missing_while_the_newest_sample_has_no_time():
    shelf, mean = window("mean", kind="seconds")
    feed(shelf, (1.0, 0.0), (3.0, 5.0), (5.0, 10.0))
    assert mean() == 4.0
    shelf.push(100.0, 11.0, None)
    assert mean() is MISSING
    feed(shelf, (6.0, 12.0))
    assert mean() == pytest.approx(14.0 / 3.0)


def test_a_window_of_steps_does_not_care_for_times():
    shelf, mean = window("mean", amount=3.0)
    for step in range(10):
        shelf.push(float(step), float(step), None)
    assert mean() == 8.0


def test_interleaved_writers_do_not_empty_it():
    shelf, count = window()
    feed(shelf, *[(1.0, mark) for mark in (0.0, 2.0, 1.0, 9.0, 7.0, 12.0, 11.0)])
    assert count() == 4.0


def test_what_lies_far_ahead_leaves_when_steps_start_over():
    shelf, highest = window("max_over")
    feed(shelf, *[(50.0, 1000.0 + i) for i in range(12)])
    feed(shelf, (1.0, 0.0), (2.0, 1.0))
    shelf.push(3.0, 1020.0, None)
    shelf.push(3.0, 1021.0, None)
    assert highest() == 3.0


def test_an_attempt_takes_samples_back():
    shelf, total = window("sum_over")
    feed(shelf, *[(1.0, float(i)) for i in range(21)])
    assert total() == 10.0
    shelf.rewind(15.0)
    assert total() == 4.0
    feed(shelf, (5.0, 15.0))
    assert total() == 9.0


def test_an_attempt_that_takes_everything_back_leaves_it_missing():
    shelf, total = window("sum_over", kind="seconds")
    feed(shelf, *[(1.0, float(i)) for i in range(21)])
    shelf.rewind(0.0)
    assert total() is MISSING


def test_a_fresh_start_forgets_the_beginning_of_the_file():
    shelf, count = window()
    feed(shelf, *[(1.0, float(i)) for i in range(21)])
    shelf.clear()
    feed(shelf, (1.0, 15.0), (1.0, 16.0))
    assert count() is MISSING


def test_it_never_holds_more_than_its_bound():
    shelf, count = window(amount=1e12, minimum=1)
    for step in range(MOST_SAMPLES + 100):
        shelf.push(1.0, float(step), None)
    assert count() == MOST_SAMPLES


def test_a_rate_uses_the_time_that_passed_between_its_samples():
    shelf, rate = window("rate", kind="seconds")
    feed(shelf, (0.0, 0.0), (10.0, 4.0), (40.0, 10.0))
    assert rate() == 5.0
