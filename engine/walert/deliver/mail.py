"""Letters: an email as bytes for one recipient, and what a mail server's refusal means."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate
from os import strerror

from walert.deliver import answers, redact
from walert.deliver.picturing import FILE
from walert.deliver.render_email import PICTURE_ID, Email, message_id
from walert.model import Alert, Delivered, Outcome, Permanent, Temporary

_OF_THE_LETTER = (smtplib.SMTPDataError, smtplib.SMTPSenderRefused)  # a size is announced with the sender
_POLICY = SMTP.clone(cte_type="7bit")
Named = tuple[str | bool, str]
"""A name, False for none, and an address: Apprise's shape."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail to one envelope recipient. `bare` is the same without its plot, if it has one."""

    sender: str
    recipient: str
    content: bytes
    bare: bytes | None = None


def letters(
    words: Email,
    alert: Alert,
    sender: Sequence[str | bool],
    targets: Sequence[Named],
    copies: tuple[Sequence[str], Sequence[str]],
    reply_to: Sequence[str],
    names: Mapping[str, str | bool],
    headers: Mapping[str, str],
    bare: Email | None = None,
) -> list[Letter]:
    """A letter for each target, which names that target alone, and one for each of cc and bcc, which is the first
    target's.

    `copies` are cc and bcc; `bare` is what to say to a server that refuses `words` for their plot. Raises ValueError
    for an address that cannot be written.
    """
    cc, bcc = copies
    origin = str(sender[1])

    def letter(to: Named, recipient: str) -> Letter:
        shown = {"To": [to], "Cc": _named(cc, names), "Reply-To": _named(reply_to, names)}

        def content(of: Email) -> bytes:
            return _content(of, alert, (sender[0], origin), shown, recipient, headers)

        return Letter(origin, recipient, content(words), content(bare) if bare is not None else None)

    own = [letter(target, target[1]) for target in targets]
    known = {target[1] for target in targets}
    return own + [letter(targets[0], copy) for copy in (*cc, *bcc) if copy not in known]


def attempt(deliver: Callable[[str, str, bytes], None], letter: Letter, secrets: frozenset[str]) -> Outcome:
    """Hand one letter over; a refusal is an outcome, a lost connection is raised.

    A server that refuses the letter itself, for its size or for what is in it, gets it without its plot;
    the note of `Delivered` is then its reason.
    """
    try:
        deliver(letter.sender, letter.recipient, letter.content)
    except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
        outcome = outcome_of(error, "the message", secrets)
        if letter.bare is None or not isinstance(outcome, Permanent) or not isinstance(error, _OF_THE_LETTER):
            return outcome
        again = attempt(deliver, Letter(letter.sender, letter.recipient, letter.bare), secrets)
        return replace(again, note=outcome.reason) if isinstance(again, Delivered) else again
    return Delivered()


def outcome_of(error: Exception, what: str, secrets: frozenset[str]) -> Outcome:
    """What an exception of the SMTP conversation means. `what` names the step that is refused where the exception
    does not.
    """
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        return answers.of_smtp("the recipient", code, _clean(text, secrets))
    if isinstance(error, smtplib.SMTPResponseException):
        named = {smtplib.SMTPAuthenticationError: "the login", smtplib.SMTPSenderRefused: "the sender"}.get(
            type(error), what
        )
        return answers.of_smtp(named, error.smtp_code, _clean(error.smtp_error, secrets))
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return Permanent("mail server offers no STARTTLS or no login: check the mode and the port of the URL")
    if isinstance(error, (smtplib.SMTPServerDisconnected, TimeoutError)):
        return Temporary(f"mail server gave no answer in time or hung up ({type(error).__name__})")
    if isinstance(error, ssl.SSLCertVerificationError):
        return Temporary(f"mail server's TLS certificate was not accepted: {_clean(error.verify_message, secrets)}")
    if isinstance(error, ssl.SSLError):
        return Temporary("mail server and TLS do not get along: check the mode and the port of the URL")
    return _unconnected(error)


def _unconnected(error: Exception) -> Outcome:
    if isinstance(error, socket.gaierror):
        return Temporary("mail server's name is not known to DNS")
    if isinstance(error, OSError):
        return Temporary(f"mail server not reached: {strerror(error.errno) if error.errno else type(error).__name__}")
    if isinstance(error, (ValueError, UnicodeError)):
        return Permanent(f"the mail cannot be written: {type(error).__name__}; check the addresses of the URL")
    return Temporary(f"mail server and walert do not get along: {type(error).__name__}")


def _content(
    words: Email,
    alert: Alert,
    sender: Named,
    shown: Mapping[str, Sequence[Named]],
    recipient: str,
    headers: Mapping[str, str],
) -> bytes:
    mail = EmailMessage(policy=_POLICY)
    mail["Subject"] = words.subject
    mail["From"] = _address(sender)
    for name, people in shown.items():
        if people:
            mail[name] = [_address(person) for person in people]
    mail["Date"] = formatdate()
    mail["Message-ID"] = message_id(words.key, recipient, sender[1].rpartition("@")[2])
    mail["In-Reply-To"] = mail["References"] = words.thread
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Walert-Alert"] = redact.redacted(alert.id, frozenset())[:100]
    for name, value in headers.items():
        if name not in mail:
            mail[name] = redact.redacted(value, frozenset())
    mail.set_content(words.text)
    mail.add_alternative(words.html, subtype="html")
    if words.picture is not None:
        html = mail.get_payload()[1]  # type: ignore[index]
        html.add_related(  # type: ignore[union-attr]
            words.picture.png, "image", "png", cid=f"<{PICTURE_ID}>", filename=FILE, disposition="inline"
        )
    return mail.as_bytes()


def _named(addresses: Sequence[str], names: Mapping[str, str | bool]) -> list[Named]:
    return [(names.get(address, False), address) for address in addresses]


def _address(person: Named) -> Address:
    name, address = person
    return Address(str(name) if name else "", addr_spec=address)


def _clean(text: bytes | str, secrets: frozenset[str]) -> str:
    return redact.redacted(text.decode("utf-8", "replace") if isinstance(text, bytes) else text, secrets)
