"""Real servers on loopback that remember what they were told and answer as a test wishes, and an outbox in memory.

Every wait here is for an event; nothing sleeps.
"""

from __future__ import annotations

import json
import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from walert.deliver import Dead, Retry
from walert.deliver.policy import LONGEST_RETRY_AFTER
from walert.model import Alert, AlertLevel, Curve, Message, Outcome, Run, Terms


def alert(**changes: Any) -> Alert:
    """An alert with everything in it; change what the test is about."""
    facts: dict[str, Any] = {
        "id": "a1b2c3d4",
        "kind": "firing",
        "run": Run("run-1", "resnet-1", "vision", ("nightly",), "gpu-7"),
        "title": "Low accuracy",
        "level": AlertLevel.WARN,
        "text": "acc 0.712 is under 0.8",
        "values": {"acc": 0.712},
        "step": 1200.0,
        "time": 1_740_830_400.0,
        "log": "runs/resnet-1/metrics.jsonl:1200",
        "origin": "rules/vision.yaml:7",
        "host": "gpu-7",
    }
    return Alert(**{**facts, **changes})


CURVE = Curve("acc", (1000.0, 1100.0, 1200.0), (0.91, 0.88, 0.712), (0.8,))
"""The course of the metric of `alert()`: an alert with `curves=(CURVE,)` has a plot."""


def message(id_: int = 1, receiver: str = "ml-team", tries: int = 1, **changes: Any) -> Message:
    """A message of `alert(**changes)`."""
    return Message(id_, receiver, alert(**changes), tries, born=1_740_830_400.0)


@dataclass
class SystemClock:
    """The machine's clocks."""

    def now(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass
class HandClock:
    """A clock that a test turns."""

    at: float = 1_740_830_400.0
    ticks: float = 1_000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.ticks

    def turn(self, seconds: float) -> None:
        self.at += seconds
        self.ticks += seconds


# --- certificates ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Authority:
    """A certificate authority that a test may trust: set SSL_CERT_FILE and REQUESTS_CA_BUNDLE to `bundle`."""

    bundle: Path
    server: ssl.SSLContext


def authority(folder: Path) -> Authority:
    """Make one, with a certificate for localhost."""
    ca = trustme.CA()
    bundle = folder / "ca.pem"
    ca.cert_pem.write_to_path(str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return Authority(bundle, context)


# --- HTTPS -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reply:
    """What the server answers. `manner`: at once, never (`hang`), or a byte now and then without end (`drip`)."""

    status: int = 200
    body: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    manner: str = "at once"


@dataclass(frozen=True)
class Request:
    """What the server was told."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one segment an answer: two small ones wait 40 ms for each other
    server: HttpsServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.told.put(Request(self.command, self.path, dict(self.headers.items()), body))
        self._answer(self.server.reply_to(self.path))

    do_GET = do_PUT = do_POST

    def _answer(self, reply: Reply) -> None:
        if reply.manner == "hang":
            self.close_connection = True
            self.server.closing.wait(60)
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        dripping = reply.manner == "drip"
        self.send_header("Content-Length", str(1_000_000 if dripping else len(reply.body)))
        self.end_headers()
        if not dripping:
            self.wfile.write(reply.body)
            return
        self.close_connection = True
        while not self.server.closing.wait(0.02):
            self.wfile.write(b".")
            self.wfile.flush()

    def log_message(self, *args: Any) -> None:
        pass


class HttpsServer(ThreadingHTTPServer):
    """Records requests in `told`; answers `script`, one reply a request, then `reply` for ever."""

    daemon_threads = True
    block_on_close = True

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._context = context
        self.told: queue.Queue[Request] = queue.Queue()
        self.script: list[Reply] = []
        self.by_path: dict[str, Reply] = {}
        self.reply = Reply()
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"https://localhost:{self.server_port}"

    def reply_to(self, path: str) -> Reply:
        if (known := self.by_path.get(path.partition("?")[0])) is not None:
            return known
        return self.script.pop(0) if self.script else self.reply

    def requests(self) -> list[Request]:
        """All that came since the last question."""
        return [self.told.get_nowait() for _ in range(self.told.qsize())]

    def finish_request(self, request: Any, client_address: Any) -> None:
        try:
            with self._context.wrap_socket(request, server_side=True) as secured:
                self.RequestHandlerClass(secured, client_address, self)
        except OSError:  # the client went away, or did not trust the certificate
            pass

    def shutdown_request(self, request: Any) -> None:
        self.close_request(request)


@contextmanager
def serving(server: Any) -> Iterator[Any]:
    """`server`, running; at the end it lets go of whoever hangs on it, once its `closing` is set."""
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


def https_server(context: ssl.SSLContext, kind: type[HttpsServer] = HttpsServer) -> AbstractContextManager[HttpsServer]:
    """A running server."""
    return serving(kind(context))


# --- SMTP --------------------------------------------------------------------------------------------------------


@dataclass
class Mailbox:
    """What a mail server took, and whom and what it refuses."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)  # address -> "550 no such user"
    data_answer: str | None = None
    image_answer: str | None = None  # to a mail with an image in it
    login_answer: str | None = None

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.refused:
            return self.refused[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.data_answer:
            return self.data_answer
        if self.image_answer and b"image/png" in (envelope.content or b""):
            return self.image_answer
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        mail = message_from_bytes(content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.recipients.append(list(envelope.rcpt_tos))
        return "250 taken"

    def login(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, auth: Any) -> AuthResult:
        assert isinstance(auth, LoginPassword)
        self.logins.append((auth.login.decode(), auth.password.decode()))
        if self.login_answer:
            return AuthResult(success=False, handled=False, message=self.login_answer)
        return AuthResult(success=True)


@contextmanager
def smtp_server(
    *, implicit: ssl.SSLContext | None = None, starttls: ssl.SSLContext | None = None, login: bool = False
) -> Iterator[Mailbox]:
    """A running mail server: with TLS from the first byte, with STARTTLS, or in the clear; with a login or without."""
    box = Mailbox()
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=_free_port(),
        ssl_context=implicit,
        tls_context=starttls,
        require_starttls=starttls is not None,
        authenticator=box.login if login else None,
        auth_required=login,
        auth_require_tls=starttls is not None,
    )
    controller.start()
    try:
        box.port = controller.port
        yield box
    finally:
        controller.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- outbox ------------------------------------------------------------------------------------------------------


@dataclass
class Row:
    """One message and what became of it."""

    message: Message
    state: str = "waiting"
    next_at: float = 0.0
    leased_until: float = 0.0
    tries: int = 0
    settled: int = 0
    reasons: list[str] = field(default_factory=list)
    reference: str | None = None


class MemoryOutbox:
    """The outbox of a process without a state file. `happened` wakes whoever waits."""

    def __init__(self) -> None:
        self.rows: dict[int, Row] = {}
        self.happened = threading.Condition()
        self.broken: Exception | None = None
        self.refusals = 0

    def add(self, *messages: Message) -> None:
        with self.happened:
            for each in messages:
                self.rows[each.id] = Row(each)

    def state(self, message_id: int) -> str:
        with self.happened:
            return self.rows[message_id].state

    def until(self, message_id: int, *states: str, tries: int = 0, timeout: float = 20.0) -> Row:
        """Wait for a message to be in one of `states` after `tries` tries; its row."""
        row = self.rows[message_id]
        with self.happened:
            arrived = self.happened.wait_for(lambda: row.state in states and row.settled >= tries, timeout)
        assert arrived, f"message {message_id} is {row.state} after {row.settled} tries: {row.reasons}"
        return row

    def until_refused(self, times: int, timeout: float = 20.0) -> None:
        """Wait for the broken outbox to have refused so many calls."""
        with self.happened:
            assert self.happened.wait_for(lambda: self.refusals >= times, timeout)

    # the protocol

    def lease(self, receiver: str, now: float, owner: str, seconds: float, limit: int, terms: Terms) -> list[Message]:
        with self.happened:
            self._check()
            due = [row for row in self.rows.values() if row.message.receiver == receiver and self._due(row, now)]
            for row in due[:limit]:
                row.leased_until = now + seconds
                row.tries += 1
            return [
                Message(row.message.id, receiver, row.message.alert, row.tries, row.message.born) for row in due[:limit]
            ]

    def settle(self, message_id: int, outcome: Outcome, verdict: Retry | Dead | None, now: float) -> None:
        with self.happened:
            self._check()
            row = self.rows[message_id]
            row.leased_until = 0.0
            row.settled += 1
            if isinstance(verdict, Retry):
                row.next_at = verdict.at
            else:
                row.state = "dead" if isinstance(verdict, Dead) else "delivered"
            row.reference = getattr(outcome, "reference", None)
            if reason := getattr(outcome, "reason", None):
                row.reasons.append(verdict.reason if isinstance(verdict, Dead) else reason)
            self.happened.notify_all()

    def next_due(self, receiver: str, now: float | None = None, least: int = 0) -> float | None:
        with self.happened:
            rows = [row for row in self.rows.values() if row.message.receiver == receiver and row.state == "waiting"]
            return min((max(row.next_at, row.leased_until) for row in rows), default=None)

    def close(self) -> None:
        pass

    def _due(self, row: Row, now: float) -> bool:
        ahead = row.next_at - now
        return row.state == "waiting" and row.leased_until <= now and not 0 < ahead <= LONGEST_RETRY_AFTER

    def _check(self) -> None:
        if self.broken is not None:
            self.refusals += 1
            self.happened.notify_all()
            raise self.broken
