"""Slack over real HTTPS on loopback: what is posted, and what each of its answers means."""

import logging

import pytest
from apprise.plugins.slack import NotifySlack
from loopback import HandClock, MemoryOutbox, Reply, SystemClock, alert, authority, https_server, message

from walert.deliver import Delivery, Limits, build_receiver, validate
from walert.model import AlertLevel, Delivered, Permanent, Run, Temporary

TOKENS = ("T1JJ3T3L2", "A1BRTD4JD", "TIiajkdnlazkcOXrIdevi7")
HOOK = f"slack://{'/'.join(TOKENS)}"
BOT_TOKEN = "xoxb-1234-5678-4ddbc191d40ee098cbaae6f3523ada2d"
BOT = f"slack://{BOT_TOKEN}"


@pytest.fixture
def slack(tmp_path, monkeypatch):
    """Slack itself, on loopback: Apprise's addresses of it point here."""
    ca = authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca.bundle))
    with https_server(ca.server) as server:
        monkeypatch.setattr(NotifySlack, "webhook_url", server.url + "/services")
        monkeypatch.setattr(NotifySlack, "api_url", server.url + "/api/{}")
        yield server


def send(url: str, **changes):
    return build_receiver("ml-team", url).send(message(**changes))


# --- what is posted ----------------------------------------------------------------------------------------------


def test_a_webhook_gets_text_that_pings_blocks_to_read_and_a_coloured_proof(slack):
    outcome = send(
        HOOK,
        title="Low accuracy <@U1234ABCD>",
        text="acc 0.712 < 0.8 <!here> see <https://example.com|the run>",
        run=Run("run-1", "<!channel>", "vision", host="gpu-7"),
        suppressed=3,
    )
    assert outcome == Delivered()
    (request,) = slack.requests()
    assert request.path == "/services/" + "/".join(TOKENS)
    assert request.json == {
        "text": "🟡 *WARN: Low accuracy <@U1234ABCD>*\nacc 0.712 &lt; 0.8 <!here> see <https://example.com|the run>",
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": "🟡 *WARN: Low accuracy <@U1234ABCD>*"}},
            {
                "type": "section",
                "text": {"type": "mrkdwn", "text": "acc 0.712 &lt; 0.8 <!here> see <https://example.com|the run>"},
            },
        ],
        "attachments": [
            {
                "color": "#e8a317",
                "fallback": "&lt;!channel&gt;",
                "blocks": [
                    {
                        "type": "section",
                        "text": {
                            "type": "mrkdwn",
                            "verbatim": True,
                            "text": "*values* acc = 0.712\n*step* 1200\n*run* &lt;!channel&gt;\n*project* vision\n"
                            "*held back* 3 similar suppressed since the last message\n"
                            "*time* 2025-03-01 12:00:00 UTC\n*host* gpu-7\n"
                            "*log* runs/resnet-1/metrics.jsonl:1200\n*rule* rules/vision.yaml:7\n*alert* a1b2c3d4",
                        },
                    }
                ],
            }
        ],
        "unfurl_links": False,
        "unfurl_media": False,
    }


def test_a_bot_posts_the_same_to_its_channel_and_remembers_where(slack):
    slack.reply = Reply(body=b'{"ok": true, "channel": "C024BE91L", "ts": "1573694689.003700"}')
    assert send(f"{BOT}/#ml-alerts", title="Low <!here>") == Delivered("1573694689.003700")
    (request,) = slack.requests()
    assert request.path == "/api/chat.postMessage"
    assert request.headers["Authorization"] == f"Bearer {BOT_TOKEN}"
    assert request.json["channel"] == "#ml-alerts"
    assert "Low <!here>" in request.json["text"]
    assert request.json["attachments"][0]["blocks"]


@pytest.mark.parametrize(
    ("target", "channel"),
    [
        ("#ml", "#ml"),
        ("ml", "#ml"),
        ("+C024BE91L", "C024BE91L"),
        ("C024BE91L", "C024BE91L"),
        ("@U024BE91L", "@U024BE91L"),
    ],
)
def test_channels_are_named_as_people_write_them(slack, target, channel):
    slack.reply = Reply(body=b'{"ok": true}')
    assert isinstance(send(f"{BOT}/{target.replace('#', '%23')}"), Delivered)
    assert slack.requests()[0].json["channel"] == channel


def test_a_workflow_gets_one_text(slack, monkeypatch):
    monkeypatch.setattr(NotifySlack, "workflow_url", slack.url + "/workflows")
    slack.reply = Reply(body=b"")
    assert send("slack://T05ABC/F07ABC/12345/abcDEF?mode=workflow") == Delivered()
    (request,) = slack.requests()
    assert request.path == "/workflows/T05ABC/F07ABC/12345/abcDEF"
    assert request.json == {"text": "🟡 *WARN: Low accuracy*\nacc 0.712 is under 0.8"}


def test_the_options_of_a_url_cannot_hide_a_failure_or_repeat_a_message(slack):
    slack.reply = Reply(500)
    outcome = send(f"{HOOK}/?optional=yes&retry=3&wait=0&overflow=split&tag=x", text="long\n" * 20_000)
    assert outcome == Temporary("slack:// answered 500 Internal Server Error")
    assert len(slack.requests()) == 1


def test_a_poisonous_message_is_made_harmless(slack):
    outcome = send(HOOK, title="\ud800" * 900, text="\x00<@U1|" * 200_000, values={"\udfff": float("nan")})
    assert outcome == Delivered()
    assert len(slack.requests()[0].body) < 200_000


# --- what the answers mean ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(404, b"no_service"), Permanent("slack:// answered 404 Not Found: no_service")),
        (Reply(403, b"invalid_token"), Permanent("slack:// answered 403 Forbidden: invalid_token")),
        (Reply(410, b"channel_is_archived"), Permanent("slack:// answered 410 Gone: channel_is_archived")),
        (Reply(400, b"invalid_payload"), Permanent("slack:// answered 400 Bad Request: invalid_payload")),
        (Reply(401, b""), Permanent("slack:// answered 401 Unauthorized")),
        (Reply(500, b"<html>secret</html>"), Temporary("slack:// answered 500 Internal Server Error")),
        (Reply(503, b"", {"Retry-After": "7"}), Temporary("slack:// answered 503 Service Unavailable", 7.0)),
        (Reply(429, b"", {"Retry-After": "30"}), Temporary("slack:// answered 429 Too Many Requests", 30.0)),
        (Reply(429, b"rate_limited", {"Retry-After": "1.5"}), Temporary("slack:// answered rate_limited", 1.5)),
        (Reply(429, b"", {"Retry-After": "soon"}), Temporary("slack:// answered 429 Too Many Requests")),
        (Reply(302, b"", {"Location": "https://evil.example/"}), Permanent("slack:// answered 302 Found")),
        (Reply(200, b"<html>log in to the guest network</html>"), Temporary("slack:// answered without saying ok")),
    ],
)
def test_each_answer_of_a_webhook_has_its_outcome(slack, reply, outcome):
    slack.reply = reply
    assert send(HOOK) == outcome
    assert len(slack.requests()) == 1


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b'{"ok": false, "error": "channel_not_found"}', Permanent("slack:// answered channel_not_found")),
        (b'{"ok": false, "error": "not_in_channel"}', Permanent("slack:// answered not_in_channel")),
        (b'{"ok": false, "error": "ratelimited"}', Temporary("slack:// answered ratelimited")),
        (b'{"ok": false, "error": "TOKEN xoxb-1"}', Temporary("slack:// answered without saying ok")),
        (b"a page that says OK", Temporary("slack:// answered without saying ok")),
        (b'["OK"]', Temporary("slack:// answered without saying ok")),
    ],
)
def test_a_bot_is_told_in_json(slack, body, outcome):
    slack.reply = Reply(body=body)
    assert send(f"{BOT}/%23ml") == outcome


def test_of_two_channels_only_the_one_that_failed_is_tried_again(slack):
    fine, broken = Reply(body=b'{"ok": true}'), Reply(body=b'{"ok": false, "error": "internal_error"}')
    slack.script = [fine, broken, fine]
    receiver = build_receiver("ml-team", f"{BOT}/%23one/%23two")
    assert receiver.send(message()) == Temporary("1 of 2 targets failed: slack:// answered internal_error")
    assert receiver.send(message(tries=2)) == Delivered()
    assert [request.json["channel"] for request in slack.requests()] == ["#one", "#two", "#two"]


def test_an_untrusted_certificate_is_not_spoken_to(slack, monkeypatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    assert send(HOOK) == Temporary("slack:// not reached: its TLS certificate was not accepted")
    assert slack.requests() == []


def test_a_server_that_is_gone_is_a_temporary_failure(slack, monkeypatch):
    monkeypatch.setattr(NotifySlack, "webhook_url", "https://localhost:1/services")
    assert send(HOOK) == Temporary("slack:// not reached: no connection")


def test_a_server_that_hangs_is_a_temporary_failure_after_the_read_limit(slack):
    slack.reply = Reply(manner="hang")
    assert send(f"{HOOK}?rto=0.2") == Temporary("slack:// not reached: no answer in time")


def test_a_dripping_server_is_left_behind_and_others_are_not_delayed(slack, tmp_path):
    slack.reply = Reply(manner="drip")
    outbox = MemoryOutbox()
    outbox.add(message(1, "slow"), *(message(i, "file") for i in range(2, 8)))
    receivers = {"slow": build_receiver("slow", HOOK), "file": _File("file")}
    delivery = Delivery(receivers, lambda: outbox, SystemClock(), limits=Limits(answer=1.5, sweep=0.05))
    delivery.start()
    outbox.until(7, "delivered")
    assert outbox.state(1) == "waiting"
    row = outbox.until(1, "waiting", tries=1)
    assert row.reasons[0] == "no answer in 1.5 s"
    slack.closing.set()
    assert delivery.stop(20.0)


class _File:
    def __init__(self, name: str) -> None:
        self.name = name

    def send(self, message):
        return Delivered()


def test_a_429_is_honoured_by_the_worker_and_the_message_then_arrives(slack):
    slack.script = [Reply(429, b"", {"Retry-After": "30"})]
    clock, outbox = HandClock(), MemoryOutbox()
    outbox.add(message(1))
    receivers = {"ml-team": build_receiver("ml-team", HOOK)}
    delivery = Delivery(receivers, lambda: outbox, clock, limits=Limits(sweep=0.05), random=lambda: 0.0)
    delivery.start()
    outbox.until(1, "waiting", tries=1)
    clock.turn(29.0)
    delivery.drain(clock.monotonic() + 0.3)
    assert len(slack.requests()) == 1
    clock.turn(2.0)
    outbox.until(1, "delivered")
    assert delivery.stop(20.0)


# --- secrets -----------------------------------------------------------------------------------------------------


def test_tokens_appear_in_no_reason_no_log_line_and_no_repr(slack, caplog, monkeypatch):
    caplog.set_level(logging.DEBUG)
    for name in ("apprise", "urllib3", "urllib3.connectionpool", "requests"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    told = []
    for url in (HOOK, f"{BOT}/%23ml", f"{BOT}", f"slack://{TOKENS[0]}/{TOKENS[1]}", f"slak://{BOT_TOKEN}", BOT_TOKEN):
        receiver = build_receiver("ml-team", url)
        for reply in (Reply(404, b"no_service " + BOT_TOKEN.encode()), Reply(500), Reply(302, b"", {"Location": url})):
            slack.reply = reply
            told += [repr(receiver.send(message())), repr(receiver), str(vars(receiver)), str(validate(url))]
    monkeypatch.setattr(NotifySlack, "webhook_url", "https://localhost:1/services")
    told.append(repr(send(HOOK)))
    seen = "\n".join([*told, caplog.text])
    assert not [token for token in (*TOKENS, BOT_TOKEN, "hooks.slack") if token in seen]


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (HOOK, None),
        (f"https://hooks.slack.com/services/{'/'.join(TOKENS)}", None),
        (HOOK + "?", None),
        (
            "slack://T1",
            "slack:// needs a webhook, slack://T…/B…/X…, or a bot token and a channel, slack://xoxb-…/#channel",
        ),
        (BOT, "slack:// with a bot token needs a channel: slack://TOKEN/#channel"),
        ("slak://a/b/c", "Apprise knows no slak://; did you mean slack://?"),
        ("${SLACK_URL}", "it has no scheme: write a URL such as slack://… or mailtos://…"),
    ],
)
def test_an_unusable_url_is_told_in_a_sentence(url, sentence):
    assert validate(url) == sentence
    if sentence:
        assert send(url) == Permanent(sentence)


def test_the_level_is_seen_in_colour_and_word(slack):
    send(HOOK, level=AlertLevel.ERROR, kind="resolved")
    payload = slack.requests()[0].json
    assert payload["text"].startswith("✅ *RESOLVED: Low accuracy*")
    assert payload["attachments"][0]["color"] == "#2e9e4f"
    assert alert().level == AlertLevel.WARN
