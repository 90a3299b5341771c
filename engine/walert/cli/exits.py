"""The exit codes of every command, and the exception that ends a command with one."""

from __future__ import annotations

FINE = 0
PROBLEMS = 1
USAGE = 2
NOT_RUNNING = 3
ALREADY_RUNNING = 3
UNDELIVERED = 5


class ExitCode(Exception):
    """Ends the command with `code`, saying `text` on stderr."""

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text
