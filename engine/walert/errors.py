"""The error tree: one class a kind of failure, and `Problem`, a finding in a file that a user wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


class WalertError(Exception):
    """Anything walert itself reports; its text is a sentence for the user."""


class ConfigError(WalertError):
    """The configuration or a rule file cannot be used; `problems` holds every finding of the pass."""

    def __init__(self, message: str, problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.problems = problems


class AlreadyRunning(WalertError):
    """Another walertd holds the lock of this state file."""

    def __init__(self, message: str, pid: int | None) -> None:
        super().__init__(message)
        self.pid = pid


class NotRunning(WalertError):
    """The command needs a running walertd or its state file, and there is none."""


class StoreError(WalertError):
    """The state file cannot be opened, read or written."""


class DamagedState(StoreError):
    """A value in the state file cannot be understood; the others can."""


class NotHere(WalertError):
    """Training code asks for something of wandb's that only its server could give."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One finding: where it is, what is wrong, and what to do.

    `line` and `column` are 1-based and count characters; 0 means the whole file. `code` is a stable
    kebab-case name such as `unknown-key`. `hint` may be empty.
    """

    file: str
    line: int
    column: int
    code: str
    what: str
    hint: str = ""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        """The one-line form that every tool of the house prints."""
        tail = f" {self.hint}" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {self.severity}[{self.code}]: {self.what}{tail}"
