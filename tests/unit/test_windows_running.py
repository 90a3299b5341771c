"""Running values: averages, bests, streaks, and what attempts and restarts do to them."""

import pytest

from walert.rules.windows import MISSING, Shelf

RUNNING = ["ema", "first", "best_min", "best_max", "since_best_min", "since_best_max", "streak"]


def fed(shelf, *values, step=0.0):
    for value in values:
        shelf.push(value, step, None)


def reading(function, *values, amount=3):
    shelf = Shelf()
    reader = shelf.reader(function, amount=amount)
    fed(shelf, *values)
    return reader()


@pytest.mark.parametrize("function", RUNNING)
def test_what_was_never_seen_is_missing(function):
    assert reading(function) is MISSING


def test_an_average_is_seeded_by_the_first_sample():
    assert reading("ema", 8.0) == 8.0
    assert reading("ema", 8.0, 4.0) == 6.0
    assert reading("ema", 8.0, 4.0, 2.0) == 4.0


def test_a_constant_is_its_own_average():
    assert reading("ema", *[0.1] * 1000, amount=19) == 0.1


def test_an_average_of_the_largest_numbers_stays_finite():
    assert reading("ema", -1.7e308, 1.7e308, 1.0, 1.0, amount=2) == pytest.approx(1.7e308 / 27, rel=1e-12)


def test_the_first_sample_stays():
    assert reading("first", 3.0, 1.0, 5.0) == 3.0


def test_a_tie_is_no_new_best():
    assert reading("best_min", 3.0, 1.0, 2.0, 1.0) == 1.0
    assert reading("since_best_min", 3.0, 1.0, 2.0, 1.0) == 2.0
    assert reading("best_max", 3.0, 5.0, 5.0) == 5.0
    assert reading("since_best_max", 3.0, 5.0, 5.0) == 1.0
    assert reading("since_best_max", 3.0, 5.0, 6.0) == 0.0


def test_a_streak_counts_true_judgements_in_a_row():
    assert reading("streak", 1.0, 1.0, 0.0) == 0.0
    assert reading("streak", 0.0, 1.0, 1.0, 1.0) == 3.0


def test_an_attempt_reseeds_averages_resets_streaks_and_keeps_bests():
    shelf = Shelf()
    readers = {function: shelf.reader(function, amount=3) for function in RUNNING}
    fed(shelf, 1.0, 1.0, step=5.0)
    shelf.rewind(2.0)
    after = {function: reader() for function, reader in readers.items()}
    assert after["ema"] is after["streak"] is MISSING
    assert after["first"] == after["best_min"] == after["best_max"] == 1.0
    assert after["since_best_min"] == 1.0
    fed(shelf, 4.0, step=2.0)
    assert readers["ema"]() == 4.0


def test_a_fresh_start_forgets_all():
    shelf = Shelf()
    readers = [shelf.reader(function, amount=3) for function in RUNNING]
    fed(shelf, 1.0, 2.0)
    shelf.clear()
    assert [reader() for reader in readers] == [MISSING] * len(RUNNING)


def test_a_best_and_the_samples_since_it_are_kept_together():
    shelf = Shelf()
    shelf.reader("best_min")
    shelf.reader("since_best_min")
    assert list(shelf.dump()) == ["best min"]
