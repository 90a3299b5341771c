"""Email over real SMTP on loopback: what arrives, for whom, and what a refusal means."""

import logging
import re

import pytest
from loopback import CURVE, authority, message, smtp_server

from walert.deliver import build_receiver, validate
from walert.model import AlertLevel, Curve, Delivered, Permanent, Run, Temporary

PASSWORD = "hunter2-geheim"
JAPANESE = "学習率が高すぎるため損失が発散しています。" * 6  # 126 characters


@pytest.fixture
def trusted(tmp_path, monkeypatch):
    """A certificate authority that this machine trusts."""
    ca = authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(ca.bundle))
    return ca


def url_of(port: int, to: str = "ann@example.com", scheme: str = "mailto", login: str = "", more: str = "") -> str:
    return f"{scheme}://{login}localhost:{port}?smtp=localhost&from=walert@example.com&to={to}{more}"


def send(url: str, **changes):
    return build_receiver("me", url).send(message(receiver="me", **changes))


# --- what arrives ------------------------------------------------------------------------------------------------


def test_a_mail_has_a_text_and_an_html_part_that_say_the_same():
    with smtp_server() as box:
        assert send(url_of(box.port), text="x<y and z>1\nsecond line") == Delivered()
    (mail,) = box.mails
    text, page = mail.get_body(("plain",)).get_content(), mail.get_body(("html",)).get_content()
    assert mail["Subject"] == "[WARN] Low accuracy · resnet-1"
    assert text.replace("\r\n", "\n").startswith(
        "🟡 WARN: Low accuracy\n\nx<y and z>1\nsecond line\n\nvalues: acc = 0.712\n"
    )
    assert "x&lt;y and z&gt;1" in page and "acc = 0.712" in page
    assert mail["To"] == "ann@example.com"
    assert str(mail["From"]).endswith("walert@example.com>") or mail["From"] == "walert@example.com"


def test_the_plot_stands_within_the_page_and_not_beside_it():
    with smtp_server() as box:
        assert send(url_of(box.port), curves=(CURVE,)) == Delivered()
    (mail,) = box.mails
    kinds = [part.get_content_type() for part in mail.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]
    image = list(mail.walk())[-1]
    page = mail.get_body(("related", "html")).get_body(("html",)).get_content()
    assert re.findall('<img src="cid:([^"]+)"', page) == [image["Content-ID"].strip("<>")]
    assert 'alt="acc up to step 1200"' in page
    assert image.get_content_disposition() == "inline" and image.get_filename() == "plot.png"
    assert image.get_content().startswith(b"\x89PNG")


def test_a_plot_that_cannot_be_drawn_does_not_cost_the_mail(caplog):
    with smtp_server() as box:
        assert send(url_of(box.port), curves=(Curve("acc", (1.0, 2.0), (1.0,) * 3),)) == Delivered()
    assert [part.get_content_type() for part in box.mails[0].walk()][-1] == "text/html"
    assert "could not be drawn" in caplog.text


@pytest.mark.parametrize("answer", ["552 5.3.4 message too large", "554 5.7.1 no images here"])
def test_a_server_that_refuses_the_plot_gets_the_mail_without_it(answer):
    with smtp_server() as box:
        box.image_answer = answer
        outcome = send(url_of(box.port, "ann@example.com,bob@example.com"), curves=(CURVE,))
    assert box.recipients == [["ann@example.com"], ["bob@example.com"]]
    page = box.mails[0].get_body(("html",)).get_content()
    assert "cid:" not in page and "acc = 0.712" in page
    assert outcome == Delivered(note=f"without its plot: mail server refused the message: {answer}")


def test_a_server_that_refuses_the_mail_for_another_reason_says_so_once():
    with smtp_server() as box:
        box.data_answer = "554 5.7.1 you are not welcome"
        assert send(url_of(box.port), curves=(CURVE,)) == Permanent(
            "mail server refused the message: 554 5.7.1 you are not welcome"
        )
    assert box.mails == []


def test_a_japanese_title_of_120_characters_arrives_readable():
    assert len(JAPANESE) > 120
    with smtp_server() as box:
        assert (
            send(url_of(box.port), title=JAPANESE, text=JAPANESE + " <@U1234ABCD>", run=Run("r", "実験一"))
            == Delivered()
        )
    (mail,) = box.mails
    assert len(mail["Subject"]) < 100
    assert str(mail["Subject"]).startswith("[WARN] 学習率が高すぎるため損失が発散しています。学習率")
    assert str(mail["Subject"]).endswith("… · 実験一")
    assert JAPANESE + " @U1234ABCD" in mail.get_body(("plain",)).get_content()


def test_no_line_of_a_mail_is_too_long_for_a_mail_server():
    with smtp_server() as box:
        assert send(url_of(box.port), title=JAPANESE, text="x" * 50_000) == Delivered()
    assert max(len(line) for line in box.mails[0].as_bytes().splitlines()) <= 998


def test_the_mails_of_one_run_are_one_thread():
    with smtp_server() as box:
        receiver = build_receiver("me", url_of(box.port))
        receiver.send(message(1, id="one"))
        receiver.send(message(2, id="two", kind="resolved"))
    first, second = box.mails
    assert first["References"] == first["In-Reply-To"] == second["References"]
    assert re.fullmatch(r"<run-[0-9a-f]{24}@walert>", first["References"])
    assert first["Message-ID"] != second["Message-ID"]


def test_the_same_alert_sent_twice_has_the_same_message_id():
    with smtp_server() as box:
        send(url_of(box.port))
        send(url_of(box.port))
    assert box.mails[0]["Message-ID"] == box.mails[1]["Message-ID"]
    assert len(box.mails[0].get_all("Message-ID")) == 1


def test_a_header_cannot_be_smuggled_in():
    with smtp_server() as box:
        assert (
            send(url_of(box.port), id="x\r\nBcc: evil@example.com", title="a\r\nBcc: evil@example.com") == Delivered()
        )
    assert box.mails[0]["Bcc"] is None
    assert box.recipients == [["ann@example.com"]]


# --- for whom ----------------------------------------------------------------------------------------------------


def test_each_target_gets_its_own_mail_and_each_copy_one():
    with smtp_server() as box:
        more = "&cc=cc@example.com&bcc=bcc@example.com"
        assert send(url_of(box.port, "ann@example.com,bob@example.com", more=more)) == Delivered()
    assert sorted(box.recipients) == [["ann@example.com"], ["bcc@example.com"], ["bob@example.com"], ["cc@example.com"]]
    assert {mail["To"] for mail in box.mails} == {"ann@example.com", "bob@example.com"}
    assert all(mail["Cc"] == "cc@example.com" and mail["Bcc"] is None for mail in box.mails)


def test_a_refused_recipient_costs_the_others_nothing_and_brings_them_no_second_mail():
    with smtp_server() as box:
        box.refused = {"bob@example.com": "450 try again later"}
        receiver = build_receiver("me", url_of(box.port, "ann@example.com,bob@example.com,cat@example.com"))
        outcome = receiver.send(message())
        assert outcome == Temporary("1 of 3 targets failed: mail server refused the recipient: 450 try again later")
        assert receiver.send(message(tries=2)) == outcome
        box.refused = {}
        assert receiver.send(message(tries=3)) == Delivered()
    assert sorted(box.recipients) == [["ann@example.com"], ["bob@example.com"], ["cat@example.com"]]


# --- what a refusal means ----------------------------------------------------------------------------------------


def test_a_refused_recipient_is_permanent():
    with smtp_server() as box:
        box.refused = {"ann@example.com": "550 5.1.1 no such user"}
        assert send(url_of(box.port)) == Permanent("mail server refused the recipient: 550 5.1.1 no such user")


@pytest.mark.parametrize(("answer", "kind"), [("554 looks like spam", Permanent), ("451 disk full", Temporary)])
def test_a_refused_message_is_permanent_or_not_by_its_code(answer, kind):
    with smtp_server() as box:
        box.data_answer = answer
        assert send(url_of(box.port)) == kind(f"mail server refused the message: {answer}")


def test_a_refused_login_is_permanent_and_keeps_its_secret(trusted, caplog):
    caplog.set_level(logging.DEBUG)
    with smtp_server(starttls=trusted.server, login=True) as box:
        box.login_answer = f"535 5.7.8 wrong password {PASSWORD} for ann"
        url = url_of(box.port, scheme="mailtos", login=f"annabel:{PASSWORD}@")
        outcome = send(url)
    assert outcome == Permanent("mail server refused the login: 535 5.7.8 wrong password … for ann")
    ours = "\n".join(record.getMessage() for record in caplog.records if record.name != "mail.log")  # the server's own
    assert PASSWORD not in ours + repr(build_receiver("me", url))


def test_a_login_over_starttls_works(trusted):
    with smtp_server(starttls=trusted.server, login=True) as box:
        assert send(url_of(box.port, scheme="mailtos", login=f"annabel:{PASSWORD}@")) == Delivered()
    assert box.logins == [("annabel", PASSWORD)]


def test_tls_from_the_first_byte_works(trusted):
    with smtp_server(implicit=trusted.server) as box:
        assert send(url_of(box.port, scheme="mailtos", more="&mode=ssl")) == Delivered()
    assert len(box.mails) == 1


def test_an_untrusted_mail_server_gets_no_password(trusted, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with smtp_server(starttls=trusted.server, login=True) as box:
        outcome = send(url_of(box.port, scheme="mailtos", login=f"annabel:{PASSWORD}@"))
    assert isinstance(outcome, Temporary)
    assert outcome.reason.startswith("mail server's TLS certificate was not accepted: ")
    assert box.logins == []


def test_a_server_without_starttls_is_not_spoken_to_in_the_clear():
    with smtp_server() as box:
        outcome = send(url_of(box.port, scheme="mailtos", login=f"annabel:{PASSWORD}@"))
    assert outcome == Permanent("mail server offers no STARTTLS or no login: check the mode and the port of the URL")
    assert box.mails == []


def test_a_server_that_is_gone_is_temporary():
    assert send(url_of(1)) == Temporary("mail server not reached: Connection refused")


def test_an_incomplete_url_is_told_without_it():
    sentence = validate(f"mailtos://{PASSWORD}")
    assert sentence == "mailtos:// needs a server and a sender: mailtos://USER:PASSWORD@HOST?from=ADDRESS&to=ADDRESS"
    assert PASSWORD not in sentence


def test_the_level_is_in_the_subject():
    with smtp_server() as box:
        send(url_of(box.port), level=AlertLevel.ERROR, kind="resolved")
    assert box.mails[0]["Subject"] == "[RESOLVED] Low accuracy · resnet-1"
