"""Who uses what, as tables on a terminal."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ecr_cleaner.cli.usage_overview import State
from ecr_cleaner.report.console import STYLES

if TYPE_CHECKING:
    from ecr_cleaner.cli.usage_overview import ImageUsage, UsageOverview

_DIGEST_LENGTH: Final = 19  # "sha256:" and the first twelve digits


_STATES: Final = {
    State.THERE: ("there", "green"),
    State.ARCHIVED: ("archived", "red"),
    State.MISSING: ("gone", "red"),
    State.NO_REPOSITORY: ("no such repository", "red"),
    State.NOT_READ: ("not read", "yellow"),
    State.MANY: ("every image", ""),
}


def print_usages(found: UsageOverview, console: Console | None = None) -> None:
    """Image by image, grouped by repository; then what is not known."""
    console = console or Console()
    for name, images in groupby(found.used, key=lambda one: one.repository):
        console.print(_table(name, list(images)))
    for line in found.unprotected:
        console.print(Text(f"unprotected: {line}", "yellow"))
    consumers = {(usage.source, usage.consumer) for one in found.used for usage in one.usages}
    console.print(Text(f"{len(found.used)} images named by {len(consumers)} consumers."))
    for cause in found.causes:
        console.print(Text(cause, "red"))
    console.print(Text(f"status: {found.status.value}", STYLES[found.status]))


def _table(name: str, images: list[ImageUsage]) -> Table:
    table = Table(title=name, title_justify="left", title_style="bold", expand=False)
    table.add_column("image", overflow="fold")
    table.add_column("is")
    table.add_column("used by", overflow="fold")
    table.add_column("source")
    table.add_column("how")
    for one in images:
        first = (Text(_label(one)), Text(*_STATES[one.state]))
        rows = dict.fromkeys((usage.consumer, usage.source, usage.evidence.value) for usage in one.usages)
        for at, row in enumerate(rows):
            table.add_row(*(first if at == 0 else ("", "")), *map(Text, row))
    return table


def _label(one: ImageUsage) -> str:
    return one.name[:_DIGEST_LENGTH] if one.name == one.digest else one.name
