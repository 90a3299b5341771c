"""The picture of a message: the course of its metrics up to the moment, as a PNG that a mail shows and a chat previews.

Pure Python on the standard library: no font, no library and no display can be missing. Drawn at twice the size at which it is shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from walert.deliver.plot.axis import Axis
from walert.deliver.plot.canvas import Canvas, width_of
from walert.deliver.plot.glyphs import HEIGHT
from walert.deliver.plot.letters import fitted, legible
from walert.deliver.plot.panel import FAINT, FRAME, INKS, MARK, TEXT, Place, draw, margin_of, scales_of
from walert.model import Curve

WIDTH = 600
"""Pixels at which a picture is meant to be shown; it holds twice as many."""

_MOST = 4  # panels
_WIDE = 2 * WIDTH
_EDGE = 28
_HEAD = _EDGE + HEIGHT
_NAME = HEIGHT + 34
_FRAME = {1: 300, 2: 200, 3: 160, 4: 140}  # pixels of a panel's frame, by how many there are
_FOOT = 2 * HEIGHT + 46


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG file, what it shows in words, and its size in pixels as it is meant to be shown."""

    png: bytes
    words: str
    width: int
    height: int


def picture(curves: Sequence[Curve], run: str, colour: str) -> Picture | None:
    """A panel for each of the first curves, of a run by its name, marked in `colour`; None where there is nothing to see."""
    shown = [curve for curve in curves if len(curve.values) > 1][:_MOST]
    if not shown:
        return None
    frame = _FRAME[len(shown)]
    height = _HEAD + len(shown) * (_NAME + frame) + _FOOT
    canvas = Canvas(_WIDE, height, (*INKS, colour))
    steps = _steps(shown)
    _edge(canvas)
    _title(canvas, run, shown)
    left = max(_EDGE + 60, _EDGE + max(margin_of(curve, steps) for curve in shown))
    top = _HEAD
    for number, curve in enumerate(shown, 1):
        place = Place(left, top + _NAME, _WIDE - _EDGE - 12, top + _NAME + frame)
        draw(canvas, curve, place, scales_of(curve, steps), last=number == len(shown))
        top = place.bottom
    canvas.text((left + _WIDE - _EDGE - 12 - width_of("step")) / 2, top + HEIGHT + 18, "step", FAINT)
    return Picture(canvas.png(), _words(shown), WIDTH, height // 2)


def _steps(curves: Sequence[Curve]) -> Axis:
    first, last = min(curve.steps[0] for curve in curves), max(curve.steps[-1] for curve in curves)
    room = max(1.0, abs(first) * 1e-9)
    return Axis(first, last) if last > first else Axis(first - room, last + room)


def _edge(canvas: Canvas) -> None:
    """A thin frame: the picture stays a card on a dark background."""
    for left, top, right, bottom in (
        (0, 0, canvas.width, 2), (0, canvas.height - 2, canvas.width, canvas.height),
        (0, 0, 2, canvas.height), (canvas.width - 2, 0, canvas.width, canvas.height),
    ):  # fmt: skip
        canvas.rectangle(left, top, right, bottom, FRAME)


def _title(canvas: Canvas, run: str, curves: Sequence[Curve]) -> None:
    at = f"step {max(curve.steps[-1] for curve in curves):.15g}"
    canvas.disc(_EDGE + 10, _EDGE + HEIGHT / 2, 10, MARK)
    canvas.text(_WIDE - _EDGE - 12 - width_of(at), _EDGE, at, FAINT)
    canvas.text(_EDGE + 34, _EDGE, fitted(legible(run), _WIDE // 2 + 200), TEXT)


def _words(curves: Sequence[Curve]) -> str:
    """For those who cannot see it."""
    return f"{', '.join(curve.name for curve in curves)} up to step {max(curve.steps[-1] for curve in curves):.15g}"
