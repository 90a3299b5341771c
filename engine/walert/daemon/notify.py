"""What systemd is told: `sd_notify` over a datagram socket, by the standard library alone.

The protocol is sd_notify(3): lines of NAME=VALUE in one datagram to the socket that `$NOTIFY_SOCKET` names, `@` standing for the NUL of an
abstract address. Without that variable nobody listens, and nothing is said.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

PINGS = 4  # in the time that systemd gives: one that is late is no reason to be killed


class Notifier:
    """The way to the service manager. Its methods never raise: a daemon does not stop because its manager does not listen."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Read `$NOTIFY_SOCKET`, and `$WATCHDOG_USEC` if it is meant for this process."""
        self._address = _address(environ.get("NOTIFY_SOCKET", ""))
        self._every = _watchdog(environ)
        self._pinged = float("-inf")
        self._status = ""

    @property
    def every(self) -> float | None:
        """Seconds between two pings of the watchdog, None when it waits for none."""
        return self._every

    def ready(self) -> bool:
        """All is open, and what is there is followed: after the start, and after a reload. True when it was heard."""
        return self._send("READY=1")

    def reloading(self, monotonic: float) -> bool:
        """The configuration is read again. `monotonic` is CLOCK_MONOTONIC in seconds, by which systemd orders what it hears."""
        return self._send(f"RELOADING=1\nMONOTONIC_USEC={int(monotonic * 1_000_000)}")

    def stopping(self) -> bool:
        """What is under way is finished, then it is over."""
        return self._send("STOPPING=1")

    def status(self, text: str) -> bool:
        """One line for `systemctl status`; said only when it is another one."""
        line = " ".join(text.split())
        if line == self._status:
            return False
        self._status = line
        return self._send(f"STATUS={line}")

    def ping(self, monotonic: float) -> bool:
        """Tell the watchdog that all is well, if it is time to. Whoever calls this must have seen that it is."""
        if self._every is None or monotonic - self._pinged < self._every:
            return False
        self._pinged = monotonic
        return self._send("WATCHDOG=1")

    def _send(self, text: str) -> bool:
        if self._address is None:
            return False
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
                channel.settimeout(1.0)
                channel.connect(self._address)
                channel.sendall(text.encode("utf-8", "backslashreplace"))
        except (OSError, ValueError):
            return False
        return True


def _address(named: str) -> str | None:
    """A path, or an abstract address; anything else (vsock) is not for this machine's manager."""
    if named.startswith("@"):
        return "\0" + named[1:]
    return named if os.path.isabs(named) else None


def _watchdog(environ: Mapping[str, str]) -> float | None:
    meant = environ.get("WATCHDOG_PID", "")
    asked = environ.get("WATCHDOG_USEC", "")
    if not asked.isascii() or not asked.isdigit() or (meant and meant != str(os.getpid())):
        return None
    return int(asked) / 1_000_000 / PINGS or None
