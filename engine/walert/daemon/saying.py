"""The first and the last line of walertd's log."""

from __future__ import annotations

import os
from collections.abc import Mapping

from walert.config import Config


def greeting(config: Config, rules: int) -> str:
    """Who follows what, by how many rules, and where the state is."""
    places = ", ".join(sorted({source.path for source in config.sources}))
    return f"walertd {os.getpid()} follows {places} by {_counted(rules, 'rule')}; state in {config.state}"


def farewell(undelivered: Mapping[str, int]) -> str:
    """What is left in the outbox, by state."""
    said = [f"{_counted(count, 'message')} {state}" for state, count in undelivered.items()]
    return f"{' and '.join(said)}: see `walert outbox`" if said else "all is delivered"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
