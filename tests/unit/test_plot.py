"""Plots, read back by a decoder of PNG that knows nothing of how they were drawn."""

import math
import struct
import zlib

import pytest
from loopback import alert, message

from walert.deliver.picturing import picture_of
from walert.deliver.plot import WIDTH, picture
from walert.deliver.plot.axis import Axis, short, value_axis
from walert.deliver.plot.canvas import Canvas
from walert.deliver.plot.glyphs import HEIGHT, LETTERS, glyphs
from walert.deliver.plot.letters import legible
from walert.model import Curve, Run

NAN, INF = math.nan, math.inf
RED, BLUE, BROWN = (211, 47, 47), (47, 111, 222), (154, 91, 19)
TINY = 5e-324


def pixels(png: bytes) -> list[list[tuple[int, ...]]]:
    """Rows of RGB; every checksum and length of the file is checked on the way."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(png):
        size, name = struct.unpack(">I4s", png[at : at + 8])
        data = png[at + 8 : at + 8 + size]
        assert struct.unpack(">I", png[at + 8 + size : at + 12 + size]) == (zlib.crc32(name + data),)
        chunks[name], at = data, at + 12 + size
    width, height, depth, kind = struct.unpack(">IIBB", chunks[b"IHDR"][:10])
    assert (depth, kind) == (8, 3)
    palette = [tuple(chunks[b"PLTE"][i : i + 3]) for i in range(0, len(chunks[b"PLTE"]), 3)]
    raw = zlib.decompress(chunks[b"IDAT"])
    assert len(raw) == height * (width + 1)
    return [[palette[i] for i in raw[y * (width + 1) + 1 : (y + 1) * (width + 1)]] for y in range(height)]


def curve(*values: float, limits: tuple[float, ...] = (), name: str = "loss") -> Curve:
    return Curve(name, tuple(map(float, range(len(values)))), values, limits)


def drawn(*curves: Curve, run: str = "resnet-1", colour: str = "#2e9e4f") -> list[list[tuple[int, ...]]]:
    made = picture(curves, run, colour)
    assert made is not None
    rows = pixels(made.png)
    assert (len(rows[0]), len(rows)) == (2 * made.width, 2 * made.height)
    return rows


def count(rows: list[list[tuple[int, ...]]], colour: tuple[int, ...]) -> int:
    return sum(row.count(colour) for row in rows)


def middle(rows: list[list[tuple[int, ...]]], colour: tuple[int, ...]) -> tuple[float, float]:
    """The mean (x, y) of a colour's pixels."""
    found = [(x, y) for y, row in enumerate(rows) for x, each in enumerate(row) if each == colour]
    return sum(x for x, _ in found) / len(found), sum(y for _, y in found) / len(found)


def test_a_plot_shows_the_course_the_limit_and_the_moment():
    rows = drawn(curve(*(i / 10 for i in range(50)), limits=(2.5,)))
    assert count(rows, BLUE) > 2_000 and count(rows, BROWN) > 1_000
    assert count(rows, (46, 158, 79)) > 300  # the mark, in the alert's own colour
    assert count(rows, RED) == 0


def test_what_rises_ends_higher_than_it_began():
    rows = drawn(curve(*map(float, range(50))))
    ends = [[y for y, row in enumerate(rows) if y > 100 and BLUE in row[x : x + 60]] for x in (200, 1_000)]
    assert min(ends[1]) < min(ends[0])


def test_the_limit_stands_where_its_value_is():
    low = middle(drawn(curve(0.0, 10.0, limits=(2.0,))), BROWN)
    high = middle(drawn(curve(0.0, 10.0, limits=(8.0,))), BROWN)
    assert high[1] + 100 < low[1]


def test_a_nan_is_a_red_cross_and_a_gap():
    whole, broken = drawn(curve(*[1.0, 2.0] * 20)), drawn(curve(*[1.0, 2.0] * 10, NAN, *[1.0, 2.0] * 9))
    assert count(whole, RED) == 0 and count(broken, RED) > 50
    assert count(broken, BLUE) < count(whole, BLUE)


def test_infinities_point_to_the_end_at_which_they_lie():
    up, down = (middle(drawn(curve(1.0, 2.0, odd, 2.0)), RED)[1] for odd in (INF, -INF))
    assert up + 150 < down


@pytest.mark.parametrize(
    "values",
    [
        (NAN, NAN),
        (INF, -INF),
        (0.0, 0.0),
        (1e308, -1e308),
        (1.7e308, 1.7e308),
        (-1.7e308, -1.7e308),
        (TINY, TINY),
        (TINY, 1.7e308),
        (1e-300, 1e300),
        (-TINY, TINY),
        (0.1 + 0.2, 0.3),
        (1e16, 1e16 + 2),
        (3.0, NAN),
        (5e-324, 1e-323, 1.5e-323),
    ],
)
@pytest.mark.parametrize("limit", [(), (0.0,), (1.7e308,), (-1.7e308, TINY)])
def test_any_doubles_can_be_drawn(values, limit):
    assert drawn(curve(*values, limits=limit))


@pytest.mark.parametrize("steps", [(0.0, 0.0), (-1e300, 1e300), (1e17, 1e17 + 16), (-5.0, -1.0), (0.5, 0.6)])
def test_any_steps_can_be_drawn(steps):
    made = picture([Curve("loss", steps, (1.0, 2.0))], "r", "#888888")
    assert made is not None and pixels(made.png)


def test_one_sample_is_no_picture():
    assert picture([curve(1.0)], "r", "#888888") is None and picture([], "r", "#888888") is None


def test_a_metric_more_is_a_panel_more_and_four_are_the_most():
    sizes = [len(drawn(*[curve(1.0, 2.0, name=str(i)) for i in range(n)])) for n in range(1, 7)]
    assert sizes[:4] == sorted(set(sizes[:4])) and sizes[3] == sizes[4] == sizes[5]


def test_a_limit_far_away_does_not_flatten_the_course():
    rows = drawn(curve(1.0, 2.0, 1.0, 2.0, limits=(1e6,)))
    ys = [y for y, row in enumerate(rows) if y > 120 and BLUE in row]
    assert max(ys) - min(ys) > 200


def test_hostile_names_are_letters_that_fit():
    wide = drawn(curve(1.0, 2.0, name="<script>\x00\n" * 500), run="W" * 5_000 + "‮\ud800")
    assert len(wide[0]) == 2 * WIDTH


@pytest.mark.parametrize(
    ("name", "shown"), [("resnet-é", "resnet-e"), ("実験", ""), ("run 実験 7", "run ·· 7"), ("a\nb", "a·b"), ("", "")]
)
def test_a_name_is_shown_in_the_letters_that_there_are(name, shown):
    assert legible(name) == shown


def test_every_letter_has_ink_but_the_space():
    letters = glyphs()
    assert set(letters) == set(LETTERS)
    assert [c for c, columns in letters.items() if not any(map(any, columns))] == [" "]
    assert {len(column) for columns in letters.values() for column in columns} == {HEIGHT}


def test_nothing_is_drawn_outside_of_the_picture():
    canvas = Canvas(20, 30, ("#ffffff", "#000000"))
    canvas.line([(-1e6, -1e6), (-50, 500), (1e4, 3)], 1, 4)
    canvas.disc(19, 29, 9, 1)
    canvas.text(15, 5, "wide text", 1)
    canvas.rectangle(-5, -5, 100, 3, 1)
    assert len(pixels(canvas.png())) == 30


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (1200.0, "1200"),
        (12_000.0, "12k"),
        (3.2e6, "3.2M"),
        (1e-5, "1e-5"),
        (0.25, "0.25"),
        (NAN, "nan"),
        (1e300, "1e300"),
    ],
)
def test_numbers_beside_an_axis_are_short(value, name):
    assert short(value) == name


@pytest.mark.parametrize("ends", [(0.0, 1.0), (-3.0, 7.5), (0.912, 0.914), (-1e9, 1e9), (1e-9, 2e-9)])
def test_ticks_are_round_few_and_inside(ends):
    ticks = Axis(*ends).ticks(4)
    assert 2 <= len(ticks) <= 5
    assert all(ends[0] <= value <= ends[1] for value, _ in ticks)
    assert all(math.isclose(float(f"{value:.4g}"), value, abs_tol=1e-12) for value, _ in ticks)


def test_decades_get_a_logarithmic_axis_and_a_few_small_samples_do_not():
    assert value_axis([10.0**i for i in range(-3, 4)], ()).log
    assert not value_axis([1.0] * 99 + [1e-9], ()).log
    assert not value_axis([-1.0, 1e9], ()).log


# --- of a message


def test_the_picture_of_several_alerts_shows_every_metric_once():
    told = message(curves=(curve(1.0, 2.0, limits=(1.5,)),))
    others = (alert(id="b", curves=(curve(1.0, 2.0, limits=(1.8,)), curve(3.0, 4.0, name="acc"))),)
    one, both = picture_of(told), picture_of(type(told)(1, "r", told.alert, 1, 0.0, others))
    assert one is not None and both is not None
    assert one.words == "loss up to step 1" and both.words == "loss, acc up to step 1"


def test_alerts_of_several_runs_have_no_picture():
    told = message(curves=(curve(1.0, 2.0),))
    other = alert(id="b", run=Run("run-2", "other"), curves=(curve(1.0, 2.0),))
    assert picture_of(type(told)(1, "r", told.alert, 1, 0.0, (other,))) is None


def test_a_picture_that_cannot_be_drawn_is_told_and_costs_nothing_else(caplog):
    torn = Curve("loss", (1.0, 2.0), (1.0, 2.0, 3.0))
    assert picture_of(message(curves=(torn,))) is None
    assert caplog.messages == ["receiver ml-team: the plot of alert a1b2c3d4 could not be drawn (ValueError)"]
