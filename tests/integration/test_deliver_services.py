"""What each service is told, on the wire: real Apprise, real HTTPS, the services' own host names, which a proxy leads to loopback.

The requests stand in `golden_services`, a file a service, and engine/RECEIVERS.md lists them. After a change that is meant:
WALERT_REWRITE_GOLDEN=1 writes them anew; read the difference before committing it.
"""

import json
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from loopback import CURVE, Reply, Request, alert, https_server, message
from slackside import Proxied, Side, clean

from walert.deliver import build_receiver
from walert.model import AlertLevel, Delivered, Message, Permanent, Temporary

GOLDEN = Path(__file__).parent / "golden_services"
REWRITES = bool(os.environ.get("WALERT_REWRITE_GOLDEN"))
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Service:
    """A URL as its user writes it, the host that it leads to, and what that answers: to all, or path by path."""

    url: str
    host: str
    reply: Reply
    by_path: tuple[tuple[str, Reply], ...] = ()
    script: tuple[Reply, ...] = ()


def answers(text: str, status: int = 200) -> Reply:
    return Reply(status, text.encode())


KEY = "0123456789abcdef0123456789abcdef"
MATRIX = (
    ("/.well-known/matrix/client", answers("{}", 404)),
    ("/_matrix/client/v3/joined_rooms", answers('{"joined_rooms": ["!r:matrix.example.com"]}')),
)
SERVICES = {
    "apprises": Service("apprises://api.example.com/token", "api.example.com", answers("{}")),
    "barks": Service("barks://bark.example.com/devicekey", "bark.example.com", answers('{"code": 200}')),
    "dingtalk": Service("dingtalk://abcdefgh12345678", "oapi.dingtalk.com", answers('{"errcode": 0}')),
    "discord": Service("discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "discord.com", answers('{"id": "1"}')),
    "feishu": Service("feishu://abcd1234", "open.feishu.cn", answers('{"code": 0}')),
    "forms": Service("forms://hooks.example.com/path", "hooks.example.com", answers("")),
    "gchat": Service("gchat://workspace/key/token", "chat.googleapis.com", answers("{}")),
    "gotifys": Service("gotifys://gotify.example.com/AbCdEfGhIjK", "gotify.example.com", answers("{}")),
    "hassios": Service("hassios://home.example.com/token", "home.example.com", answers("{}")),
    "incidentio": Service("incidentio://apikey/source", "api.incident.io", answers("{}", 202)),
    "jsons": Service("jsons://hooks.example.com/path", "hooks.example.com", answers("")),
    "lark": Service("lark://abcd1234", "open.larksuite.com", answers('{"code": 0}')),
    "matrixs": Service(
        "matrixs://token@matrix.example.com/!r:matrix.example.com?e2ee=no", "matrix.example.com",
        answers('{"access_token": "t", "user_id": "@walert:matrix.example.com", "room_id": "!r:matrix.example.com", "event_id": "$1"}'),
        MATRIX,
    ),
    "mmosts": Service("mmosts://chat.example.com/3ccdd113474722377935511fc85d3dd4", "chat.example.com", answers("ok")),
    "ntfys": Service("ntfys://ntfy.example.com/training", "ntfy.example.com", answers("{}")),
    "opsgenie": Service("opsgenie://01234567-0123-0123-0123-0123456789ab", "api.opsgenie.com", answers('{"requestId": "1"}', 202)),
    "pagerduty": Service(f"pagerduty://{KEY}@apikey", "events.pagerduty.com", answers('{"status": "success"}', 202)),
    "pbul": Service("pbul://abcd1234", "api.pushbullet.com", answers("{}")),
    "pover": Service(f"pover://u{KEY[:29]}@a{KEY[:29]}", "api.pushover.net", answers('{"status": 1}')),
    "rockets": Service("rockets://web/hook@chat.example.com/#alerts", "chat.example.com", answers('{"success": true}')),
    "signals": Service("signals://signal.example.com/+15550001111/+15550002222", "signal.example.com", answers("{}", 201)),
    "splunk": Service("splunk://routing@apikey", "alert.victorops.com", answers('{"result": "success"}')),
    "tgram": Service("tgram://123456789:abcdefghijklmnop/12315544", "api.telegram.org", answers('{"ok": true, "result": {"message_id": 7}}')),
    "twilio": Service(f"twilio://AC{KEY}:{KEY}@+15550001111/+15550002222", "api.twilio.com", answers("{}", 201)),
    "webex": Service("webex://" + "AbCdEfGhIjKlMnOpQrSt" * 4, "api.ciscospark.com", answers("{}")),
    "workflows": Service(f"workflows://prod-15.westus.logic.azure.com:443/{KEY}/signature/", "prod-15.westus.logic.azure.com", answers("", 202)),
    "xmls": Service("xmls://hooks.example.com/path", "hooks.example.com", answers("")),
    "zulip": Service("zulip://walert@org/a6k3n1bplpqvxn3z9k2lsbgf3dffrrtt/general", "org.zulipchat.com", answers('{"result": "success"}')),
}  # fmt: skip
_VARIES = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TOLD = {
    "title": "Low *accuracy* <@U1234ABCD> & co",
    "text": "acc 0.712 < 0.8, 2*2*3 of train_loss <!here>, see <https://example.com/a?b=1&amp;c=2|the run>\n- of `seed` _7_",
    "sparkline": "acc ▇▅▁ 0.712 to 0.91",
    "curves": (CURVE,),
}


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A function that speaks to a service by its own name; gives the outcomes and what it was told."""
    side = Side(tmp_path)
    for name in [name for name in os.environ if name not in clean()]:
        monkeypatch.delenv(name)
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, side.environ[name])

    def tell(service: Service, *messages: Message):
        with https_server(side.context(service.host), Proxied) as server:
            monkeypatch.setenv("HTTPS_PROXY", f"http://127.0.0.1:{server.server_port}")
            server.reply, server.script = service.reply, list(service.script)
            server.by_path.update(service.by_path)
            receiver = build_receiver("team", service.url)
            return [receiver.send(each) for each in messages], server.requests()

    return tell


def written(request: Request) -> str:
    """A request as people can read it: what varies from time to time is left out, a picture is named by its kind."""
    kind = request.headers.get("Content-Type", "").partition(";")[0]
    lines = [
        f"{request.method} {request.path.partition('?')[0]}",
        *(f"  {n}={v}" for n, v in parse_qsl(urlsplit(request.path).query)),
    ]
    return "\n".join([*lines, kind, *_body(kind, request.body), ""])


def _body(kind: str, body: bytes) -> list[str]:
    if body.startswith(b"\x89PNG"):
        return ["<a PNG>"]
    if kind == "application/json":
        return [json.dumps(_steady(json.loads(body)), ensure_ascii=False, indent=1)]
    if kind == "application/x-www-form-urlencoded":
        return [f"{name}={value}" for name, value in parse_qsl(body.decode())]
    if kind == "multipart/form-data":
        parts = body.split(body.partition(b"\r\n")[0])[1:-1]
        return [_part(*part.partition(b"\r\n\r\n")) for part in parts]
    return [body.decode()]


def _part(head: bytes, _: bytes, data: bytes) -> str:
    name = re.findall(rb'name="([^"]+)"', head)[0].decode()
    return f"{name}={'<a PNG>' if b'PNG' in data[:8] else data.decode().strip()}"


def _steady(value):
    if isinstance(value, dict):
        return {name: "<varies>" if name == "notification_id" else _steady(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_steady(each) for each in value]
    return "<a PNG>" if isinstance(value, str) and value.startswith("iVBORw0KGgo") else value


@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_is_told_stands_in_its_golden_file(world, name):
    outcomes, requests = world(SERVICES[name], message(**TOLD))
    assert outcomes == [Delivered()]
    text = _VARIES.sub("<varies>", "\n".join(map(written, requests))).replace("\r\n", "\n")
    expected = GOLDEN / f"{name}.txt"
    if REWRITES:
        expected.write_text(text, encoding="utf-8")
    assert text == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_gets_the_proof_or_as_much_of_it_as_it_has_room_for(world, name):
    _, requests = world(SERVICES[name], message(**TOLD))
    said = unquote("".join(written(request) for request in requests)).replace("+", " ")
    rest = ["1200", "resnet-1", "gpu-7", "metrics.jsonl:1200", "vision.yaml:7", "a1b2c3d4", "▇▅▁"]
    facts = ["acc 0.712 < 0.8"] if name == "twilio" else ["values", "acc = 0.712", *rest]
    assert not [fact for fact in facts if fact not in said]


def test_the_page_lists_every_service_that_was_seen_and_no_other():
    page = (ROOT / "engine" / "RECEIVERS.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| [^|]+ \| `([a-z]+)://", page.partition("## The others")[2], re.MULTILINE))
    assert listed == {*SERVICES, "slack", "mailtos", "console"}


# --- pagers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "key", "word", "words"),
    [
        ("pagerduty", "dedup_key", "event_action", ["trigger", "trigger", "resolve", "trigger"]),
        ("incidentio", "deduplication_key", "status", ["firing", "firing", "resolved", "firing"]),
        ("splunk", "entity_id", "message_type", ["CRITICAL", "CRITICAL", "RECOVERY", "CRITICAL"]),
    ],
)
@pytest.mark.parametrize("end", ["resolved", "closed"])
def test_a_pager_resolves_the_incident_that_the_title_opened_in_its_run(world, name, key, word, words, end):
    told = [("firing", "A"), ("repeat", "A"), (end, "A"), ("firing", "B")]
    level = AlertLevel.ERROR
    _, requests = world(
        SERVICES[name], *(message(n, kind=kind, title=title, level=level) for n, (kind, title) in enumerate(told))
    )
    assert [request.json[word] for request in requests] == words
    keys = [request.json[key] for request in requests]
    assert len({*keys[:3]}) == 1 and keys[3] != keys[0]


def test_a_pager_gets_an_incident_for_each_alert_of_one_moment_and_none_twice(world, tmp_path):
    others = tuple(alert(id=f"id{n}", title=f"Title {n}") for n in range(2))
    told = Message(7, "team", alert(title="A"), 1, 0.0, others)
    pager = SERVICES["pagerduty"]
    outcomes, requests = world(pager, told, message(8, kind="resolved", title="Title 1"))
    assert outcomes == [Delivered(), Delivered()]
    keys = [request.json["dedup_key"] for request in requests]
    assert len(set(keys[:3])) == 3 and keys[3] == keys[2]
    flaky = replace(pager, script=(pager.reply, Reply(500), pager.reply))
    outcomes, requests = world(flaky, told, replace(told, tries=2))
    assert outcomes == [
        Temporary("1 of 3 targets failed: pagerduty:// answered 500 Internal Server Error"),
        Delivered(),
    ]
    assert [request.json["payload"]["summary"].partition("\r\n")[0][-7:] for request in requests] == [
        "WARN: A",
        "Title 0",
        "Title 1",
        "Title 0",
    ]


def test_a_key_that_the_url_names_is_kept(world):
    mine = Service(SERVICES["pagerduty"].url + "?dedup=mine", "events.pagerduty.com", SERVICES["pagerduty"].reply)
    _, (request,) = world(mine, message())
    assert request.json["dedup_key"] == "mine"


def test_an_info_reaches_opsgenie_too(world):
    _, (request,) = world(SERVICES["opsgenie"], message(level=AlertLevel.INFO))
    assert request.json["message"] == "🔵 INFO: Low accuracy"


def test_a_yes_without_a_request_is_none(world):
    outcomes, requests = world(SERVICES["opsgenie"], message(kind="resolved"))
    assert outcomes == [Permanent("opsgenie:// was told to Apprise, which sent nothing")] and requests == []


# --- plots -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ntfys", "pover", "signals"])
def test_a_plot_that_is_refused_does_not_cost_the_text_that_came_with_it(world, name):
    service = SERVICES[name]
    outcomes, requests = world(replace(service, script=(answers("no files here", 403), service.reply)), message(**TOLD))
    assert outcomes == [Delivered(note=f"without its plot: {name}:// answered 403 Forbidden")]
    assert ["PNG" in written(request) for request in requests] == [True, False]


@pytest.mark.parametrize("name", ["ntfys", "pover", "signals"])
def test_a_server_that_is_busy_is_not_asked_twice_in_one_try(world, name):
    busy = Service(SERVICES[name].url, SERVICES[name].host, Reply(503, b"", {"Retry-After": "9"}))
    outcomes, requests = world(busy, message(**TOLD))
    assert len(requests) == 1 and isinstance(outcomes[0], Temporary) and outcomes[0].retry_after == 9.0


def test_what_failed_twice_with_its_plot_is_tried_without_it(world):
    busy = replace(SERVICES["ntfys"], reply=Reply(500))
    _, requests = world(busy, *(message(1, tries=tries, **TOLD) for tries in (1, 2, 3)))
    assert ["PNG" in written(request) for request in requests] == [True, True, False]


def test_a_plot_that_comes_after_its_text_costs_it_nothing(world):
    photo = "/bot123456789:abcdefghijklmnop/sendPhoto"
    refusing = replace(SERVICES["tgram"], by_path=((photo, answers("{}", 400)),))
    outcomes, requests = world(refusing, message(**TOLD))
    assert outcomes == [Delivered(note="without its plot: tgram:// answered 400 Bad Request")]
    assert [request.path.rpartition("/")[2] for request in requests] == ["sendMessage", "sendPhoto"]


def test_a_text_that_fails_sends_no_plot_after_it(world):
    refusing = Service(SERVICES["discord"].url, "discord.com", answers("{}", 404))
    outcomes, requests = world(refusing, message(**TOLD))
    assert outcomes == [Permanent("discord:// answered 404 Not Found")] and len(requests) == 1


def test_five_alerts_of_one_moment_are_each_told_with_their_proof(world):
    others = tuple(
        alert(id=f"id{n}", title=f"Title {n}", values={f"m{n}": float(n)}, origin=f"r.yaml:{n}") for n in range(4)
    )
    for name in ("discord", "ntfys", "jsons"):
        _, requests = world(SERVICES[name], Message(7, "team", alert(), 1, 0.0, others))
        said = written(requests[0])
        for n in range(4):
            assert all(fact in said for fact in (f"Title {n}", f"m{n} = {n}", f"r.yaml:{n}", f"id{n}")), (name, n)
