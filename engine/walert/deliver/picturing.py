"""The picture of a message, drawn in the thread that delivers it. A picture that cannot be drawn never costs the message."""

from __future__ import annotations

import logging
from dataclasses import replace

from walert.deliver import render_parts as parts
from walert.deliver.plot import Picture, picture
from walert.model import Curve, Message

log = logging.getLogger("walert.deliver")

FILE = "plot.png"
"""What the file is called: in ASCII, since other names break the headers of mails."""


def picture_of(message: Message) -> Picture | None:
    """The courses of all that a message tells of one run; None where there is nothing to draw."""
    try:
        if len({alert.run.id for alert in message.alerts}) > 1:
            return None
        made = picture(_curves(message), message.alert.run.name, parts.colour(message.alert))
        return made and replace(made, words=parts.data(made.words))
    except Exception as error:  # a number that no axis was made for must not keep people from hearing of it
        log.warning(
            "receiver %s: the plot of alert %s could not be drawn (%s)",
            message.receiver,
            message.alert.id,
            type(error).__name__,
        )
        return None


def _curves(message: Message) -> list[Curve]:
    """The curves of all its alerts, each metric once, with the limits of every rule."""
    found: dict[str, Curve] = {}
    for curve in (curve for alert in message.alerts for curve in alert.curves):
        known = found.setdefault(curve.name, curve)
        found[curve.name] = replace(known, limits=tuple(dict.fromkeys((*known.limits, *curve.limits))))
    return list(found.values())
