"""An opened URL: one message in, one outcome out. What services without words of their own are told, and how their answers are read."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import Any

from walert.deliver import answers, manners, redact
from walert.deliver import render_parts as parts
from walert.deliver.apprise_door import AttachMemory, apprise
from walert.deliver.aside import Aside
from walert.deliver.call import Call, under_way
from walert.deliver.opening import open_url
from walert.deliver.picturing import FILE, picture_of
from walert.deliver.plot import Picture
from walert.deliver.receiver import UnusableUrl
from walert.deliver.render_markdown import escape, markdown, markdown_group
from walert.deliver.render_plain import headline, plain, plain_group
from walert.model import Alert, Delivered, Message, Outcome, Permanent, Temporary

_REMEMBERED = 256
_COPIES = 3
"""Tries of a message that some targets of one URL took and others did not: those who took it get no more copies than
this.
"""
_PLOT_TRIES = 2
_BODY = 30_000  # characters, where a service names no limit


class Channel:
    """Apprise's object for a URL, and a short memory of who already has which message."""

    def __init__(self, url: str, aside: Aside | None = None) -> None:
        """Raises UnusableUrl, a sentence without the URL. Opens no connection."""
        self._aside = aside or Aside()
        self._shown = redact.shown(url)
        self._plugin = open_url(url)
        self._apprise = apprise.Apprise(asset=self._plugin.asset)
        self._apprise.add(self._plugin)
        self._accepted: OrderedDict[int, dict[str, str | None]] = OrderedDict()

    def send(self, message: Message) -> Outcome:
        """Send one message, in the calling thread."""
        with under_way(Call(message, self._accepted.setdefault(message.id, {}), self._aside)) as call:
            outcome = self._sent(call)
        if isinstance(outcome, Delivered) and call.note is not None:
            outcome = replace(outcome, note=call.note)
        self._remember(message.id, outcome)
        return outcome

    def __repr__(self) -> str:
        return f"Channel({self._shown!r})"

    def _sent(self, call: Call) -> Outcome:
        """The text, and the plot where the service takes one: never at the text's cost."""
        if call.group is not None and call.message.digest is None and manners.is_pager(self._plugin):
            return self._each(call)
        place = manners.plot_of(self._plugin)
        if place == "within" and call.message.tries > _PLOT_TRIES:
            place = None  # it may be the plot that the service stumbles over
        made = picture_of(call.message) if place is not None else None
        if made is None:
            return self._told(call)
        if place == "after":
            outcome = self._told(call)
            if isinstance(outcome, Delivered):
                call.without_plot(call.follow_up(lambda own: self._shown_after(own, made)))
            return outcome
        outcome = self._told(call, attach=_attached(self._plugin, made))
        if not isinstance(outcome, Permanent):
            return outcome
        call.without_plot(outcome.reason)
        return self._told(call)

    def _each(self, call: Call) -> Outcome:
        """The alerts of one moment one by one: each is an incident of its own, which its own *resolved* ends."""
        outcomes: list[Outcome] = []
        for alert in (alert for alert in call.message.alerts if alert.id not in call.accepted):
            message = replace(call.message, alert=alert, others=())
            with under_way(Call(message, {}, self._aside)) as own:
                outcomes.append(self._told(own))
            if isinstance(outcomes[-1], Delivered):
                call.accepted[alert.id] = None
        return answers.worst(outcomes)

    def _told(self, call: Call, **more: Any) -> Outcome:
        """One notification of the text."""
        call.forget()
        manners.address(self._plugin, call.alert)
        taken = bool(self._apprise.notify(**_words(self._plugin, call), **more))
        return call.outcome or self._judged(call, taken)

    def _shown_after(self, call: Call, made: Picture) -> str | None:
        """The plot, as a message of its own; why it was not taken."""
        taken = self._apprise.notify(
            body="", title="", notify_type=_notify_type(self._plugin, call.alert), attach=_attached(self._plugin, made)
        )
        if taken:
            return None
        outcome = self._judged(call, False)
        return outcome.reason if not isinstance(outcome, Delivered) else "it was not taken"

    def _judged(self, call: Call, taken: bool) -> Outcome:
        """For services that walert has no words for: what was seen on the wire, when Apprise says that it failed."""
        if taken and (call.answers or not manners.speaks_for_requests(self._plugin)):
            return Delivered()
        if taken:
            return Permanent(f"{self._shown} was told to Apprise, which sent nothing")
        seen = [answers.of_http(self._shown, answer) for answer in call.answers] + [
            answers.unreached(self._shown, why) for why in call.failures
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


def _bounded(outcome: Outcome, tries: int) -> Outcome:
    return Permanent(outcome.reason) if isinstance(outcome, Temporary) and tries >= _COPIES else outcome


def _attached(plugin: Any, made: Picture) -> Any:
    files = apprise.AppriseAttachment(asset=plugin.asset)
    files.add(AttachMemory(content=made.png, name=FILE, mimetype="image/png"))
    return files


def _words(plugin: Any, call: Call) -> dict[str, Any]:
    """What `Apprise.notify` is told. Slack and email render the alert themselves, and only need it not to be empty."""
    alert, group = call.alert, call.group
    rich = plugin.resolve_format(None) == apprise.NotifyFormat.MARKDOWN
    title = parts.cut(headline(alert), plugin.title_maxlen) if plugin.title_maxlen > 0 else headline(alert)
    if rich and manners.joins_title(plugin):
        title = escape(title)
    limit = (plugin.body_maxlen or _BODY) - (0 if plugin.title_maxlen > 0 else len(title) + 4)
    if group is not None:
        body = markdown_group(group, limit) if rich else plain_group(group, limit)
    elif manners.has_fields(plugin):
        body = parts.cut(parts.text_of(alert) or parts.title_of(alert), limit)
    else:
        body = markdown(alert, limit) if rich else plain(alert, limit)
    return {
        "title": title,
        "body": body,
        "body_format": apprise.NotifyFormat.MARKDOWN if rich else apprise.NotifyFormat.TEXT,
        "notify_type": _notify_type(plugin, alert),
    }


def _notify_type(plugin: Any, alert: Alert) -> Any:
    """Apprise's words for levels; its own would refuse `error` and `warn` without a sound. A pager hears that it is over either way."""
    if alert.kind == "resolved" or (alert.kind == "closed" and manners.is_pager(plugin)):
        return apprise.NotifyType.SUCCESS
    if alert.kind == "closed":
        return apprise.NotifyType.INFO
    return {"INFO": apprise.NotifyType.INFO, "WARN": apprise.NotifyType.WARNING, "ERROR": apprise.NotifyType.FAILURE}[
        alert.level
    ]
