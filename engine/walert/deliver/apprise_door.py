"""Apprise's one door: every oddity of it that walert knows of is named and held here. Nothing else imports it, or
`requests`.

Apprise carries bytes and knows services; retry, rates, wording, redaction and reasons are walert's own:
- One `Apprise` object a receiver, used by one thread; no time limit of its own, or it would use a pool that all
  receivers share.
- Its reasons exist only in log lines, and those hold tokens: its loggers are silenced, and what happened is seen on
  `requests.Session.send` and on the SMTP connection instead.
- Its Slack plugin kills mentions in titles and posts no top-level text; its email plugin swallows who was refused and
  repeats mails to those who were not: `_Slack` and `_Email` keep its URLs and connections, and say what walert
  renders.
- `retry=`, `optional=`, `tag=`, `redirect=` of a URL would hide failures or repeat messages: they are dropped.
"""

from __future__ import annotations

import contextlib
import contextvars
import difflib
import logging
import threading
import warnings
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

with warnings.catch_warnings():  # its imports warn on Python 3.11 and 3.12, and a daemon may make warnings errors
    warnings.simplefilter("ignore")
    import apprise as _apprise
    import apprise.plugins as _plugins
    import apprise.plugins.email as _email
    import apprise.plugins.email.smtp as _smtp
    import apprise.plugins.slack as _slack
    import requests

from walert.deliver import answers, mail, redact
from walert.deliver import render_parts as parts
from walert.deliver.receiver import UnusableUrl
from walert.deliver.render_email import email
from walert.deliver.render_group import as_one
from walert.deliver.render_markdown import markdown
from walert.deliver.render_plain import headline, plain
from walert.deliver.render_slack import slack_payload, slack_text
from walert.model import Alert, Delivered, Message, Outcome, Permanent, Temporary

# Its annotations are half there and say less than this page does.
apprise: Any = _apprise
plugins: Any = _plugins
NotifyEmail: Any = _email.NotifyEmail
NotifySlack: Any = _slack.NotifySlack
AppriseSMTPController: Any = _smtp.AppriseSMTPController
SlackMode: Any = _slack.SlackMode

CONNECT_SECONDS = 10.0
READ_SECONDS = 20.0
"""Limits of one connection and one read; a URL's own `cto` and `rto` may change them, to half a minute at most."""
_REMEMBERED = 256
_COPIES = 3
"""Tries of a message that some targets of one URL took and others did not: those who took it get no more copies than
this.
"""


@dataclass(slots=True)
class _Call:
    """What is seen of one message's way through Apprise. `accepted` are the targets that took it, in this try or an
    earlier one.
    """

    message: Message
    accepted: set[str]
    answers: list[answers.Answer] = field(default_factory=list)
    errors: list[requests.RequestException] = field(default_factory=list)
    outcome: Outcome | None = None


_current: contextvars.ContextVar[_Call | None] = contextvars.ContextVar("walert_delivery", default=None)
_loading = threading.Lock()


class Channel:
    """An opened URL: Apprise's object for it, and a short memory of who already has which message."""

    def __init__(self, url: str) -> None:
        """Raises UnusableUrl, a sentence without the URL. Opens no connection."""
        self._shown = redact.shown(url)
        self._plugin = _plugin(url)
        self._apprise = apprise.Apprise(asset=self._plugin.asset)
        self._apprise.add(self._plugin)
        self._accepted: OrderedDict[int, set[str]] = OrderedDict()

    def send(self, message: Message) -> Outcome:
        """Send one message, in the calling thread."""
        call = _Call(message, self._accepted.setdefault(message.id, set()))
        token = _current.set(call)
        try:
            taken = bool(self._apprise.notify(**_words(self._plugin, as_one(message))))
        finally:
            _current.reset(token)
        outcome = call.outcome or self._judged(call, taken)
        self._remember(message.id, outcome)
        return outcome

    def __repr__(self) -> str:
        return f"Channel({self._shown!r})"

    def _judged(self, call: _Call, taken: bool) -> Outcome:
        """For services that walert has no words for: what was seen on the wire, when Apprise says that it failed."""
        if taken:
            return Delivered()
        seen = [answers.of_http(self._shown, answer) for answer in call.answers] + [
            _unreached(self._shown, e) for e in call.errors
        ]
        if all(isinstance(outcome, Delivered) for outcome in seen):
            why = "an answer that Apprise counts as a failure" if seen else "no reason that Apprise gives"
            return _bounded(Temporary(f"{self._shown} did not take it: {why}"), call.message.tries if seen else 0)
        partly = any(isinstance(outcome, Delivered) for outcome in seen)
        return _bounded(answers.worst(seen), call.message.tries if partly else 0)

    def _remember(self, message_id: int, outcome: Outcome) -> None:
        if not isinstance(outcome, Temporary):
            self._accepted.pop(message_id, None)
        while len(self._accepted) > _REMEMBERED:
            self._accepted.popitem(last=False)


def validate(url: str) -> str | None:
    """Why no message could go to `url`, in a sentence without it; None when it can be used."""
    try:
        Channel(url)
    except UnusableUrl as error:
        return str(error)
    return None


# --- URL to plugin -----------------------------------------------------------------------------------------------


def _plugin(url: str) -> Any:
    """Apprise's object for `url`, with walert's measures applied."""
    with _loading:  # Apprise loads its services at the first question, and takes no lock
        fields = _fields(url)
    for name in ("retry", "wait", "optional", "redirect", "tag", "overflow"):
        fields.pop(name, None)
    kind = _OWN.get(fields["schema"]) or apprise.NotificationManager()[fields["schema"]]
    try:
        plugin = kind(**fields, asset=_asset())
    except Exception:  # its own texts hold the tokens that it finds invalid
        raise UnusableUrl(_incomplete(fields["schema"], kind)) from None
    if not plugin.enabled:
        raise UnusableUrl(f"{fields['schema']}:// needs a Python package that is not installed here")
    return _measured(plugin)


def _fields(url: str) -> dict[str, Any]:
    try:
        fields = plugins.url_to_dict(url.strip().rstrip("?"))
    except Exception:
        fields = None
    if isinstance(fields, dict) and fields.get("schema") in apprise.NotificationManager():
        return fields
    raise UnusableUrl(_unknown(url))


def _measured(plugin: Any) -> Any:
    plugin.request_rate_per_sec = 0
    plugin.redirects = False
    plugin.socket_connect_timeout = _seconds(plugin, "socket_connect_timeout", CONNECT_SECONDS)
    plugin.socket_read_timeout = _seconds(plugin, "socket_read_timeout", READ_SECONDS)
    if (
        isinstance(plugin, _Slack)
        and plugin.mode == SlackMode.BOT
        and plugin.channels == [plugin.default_notification_channel]
    ):
        raise UnusableUrl("slack:// with a bot token needs a channel: slack://TOKEN/#channel")
    return plugin


def _seconds(plugin: Any, name: str, default: float) -> float:
    """The URL's own limit, if it set one, within reason."""
    return min(max(float(plugin.__dict__.get(name, default)), 0.1), 30.0)


def _asset() -> Any:
    return apprise.AppriseAsset(
        app_id="walert",
        app_desc="walert",
        app_url="",
        async_mode=False,
        secure_logging=True,
        http_redirects=False,
        interpret_escapes=False,
        interpret_emojis=False,
        pgp_autogen=False,
        storage_mode=apprise.PersistentStoreMode.MEMORY.value,
        service_timeout=0,
        allow_templates=False,
    )


def _unknown(url: str) -> str:
    shown = redact.shown(url)
    if shown == "the URL":
        return "it has no scheme: write a URL such as slack://… or mailtos://…"
    known = apprise.NotificationManager().schemas()
    if shown[:-3] in known or shown in ("http://", "https://"):
        return f"{shown} is there, but what follows is not what Apprise expects of it"
    near = difflib.get_close_matches(shown[:-3], known, n=1)
    return f"Apprise knows no {shown}" + (f"; did you mean {near[0]}://?" if near else "")


def _incomplete(schema: str, kind: Any) -> str:
    if schema == "slack":
        return "slack:// needs a webhook, slack://T…/B…/X…, or a bot token and a channel, slack://xoxb-…/#channel"
    if schema in ("mailto", "mailtos"):
        return f"{schema}:// needs a server and a sender: {schema}://USER:PASSWORD@HOST?from=ADDRESS&to=ADDRESS"
    return f"{schema}:// lacks something that {kind.service_name} needs; see {kind.setup_url or 'appriseit.com'}"


# --- words -------------------------------------------------------------------------------------------------------


def _words(plugin: Any, alert: Alert) -> dict[str, Any]:
    """What `Apprise.notify` is told. `_Slack` and `_Email` render the alert themselves, and only need it not to be
    empty.
    """
    rich = plugin.resolve_format(None) == apprise.NotifyFormat.MARKDOWN
    title = parts.cut(headline(alert), plugin.title_maxlen) if plugin.title_maxlen > 0 else headline(alert)
    limit = (plugin.body_maxlen or 30_000) - (0 if plugin.title_maxlen > 0 else len(title) + 4)
    body = markdown(alert, limit) if rich else plain(alert, limit)
    return {
        "title": title,
        "body": body,
        "body_format": apprise.NotifyFormat.MARKDOWN if rich else apprise.NotifyFormat.TEXT,
        "notify_type": _notify_type(alert),
    }


def _notify_type(alert: Alert) -> Any:
    """Apprise's words for levels; its own would refuse `error` and `warn` without a sound."""
    if alert.kind == "resolved":
        return apprise.NotifyType.SUCCESS
    if alert.kind == "closed":
        return apprise.NotifyType.INFO
    return {"INFO": apprise.NotifyType.INFO, "WARN": apprise.NotifyType.WARNING, "ERROR": apprise.NotifyType.FAILURE}[
        alert.level
    ]


# --- the two services with words of their own --------------------------------------------------------------------


class _Slack(NotifySlack):  # type: ignore[misc]
    """Apprise's URLs and connection, walert's payload, Slack's own answer."""

    def send(self, *args: Any, **kwargs: Any) -> bool:
        call = _current.get()
        assert call is not None, "a Slack message is sent by Channel.send only"
        call.outcome = answers.worst([self._posted(call, channel) for channel in self.channels])
        return isinstance(call.outcome, Delivered)

    def _posted(self, call: _Call, channel: str | None) -> Outcome:
        if (key := channel or "") in call.accepted:
            return Delivered()
        payload = self._payload(as_one(call.message))
        if channel is not None and (problem := self._address(payload, channel, call)):
            return problem
        call.answers.clear()
        call.errors.clear()
        with contextlib.suppress(Exception):  # it stumbles over answers that are no JSON object
            self._send(self._target(), payload)
        outcome = self._answered(call)
        if isinstance(outcome, Delivered):
            call.accepted.add(key)
        return outcome

    def _answered(self, call: _Call) -> Outcome:
        if call.errors or not call.answers:
            return _unreached("slack://", call.errors[-1] if call.errors else None)
        return answers.of_slack(call.answers[-1], self._expects())

    def _payload(self, alert: Alert) -> dict[str, Any]:
        if self.mode in (SlackMode.WORKFLOW, SlackMode.WORKFLOW_TRIGGER):
            return {"text": slack_text(alert)}
        return slack_payload(alert) | ({"username": self.user} if self.user else {})

    def _address(self, payload: dict[str, Any], channel: str, call: _Call) -> Outcome | None:
        """Write the channel into the payload: `#name`, `@user`, `+C024…` and `C024…`, an address, and `:thread` after
        any.
        """
        if "@" in channel[1:]:
            payload["channel"] = self.lookup_userid(channel)
            return None if payload["channel"] else self._not_found(call)
        match = _slack.CHANNEL_RE.match(channel)
        if not match:
            return Permanent("slack:// cannot read a channel of the URL")
        name, thread = match.group("channel"), match.group("thread_ts")
        is_id = name[0] == "+" or (len(name) >= 9 and name[0] in "CDGU" and name.isalnum() and name.isupper())
        payload["channel"] = name.lstrip("+") if is_id else name if name[0] in "#@" else f"#{name}"
        if thread:
            payload["thread_ts"] = thread
        return None

    def _not_found(self, call: _Call) -> Outcome:
        if call.errors:
            return _unreached("slack://", call.errors[-1])
        judged = answers.of_slack(call.answers[-1], "json") if call.answers else Delivered()
        return Permanent("slack:// knows no user of that address") if isinstance(judged, Delivered) else judged

    def _target(self) -> str:
        path = "/".join(self.workflow_path or [self.token_a or "", self.token_b or "", self.token_c or ""])
        base = {
            SlackMode.WEBHOOK: self.webhook_url,
            SlackMode.WEBHOOK_GOV: self.webhook_gov_url,
            SlackMode.WORKFLOW: self.workflow_url,
            SlackMode.WORKFLOW_TRIGGER: self.workflow_trigger_url,
        }.get(self.mode)
        return f"{base}/{path}" if base else str(self.api_url.format("chat.postMessage"))

    def _expects(self) -> Literal["ok", "json", "any"]:
        if self.mode in (SlackMode.WORKFLOW, SlackMode.WORKFLOW_TRIGGER):
            return "any"
        return "json" if self.mode == SlackMode.BOT else "ok"


class _Smtp(AppriseSMTPController):  # type: ignore[misc]
    """Apprise's connection with TLS and login; a refusal is raised, not hidden."""

    def deliver(self, sender: str, recipient: str, content: bytes) -> None:
        self._socket.sendmail(sender, [recipient], content)


class _Email(NotifyEmail):  # type: ignore[misc]
    """Apprise's URLs, server knowledge and connection; one transaction a recipient, so that nobody gets a mail twice
    for another's sake.
    """

    def send(self, *args: Any, **kwargs: Any) -> bool:
        if self.pgp_mode != "no":  # signing and encrypting are Apprise's; the mail is then plain text
            return bool(super().send(*args, **kwargs))
        call = _current.get()
        assert call is not None, "an email is sent by Channel.send only"
        call.outcome = answers.worst(list(self._delivered(call)))
        return isinstance(call.outcome, Delivered)

    def _delivered(self, call: _Call) -> Iterator[Outcome]:
        letters = [letter for letter in self._letters(as_one(call.message)) if letter.recipient not in call.accepted]
        secrets = redact.secrets_of(f"smtp://{self.user or ''}:{self.password or ''}@")
        yield from (Delivered() for _ in call.accepted)
        try:
            with self._connection() as smtp:
                for letter in letters:
                    outcome = mail.attempt(smtp.deliver, letter, secrets)
                    call.accepted |= {letter.recipient} if isinstance(outcome, Delivered) else set()
                    yield outcome
        except Exception as error:
            yield mail.outcome_of(error, "the connection", secrets)

    def _letters(self, alert: Alert) -> list[mail.Letter]:
        copies = sorted(self.cc), sorted(self.bcc)
        extra = {**self.headers, "X-Application": self.app_id}
        return mail.letters(
            email(alert), alert, tuple(self.from_addr), self.targets, copies, sorted(self.reply_to), self.names, extra
        )

    def _connection(self) -> _Smtp:
        return _Smtp(
            host=self.smtp_host,
            port=self.port,
            secure_mode=self.secure_mode,
            user=self.user,
            password=self.password,
            verify_certificate=self.verify_certificate,
            socket_connect_timeout=self.socket_connect_timeout,
        )


_OWN: dict[str, Any] = {"slack": _Slack, "mailto": _Email, "mailtos": _Email}


# --- what is seen on the wire ------------------------------------------------------------------------------------


def _unreached(shown: str, error: requests.RequestException | None) -> Outcome:
    """Named by class: the text of these errors holds the whole URL."""
    for kind, what in (
        (requests.exceptions.SSLError, "its TLS certificate was not accepted"),
        (requests.exceptions.ConnectTimeout, "no connection in time"),
        (requests.exceptions.ReadTimeout, "no answer in time"),
        (requests.exceptions.ProxyError, "the proxy did not let it through"),
        (requests.exceptions.ConnectionError, "no connection"),
    ):
        if isinstance(error, kind):
            return Temporary(f"{shown} not reached: {what}")
    return Temporary(f"{shown} not reached: {type(error).__name__}")


def _bounded(outcome: Outcome, tries: int) -> Outcome:
    return Permanent(outcome.reason) if isinstance(outcome, Temporary) and tries >= _COPIES else outcome


_send = requests.Session.send


def _observed(session: requests.Session, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
    """`Session.send`, with each answer and failure noted for the message under way, and without redirects: a token
    stays with its host.
    """
    call = _current.get()
    if call is None:
        return _send(session, request, **kwargs)
    try:
        response = _send(session, request, **{**kwargs, "allow_redirects": False})
    except requests.RequestException as error:
        call.errors.append(error)
        raise
    wait = answers.retry_after(response.headers.get("Retry-After"), response.headers.get("Date"))
    call.answers.append(answers.Answer(response.status_code, wait, response.content[:2048].decode("utf-8", "replace")))
    return response


def _mute(record: logging.LogRecord) -> bool:
    return False


def _silence() -> None:
    """Apprise's and urllib3's lines hold tokens at DEBUG, and some at ERROR. The filter holds even if someone sets a
    level later.
    """
    for name in (
        "apprise",
        *(f"urllib3.{part}" for part in ("connectionpool", "connection", "poolmanager", "response", "util.retry")),
    ):
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 10)
        logger.addFilter(_mute)


requests.Session.send = _observed  # type: ignore[method-assign, assignment]
_silence()
