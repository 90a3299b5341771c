"""The services for which walert has no words of its own, on loopback."""

import logging
import subprocess
import sys
import tracemalloc

import pytest
from loopback import Reply, authority, https_server, message

from walert.deliver import build_receiver, validate
from walert.model import AlertLevel, Delivered, Permanent, Run, Temporary

TOPIC = "my-very-secret-topic"


@pytest.fixture
def web(tmp_path, monkeypatch):
    ca = authority(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca.bundle))
    with https_server(ca.server) as server:
        yield server


def url_of(web, scheme: str = "jsons", path: str = TOPIC, more: str = "") -> str:
    return f"{scheme}://localhost:{web.server_port}/{path}{more}"


def send(url: str, **changes):
    return build_receiver("hook", url).send(message(**changes))


def test_text_services_get_the_headline_and_the_proof(web):
    assert send(url_of(web), text="x<y & <!here>") == Delivered()
    told = web.requests()[0].json
    assert told["title"] == "🟡 WARN: Low accuracy"
    assert told["message"].startswith("x<y & @here\n\nvalues: acc = 0.712\nstep: 1200\n")
    assert told["type"] == "warning"


@pytest.mark.parametrize(
    ("kind", "level", "type_"),
    [
        ("firing", AlertLevel.ERROR, "failure"),
        ("firing", AlertLevel.WARN, "warning"),
        ("alert", AlertLevel.INFO, "info"),
        ("resolved", AlertLevel.ERROR, "success"),
        ("closed", AlertLevel.ERROR, "info"),
    ],
)
def test_levels_are_put_into_the_words_of_apprise(web, kind, level, type_):
    assert send(url_of(web), kind=kind, level=level) == Delivered()
    assert web.requests()[0].json["type"] == type_


def test_markdown_services_get_escaped_markdown(web):
    assert send(url_of(web, more="?format=markdown"), run=Run("r", "a*b")) == Delivered()
    assert "- **run**: a\\*b" in web.requests()[0].json["message"]


def test_a_message_for_a_small_screen_loses_its_proof_before_its_text(web):
    assert (
        send(url_of(web, "ntfys", TOPIC), text="x" * 3_000, values={f"m{i}" * 20: 1.0 for i in range(20)})
        == Delivered()
    )
    assert all(len(request.body) < 12_000 for request in web.requests())


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(404), Permanent("jsons:// answered 404 Not Found")),
        (Reply(503, b"", {"Retry-After": "9"}), Temporary("jsons:// answered 503 Service Unavailable", 9.0)),
        (Reply(302, b"", {"Location": "https://evil.example/"}), Permanent("jsons:// answered 302 Found")),
    ],
)
def test_answers_mean_the_same_everywhere(web, reply, outcome):
    web.reply = reply
    assert send(url_of(web)) == outcome
    assert len(web.requests()) == 1


def test_a_retry_after_date_counts_from_the_servers_own_clock(web):
    web.reply = Reply(429, b"", {"Retry-After": "Sat, 01 Mar 2199 12:00:00 GMT"})
    outcome = send(url_of(web))
    assert isinstance(outcome, Temporary) and outcome.retry_after > 1e9


def test_an_answer_without_end_is_not_read_to_its_end(web):
    assert send(url_of(web)) == Delivered()
    web.reply = Reply(200, b"a" * 48_000_000)
    tracemalloc.start()
    try:
        assert send(url_of(web)) == Delivered()
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def test_nothing_of_a_url_is_seen(web, caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("apprise", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    told = []
    for scheme in ("jsons", "ntfys", "json", "xmls", "forms", "nosuch"):
        for reply in (Reply(), Reply(404), Reply(500)):
            web.reply = reply
            receiver = build_receiver("hook", url_of(web, scheme, more="?+X-Token=another-secret"))
            told += [repr(receiver.send(message())), repr(receiver), str(validate(url_of(web, scheme)))]
    seen = "\n".join([*told, caplog.text])
    assert TOPIC not in seen and "another-secret" not in seen and str(web.server_port) not in seen


def test_a_receiver_cannot_be_pickled_away_with_its_secret():
    import pickle

    with pytest.raises(TypeError, match="holds a secret"):
        pickle.dumps(build_receiver("hook", f"json://localhost/{TOPIC}"))


def test_apprise_is_loaded_by_the_first_message_and_not_before():
    code = (
        "import sys; from walert.deliver import *; r = build_receiver('a', 'json://localhost:1/x');"
        "assert not {'apprise', 'requests'} & set(sys.modules);"
        "from loopback import message; print(r.send(message()).reason)"
    )
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, cwd="tests", check=False
    )
    assert ran.stdout == "json:// not reached: no connection\n", ran.stderr
