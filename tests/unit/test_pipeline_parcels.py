"""From alerts to messages: who gets several as one, and who never does."""

from dataclasses import replace

from loopback import alert

from walert.config.receiver_url import is_pager
from walert.deliver.receiver import build_receiver, terms_of
from walert.dispatch.wording import with_unreported
from walert.model import AlertLevel
from walert.pipeline.parcels import Parcels

NOW = 1_000.0


def one(n, line=1, level="WARN"):
    return replace(alert(id=f"a{n}", title=f"T{n}", level=AlertLevel(level), log=f"m.jsonl:{line}"), time=None, at=NOW)


def test_a_pager_gets_each_alert_by_itself_and_others_one_message():
    told = [(one(1), ("team", "pager")), (one(2, level="ERROR"), ("team", "pager"))]
    parcels = Parcels(singly={"pager"}).of(told, NOW)
    assert [(p.receiver, p.alerts) for p in parcels] == [("pager", ("a1",)), ("pager", ("a2",)), ("team", ("a2", "a1"))]


def test_a_pager_gets_no_digest_of_a_flood_or_a_backlog():
    told = [(one(n, n), ("pager", "team")) for n in range(30)]
    for backlog in (False, True):
        parcels = Parcels(singly={"pager"}).of(told, NOW, backlog=backlog)
        assert {p.collect for p in parcels if p.receiver == "pager"} == {None}
        assert any(p.collect for p in parcels if p.receiver == "team")
    pager = build_receiver("pager", "pagerduty://KEY@SERVICE/source/component")
    assert not terms_of(pager, NOW).digests
    assert is_pager("OpsGenie://x") and not is_pager("slack://x")


def test_without_digests_a_moment_is_still_one_message():
    parcels = Parcels(digests=False).of([(one(1), ("team",)), (one(2), ("team",))], NOW, backlog=True)
    assert [p.alerts for p in parcels] == [("a1", "a2")]


def test_a_title_that_fired_and_ended_thrice_unheard_is_called_flapping_once():
    assert "flapping" not in with_unreported("text", ["a", "b"])
    assert (
        with_unreported("text", ["a", "b", "c"]) == "text\nHeld back since the last message (it is flapping): a; b; c."
    )
