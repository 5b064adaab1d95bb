"""The usage overview as tables on a terminal."""

from itertools import groupby
from typing import Final

from rich.console import Console
from rich.text import Text

from ecr_cleaner.cli.usage_overview import ANY_REPOSITORY, ImageState, ImageUsage, UsageOverview
from ecr_cleaner.report.console import STYLES, short_name, slow_source
from ecr_cleaner.report.terminal import PrintableTable

_DIGEST_LENGTH: Final = 19  # "sha256:" and the first twelve digits
_STATES: Final = {
    ImageState.PRESENT: ("present", "green"),
    ImageState.ARCHIVED: ("archived", "red"),
    ImageState.MISSING: ("missing", "red"),
    ImageState.NO_REPOSITORY: ("no such repository", "red"),
    ImageState.NOT_READ: ("not read", "yellow"),
    ImageState.MANY: ("every image", ""),
}


def print_overview(overview: UsageOverview, console: Console) -> None:
    """Print the images of each repository, then what may be missing."""
    for name, images in groupby(overview.images, key=lambda image: image.repository):
        console.print(_table(name, list(images)))
    for one in overview.wide_usages:
        who = f"{one.consumer} ({one.consumer_arn})" if one.consumer_arn else one.consumer
        references = "; ".join(f"{wide.reference} ({wide.covers})" for wide in one.references)
        console.print(Text(f"wide usage: {who} uses more than an image: {references}; {one.remedy}", "yellow"))
    for line in overview.unprotected:
        console.print(Text(f"unprotected: {line}", "yellow"))
    consumers = {(one.source, one.consumer) for image in overview.images for one in image.consumers}
    console.print(Text(f"{len(overview.images)} images in use by {len(consumers)} consumers."))
    for source in overview.slowest_sources:
        console.print(Text(f"slowest: {slow_source(source)}"))
    for cause in overview.causes:
        console.print(Text(cause, "red"))
    console.print(Text(f"status: {overview.status.value}", STYLES[overview.status]))


def _names(image: ImageUsage) -> list[str]:
    """Names that each command accepts."""
    if image.state is ImageState.MANY:
        return ["(every image)"]
    if image.repository == ANY_REPOSITORY:
        return [image.name[:_DIGEST_LENGTH]]
    if image.name == image.digest:
        return [short_name(image.repository, image.name)]
    return [f"{image.repository}:{tag}" for tag in image.name.split(", ")]


def _table(name: str, images: list[ImageUsage]) -> PrintableTable:
    table = PrintableTable(title=name, title_justify="left", title_style="bold", expand=False)
    table.add_column("image", overflow="fold")
    table.add_column("state")
    table.add_column("used by", overflow="fold")
    table.add_column("source")
    table.add_column("kind")
    for image in images:
        first = (Text(" ".join(_names(image))), Text(*_STATES[image.state]))
        rows = dict.fromkeys((one.consumer, one.source, one.evidence.value) for one in image.consumers)
        for at, row in enumerate(rows):
            table.add_row(*(first if at == 0 else ("", "")), *map(Text, row))
    return table
