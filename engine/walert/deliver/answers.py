"""What an HTTP or SMTP answer means for a message: pure. Reasons are built from status codes and known words, never
from a URL or an exception's own text: those hold tokens.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Literal

from walert.model import Delivered, Outcome, Permanent, Temporary

_PASSING = {408, 421, 425, 429}
_SLACK_PASSING = {
    "ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout",
    "team_added_to_org", "accesslimited", "rollup_error", "message_limit_exceeded",
}  # fmt: skip
_SLACK_WORD = re.compile(r"[a-z][a-z0-9_]{1,48}")


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer; `body` is the beginning of it, `retry_after` is in seconds."""

    status: int
    retry_after: float | None = None
    body: str = ""


def retry_after(value: str | None, date: str | None) -> float | None:
    """Seconds of a Retry-After header, which holds seconds or an HTTP date; None for none and for nonsense.

    A date counts from the answer's own `Date` header: the two clocks need not agree.
    """
    if not value:
        return None
    try:
        return float(value) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value.strip()) else _between(date or "", value)
    except (ValueError, TypeError, OverflowError):
        return None


def of_http(service: str, answer: Answer, word: str = "") -> Outcome:
    """The outcome of one HTTP answer; `service` is how the receiver is named to people, such as `slack://`."""
    if 200 <= answer.status < 300:
        return Delivered()
    reason = f"{service} answered {spoken(answer.status)}" + (f": {word}" if word else "")
    if answer.status in _PASSING or answer.status >= 500:
        return Temporary(reason, answer.retry_after)
    return Permanent(reason)


def of_slack(answer: Answer, expects: Literal["ok", "json", "any"]) -> Outcome:
    """Slack's own words decide: a bot's answer is JSON with `ok`, a webhook's is the word `ok` or an error's name, a
    workflow's may be empty.
    """
    fields, word = json_object(answer.body), slack_word(answer)
    if word in _SLACK_PASSING:
        return Temporary(f"slack:// answered {word}", answer.retry_after)
    if not 200 <= answer.status < 300:
        return of_http("slack://", answer, "" if word == "ok" else word)
    if expects == "any" or (expects == "ok" and word == "ok") or (expects == "json" and fields.get("ok") is True):
        return Delivered(str(fields["ts"]) if isinstance(fields.get("ts"), str) else None)
    return Permanent(f"slack:// answered {word}") if word else Temporary("slack:// answered without saying ok")


def slack_word(answer: Answer) -> str:
    """The word by which Slack names what is wrong, or `ok`; empty when it says none."""
    fields = json_object(answer.body)
    word = str(fields.get("error") or "") if fields else answer.body.strip()
    return word if _SLACK_WORD.fullmatch(word) else ""


def unreached(service: str, why: str) -> Temporary:
    """The outcome of a request that got no answer."""
    return Temporary(f"{service} not reached: {why}")


def of_smtp(what: str, code: int, text: str) -> Outcome:
    """The outcome of a refusal: 5yz is for good, everything else may pass (RFC 5321, 4.2.1). `text` is already free
    of secrets.
    """
    reason = f"mail server refused {what}: {code} {' '.join(text.split())[:160]}".rstrip()
    return Permanent(reason) if 500 <= code < 600 else Temporary(reason)


def worst(outcomes: list[Outcome]) -> Outcome:
    """One outcome for a message with several targets: what is worth another try first, then what failed, then success.

    A failure of some says of how many.
    """
    failures = [outcome for outcome in outcomes if not isinstance(outcome, Delivered)]
    if not failures:
        return outcomes[0] if outcomes else Permanent("the URL names no target")
    passing = [outcome for outcome in failures if isinstance(outcome, Temporary)]
    chosen = passing[0] if passing else failures[0]
    if len(outcomes) == 1:
        return chosen
    reason = f"{len(failures)} of {len(outcomes)} targets failed: {chosen.reason}"
    return Temporary(reason, chosen.retry_after) if isinstance(chosen, Temporary) else Permanent(reason)


def spoken(status: int) -> str:
    """`404 Not Found`, in the RFC's words."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)


def json_object(text: str) -> dict[str, object]:
    """The fields of a JSON object; none for anything else."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _between(start: str, end: str) -> float:
    first, last = (parsedate_to_datetime(date) for date in (start, end))
    return max(
        0.0, (last.replace(tzinfo=last.tzinfo or UTC) - first.replace(tzinfo=first.tzinfo or UTC)).total_seconds()
    )
