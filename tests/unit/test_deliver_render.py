"""Alerts as texts, for each kind of receiver."""

import html
import re

import pytest
from loopback import alert

from walert.deliver.render_email import email
from walert.deliver.render_markdown import escape, markdown
from walert.deliver.render_plain import headline, plain
from walert.deliver.render_slack import mrkdwn, pieces, slack_payload
from walert.model import AlertLevel, Run

MENTIONS = "<@U1234ABCD> <@W99AB> <!here> <!channel> <!everyone> <!subteam^S123> <#C024BE91L> <#C024BE91L|general>"
LINKS = "<https://example.com/a?b=1&amp;c=2|the run> <mailto:bob@example.com|Bob> <https://example.com>"
HOSTILE = Run("run-1", "<!channel> & <@U1234ABCD>", "<b>", (), "host<script>")


def proof_of(payload: dict) -> str:
    return "\n".join(block["text"]["text"] for part in payload["attachments"] for block in part["blocks"])


def top_of(payload: dict) -> str:
    return "\n".join(block["text"]["text"] for block in payload["blocks"])


# --- what a message says -----------------------------------------------------------------------------------------


def test_the_proof_names_values_step_run_host_log_and_rule():
    assert plain(alert()) == (
        "acc 0.712 is under 0.8\n"
        "\n"
        "values: acc = 0.712\n"
        "step: 1200\n"
        "run: resnet-1\n"
        "project: vision\n"
        "time: 2025-03-01 12:00:00 UTC\n"
        "host: gpu-7\n"
        "log: runs/resnet-1/metrics.jsonl:1200\n"
        "rule: rules/vision.yaml:7\n"
        "alert: a1b2c3d4"
    )


def test_what_was_held_back_is_counted_and_the_sparkline_shown():
    text = plain(alert(suppressed=3, sparkline="▁▂▃▇"))
    assert "held back: 3 similar suppressed since the last message\n" in text
    assert "trend: ▁▂▃▇\n" in text


@pytest.mark.parametrize(
    ("kind", "level", "line"),
    [
        ("firing", AlertLevel.ERROR, "🔴 ERROR: Low accuracy"),
        ("repeat", AlertLevel.WARN, "🟡 WARN, still firing: Low accuracy"),
        ("resolved", AlertLevel.ERROR, "✅ RESOLVED: Low accuracy"),
        ("closed", AlertLevel.WARN, "⚪ CLOSED: Low accuracy"),
        ("alert", AlertLevel.INFO, "🔵 INFO: Low accuracy"),
        ("lifecycle", AlertLevel.ERROR, "🔴 ERROR: Low accuracy"),
        ("test", AlertLevel.INFO, "🔵 TEST: Low accuracy"),
    ],
)
def test_the_headline_says_level_and_kind(kind, level, line):
    assert headline(alert(kind=kind, level=level)) == line


def test_values_that_are_not_finite_are_words():
    text = plain(alert(values={"loss": float("nan"), "grad": float("inf"), "n": 3.0, "lr": 1e-7}))
    assert "values: loss = nan, grad = inf, n = 3, lr = 1e-07" in text


def test_an_alert_without_step_time_or_text_still_says_something():
    text = plain(alert(text="", step=None, time=None, origin=None, values={}, host=None))
    assert text.startswith("Low accuracy\n")
    assert "step" not in text and "rule" not in text


def test_the_proof_is_cut_before_the_text():
    text = plain(alert(), 60)
    assert text == "acc 0.712 is under 0.8\n\nvalues: acc = 0.712\nstep: 1200"
    assert plain(alert(), 10) == "acc 0.712…"


@pytest.mark.parametrize("limit", [1, 2, 20, 50, 75, 160, 1000])
def test_no_limit_is_exceeded(limit):
    assert 0 < len(plain(alert(), limit)) <= limit
    assert 0 < len(markdown(alert(), limit)) <= limit


def test_control_characters_bidi_marks_and_lone_surrogates_cannot_act():
    text = plain(alert(text="a\x1b[31m\x00b\u202ec\ud800d\r\ne", run=Run("r", "x\ny\x07")))
    assert text.startswith("a\ufffd[31m\ufffdb\ufffdc\ufffdd\ne\n")
    assert "run: x y\ufffd\n" in text
    text.encode()


def test_a_ping_in_data_reaches_nobody():
    assert "@everyone" not in markdown(alert(run=Run("r", "@everyone @here")))


# --- Slack -------------------------------------------------------------------------------------------------------


def test_mentions_and_links_of_an_author_pass_in_title_and_text():
    payload = slack_payload(alert(title=f"Low {MENTIONS}", text=f"{MENTIONS}\n{LINKS}"))
    for place in (payload["text"], top_of(payload)):
        assert place.count("<@U1234ABCD>") == place.count("<!here>") == 2
        assert LINKS in place


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("x<y and z>1 & so", "x&lt;y and z&gt;1 &amp; so"),
        ("<@u1> <@U> <!all> <#general>", "&lt;@u1&gt; &lt;@U&gt; &lt;!all&gt; &lt;#general&gt;"),
        ("<javascript:alert(1)|x>", "&lt;javascript:alert(1)|x&gt;"),
        ("<https://a b>", "&lt;https://a b&gt;"),
        ("<<@U1234ABCD>>", "&lt;<@U1234ABCD>&gt;"),
        ("already &lt;!channel&gt; escaped &amp; fine", "already &lt;!channel&gt; escaped &amp; fine"),
        ("mAP@0.5 2*2*3 `a\\b`", "mAP@0.5 2*2*3 `a\\b`"),
    ],
)
def test_everything_but_a_well_formed_token_is_escaped(written, sent):
    assert mrkdwn(written) == sent


def test_data_in_the_proof_can_neither_mention_nor_link():
    payload = slack_payload(alert(run=HOSTILE, values={"<!here>": 1.0}, host="h<@U1234ABCD>"))
    proof = proof_of(payload)
    assert "*run* &lt;!channel&gt; &amp; &lt;@U1234ABCD&gt;" in proof
    assert "&lt;!here&gt; = 1" in proof
    assert "<" not in proof
    assert payload["attachments"][0]["blocks"][0]["text"]["verbatim"] is True
    assert "<" not in payload["attachments"][0]["fallback"]


def test_the_attachment_has_the_colour_of_the_level():
    assert slack_payload(alert(level=AlertLevel.ERROR))["attachments"][0]["color"] == "#d32f2f"
    assert slack_payload(alert(kind="resolved"))["attachments"][0]["color"] == "#2e9e4f"


def test_a_runbook_that_is_a_web_address_is_a_link_and_no_other_is():
    assert "*runbook* <https://wiki/x?a=1&amp;b=2>" in proof_of(slack_payload(alert(runbook="https://wiki/x?a=1&b=2")))
    assert "*runbook* docs/low-acc.md" in proof_of(slack_payload(alert(runbook="docs/low-acc.md")))


@pytest.mark.parametrize("filler", ["x" * 200_000, "<@U1234ABCD> " * 9_000, "& " * 90_000, "long line\n" * 30_000])
def test_slacks_limits_hold_for_any_text(filler):
    payload = slack_payload(
        alert(title=filler, text=filler, values={f"metric/{i}": float(i) for i in range(500)}, sparkline="▁" * 5000)
    )
    blocks = payload["blocks"] + payload["attachments"][0]["blocks"]
    assert len(payload["text"]) <= 40_000
    assert len(blocks) <= 50
    assert all(0 < len(block["text"]["text"]) <= 3_000 for block in blocks)
    for text in [payload["text"], *(block["text"]["text"] for block in blocks)]:
        assert not re.search(r"<(?!@U1234ABCD>)", text)
        assert not re.search(r"&(?!amp;)", text)


def test_a_long_text_breaks_at_its_lines():
    assert pieces("aaaa bbbb cc\ndddd", 14) == ["aaaa bbbb cc\n", "dddd"]


# --- email -------------------------------------------------------------------------------------------------------


def test_a_subject_of_any_script_stays_under_100_characters():
    words = email(alert(title="学習率が高すぎるため損失が発散しています" * 6, kind="repeat", level=AlertLevel.ERROR))
    assert len(words.subject) < 100
    assert words.subject.startswith("[ERROR, still firing] 学習率")
    assert words.subject.endswith("… · resnet-1")


def test_a_subject_is_one_line_whatever_the_title():
    assert email(alert(title="a\r\nBcc: x@y\n")).subject == "[WARN] a Bcc: x@y · resnet-1"


def test_tokens_are_readable_in_mail():
    words = email(alert(text=f"{MENTIONS} {LINKS}"))
    for text in (words.text, html.unescape(re.sub("<[^>]+>", "", words.html))):
        assert "@U1234ABCD @W99AB @here @channel @everyone @S123 #C024BE91L #general" in text
    assert "the run (https://example.com/a?b=1&c=2) Bob (bob@example.com) https://example.com" in words.text
    assert re.search('<a style="[^"]*" href="https://example.com/a\\?b=1&amp;c=2">the run</a>', words.html)


def test_markup_in_an_alert_is_text_in_mail():
    words = email(alert(text="x<y and z>1 <script>alert(1)</script>", run=HOSTILE))
    assert "x<y and z>1 <script>" in words.text
    assert "<script>" not in words.html and "<!channel>" not in words.html
    assert "x&lt;y and z&gt;1" in words.html


def test_the_mails_of_a_run_share_a_thread_that_does_not_tell_its_name():
    first, second = email(alert()), email(alert(id="other", kind="resolved"))
    assert first.thread == second.thread
    assert re.fullmatch(r"<run-[0-9a-f]{24}@walert>", first.thread)


# --- markdown ----------------------------------------------------------------------------------------------------


def test_markdown_shows_an_alert_as_it_was_written():
    text = markdown(alert(text="2*2*3 <b> [x](y) _a_ # `c`\n1. one\n- two", run=Run("r", "a*b_c")))
    assert text.startswith(
        "2\\*2\\*3 \\<b> \\[x\\](y) \\_a\\_ # \\`c\\`  \n1\\. one  \n\\- two\n\n- **values**: acc = 0.712"
    )
    assert "- **run**: a\\*b_c" in text


@pytest.mark.parametrize(
    ("written", "marked"),
    [
        ("train_loss < 0.8 & rising #3 a|b ~5 x>y", "train_loss < 0.8 & rising #3 a|b ~5 x>y"),
        ("_a_ b_ _c __init__", "\\_a\\_ b\\_ \\_c \\_\\_init\\_\\_"),
        ("&amp; &#35; & &c", "&amp;amp; &amp;#35; & &c"),
        ("~~no~~ ||spoiler||", "\\~\\~no\\~\\~ \\|\\|spoiler\\|\\|"),
        ("# head\n> quote\n+ item\n12) x\n| a |", "\\# head\n\\> quote\n\\+ item\n12\\) x\n\\| a |"),
        ("<https://x> </b> <!-- <@U1>", "\\<https://x> \\</b> \\<!-- \\<@U1>"),
    ],
)
def test_only_what_means_something_where_it_stands_is_escaped(written, marked):
    assert escape(written) == marked
