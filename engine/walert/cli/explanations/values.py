"""What an explanation is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Shown = Literal["when", "rule", "file", "config", "test", "folder", ""]
"""What an example is: a condition, one rule, a whole rule, configuration or test file, or nothing that a single file can show."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a code means, and the same thing written wrong and right. `severity` is what `walert check` calls it."""

    code: str
    text: str
    wrong: str = ""
    right: str = ""
    shown: Shown = "when"
    severity: Literal["error", "warning", "error or warning"] = "error"
