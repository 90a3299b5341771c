"""When somebody else is told that a receiver fails."""

from dataclasses import dataclass

from walert.dispatch.trouble import failing_since, is_wrong, news, notice, others


@dataclass(frozen=True)
class Stands:
    receiver: str = "team"
    waiting: int = 0
    dead: int = 0
    failing: int = 0
    died_at: float | None = None
    delivered_at: float | None = None
    reason: str | None = None


def test_a_message_that_died_is_trouble_until_one_arrives():
    assert is_wrong(Stands(dead=1, died_at=100.0), None, 101.0)
    assert is_wrong(Stands(dead=1, died_at=100.0, delivered_at=99.0), None, 101.0)
    assert not is_wrong(Stands(dead=1, died_at=100.0, delivered_at=100.5), None, 101.0)


def test_what_died_days_ago_is_no_news():
    assert not is_wrong(Stands(dead=1, died_at=100.0), None, 100_000.0)


def test_failures_are_trouble_after_ten_minutes():
    since = failing_since([Stands(failing=1)], {}, 1_000.0)
    assert since == {"team": 1_000.0}
    since = failing_since([Stands(failing=2)], since, 1_600.0)
    assert not is_wrong(Stands(failing=2), since["team"], 1_600.0)
    assert is_wrong(Stands(failing=2), since["team"], 1_601.0)


def test_a_message_that_arrives_between_begins_the_ten_minutes_anew():
    since = failing_since([Stands(failing=1, delivered_at=1_300.0)], {"team": 1_000.0}, 1_600.0)
    assert since == {"team": 1_600.0}
    assert failing_since([Stands(waiting=1)], since, 1_700.0) == {}


def test_an_episode_is_told_once_and_another_not_within_the_hour():
    wrong = frozenset({"team"})
    assert news(wrong, {}, 0.0).tell == ("team",)
    assert news(wrong, {"team": 0.0}, 100_000.0) == news(frozenset(), {}, 0.0)
    assert news(frozenset(), {"team": 0.0}, 3_599.0).over == ()
    assert news(frozenset(), {"team": 0.0}, 3_600.0).over == ("team",)


def test_a_clock_set_back_ends_an_episode_rather_than_keep_it_for_years():
    assert news(frozenset(), {"team": 1e9}, 0.0).over == ("team",)


def test_others_hear_of_it_and_none_that_is_in_trouble():
    names = ("team", "me", "console")
    consoles = frozenset({"console"})
    assert others(names, ("team", "me"), frozenset({"team"}), consoles) == ("me",)
    assert others(names, ("team", "console"), frozenset({"team"}), consoles) == ("me", "console")
    assert others(names, ("team",), frozenset({"team", "me"}), consoles) == ("console",)
    assert others(("team",), ("team",), frozenset({"team"}), frozenset()) == ()


def test_the_notice_says_what_and_why():
    alert = notice(Stands(waiting=3, dead=2, reason="404: no such channel"), 7, 100.0, "host")
    assert alert.title == "Receiver team fails"
    assert "2 dead, 3 waiting, 7 given up because too many waited" in alert.text
    assert "404: no such channel" in alert.text and "walert receivers test team" in alert.text
