"""What is told together, and what is too much to be told one by one."""

from dataclasses import replace

from loopback import alert

from walert.dispatch.flood import Floods
from walert.dispatch.moment import together
from walert.model import AlertLevel, Run

AT = 1_740_830_400.0


def one(id_, line, level="WARN", time=AT, kind="firing", **more):
    return alert(
        id=id_, title=id_, log=f"m.jsonl:{line}", level=AlertLevel(level), time=time, kind=kind, at=AT + 9, **more
    )


def grouped(*told):
    return [(m.receiver, [a.id for a in m.alerts]) for m in together(told)]


def test_alerts_of_one_line_are_one_message_worst_first():
    a, b, c = one("a", 7, "INFO"), one("b", 7, "ERROR"), one("c", 7)
    assert grouped((a, ("me",)), (b, ("me",)), (c, ("me",))) == [("me", ["b", "c", "a"])]


def test_each_receiver_gets_what_goes_to_it():
    a, b = one("a", 7), one("b", 7, "ERROR")
    assert grouped((a, ("me", "team")), (b, ("team",))) == [("me", ["a"]), ("team", ["b", "a"])]


def test_lines_within_seconds_are_one_moment_and_lines_further_apart_are_not():
    a, b, c = one("a", 7), one("b", 8, time=AT + 5), one("c", 9, time=AT + 5.5)
    assert grouped((a, ("me",)), (b, ("me",)), (c, ("me",))) == [("me", ["a", "b"]), ("me", ["c"])]


def test_lines_without_a_time_of_their_own_are_moments_of_their_own():
    a, b, c = (replace(one(name, line), time=AT + 9) for name, line in (("a", 7), ("b", 8), ("c", 8)))
    assert grouped((a, ("me",)), (b, ("me",)), (c, ("me",))) == [("me", ["a"]), ("me", ["b", "c"])]


def test_runs_are_not_told_together():
    a, b = one("a", 7), replace(one("b", 7), run=Run("run-2", "other"))
    assert grouped((a, ("me",)), (b, ("me",))) == [("me", ["a"]), ("me", ["b"])]


def test_what_is_over_stands_last():
    a, b = one("a", 7, "ERROR", kind="resolved"), one("b", 7, "INFO")
    assert grouped((a, ("me",)), (b, ("me",))) == [("me", ["b", "a"])]


def test_an_alert_for_nobody_makes_no_message_and_parts_no_moment():
    a, b, c = one("a", 7), one("b", 7), one("c", 7)
    assert grouped((a, ("me",)), (b, ()), (c, ("me",))) == [("me", ["a", "c"])]


def test_messages_beyond_so_many_a_minute_are_collected_for_one_digest_a_minute():
    floods = Floods()
    holds = [floods.hold("me", "r", 2, 100.0 + n / 10, 20) for n in range(40)]
    assert holds == [None] * 20 + [162.0] * 20
    assert floods.hold("me", "r", 2, 159.0, 20) == 162.0
    assert floods.hold("me", "r", 2, 163.0, 20) is None


def test_a_flood_of_info_never_delays_an_error_and_a_flood_of_errors_is_bounded():
    floods = Floods()
    for n in range(1_000):
        floods.hold("me", "r", 1, 100.0 + n / 100, 20)
    errors = [floods.hold("me", "r", 3, 111.0, 20) for _ in range(25)]
    assert errors[:20] == [None] * 20
    assert None not in errors[20:]


def test_runs_and_receivers_have_floods_of_their_own():
    floods = Floods()
    for _ in range(21):
        floods.hold("me", "r", 2, 100.0, 20)
    assert floods.hold("me", "other", 2, 100.0, 20) is None
    assert floods.hold("team", "r", 2, 100.0, 20) is None


def test_a_clock_set_back_holds_nothing_for_longer_than_a_minute():
    floods = Floods()
    for _ in range(30):
        floods.hold("me", "r", 2, 10_000.0, 20)
    assert floods.hold("me", "r", 2, 100.0, 20) is None


def test_what_is_over_is_forgotten():
    floods = Floods()
    floods.hold("me", "r", 2, 100.0, 20)
    floods.forget(161.0)
    assert floods._streams == {}
