"""Just enough Markdown: headings with GitHub's anchors, tables, links, fenced code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

_FENCE: Final = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING: Final = re.compile(r"^#{1,6} (?P<text>.+)$", re.MULTILINE)
_LINK: Final = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_GENERATED: Final = re.compile(r"^<!-- generated: .*?^<!-- end: [a-z-]+ -->$\n", re.MULTILINE | re.DOTALL)
_CODE: Final = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Code:
    """One fenced block.

    Attributes:
        language: As written after the fence; may be empty.
        text: What is inside.
    """

    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table, cells as written and without the blanks around them."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def column(self, number: int) -> list[str]:
        """The cells of a column, from the first row to the last."""
        return [row[number] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Page:
    """One Markdown file."""

    path: Path

    @property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text()

    @property
    def prose(self) -> str:
        """What is not in a fence."""
        return _FENCE.sub("", self.text)

    @property
    def written(self) -> str:
        """What people write: all of it but the generated parts."""
        return _GENERATED.sub("", self.text)

    @property
    def headings(self) -> list[str]:
        """The texts of all headings."""
        return [match["text"] for match in _HEADING.finditer(self.prose)]

    @property
    def code(self) -> list[Code]:
        """What is in a fence."""
        return [Code(match["language"], match["text"]) for match in _FENCE.finditer(self.text)]

    @property
    def anchors(self) -> set[str]:
        """What links into the page may name: GitHub's form of its headings."""
        return {anchor(heading) for heading in self.headings}

    @property
    def links(self) -> list[str]:
        """The targets of all links."""
        return [match["target"] for match in _LINK.finditer(self.prose)]

    def table(self, *head: str) -> Table:
        """The one table whose header begins with these cells.

        Raises:
            LookupError: There is none, or more than one.
        """
        found = [table for table in self.tables() if table.head[: len(head)] == head]
        if len(found) != 1:
            raise LookupError(f"{self.path.name} has {len(found)} tables that begin with {head}")
        return found[0]

    def tables(self) -> list[Table]:
        """Every table."""
        found: list[Table] = []
        rows: list[tuple[str, ...]] = []
        for line in [*self.prose.splitlines(), ""]:
            if line.startswith("|"):
                rows.append(tuple(cell.strip() for cell in line.strip("|").split("|")))
            elif rows:
                found.append(Table(rows[0], tuple(rows[2:])))
                rows = []
        return found


def codes(cell: str) -> list[str]:
    """What a cell writes as code."""
    return _CODE.findall(cell)


def anchor(heading: str) -> str:
    """How links name a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
