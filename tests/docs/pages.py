"""The pages of this checkout, and what stands in them: blocks of code, commands, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("engine", "rules", "schemas", "tests")

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WRITTEN = re.compile(r"`(walert [a-z][^`\n]*)`((?:,\s`[a-z]+`)*)")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is that of its first line of text."""

    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[str]:
    """Every Markdown page, by its path from the top."""
    found = [*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))]
    return sorted(page.relative_to(ROOT).as_posix() for page in found)


def text(page: str) -> str:
    """What stands in a page."""
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(*languages: str) -> list[Block]:
    """The fenced blocks in these languages, of all pages."""
    return [block for page in pages() for block in _blocks(page) if block.language in languages]


def _blocks(page: str) -> Iterator[Block]:
    content = text(page)
    for fence in FENCE.finditer(content):
        yield Block(page, content.count("\n", 0, fence.start(2)) + 1, fence[1], fence[2])


def commands(page: str) -> list[tuple[str, list[str]]]:
    """The verbs that a page's text and console blocks name, each with the long options written after it."""
    written = [*_written(FENCE.sub("", text(page))), *_typed(page)]
    return [(line.split()[1], re.findall(r"--[\w-]+", line)) for line in written]


def _written(prose: str) -> Iterator[str]:
    """`walert status`, `alerts`, `outbox` name three commands."""
    for series in WRITTEN.finditer(prose):
        yield series[1]
        yield from (f"walert {verb}" for verb in re.findall(r"`([a-z]+)`", series[2]))


def _typed(page: str) -> Iterator[str]:
    lines = (line for block in _blocks(page) if block.language == "console" for line in block.text.splitlines())
    yield from (line.removeprefix("$ ").partition(" # ")[0] for line in lines if line.startswith("$ walert "))


def links(page: str) -> list[str]:
    """The targets of a page's links, code blocks apart."""
    return LINK.findall(FENCE.sub("", text(page)))


def anchors(page: str) -> set[str]:
    """The names of a page's headings, as a link to them writes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
