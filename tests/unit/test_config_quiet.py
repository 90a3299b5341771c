"""Quiet hours: when they begin and end on the clocks of their zone, and what passes."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from walert.config import read_config
from walert.config.quiet import Quiet
from walert.model import AlertLevel, Terms

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Quiet(22 * 60, 7 * 60, "Europe/Berlin", AlertLevel.ERROR)


def at(text, zone=BERLIN):
    return dt.datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


def read(quiet):
    text = f"receivers: {{me: {{url: 'console://', {quiet}}}}}\n"
    config, problems = read_config(text, "walert.yaml", {})
    return problems if config is None else config.receivers["me"]


@pytest.mark.parametrize("moment", ["2026-01-10T22:00", "2026-01-11T00:00", "2026-01-11T06:59:59"])
def test_within_them_only_what_passes_may_go(moment):
    assert NIGHT.terms(at(moment)) == Terms(least=3)


@pytest.mark.parametrize("moment", ["2026-01-11T07:00", "2026-01-11T12:00", "2026-01-11T21:59:59"])
def test_outside_them_what_was_held_is_known(moment):
    held = (at("2026-01-10T22:00"), at("2026-01-11T07:00"))
    assert NIGHT.terms(at(moment)) == Terms(held=held, passing=3)


def test_hours_of_one_day_and_levels_that_nothing_passes():
    lunch = Quiet(12 * 60, 13 * 60, "UTC")
    utc = dt.UTC
    assert lunch.terms(at("2026-01-11T12:30", utc)).least > AlertLevel.ERROR.severity
    assert lunch.window(at("2026-01-11T11:00", utc)) == (at("2026-01-10T12:00", utc), at("2026-01-10T13:00", utc))


@pytest.mark.parametrize(("day", "hours"), [("2026-03-28", 8), ("2026-10-24", 10)])
def test_a_night_in_which_clocks_change_is_as_long_as_it_is(day, hours):
    begin, end = NIGHT.window(at(f"{day}T23:00"))
    assert end - begin == hours * 3600


def test_the_configuration_says_them():
    assert read("quiet: {from: 22:00, to: '07:00', zone: Europe/Berlin, pass: error}").quiet == NIGHT
    assert read("quiet: {from: 22:00, to: 07:00}").quiet == Quiet(22 * 60, 7 * 60)
    assert read("min_level: INFO").quiet is None


@pytest.mark.parametrize(
    ("quiet", "code"),
    [
        ("{from: 22:00, to: 22:00}", "bad-quiet"),
        ("{from: 22:00, to: 07:00, zone: Mars/Olympus}", "unknown-zone"),
        ("{from: 22:00, to: 07:00, zone: ../../etc/passwd}", "unknown-zone"),
        ("{from: 25:00, to: 07:00}", None),
        ("{from: 22:00}", None),
        ("{from: 22:00, to: 07:00, pass: LOUD}", None),
        ("{from: 22:00, to: 07:00, until: 08:00}", None),
    ],
)
def test_what_is_wrong_with_them_is_said(quiet, code):
    (problem,) = read(f"quiet: {quiet}")
    assert code is None or problem.code == code


def test_a_flood_is_a_number_of_messages_or_never():
    assert read("flood: 5").flood == 5
    assert read("flood: never").flood == float("inf")
    assert read("rate: 5").flood is None
    assert "flood is a number" in str(read("flood: 0"))
