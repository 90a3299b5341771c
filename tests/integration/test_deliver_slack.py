"""Slack over real HTTPS on loopback: what is posted, and what each of its answers means."""

import json
import logging
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
from apprise.plugins.slack import NotifySlack
from loopback import CURVE, HandClock, MemoryOutbox, Reply, SystemClock, alert, authority, https_server, message

from walert.deliver import Delivery, Limits, build_receiver, validate
from walert.deliver.aside import Aside
from walert.deliver.channel import Channel
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
    outcome = send(f"{BOT}/#ml-alerts", title="Low <!here>")
    assert isinstance(outcome, Delivered) and str(outcome.reference).endswith(":C024BE91L:1573694689.003700")
    (request,) = slack.requests()
    assert request.path == "/api/chat.postMessage"
    assert request.headers["Authorization"] == f"Bearer {BOT_TOKEN}"
    assert request.json["channel"] == "#ml-alerts"
    assert "Low <!here>" in request.json["text"]
    assert request.json["attachments"][0]["blocks"]


def test_an_answer_that_repeats_the_whole_message_is_still_an_ok(slack):
    echo = {"ok": True, "channel": "C024BE91L", "ts": "1.2", "message": {"text": "x" * 30_000}}
    slack.reply = Reply(body=json.dumps(echo).encode())
    assert isinstance(send(f"{BOT}/%23ml"), Delivered)


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


# --- threads and plots -------------------------------------------------------------------------------------------


class Workspace:
    """Slack's side of a bot: messages get a time stamp each, uploads go their three steps; what is told, in order."""

    def __init__(self, server) -> None:
        self.server = server
        self.count = 0
        place = {"ok": True, "upload_url": f"{server.url}/upload/v1/abc", "file_id": "F123ABC456"}
        done = {"ok": True, "files": [{"id": "F123ABC456", "title": "acc"}]}
        server.by_path["/api/files.getUploadURLExternal"] = _json(place)
        server.by_path["/upload/v1/abc"] = Reply(body=b"OK - 7000")
        server.by_path["/api/files.completeUploadExternal"] = _json(done)

    def send(self, receiver, **changes):
        """Send a message, in the thread that the one before left; the outcome."""
        self.count += 1
        answer = {"ok": True, "channel": "C024BE91L", "ts": f"1700000000.00000{self.count}"}
        self.server.script.append(_json(answer))
        thread = changes.pop("thread", None)
        outcome = receiver.send(replace(message(self.count, **changes), thread=thread))
        self.server.script.clear()
        return outcome

    def posted(self) -> list[dict]:
        """The messages posted since the last question."""
        return [r.json for r in self.server.requests() if r.path == "/api/chat.postMessage"]


def _json(value: object) -> Reply:
    return Reply(body=json.dumps(value).encode())


@pytest.fixture
def workspace(slack):
    return Workspace(slack)


def test_a_run_has_one_thread_and_resolved_stands_beside_its_firing(workspace):
    bot = build_receiver("ml-team", f"{BOT}/%23ml")
    first = workspace.send(bot)
    second = workspace.send(bot, kind="repeat", thread=first.reference)
    workspace.send(bot, kind="resolved", thread=second.reference)
    assert [payload.get("thread_ts") for payload in workspace.posted()] == [None, *["1700000000.000001"] * 2]
    assert first.reference == second.reference


def test_an_error_in_a_thread_is_shown_to_the_channel_when_it_begins_and_not_when_it_goes_on(workspace):
    bot = build_receiver("ml-team", f"{BOT}/%23ml")
    thread = workspace.send(bot).reference
    for kind, level in (("firing", "ERROR"), ("repeat", "ERROR"), ("resolved", "ERROR"), ("firing", "WARN")):
        workspace.send(bot, kind=kind, level=AlertLevel(level), thread=thread)
    assert [payload.get("reply_broadcast") for payload in workspace.posted()] == [None, True, None, None, None]


def test_another_channel_or_token_in_the_configuration_begins_another_thread(workspace):
    thread = workspace.send(build_receiver("ml-team", f"{BOT}/%23ml")).reference
    for url in (f"{BOT}/%23other", f"{BOT}x/%23ml"):
        workspace.send(build_receiver("ml-team", url), thread=thread)
    assert [payload.get("thread_ts") for payload in workspace.posted()] == [None, None, None]


@pytest.mark.parametrize("garbage", ["1700.42", "a:b", "::", "a:b:c d:e", "x" * 5_000])
def test_a_reference_that_is_none_of_ours_begins_a_thread(workspace, garbage):
    workspace.send(build_receiver("ml-team", f"{BOT}/%23ml"), thread=garbage)
    assert "thread_ts" not in workspace.posted()[0]


def test_a_thread_that_was_deleted_does_not_cost_the_message(workspace, slack):
    bot = build_receiver("ml-team", f"{BOT}/%23ml")
    thread = workspace.send(bot).reference
    slack.script = [_json({"ok": False, "error": "thread_not_found"})]
    again = workspace.send(bot, level=AlertLevel.ERROR, thread=thread)
    _, in_thread, alone = workspace.posted()
    assert "thread_ts" in in_thread and not {"thread_ts", "reply_broadcast"} & set(alone)
    assert str(again.reference).endswith(":1700000000.000002")


def test_a_thread_written_into_the_url_is_the_thread(workspace):
    bot = build_receiver("ml-team", f"{BOT}/%23ml:1600000000.000001")
    thread = workspace.send(bot).reference
    workspace.send(bot, thread=thread)
    assert {payload["thread_ts"] for payload in workspace.posted()} == {"1600000000.000001"}


def test_each_of_two_channels_has_its_own_thread(workspace, slack):
    bot = build_receiver("ml-team", f"{BOT}/%23one/%23two")
    slack.script = [_json({"ok": True, "channel": f"C{n}", "ts": f"{n}.0"}) for n in (1, 2)]
    thread = bot.send(message(1)).reference
    slack.script = [_json({"ok": True, "channel": f"C{n}", "ts": f"{n}.5"}) for n in (1, 2)]
    assert bot.send(replace(message(2), thread=thread)).reference == thread
    assert [p.get("thread_ts") for p in workspace.posted()] == [None, None, "1.0", "2.0"]


def test_a_message_of_several_runs_stands_in_no_thread(workspace):
    bot = build_receiver("ml-team", f"{BOT}/%23ml")
    thread = workspace.send(bot).reference
    other = alert(id="b", run=Run("run-2", "other"))
    workspace.server.script = [_json({"ok": True, "channel": "C024BE91L", "ts": "9.9"})]
    assert bot.send(replace(message(9), others=(other,), thread=thread)) == Delivered(None)
    assert "thread_ts" not in workspace.posted()[1]


def test_what_walertd_tells_of_itself_stands_in_the_channel(workspace):
    bot = build_receiver("ml-team", f"{BOT}/%23ml")
    thread = workspace.send(bot).reference
    outcome = workspace.send(bot, run=Run("walertd", "walertd"), kind="lifecycle", thread=thread)
    assert outcome == Delivered(None) and "thread_ts" not in workspace.posted()[1]


def test_a_bot_uploads_the_plot_below_its_message(workspace, slack):
    workspace.send(build_receiver("ml-team", f"{BOT}/%23ml"), curves=(CURVE,))
    post, ask, upload, done = slack.requests()
    assert post.path == "/api/chat.postMessage"
    query = parse_qs(urlsplit(ask.path).query)
    assert (ask.method, urlsplit(ask.path).path) == ("GET", "/api/files.getUploadURLExternal")
    assert query["filename"] == ["plot.png"] and query["alt_txt"] == ["acc up to step 1200"]
    assert upload.path == "/upload/v1/abc" and b"\x89PNG\r\n" in upload.body
    assert int(query["length"][0]) == upload.body.index(b"IEND") + 8 - upload.body.index(b"\x89PNG")
    assert done.path == "/api/files.completeUploadExternal"
    assert done.json == {
        "files": [{"id": "F123ABC456", "title": "acc up to step 1200"}],
        "channel_id": "C024BE91L",
        "thread_ts": "1700000000.000001",
    }


@pytest.mark.parametrize(
    ("path", "reply", "reason"),
    [
        ("/api/files.getUploadURLExternal", b'{"ok": false, "error": "missing_scope"}', "slack:// answered missing_scope"),
        ("/api/files.getUploadURLExternal", b'{"ok": true}', "slack:// named no place for the upload"),
        ("/api/files.completeUploadExternal", b'{"ok": false, "error": "not_in_channel"}', "slack:// answered not_in_channel"),
        ("/upload/v1/abc", 500, "slack:// did not take the file"),
        ("/api/files.getUploadURLExternal", 429, "slack:// answered 429 Too Many Requests"),
    ],
)  # fmt: skip
def test_an_upload_that_fails_is_told_and_costs_neither_the_message_nor_doubles_it(
    workspace, slack, path, reply, reason
):
    slack.by_path[path] = Reply(reply) if isinstance(reply, int) else Reply(body=reply)
    outcome = workspace.send(build_receiver("ml-team", f"{BOT}/%23ml"), curves=(CURVE,))
    assert isinstance(outcome, Delivered) and outcome.note == f"without its plot: {reason}"
    assert len(workspace.posted()) == 1


def test_an_upload_that_drips_is_left_behind_and_the_message_counts_as_delivered(workspace, slack):
    slack.by_path["/api/files.getUploadURLExternal"] = Reply(manner="drip")
    slack.reply = _json({"ok": True, "channel": "C024BE91L", "ts": "1.2"})
    channel = Channel(f"{BOT}/%23ml", Aside(0.3))
    outcomes = [channel.send(message(number, curves=(CURVE,))) for number in (1, 2)]
    assert [getattr(outcome, "note", None) for outcome in outcomes] == [
        "without its plot: no answer in 0.3 s",
        "without its plot: the one before it still hangs",
    ]


def test_a_webhook_uploads_nothing(slack):
    assert send(HOOK, curves=(CURVE,)) == Delivered()
    assert len(slack.requests()) == 1


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
