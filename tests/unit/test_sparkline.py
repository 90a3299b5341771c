"""A metric's course in one line of text."""

import math

import pytest

from walert.dispatch.sparkline import WIDTH, marks, sparkline
from walert.model import Curve

NAN, INF = math.nan, math.inf


def course(*values: float, name: str = "loss") -> str | None:
    return sparkline([Curve(name, tuple(map(float, range(len(values)))), values)])


def test_a_course_is_named_and_its_range_told():
    assert course(1.0, 2.0, 3.0, 8.0) == "loss ▁▂▃█ 1 to 8"


def test_one_sample_is_no_course():
    assert course(1.0) is None and course() is None


def test_what_does_not_move_is_a_level_line():
    assert course(*[0.25] * 5) == "loss ▄▄▄▄▄ 0.25"


def test_nan_and_infinities_are_marked_and_do_not_bend_the_rest():
    assert course(1.0, NAN, 2.0, INF, -INF, 1.0) == "loss ▁×█↑↓▁ 1 to 2"


def test_a_course_of_nothing_but_nan_has_no_range():
    assert course(NAN, NAN, NAN) == "loss ×××"


def test_one_nan_among_many_samples_is_still_seen():
    values = [1.0] * 5_000
    values[1_234] = NAN
    assert "".join(marks(values)).count("×") == 1


def test_the_newest_sample_is_never_averaged_away():
    assert "".join(marks([1.0] * 5_000 + [9.0])).endswith("▁█")


def test_no_course_is_wider_than_its_bounds():
    assert len(list(marks([float(i) for i in range(5_000)]))) == WIDTH


def test_decades_are_shown_by_their_logarithm():
    assert "".join(marks([1e-3, 1e-1, 1e1, 1e3, 1e5])) == "▁▃▅▆█"


@pytest.mark.parametrize("huge", [1.7e308, 5e-324])
def test_the_ends_of_what_a_double_holds_are_drawn(huge):
    assert "".join(marks([-huge, 0.0, huge])) == "▁▅█"


def test_a_name_from_a_log_can_neither_mention_nor_link():
    assert course(1.0, 2.0, name="<!here>") == "‹!here› ▁█ 1 to 2"
    assert "@everyone" not in str(course(1.0, 2.0, name="@everyone")) and "@Here" not in str(
        course(1.0, 2.0, name="@Here")
    )


def test_two_metrics_share_a_line_and_no_more():
    curves = [Curve(name, (1.0, 2.0), (1.0, 2.0)) for name in "abc"]
    assert sparkline(curves) == "a ▁█ 1 to 2   b ▁█ 1 to 2"
