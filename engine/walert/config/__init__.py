"""walert.yaml: what is followed, by which rules, and whom it tells.

`load_config` reads it, fills in variables and defaults, and raises `ConfigError` with every problem of the file at once. No problem and no
`repr` ever holds a receiver's URL.
"""

from __future__ import annotations

from walert.config.load import find_config, inspect_config, load_config, read_config
from walert.config.receiver_url import check_receiver_url
from walert.config.values import Config, Heartbeat, ReceiverConfig, RouteConfig

__all__ = [
    "Config",
    "Heartbeat",
    "ReceiverConfig",
    "RouteConfig",
    "check_receiver_url",
    "find_config",
    "inspect_config",
    "load_config",
    "read_config",
]
