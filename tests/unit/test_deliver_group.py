"""A message of several alerts names them all, each with its own proof; a digest counts them."""

import io
import sys
from dataclasses import replace

from loopback import alert, message

from walert.deliver.console import ConsoleReceiver
from walert.deliver.render_group import as_one
from walert.deliver.render_plain import headline, plain
from walert.deliver.render_slack import slack_payload
from walert.model import AlertLevel, Delivered, Digest, Run, Tally, Temporary

NAN = alert(
    id="aaaa1111", title="Loss is NaN", level=AlertLevel.ERROR, text="loss = NaN", values={"loss": float("nan")}
)
LOW = alert(id="bbbb2222", origin="rules/vision.yaml:9")
GROUP = replace(message(17), alert=NAN, others=(LOW,))


def flood(*tallies: Tally, total: int, more: int = 0) -> Digest:
    return Digest("flood", total, tallies, more, 1_740_830_400.0, 1_740_830_460.0)


def test_a_message_of_one_alert_is_that_alert():
    assert as_one(message()) == message().alert


def test_a_group_names_every_alert_with_its_own_proof():
    one = as_one(GROUP)
    assert headline(one) == "🔴 ERROR: 2 alerts: Loss is NaN, Low accuracy"
    lines = plain(one).split("\n")
    for line in ("🔴 ERROR: Loss is NaN", "🟡 WARN: Low accuracy", "values: loss = nan", "values: acc = 0.712"):
        assert lines.count(line) == 1, plain(one)
    assert [line for line in lines if line.startswith("alert:")] == ["alert: aaaa1111", "alert: bbbb2222", "alert: m17"]
    assert "rule: rules/vision.yaml:9" in lines
    assert lines.count("run: resnet-1") == 1


def test_alerts_of_several_runs_each_name_theirs():
    other = replace(LOW, run=Run("run-2", "resnet-2"))
    text = plain(as_one(replace(GROUP, others=(other,))))
    assert "run: resnet-1\n" in text
    assert "run: resnet-2\n" in text


def test_a_digest_counts_by_title_and_shows_the_worst():
    counted = (
        Tally("Loss is NaN", "resnet-1", AlertLevel.ERROR, 3),
        Tally("Low accuracy", "resnet-1", AlertLevel.WARN, 997),
    )
    one = as_one(replace(GROUP, digest=flood(*counted, total=1_000, more=12)))
    assert headline(one) == "🔴 ERROR: 1000 alerts in a flood"
    text = plain(one)
    assert "🔴 3 × Loss is NaN (resnet-1)\n🟡 997 × Low accuracy (resnet-1)\nand 12 more titles" in text
    assert "2025-03-01 12:00:00 UTC to 2025-03-01 12:01:00 UTC" in text
    assert "alert: aaaa1111" in text


def test_what_comes_from_data_mentions_nobody_in_a_group():
    hostile = replace(LOW, run=Run("run-2", "<!here>"), log="<@U123ABC>:7", values={"<!channel>": 1.0})
    payload = slack_payload(as_one(replace(GROUP, others=(hostile,))))
    for mention in ("<!here>", "<@U123ABC>", "<!channel>"):
        assert mention not in str(payload)


def test_an_authors_mention_in_a_group_still_pings():
    assert (
        "<@U1234ABCD>" in slack_payload(as_one(replace(GROUP, others=(replace(LOW, text="see <@U1234ABCD>"),))))["text"]
    )


def test_a_console_that_is_not_there_says_so(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    outcome = ConsoleReceiver("console").send(message())
    assert outcome == Temporary("standard output is closed: walertd was started without one")
    assert ConsoleReceiver("console", io.StringIO()).send(GROUP) == Delivered()
