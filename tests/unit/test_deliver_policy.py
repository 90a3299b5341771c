"""What follows a try, by tries and clock alone."""

import pytest

from walert.deliver import Dead, Retry, next_try
from walert.deliver.policy import Pace, rest
from walert.model import Delivered, Permanent, Temporary

DAY = 86_400.0
DOWN = Temporary("slack:// not reached: no connection")


def wait(tries: int, random: float = 0.999_999, **more: float) -> float:
    verdict = next_try(tries, 0.0, 100.0, Temporary("down", more.get("retry_after")), random=random)
    assert isinstance(verdict, Retry)
    return verdict.at - 100.0


def test_the_first_retry_is_quick_and_later_ones_double_up_to_a_quarter_of_an_hour():
    assert [round(wait(tries)) for tries in (1, 2, 3, 4, 8, 9, 40)] == [5, 10, 20, 40, 640, 900, 900]


def test_the_jitter_spreads_a_retry_over_its_whole_wait():
    assert wait(3, random=0.0) == 0.0
    assert wait(3, random=0.5) == 10.0


def test_retry_after_is_a_lower_bound():
    assert wait(1, retry_after=30) == 30
    assert round(wait(9, retry_after=30)) == 900


def test_retry_after_is_believed_up_to_an_hour():
    assert wait(1, retry_after=1e9) == 3600
    assert wait(1, retry_after=float("inf")) == 3600


@pytest.mark.parametrize("nonsense", [-5.0, 0.0, float("nan")])
def test_a_nonsensical_retry_after_is_ignored(nonsense):
    assert wait(1, random=0.5, retry_after=nonsense) == 2.5


def test_a_permanent_failure_is_dead_at_once_with_its_reason():
    verdict = next_try(1, 0.0, 1.0, Permanent("slack:// answered no_service"), random=0.5)
    assert verdict == Dead("slack:// answered no_service")


def test_a_message_that_fails_for_a_day_is_dead_with_its_last_reason():
    assert isinstance(next_try(90, 0.0, DAY - 1, DOWN, random=0.5), Retry)
    verdict = next_try(90, 0.0, DAY, DOWN, random=0.5)
    assert verdict == Dead("given up after 90 tries in 24 h: slack:// not reached: no connection")


def test_a_clock_that_jumps_ten_years_ahead_does_not_kill_a_message_that_was_hardly_tried():
    assert next_try(1, 0.0, 10 * 365 * DAY, DOWN, random=0.5) == Retry(10 * 365 * DAY + 2.5)


def test_a_clock_that_went_back_makes_no_message_older_and_no_wait_longer():
    assert next_try(2, born=1e9, now=0.0, outcome=DOWN, random=0.5) == Retry(5.0)


def test_a_delivered_message_has_nothing_left_to_decide():
    with pytest.raises(ValueError, match="needs no verdict"):
        next_try(1, 0.0, 0.0, Delivered(), random=0.5)


def test_one_bad_message_gives_its_receiver_no_rest_but_a_row_of_failures_does():
    assert [rest(failures) for failures in (0, 1, 2, 3, 4, 9)] == [0, 0, 0, 5, 10, 60]


def test_a_pace_lets_a_burst_through_and_then_one_a_second():
    pace = Pace(per_second=1.0, burst=3.0)
    for _ in range(3):
        assert pace.wait(50.0) == 0
        pace = pace.spent(50.0)
    assert pace.wait(50.0) == 1.0
    assert pace.wait(50.25) == 0.75
    assert pace.wait(51.0) == 0.0


def test_a_receiver_without_a_pace_never_waits():
    pace = Pace(per_second=float("inf"))
    for _ in range(1000):
        pace = pace.spent(0.0)
    assert pace.wait(0.0) == 0
