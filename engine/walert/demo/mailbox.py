"""A mailbox on loopback: an SMTP server that keeps every mail as a file. aiosmtpd's one door."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from pathlib import Path
from types import TracebackType
from typing import Any


class Mailbox:
    """Listens on a free port of 127.0.0.1 while it is open; mails are written to `folder` as N.eml."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mails: list[Path] = []
        self._controller: Any = None

    def __enter__(self) -> Mailbox:
        import socket

        from aiosmtpd.controller import Controller

        self.folder.mkdir(parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._controller = Controller(self, hostname="127.0.0.1", port=port)
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._controller.port)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        """Keep one mail."""
        path = self.folder / f"{len(self.mails) + 1}.eml"
        path.write_bytes(envelope.content)
        self.mails.append(path)
        return "250 kept"


def read(path: Path) -> tuple[str, str]:
    """The subject and the text of a mail, as its reader sees them."""
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(("plain", "html"))
    return str(message["subject"]), body.get_content() if body is not None else ""
