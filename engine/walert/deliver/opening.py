"""From a receiver's URL to Apprise's object for it, with walert's measures applied; or a sentence on why not, without the URL."""

from __future__ import annotations

import difflib
import threading
from typing import Any

from walert.deliver import redact
from walert.deliver.apprise_door import SlackMode, apprise, asset, plugins
from walert.deliver.manners import prepare
from walert.deliver.receiver import UnusableUrl
from walert.deliver.service_email import EmailService
from walert.deliver.service_slack import SlackService

CONNECT_SECONDS = 10.0
READ_SECONDS = 20.0
"""Limits of one connection and one read; a URL's own `cto` and `rto` may change them, to half a minute at most."""

_OWN: dict[str, Any] = {"slack": SlackService, "mailto": EmailService, "mailtos": EmailService}
_DROPPED = ("retry", "wait", "optional", "redirect", "tag", "overflow")
_loading = threading.Lock()


def open_url(url: str) -> Any:
    """Apprise's object for `url`. Raises UnusableUrl; opens no connection."""
    with _loading:  # Apprise loads its services at the first question, and takes no lock
        fields = _fields(url)
    for name in _DROPPED:
        fields.pop(name, None)
    kind = _OWN.get(fields["schema"]) or apprise.NotificationManager()[fields["schema"]]
    try:
        plugin = kind(**fields, asset=asset())
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
    prepare(plugin)
    plugin.socket_connect_timeout = _seconds(plugin, "socket_connect_timeout", CONNECT_SECONDS)
    plugin.socket_read_timeout = _seconds(plugin, "socket_read_timeout", READ_SECONDS)
    if _is_bot_without_channel(plugin):
        raise UnusableUrl("slack:// with a bot token needs a channel: slack://TOKEN/#channel")
    return plugin


def _is_bot_without_channel(plugin: Any) -> bool:
    """Apprise would post to #general."""
    default = getattr(plugin, "default_notification_channel", None)
    return isinstance(plugin, SlackService) and plugin.mode == SlackMode.BOT and plugin.channels == [default]


def _seconds(plugin: Any, name: str, default: float) -> float:
    """The URL's own limit, if it set one, within reason."""
    return min(max(float(plugin.__dict__.get(name, default)), 0.1), 30.0)


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
