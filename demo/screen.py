"""What the demo shows."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ecr_cleaner.report.units import human_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rich.status import Status

    from demo.account import Shelf

_WIDTH: Final = 110
"""Of the tables where the output is no terminal, and at most on a terminal."""

_DIGEST: Final = len("sha256:") + 12
_SHORT: Final = {
    "too_young": "too young",
    "in_use": "in use",
    "part_of_image_in_use": "part of an image in use",
    "in_grace": "in grace",
    "part_of_kept_image": "part of a kept image",
    "refers_to_kept_image": "belongs to a kept image",
    "subject_of_kept_image": "belongs to a kept image",
    "not_a_container_image": "not a container image",
    "archived": "archived",
    "may_be_part_of_archived_index": "may be part of an archived image",
    "too_many_tags": "too many tags",
}


class Screen:
    """Headings, tables, and how long everything took."""

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console(highlight=False)
        console.width = min(console.width, _WIDTH) if console.is_terminal else _WIDTH
        self.console = console
        self._started = time.monotonic()
        self._phases: list[tuple[str, float]] = []

    def phase(self, title: str) -> None:
        """Begins the next part of the story."""
        now = time.monotonic()
        self._phases.append((title, now))
        self.console.print()
        self.console.print(Text(f"{len(self._phases)}. {title}", "bold"), Text(f"({self.seconds:.0f} s)", "dim"))

    @property
    def seconds(self) -> float:
        """Since the demo began."""
        return time.monotonic() - self._started

    def say(self, text: str, style: str = "") -> None:
        """Says something in whole sentences."""
        self.console.print(Padding(Text(text, style), (0, 0, 0, 3)))

    def working(self, text: str) -> Status:
        """Shows that something takes its time, on a terminal."""
        return self.console.status(escape(text))

    def registry(self, shelves: Iterable[Shelf]) -> None:
        """Shows what lies in the registry."""
        table = _table("repository", "opted in", ">images", ">size")
        for shelf in shelves:
            opted_in = Text("yes", "green") if shelf.opted_in else Text("no", "dim")
            table.add_row(shelf.name, opted_in, str(len(shelf.images)), human_bytes(shelf.size))
        self._print(table)

    def verdicts(self, result: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> None:
        """Shows every image of the opted-in repositories: what would be removed, and what keeps the rest."""
        told = [line for line in lines if line.get("logger") == "ecr_cleaner" and "digest" in line]
        for repository in result["repositories"]:
            name = repository["name"]
            if repository["status"] != "evaluated":
                self._skipped(repository)
                continue
            table = _table("", "image", ">age", ">size", "why")
            for row in _rows([line for line in told if line["repository"] == name]):
                table.add_row(*row)
            self.console.print()
            keeps = f"keeps {repository['keep_days']} days, {_counted(repository['removable'])} would be removed"
            self.console.print(Padding(Text.assemble((name, "bold"), (f"  {keeps}", "dim")), (0, 0, 0, 3)))
            self._print(table)

    def _skipped(self, repository: Mapping[str, Any]) -> None:
        self.console.print()
        text = Text.assemble((repository["name"], "bold"), (f"  {repository['status']}", "yellow"))
        text.append(f"\n{repository['detail']}")
        if repository["setting"]:
            text.append(f'\naccepted_gaps = {{ "{repository["setting"]}" = "<reason>" }} would include it', "dim")
        self.console.print(Padding(text, (0, 0, 0, 3)))

    def kept_by(self, consumers: str, lines: Sequence[Mapping[str, Any]]) -> dict[str, str]:
        """Shows which images some consumers keep.

        Args:
            consumers: How the evidence of these begins.
            lines: What the function logged.

        Returns:
            By repository and tags, the first of the consumers without that beginning.
        """
        found = {}
        for line in lines:
            seen = [one for one in line.get("evidence") or () if one.startswith(consumers)]
            if line.get("reason") == "in_use" and seen:
                found[f"{line['repository']}:{_label(line)}"] = seen[0].removeprefix(consumers)
        table = _table(f"kept by {consumers.rstrip(': ')}", "because of")
        for image, consumer in sorted(found.items()):
            table.add_row(image, consumer)
        self._print(table)
        return found

    def sources(self, result: Mapping[str, Any]) -> None:
        """Shows where usages were looked for."""
        table = _table("looked for usages in", ">found", "outcome")
        for source in result["sources"]:
            table.add_row(
                source["source"], str(source["usages"]), ": ".join(filter(None, (source["outcome"], source["detail"])))
            )
        self._print(table)

    def difference(self, before: Sequence[Shelf], after: Sequence[Shelf]) -> None:
        """Shows what went."""
        table = _table("repository", ">images before", ">after", ">went", ">bytes freed, at most")
        now = {shelf.name: shelf for shelf in after}
        went_in_all = freed_in_all = 0
        for shelf in before:
            left = now[shelf.name]
            went, freed = len(shelf.images - left.images), shelf.size - left.size
            went_in_all, freed_in_all = went_in_all + went, freed_in_all + freed
            style = "" if went else "dim"
            row = (
                shelf.name,
                str(len(shelf.images)),
                str(len(left.images)),
                str(went),
                human_bytes(freed) if went else "",
            )
            table.add_row(*row, style=style)
        table.add_section()
        table.add_row("all", _sum(before), _sum(after), str(went_in_all), human_bytes(freed_in_all), style="bold")
        self._print(table)

    def times(self) -> None:
        """Shows how long each phase took."""
        ends = [start for _, start in self._phases[1:]] + [time.monotonic()]
        parts = [f"{title} {end - start:.0f} s" for (title, start), end in zip(self._phases, ends, strict=True)]
        self.say(f"Times: {', '.join(parts)}; {self.seconds:.0f} s in all.", "dim")

    def _print(self, table: Table) -> None:
        self.console.print(Padding(table, (0, 0, 0, 3)))


def _rows(lines: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Text | str, ...]]:
    """What goes, oldest first; then what stays, where images that are merely young share a row."""
    removable = [line for line in lines if "reason" not in line]
    kept = [line for line in lines if "reason" in line]
    for line in sorted(removable, key=_age):
        yield (
            Text("remove", "red"),
            _label(line),
            _days(line),
            human_bytes(line["bytes"]),
            Text("old and unused", "dim"),
        )
    young = [line for line in kept if line["reason"] == "too_young"]
    for line in sorted((line for line in kept if line not in young), key=_age):
        yield Text("keep", "green"), _label(line), _days(line), human_bytes(line["bytes"]), _why(line)
    if young:
        names = ", ".join(_label(line) for line in sorted(young, key=_age))
        ages = sorted({_days(line) for line in young}, key=lambda text: int(text.split()[0]))
        age = ages[0] if len(ages) == 1 else f"{ages[0].split()[0]}-{ages[-1]}"
        yield Text("keep", "green"), names, age, human_bytes(sum(line["bytes"] for line in young)), Text("too young")


def _age(line: Mapping[str, Any]) -> tuple[int, str]:
    return -line["age_days"], line["digest"]


def _days(line: Mapping[str, Any]) -> str:
    return f"{line['age_days']} d"


def _label(line: Mapping[str, Any]) -> str:
    """The image by its tags, else by its digest; a tag that is made of a digest is cut as short as one."""
    tags = (re.sub(r"^(sha256-[0-9a-f]{12})[0-9a-f]{52}", r"\1…", tag) for tag in line["tags"])
    return ", ".join(tags) or str(line["digest"])[:_DIGEST]


def _why(line: Mapping[str, Any]) -> Text:
    """The reason, and what it rests on; the same consumer is often seen in several ways."""
    evidence = list(Counter(line["evidence"]))
    text = Text(_SHORT.get(line["reason"], line["reason"].replace("_", " ")))
    if evidence:
        text.append(f": {evidence[0]}")
    if len(evidence) > 1:
        text.append(f" (and {len(evidence) - 1} more)", "dim")
    return text


def _sum(shelves: Iterable[Shelf]) -> str:
    return str(sum(len(shelf.images) for shelf in shelves))


def _counted(images: int) -> str:
    return f"{images} image" if images == 1 else f"{images} images"


def _table(*columns: str) -> Table:
    """A plain table; a column whose title begins with ``>`` is aligned to the right."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
    for column in columns:
        right = column.startswith(">")
        table.add_column(column.removeprefix(">"), justify="right" if right else "left", no_wrap=right)
    return table
