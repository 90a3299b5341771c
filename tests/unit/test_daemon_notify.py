"""What systemd hears: real datagrams, on a path and on an abstract address."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from walert.daemon.notify import Notifier


@contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    """A socket as systemd has one."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + address[1:] if address.startswith("@") else address)
        listening.settimeout(5.0)
        yield listening


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:  # short: an address has 108 bytes
        yield os.path.join(folder, "notify") if request.param == "path" else f"@walert-test-{os.getpid()}"


def heard(listening: socket.socket) -> list[str]:
    """The next datagram, line by line."""
    return listening.recv(4096).decode().split("\n")


def test_each_state_is_one_datagram(address: str) -> None:
    with manager(address) as systemd:
        notifier = Notifier({"NOTIFY_SOCKET": address})
        assert notifier.ready() and heard(systemd) == ["READY=1"]
        assert notifier.reloading(12.5) and heard(systemd) == ["RELOADING=1", "MONOTONIC_USEC=12500000"]
        assert notifier.stopping() and heard(systemd) == ["STOPPING=1"]
        assert notifier.status("two\nlines") and heard(systemd) == ["STATUS=two lines"]


def test_a_status_is_said_when_it_is_another_one(address: str) -> None:
    with manager(address):
        notifier = Notifier({"NOTIFY_SOCKET": address})
        assert [notifier.status(text) for text in ("a", "a", "b", "a")] == [True, False, True, True]


def test_the_watchdog_is_pinged_four_times_in_the_time_it_gives(address: str) -> None:
    with manager(address) as systemd:
        notifier = Notifier({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())})
        assert notifier.every == 15.0
        assert [notifier.ping(now) for now in (100.0, 114.9, 115.0, 120.0, 131.0)] == [True, False, True, False, True]
        assert [heard(systemd) for _ in range(3)] == [["WATCHDOG=1"]] * 3


@pytest.mark.parametrize(
    "environ", [{}, {"WATCHDOG_USEC": "0"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": "9" * 9, "WATCHDOG_PID": "1"}]
)
def test_a_watchdog_that_is_not_asked_for_is_not_pinged(environ: dict[str, str], address: str) -> None:
    with manager(address):
        notifier = Notifier({"NOTIFY_SOCKET": address, **environ})
        assert notifier.every is None and not notifier.ping(1.0)


@pytest.mark.parametrize(
    "named", ["", "relative", "vsock:2:1234", "/there/is/nobody", "@nobody-listens-here", "/" + "x" * 200, "@a\0b"]
)
def test_nobody_who_listens_is_no_error(named: str) -> None:
    assert not Notifier({"NOTIFY_SOCKET": named}).ready()


def test_a_manager_that_does_not_read_holds_nothing_up(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory() as folder, manager(f"{folder}/n") as systemd:
        systemd.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        notifier = Notifier({"NOTIFY_SOCKET": f"{folder}/n"})
        sent = 0
        while notifier.ready():
            sent += 1
        assert 0 < sent < 10_000
