"""Apprise's one door, and that of `requests`, on which it stands: nothing else imports either.

Apprise carries bytes and knows services; retry, rates, wording, redaction and reasons are walert's own. Its oddities, and where they are
held:
- One `Apprise` object a receiver, used by one thread (`channel.py`); no time limit of its own, or it would use a pool that all receivers
  share (`asset`).
- Its reasons exist only in log lines, and those hold tokens: its loggers are silenced here, and what happened is seen on
  `requests.Session.send` and on the SMTP connection instead.
- Its Slack plugin kills mentions in titles and posts no top-level text (`service_slack.py`); its email plugin swallows who was refused and
  repeats mails to those who were not (`service_email.py`). Both keep its URLs and connections, and say what walert renders.
- `retry=`, `optional=`, `tag=`, `redirect=` of a URL would hide failures or repeat messages: they are dropped (`opening.py`).
- Some services read markdown and do not say so, some answer yes and send nothing, some never resolve what they opened; a plot that is
  refused fails the text as well (`manners.py`).
"""

from __future__ import annotations

import logging
import warnings
from typing import Any

with warnings.catch_warnings():  # its imports warn on Python 3.11 and 3.12, and a daemon may make warnings errors
    warnings.simplefilter("ignore")
    import apprise as _apprise
    import apprise.attachment.memory as _memory
    import apprise.plugins as _plugins
    import apprise.plugins.email as _email
    import apprise.plugins.email.smtp as _smtp
    import apprise.plugins.slack as _slack
    import requests

from walert.deliver import answers
from walert.deliver.call import current

# Its annotations are half there and say less than this page does.
apprise: Any = _apprise
plugins: Any = _plugins
AttachMemory: Any = _memory.AttachMemory
NotifyEmail: Any = _email.NotifyEmail
NotifySlack: Any = _slack.NotifySlack
AppriseSMTPController: Any = _smtp.AppriseSMTPController
SlackMode: Any = _slack.SlackMode
SLACK_CHANNEL: Any = _slack.CHANNEL_RE

BODY_BYTES = 262_144
"""Bytes of an answer that are looked at: Slack's repeats the whole message."""


def asset() -> Any:
    """Apprise's settings, with all that it would do on its own turned off."""
    return apprise.AppriseAsset(
        app_id="walert",
        app_desc="walert",
        app_url="",
        image_url_mask="",
        image_url_logo="",
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


# --- what is seen on the wire ------------------------------------------------------------------------------------

_FAILURES = (
    (requests.exceptions.SSLError, "its TLS certificate was not accepted"),
    (requests.exceptions.ConnectTimeout, "no connection in time"),
    (requests.exceptions.ReadTimeout, "no answer in time"),
    (requests.exceptions.ProxyError, "the proxy did not let it through"),
    (requests.exceptions.ConnectionError, "no connection"),
)

_send = requests.Session.send


def _observed(session: requests.Session, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
    """`Session.send`, with each answer and failure noted for the message under way, and without redirects: a token
    stays with its host.
    """
    call = current()
    if call is None:
        return _send(session, request, **kwargs)
    try:
        response = _send(session, request, **{**kwargs, "allow_redirects": False, "stream": True})
        _begin(response)
    except requests.RequestException as error:
        call.failures.append(_named(error))
        raise
    wait = answers.retry_after(response.headers.get("Retry-After"), response.headers.get("Date"))
    body = response.content.decode("utf-8", "replace")
    call.answers.append(answers.Answer(response.status_code, wait, body))
    return response


def _begin(response: requests.Response) -> None:
    """Read the beginning of an answer, as its `content`, and hang up on the rest: `requests` would hold all of it in memory."""
    taken = bytearray()
    for piece in response.iter_content(16_384):
        taken += piece
        if len(taken) >= BODY_BYTES:
            response.close()
            break
    response._content, response._content_consumed = bytes(taken[:BODY_BYTES]), True


def _named(error: requests.RequestException) -> str:
    """By its class: the text of these errors holds the whole URL."""
    return next((what for kind, what in _FAILURES if isinstance(error, kind)), type(error).__name__)


# --- silence -----------------------------------------------------------------------------------------------------


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
