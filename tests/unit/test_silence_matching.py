"""What a silence means: globs that match all together, a level and below, between its two moments."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from store_values import alert

from walert.dispatch.silence import silenced_by
from walert.model import AlertLevel

ALERT = replace(alert(1), title="Low accuracy [val]", level=AlertLevel.WARN)  # of resnet-1, id run-1, project vision


@dataclass(frozen=True)
class Quiet:
    title: str | None = None
    run: str | None = None
    project: str | None = None
    level: str | None = None
    starts: float = 100.0
    ends: float = 200.0


def is_silenced(silence: Quiet, now: float = 150.0) -> bool:
    return silenced_by(ALERT, [silence], now) is silence


@pytest.mark.parametrize(
    "meant",
    [
        {"title": "Low*"},
        {"title": "Low accuracy [val]"},  # a title before it is a glob
        {"title": "*[[]val]"},
        {"run": "resnet-?"},
        {"run": "run-1"},
        {"project": "vis*"},
        {"level": "WARN"},
        {"level": "ERROR"},
        {"title": "Low*", "run": "resnet-*", "project": "vision", "level": "WARN"},
    ],
)
def test_what_matches_is_silenced(meant):
    assert is_silenced(Quiet(**meant))


@pytest.mark.parametrize(
    "meant",
    [
        {"title": "low*"},
        {"title": "Low"},
        {"run": "resnet"},
        {"project": "speech"},
        {"level": "INFO"},
        {"title": "Low*", "run": "vit-*"},
    ],
)
def test_what_misses_in_one_thing_is_not(meant):
    assert not is_silenced(Quiet(**meant))


def test_a_run_without_a_project_is_meant_by_a_glob_of_nothing_only():
    alone = replace(ALERT, run=replace(ALERT.run, project=None))
    assert silenced_by(alone, [Quiet(project="vision")], 150.0) is None
    assert silenced_by(alone, [Quiet(project="*")], 150.0) is not None


def test_a_silence_holds_from_its_beginning_until_before_its_end():
    assert [is_silenced(Quiet(title="*"), now) for now in (99.9, 100.0, 199.9, 200.0)] == [False, True, True, False]


def test_the_first_that_matches_is_named():
    first, second = Quiet(run="vit-*"), Quiet(title="Low*")
    assert silenced_by(ALERT, [first, second, Quiet(title="*")], 150.0) is second
    assert silenced_by(ALERT, [], 150.0) is None
