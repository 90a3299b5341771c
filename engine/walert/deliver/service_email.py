"""Email by Apprise's URLs, server knowledge and connection; the mails are walert's own, one transaction a recipient, so that nobody gets
a mail twice for another's sake.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from walert.deliver import answers, mail, redact
from walert.deliver.apprise_door import AppriseSMTPController, NotifyEmail
from walert.deliver.call import Call, required
from walert.deliver.picturing import picture_of
from walert.deliver.render_email import email
from walert.model import Delivered, Outcome


class EmailService(NotifyEmail):  # type: ignore[misc]
    """`mailto://` and `mailtos://`."""

    def send(self, *args: Any, **kwargs: Any) -> bool:
        """Send the message under way to every recipient that does not have it yet."""
        if self.pgp_mode != "no":  # signing and encrypting are Apprise's; the mail is then plain text
            return bool(super().send(*args, **kwargs))
        call = required()
        call.outcome = answers.worst(list(self._delivered(call)))
        return isinstance(call.outcome, Delivered)

    def _delivered(self, call: Call) -> Iterator[Outcome]:
        letters = [letter for letter in self._letters(call) if letter.recipient not in call.accepted]
        secrets = redact.secrets_of(f"smtp://{self.user or ''}:{self.password or ''}@")
        yield from (Delivered() for _ in call.accepted)
        try:
            with self._connection() as smtp:
                for letter in letters:
                    outcome = mail.attempt(smtp.deliver, letter, secrets)
                    if isinstance(outcome, Delivered):
                        call.accepted[letter.recipient] = None
                        call.without_plot(outcome.note)
                    yield outcome
        except Exception as error:
            yield mail.outcome_of(error, "the connection", secrets)

    def _letters(self, call: Call) -> list[mail.Letter]:
        copies = sorted(self.cc), sorted(self.bcc)
        extra = {**self.headers, "X-Application": self.app_id}
        made = picture_of(call.message)
        words = email(call.alert, made, call.group)
        bare = email(call.alert, None, call.group) if made is not None else None
        return mail.letters(
            words,
            call.alert,
            tuple(self.from_addr),
            self.targets,
            copies,
            sorted(self.reply_to),
            self.names,
            extra,
            bare,
        )

    def _connection(self) -> Any:
        return _Smtp(
            host=self.smtp_host,
            port=self.port,
            secure_mode=self.secure_mode,
            user=self.user,
            password=self.password,
            verify_certificate=self.verify_certificate,
            socket_connect_timeout=self.socket_connect_timeout,
        )


class _Smtp(AppriseSMTPController):  # type: ignore[misc]
    """Apprise's connection with TLS and login; a refusal is raised, not hidden."""

    def deliver(self, sender: str, recipient: str, content: bytes) -> None:
        self._socket.sendmail(sender, [recipient], content)
