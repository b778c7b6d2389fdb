"""Elements of a card, from which Markdown, HTML and pages render the same text."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

# Characters of Markdown mark-up. An underscore inside a word is none.
_MARKS = re.compile(r"([\\`*<>\[\]|~$]|&(?=#?\w+;)|(?<!\w)_|_(?!\w))")
_START = re.compile(r"^(?=[#+-]|\d+[.)])")


@dataclass(frozen=True)
class Paragraph:
    """A paragraph of plain text."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list of plain-text items."""

    items: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table of plain text; every row has the length of the head."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Code:
    """Lines of shell commands."""

    lines: tuple[str, ...]


Block = Paragraph | Bullets | Table | Code


@dataclass(frozen=True)
class Chapter:
    """A heading with its blocks; `level` 2 is a chapter, 3 a section of the previous chapter."""

    title: str
    blocks: tuple[Block, ...]
    level: int = 2


def markdown(chapters: Iterable[Chapter]) -> str:
    """Render the chapters in Markdown, with user-supplied text escaped."""
    parts = []
    for chapter in chapters:
        parts += [f"{'#' * chapter.level} {escape(chapter.title)}"]
        parts += map(block_markdown, chapter.blocks)
    return "\n\n".join(parts)


def block_markdown(block: Block) -> str:
    """Render one block in Markdown."""
    if isinstance(block, Paragraph):
        return _line(block.text)
    if isinstance(block, Bullets):
        return "\n".join(f"- {_line(item)}" for item in block.items)
    if isinstance(block, Table):
        rule = tuple("---" for _ in block.head)
        escaped = (tuple(map(escape, row)) for row in block.rows)
        return "\n".join(f"| {' | '.join(row)} |" for row in (block.head, rule, *escaped))
    text = "\n".join(block.lines)
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def escape(text: str) -> str:
    """Escape plain text as one line of Markdown."""
    return _MARKS.sub(r"\\\1", " ".join(text.split()))


def _line(text: str) -> str:
    return _START.sub(r"\\", escape(text))
