"""Console and table that print no character that is not printable: each text is one line, each cell has one."""

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from ecr_cleaner.printable import printable


class PrintableConsole(Console):
    """A console for texts of one line."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render a text, or whatever else can be rendered."""
        return super().render(_printable(renderable), options)

    def on_broken_pipe(self) -> None:
        """Leave the exit code to the command.

        Raises:
            BrokenPipeError: Always.
        """
        raise BrokenPipeError


class PrintableTable(Table):
    """A table whose columns are as wide as what is shown in them."""

    def add_row(self, *cells: Any, **options: Any) -> None:
        """Add a row of texts."""
        super().add_row(*map(_printable, cells), **options)


def _printable(renderable: Any) -> Any:
    if isinstance(renderable, Text):
        # Lengths stay the same, and so do the spans of styles.
        renderable = renderable.copy()
        renderable.plain = printable(renderable.plain)
    return renderable
