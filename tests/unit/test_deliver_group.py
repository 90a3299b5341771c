"""A message of several alerts names them all, each with its own proof; a digest counts them."""

import io
import sys
from dataclasses import replace

from loopback import alert, message

from walert.deliver.console import ConsoleReceiver
from walert.deliver.render_email import email
from walert.deliver.render_group import as_one, gathered
from walert.deliver.render_markdown import markdown_group
from walert.deliver.render_plain import headline, plain, plain_group
from walert.deliver.render_slack import slack_group, slack_payload
from walert.model import MAX_SHOWN, AlertLevel, Delivered, Digest, Run, Tally, Temporary

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


def group_of(*alerts, digest=None):
    found = gathered(replace(message(17), alert=alerts[0], others=tuple(alerts[1:]), digest=digest))
    assert found is not None
    return found


def test_what_all_share_stands_once_and_what_differs_under_each():
    text = plain_group(group_of(NAN, replace(LOW, step=7.0)))
    assert text == (
        "🔴 ERROR: Loss is NaN\nloss = NaN\nvalues: loss = nan\nstep: 1200\nrule: rules/vision.yaml:7\nalert: aaaa1111\n"
        "\n🟡 WARN: Low accuracy\nacc 0.712 is under 0.8\nvalues: acc = 0.712\nstep: 7\nrule: rules/vision.yaml:9\nalert: bbbb2222\n"
        "\nrun: resnet-1\nproject: vision\ntime: 2025-03-01 12:00:00 UTC\nhost: gpu-7\nlog: runs/resnet-1/metrics.jsonl:1200\nmessage: m17"
    )


def test_in_little_room_every_alert_is_still_named():
    alerts = [replace(LOW, id=f"id{n}", title=f"Title {n}", text="long " * 50) for n in range(20)]
    for limit in (10_000, 2_000, 1_000, 500):
        for render in (plain_group, markdown_group):
            text = render(group_of(*alerts), limit)
            assert len(text) <= limit
            assert all(f"Title {n}" in text for n in range(20)), (limit, text)


def test_slack_shows_each_alert_in_its_own_colour_and_pings_once():
    told = group_of(replace(NAN, title="Loss is NaN <!here>"), LOW)
    payload = slack_group(told)
    assert [block["text"]["text"] for block in payload["blocks"]] == [
        "🔴 *ERROR: 2 alerts: Loss is NaN <!here>, Low accuracy*",
        "🔴 *ERROR: Loss is NaN <!here>*\nloss = NaN",
        "🟡 *WARN: Low accuracy*\nacc 0.712 is under 0.8",
    ]
    assert [part["color"] for part in payload["attachments"]] == ["#d32f2f", "#e8a317", "#cccccc"]
    proofs = [part["blocks"][0]["text"]["text"] for part in payload["attachments"]]
    assert proofs[0] == "*Loss is NaN @here*\n*values* loss = nan\n*rule* rules/vision.yaml:7\n*alert* aaaa1111"
    assert proofs[2].startswith("*step* 1200\n*run* resnet-1\n")


def test_slacks_limits_hold_for_the_largest_group_there_is():
    big = [
        replace(
            LOW,
            id=f"id{n}",
            title=f"{n} & " * 100,
            text="<@U1234ABCD> " * 2_000,
            values={f"m{i}" * 30: 1.0 for i in range(50)},
        )
        for n in range(MAX_SHOWN)
    ]
    payload = slack_group(group_of(*big))
    parts = [*payload["blocks"], *(block for part in payload["attachments"] for block in part["blocks"])]
    assert len(payload["text"]) <= 40_000 and len(payload["blocks"]) <= 50 and len(payload["attachments"]) <= 100
    assert all(0 < len(block["text"]["text"]) <= 3_000 for block in parts)


def test_a_mail_of_a_group_has_a_card_an_alert():
    told = group_of(NAN, replace(LOW, title="<b>"))
    page = email(told.whole, None, told).html
    assert page.count("border-left:4px solid #d32f2f") == 1 and page.count("border-left:4px solid #e8a317") == 1
    assert "&lt;b&gt;" in page and "<b><b>" not in page
    assert page.count(">resnet-1</td>") == 1


def test_a_digest_is_counted_on_every_rendering():
    counted = Tally("Loss is NaN", "resnet-1", AlertLevel.ERROR, 800)
    told = group_of(NAN, LOW, digest=flood(counted, total=1_234, more=3))
    words = email(told.whole, None, told)
    slack = str(slack_group(told))
    for said in (plain_group(told), markdown_group(told), words.text, words.html, slack):
        assert "800 × Loss is NaN (resnet-1)" in said and "and 3 more titles" in said
    assert words.subject == "[ERROR] 1234 alerts in a flood · resnet-1"


def test_a_console_that_is_not_there_says_so(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    outcome = ConsoleReceiver("console").send(message())
    assert outcome == Temporary("standard output is closed: walertd was started without one")
    assert ConsoleReceiver("console", io.StringIO()).send(GROUP) == Delivered()


def test_mails_of_other_alerts_are_never_taken_for_one_although_their_messages_have_one_number():
    first, second = group_of(NAN, LOW), group_of(NAN, replace(LOW, id="cccc3333"))
    assert email(first.whole, None, first).key != email(second.whole, None, second).key
    assert email(first.whole, None, first).key == email(first.whole, None, group_of(NAN, LOW)).key
