"""How services that walert has no payload of its own for want to be told: what was learned of each on the wire, and its place in Apprise.

A service is named by its secure scheme (`discord`, `ntfys`); the plain scheme of the same service goes by the same name.
"""

from __future__ import annotations

import hashlib
import sys
from typing import Any, Literal

from walert.deliver import render_parts as parts
from walert.deliver.apprise_door import apprise
from walert.model import Alert

_MARKDOWN = frozenset({"discord", "matrixs", "mmosts", "zulip"})
"""They read every text as markdown, and Apprise does not say so: an unescaped `2*2*3` would be shown in italics."""
_TEXT = frozenset({"gchat"})
"""Its markup knows no escapes, and Apprise would send them."""
_WITHIN = frozenset({"ntfys", "pover", "signals"})
"""They take the plot in the one request that carries the text."""
_AFTER = frozenset({"discord", "tgram"})
"""They take a plot alone, as a message of its own below the text. A longer text than a caption may have is then no problem."""
_KEYS = {"pagerduty": "dedup", "incidentio": "dedup", "splunk": "entity_id", "opsgenie": "alias"}
"""Pagers, which keep an incident open until it is resolved by its key: the attribute that holds the key."""

Place = Literal["within", "after"]


def service_of(plugin: Any) -> str:
    """The name of a plugin's service; empty for one without a secure scheme."""
    schemes = plugin.secure_protocol
    return str(schemes[0] if isinstance(schemes, tuple) else schemes or "")


def plot_of(plugin: Any) -> Place | None:
    """Where the service takes a plot; None when it takes none, or only in a way that could cost the text."""
    service = service_of(plugin)
    return "within" if service in _WITHIN else "after" if service in _AFTER else None


def joins_title(plugin: Any) -> bool:
    """Whether the title becomes a part of the text, and is read as markdown with it."""
    return plugin.title_maxlen <= 0 or service_of(plugin) == "discord"


def is_pager(plugin: Any) -> bool:
    """Whether the service keeps incidents open until they are resolved."""
    return service_of(plugin) in _KEYS


def speaks_for_requests(plugin: Any) -> bool:
    """Whether the service is told by HTTP: a yes without any request is then none."""
    return hasattr(sys.modules.get(type(plugin).__module__), "requests")


def prepare(plugin: Any) -> None:
    """What holds for every message of a plugin."""
    service = service_of(plugin)
    if service in _MARKDOWN:
        plugin.notify_format = apprise.NotifyFormat.MARKDOWN
    elif service in _TEXT:
        plugin.notify_format = apprise.NotifyFormat.TEXT
    if is_pager(plugin):
        plugin.walert_key = _is_free(plugin, service)
        if hasattr(plugin, "action") and plugin.action in ("trigger", "map"):
            plugin.action = "map"
    if has_fields(plugin):
        plugin.walert_details = dict(plugin.details or {})
    if service == "opsgenie":  # its own way is to add a note to an incident, and to send nothing when there is none
        plugin.mapping = {**plugin.mapping, apprise.NotifyType.INFO: "new"}


def address(plugin: Any, alert: Alert) -> None:
    """What belongs to one message: the incident that it opens, goes on with or resolves, and the fields of its proof."""
    service = service_of(plugin)
    if is_pager(plugin) and plugin.walert_key:
        setattr(plugin, _KEYS[service], incident_of(alert))
    if has_fields(plugin):
        plugin.source = parts.data(alert.host or alert.run.host or "walert")
        plugin.component = parts.data(alert.run.name)
        plugin.details = {**plugin.walert_details, **{fact.name: fact.value for fact in parts.proof(alert)}}


def has_fields(plugin: Any) -> bool:
    """Whether the proof goes into fields of its own: the text is then the summary, which people read on a phone at night."""
    return service_of(plugin) == "pagerduty"


def incident_of(alert: Alert) -> str:
    """The same for every message of a title in a run, and for no other."""
    words = f"{alert.run.id}\0{alert.title}".encode("utf-8", "replace")
    return f"walert/{hashlib.sha256(words).hexdigest()[:32]}"


def _is_free(plugin: Any, service: str) -> bool:
    """Whether the URL leaves the key to us."""
    value = getattr(plugin, _KEYS[service], None)
    return not value or (service == "splunk" and value == f"{plugin.app_id}/{plugin.routing_key}")
