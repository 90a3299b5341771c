"""Whatever numbers and names a log holds, its plot is a picture and its sparkline is a line."""

import zlib

from hypothesis import given, settings
from hypothesis import strategies as st

from walert.deliver.plot import picture
from walert.dispatch.sparkline import WIDTH, marks, sparkline
from walert.model import Curve

FLOATS = st.floats(allow_nan=True, allow_infinity=True)
STEPS = st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=30).map(sorted)
LIMITS = st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=4)


@st.composite
def curves(draw):
    """A curve as the cut makes them: ascending finite steps, any values."""
    steps = tuple(draw(STEPS))
    values = tuple(draw(st.lists(FLOATS, min_size=len(steps), max_size=len(steps))))
    return Curve(draw(st.text(max_size=40)), steps, values, tuple(draw(LIMITS)))


@settings(max_examples=50, deadline=None)
@given(st.lists(curves(), min_size=1, max_size=3), st.text(max_size=60))
def test_any_curves_are_a_whole_picture(some, run):
    made = picture(some, run, "#d32f2f")
    assert made is not None
    data = made.png[made.png.index(b"IDAT") + 4 :]
    assert len(zlib.decompressobj().decompress(data)) == 2 * made.height * (2 * made.width + 1)


@given(st.lists(FLOATS, min_size=2, max_size=400))
def test_any_values_are_as_many_marks_as_there_is_room_for(values):
    course = "".join(marks(values))
    assert len(course) == min(len(values), WIDTH)
    assert set(course) <= set("▁▂▃▄▅▆▇█×↑↓")


@given(st.lists(curves(), max_size=3))
def test_a_sparkline_is_one_line_that_mentions_nobody(some):
    line = sparkline(some) or ""
    assert not {"<", ">", "\n", "\r"} & set(line)
