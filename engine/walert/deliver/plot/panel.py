"""One metric's panel: its axes, the limits that it is compared with, its course, and a mark where the alert came."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from walert.deliver.plot.axis import Axis, is_near, short, value_axis
from walert.deliver.plot.canvas import Canvas, Point, width_of
from walert.deliver.plot.glyphs import HEIGHT
from walert.deliver.plot.letters import fitted, legible
from walert.model import Curve

WHITE, FRAME, GRID, TEXT, FAINT, LINE, LIMIT, ODD, MARK = range(9)
INKS = ("#ffffff", "#d5d9e0", "#e9ecf1", "#2b3240", "#6b7482", "#2f6fde", "#9a5b13", "#d32f2f")
"""All but the last ink, which is the alert's own colour."""

_TICKS = 4
_STEP_TICKS = 6
_ROOM = 14  # between the frame and what stands beside it


@dataclass(frozen=True, slots=True)
class Place:
    """Where a panel's frame stands, in pixels."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Scales:
    """What a panel is drawn by. `steps` is shared by all panels of a picture."""

    steps: Axis
    values: Axis


def scales_of(curve: Curve, steps: Axis) -> Scales:
    """The axes of a curve; of one without a finite sample, those of its limits or of nothing."""
    finite = [value for value in curve.values if math.isfinite(value)]
    return Scales(steps, value_axis(finite or curve.limits or (0.0,), curve.limits))


def margin_of(curve: Curve, steps: Axis) -> int:
    """Pixels that the names beside the value axis take."""
    ticks = scales_of(curve, steps).values.ticks(_TICKS)
    return max((width_of(name) for _, name in ticks), default=0) + _ROOM


def draw(canvas: Canvas, curve: Curve, place: Place, scales: Scales, *, last: bool) -> None:
    """Draw it. Steps are named below the `last` panel only."""
    _values(canvas, place, scales.values)
    _steps(canvas, place, scales.steps, named=last)
    near, far = _shown(curve)
    _limits(canvas, near, place, scales.values)
    _course(canvas, curve, place, scales)
    _odd(canvas, curve, place, scales.steps)
    _moment(canvas, curve, place, scales)
    _limit_names(canvas, near, place, scales.values)
    _name(canvas, curve, place, far)


def _name(canvas: Canvas, curve: Curve, place: Place, far: Sequence[float]) -> None:
    """The metric's name and newest value, above its frame."""
    y = place.top - HEIGHT - 8
    canvas.text(place.left, y, fitted(legible(curve.name) or "this metric", (place.right - place.left) // 2), LINE)
    more = f"   limit {', '.join(map(short, far))} out of view" if far else ""
    told = short(curve.values[-1]) + more
    canvas.text(place.right - width_of(told), y, told, TEXT)


def _values(canvas: Canvas, place: Place, axis: Axis) -> None:
    for value, name in axis.ticks(_TICKS):
        y = _row(place, axis, value)
        canvas.rectangle(place.left, y, place.right, y + 1, GRID)
        canvas.text(place.left - _ROOM - width_of(name), y - HEIGHT // 2 + 1, name, FAINT)
    canvas.rectangle(place.left - 1, place.top, place.left + 1, place.bottom, FRAME)


def _steps(canvas: Canvas, place: Place, axis: Axis, *, named: bool) -> None:
    canvas.rectangle(place.left, place.bottom - 1, place.right, place.bottom + 1, FRAME)
    free = place.left
    for value, name in axis.ticks(_STEP_TICKS):
        x = round(_column(place, axis, value))
        canvas.rectangle(x - 1, place.bottom, x + 1, place.bottom + 8, FRAME)
        left = min(max(x - width_of(name) // 2, place.left), place.right - width_of(name))
        if named and left >= free:
            canvas.text(left, place.bottom + 12, name, FAINT)
            free = left + width_of(name) + 2 * _ROOM


def _limits(canvas: Canvas, limits: Sequence[float], place: Place, axis: Axis) -> None:
    for limit in limits:
        canvas.dashes(place.left, place.right, _row(place, axis, limit), LIMIT)


def _limit_names(canvas: Canvas, limits: Sequence[float], place: Place, axis: Axis) -> None:
    """The limits' values, side by side so that near ones can be read, on white so that the course does not hide them."""
    left = place.left + 12
    for limit in limits:
        name, y = short(limit), _row(place, axis, limit)
        top = y - HEIGHT - 4 if y - HEIGHT - 4 > place.top else y + 6
        canvas.rectangle(left - 4, top, left + width_of(name) + 4, top + HEIGHT, WHITE)
        canvas.text(left, top, name, LIMIT)
        left += width_of(name) + 2 * _ROOM


def _shown(curve: Curve) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """The limits that can be drawn, and those that lie too far away."""
    finite = [value for value in curve.values if math.isfinite(value)]
    near = tuple(limit for limit in curve.limits if not finite or is_near(limit, finite))
    return near, tuple(limit for limit in curve.limits if limit not in near)


def _course(canvas: Canvas, curve: Curve, place: Place, scales: Scales) -> None:
    for points in _stretches(curve, place, scales):
        canvas.line(points, LINE, 4.0)
        if len(points) == 1:
            canvas.disc(*points[0], 4.0, LINE)


def _stretches(curve: Curve, place: Place, scales: Scales) -> Iterator[list[Point]]:
    """The finite samples as points, broken where one is not finite."""
    points: list[Point] = []
    for step, value in zip(curve.steps, curve.values, strict=True):
        if math.isfinite(value):
            points.append((_column(place, scales.steps, step), _level(place, scales.values, value)))
        elif points:
            yield points
            points = []
    if points:
        yield points


def _odd(canvas: Canvas, curve: Curve, place: Place, steps: Axis) -> None:
    """A cross at the bottom for each NaN; for infinities an arrowhead at the end at which they lie."""
    for step, value in zip(curve.steps, curve.values, strict=True):
        if not math.isfinite(value):
            _sign(canvas, _column(place, steps, step), value, place)


def _sign(canvas: Canvas, x: float, value: float, place: Place) -> None:
    size = 7.0
    y = place.top + 12.0 if value > 0 else place.bottom - 12.0
    if value != value:
        canvas.line([(x - size, y - size), (x + size, y + size)], ODD, 4.0)
        canvas.line([(x - size, y + size), (x + size, y - size)], ODD, 4.0)
    else:
        tip = -size if value > 0 else size
        canvas.line([(x - size, y - tip / 2), (x, y + tip), (x + size, y - tip / 2)], ODD, 4.0)


def _moment(canvas: Canvas, curve: Curve, place: Place, scales: Scales) -> None:
    """The newest sample: a rule through the whole panel, and a disc on the course."""
    x, value = _column(place, scales.steps, curve.steps[-1]), curve.values[-1]
    for top in range(place.top, place.bottom, 12):
        canvas.rectangle(round(x) - 1, top, round(x) + 1, min(top + 6, place.bottom), MARK)
    if math.isfinite(value):
        y = _level(place, scales.values, value)
        canvas.disc(x, y, 12.0, WHITE)
        canvas.disc(x, y, 9.0, MARK)


def _column(place: Place, axis: Axis, step: float) -> float:
    return place.left + axis.place(step) * (place.right - place.left)


def _level(place: Place, axis: Axis, value: float) -> float:
    return place.bottom - axis.place(value) * (place.bottom - place.top)


def _row(place: Place, axis: Axis, value: float) -> int:
    return round(_level(place, axis, value))
