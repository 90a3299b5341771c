"""Slack by Apprise's URLs and connection; the payload, the reading of the answer, threads and plots are walert's own.

With a bot token a run has a thread: its first message in a channel begins it, the later ones reply, *resolved* beside its firing. A plot
is uploaded below the message it belongs to. Webhooks can do neither (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import Any, Literal

from walert.deliver import answers
from walert.deliver.apprise_door import SLACK_CHANNEL, AttachMemory, NotifySlack, SlackMode
from walert.deliver.call import Call, required
from walert.deliver.picturing import FILE, picture_of
from walert.deliver.plot import Picture
from walert.deliver.render_slack import slack_group, slack_payload, slack_text
from walert.levels import AlertLevel
from walert.model import Alert, Delivered, Outcome, Permanent

_ITSELF = "walertd"
"""The run under whose name walertd tells of receivers, of silences and of several runs."""
_NO_THREAD = frozenset(
    {
        "cannot_reply_to_message", "invalid_thread_ts", "message_not_found", "restricted_action_non_threadable_channel",
        "restricted_action_thread_locked", "thread_not_found",
    }
)  # fmt: skip
"""What Slack says of a thread that one cannot reply to (any more): the message then stands in the channel."""


class SlackService(NotifySlack):  # type: ignore[misc]
    """`slack://`: webhooks, bot tokens and workflows."""

    def send(self, *args: Any, **kwargs: Any) -> bool:
        """Post the message under way to every channel that does not have it yet."""
        call = required()
        outcome = answers.worst([self._posted(call, channel) for channel in self.channels])
        call.outcome = Delivered(_reference(call)) if isinstance(outcome, Delivered) else outcome
        return isinstance(outcome, Delivered)

    def _posted(self, call: Call, channel: str | None) -> Outcome:
        if (key := self._key(channel)) in call.accepted:
            return Delivered()
        payload = self._payload(call)
        if channel is not None and (problem := self._address(payload, channel, call)):
            return problem
        outcome = self._in_thread(call, payload, _thread(call, key))
        if isinstance(outcome, Delivered):
            place = self._place(call, payload)
            call.accepted[key] = place and f"{key}:{place[0]}:{place[1]}"
            if place:
                self._show_plot(call, *place)
        return outcome

    def _in_thread(self, call: Call, payload: dict[str, Any], thread: str | None) -> Outcome:
        """Post `payload` into the run's thread; into the channel when there is none, or it does not take replies."""
        if thread is None or "thread_ts" in payload:
            return self._post(call, payload)
        payload["thread_ts"] = thread
        if _is_urgent(call.alert):
            payload["reply_broadcast"] = True
        outcome = self._post(call, payload)
        if isinstance(outcome, Permanent) and answers.slack_word(call.answers[-1]) in _NO_THREAD:
            del payload["thread_ts"]
            payload.pop("reply_broadcast", None)
            return self._post(call, payload)
        return outcome

    def _post(self, call: Call, payload: dict[str, Any]) -> Outcome:
        call.forget()
        with contextlib.suppress(Exception):  # it stumbles over answers that are no JSON object
            self._send(self._target(), payload)
        if call.failures or not call.answers:
            return answers.unreached("slack://", call.failures[-1] if call.failures else "no request was made")
        return answers.of_slack(call.answers[-1], self._expects())

    def _payload(self, call: Call) -> dict[str, Any]:
        if self.mode in (SlackMode.WORKFLOW, SlackMode.WORKFLOW_TRIGGER):
            return {"text": slack_text(call.alert)}
        payload = slack_group(call.group) if call.group is not None else slack_payload(call.alert)
        return payload | ({"username": self.user} if self.user else {})

    # --- where to

    def _address(self, payload: dict[str, Any], channel: str, call: Call) -> Outcome | None:
        """Write the channel into the payload: `#name`, `@user`, `+C024…` and `C024…`, an address, and `:thread` after
        any.
        """
        if "@" in channel[1:]:
            payload["channel"] = self.lookup_userid(channel)
            return None if payload["channel"] else self._not_found(call)
        match = SLACK_CHANNEL.match(channel)
        if not match:
            return Permanent("slack:// cannot read a channel of the URL")
        name, thread = match.group("channel"), match.group("thread_ts")
        is_id = name[0] == "+" or (len(name) >= 9 and name[0] in "CDGU" and name.isalnum() and name.isupper())
        payload["channel"] = name.lstrip("+") if is_id else name if name[0] in "#@" else f"#{name}"
        if thread:
            payload["thread_ts"] = thread
        return None

    def _not_found(self, call: Call) -> Outcome:
        if call.failures:
            return answers.unreached("slack://", call.failures[-1])
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
        return f"{base}/{path}" if base else self._method("chat.postMessage")

    def _method(self, name: str) -> str:
        return str(self.api_url.format(name))

    def _expects(self) -> Literal["ok", "json", "any"]:
        if self.mode in (SlackMode.WORKFLOW, SlackMode.WORKFLOW_TRIGGER):
            return "any"
        return "json" if self.mode == SlackMode.BOT else "ok"

    # --- threads

    def _key(self, channel: str | None) -> str:
        """What a thread belongs to: this token's channel. Another token or channel in the configuration begins anew."""
        return hashlib.blake2b(f"{self.access_token}\0{channel}".encode(), digest_size=5).hexdigest()

    def _place(self, call: Call, payload: dict[str, Any]) -> tuple[str, str] | None:
        """(channel id, the thread's first message) of what was just posted, as Slack tells a bot."""
        if self.mode != SlackMode.BOT:
            return None
        fields = answers.json_object(call.answers[-1].body)
        channel, ts = fields.get("channel"), payload.get("thread_ts") or fields.get("ts")
        return (channel, ts) if isinstance(channel, str) and isinstance(ts, str) and channel.isalnum() else None

    # --- plots

    def _show_plot(self, call: Call, channel: str, thread: str) -> None:
        """Upload the plot below the message, as https://docs.slack.dev/messaging/working-with-files describes. It never costs the message."""
        made = picture_of(call.message)
        if made is None:
            return
        call.without_plot(call.follow_up(lambda own: self._upload(own, made, channel, thread)))

    def _upload(self, call: Call, made: Picture, channel: str, thread: str) -> str | None:
        """Why the plot could not be shown; None when it is."""
        params = {"filename": FILE, "length": len(made.png), "alt_txt": made.words[:1000]}
        place = self._ask(call, self._method("files.getUploadURLExternal"), {}, http_method="get", params=params)
        if isinstance(place, str):
            return place
        url, file = place.get("upload_url"), place.get("file_id")
        if not isinstance(url, str) or not isinstance(file, str):
            return "slack:// named no place for the upload"
        call.forget()
        self._send(url, {}, attach=AttachMemory(content=made.png, name=FILE, mimetype="image/png"))
        if not call.answers or call.answers[-1].status != 200:
            return "slack:// did not take the file"
        shared = {"files": [{"id": file, "title": made.words[:200]}], "channel_id": channel, "thread_ts": thread}
        done = self._ask(call, self._method("files.completeUploadExternal"), shared)
        return done if isinstance(done, str) else None

    def _ask(self, call: Call, url: str, payload: dict[str, Any], **more: Any) -> dict[str, object] | str:
        """The fields of Slack's answer, or the reason why there are none."""
        call.forget()
        with contextlib.suppress(Exception):
            self._send(url, payload, **more)
        if not call.answers:
            return answers.unreached("slack://", (call.failures or ["no request was made"])[-1]).reason
        outcome = answers.of_slack(call.answers[-1], "json")
        return answers.json_object(call.answers[-1].body) if isinstance(outcome, Delivered) else outcome.reason


def _thread(call: Call, key: str) -> str | None:
    """The thread of the run in the channel of `key`, as an earlier message left it."""
    if not _is_of_a_run(call):
        return None
    for place in (call.message.thread or "").split():
        owner, _, thread = place.split(":") if place.count(":") == 2 else ("", "", "")
        if owner == key:
            return thread
    return None


def _reference(call: Call) -> str | None:
    """Where the run is told from now on, for each channel."""
    if not _is_of_a_run(call):
        return None
    return " ".join(place for place in call.accepted.values() if place) or None


def _is_of_a_run(call: Call) -> bool:
    """Whether a message has a place in a run's thread: not one of several runs, nor what walertd tells of itself, which nobody follows."""
    return call.alert.run.id != _ITSELF


def _is_urgent(alert: Alert) -> bool:
    """A reply is seen by those who follow the thread; an ERROR that begins is shown to the channel as well."""
    return alert.level is AlertLevel.ERROR and alert.kind in ("firing", "alert", "lifecycle")
