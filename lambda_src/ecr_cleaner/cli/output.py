"""Where what a command says goes: the terminal, or a file that is whole or not there."""

from __future__ import annotations

import os
import sys
import uuid
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click
from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Callable

_WIDTH: Final = 160
"""Of what no terminal shows, in characters; COLUMNS says otherwise."""


def path(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Path | None:
    """What an option names as a file to write: refused before the work begins, not after it.

    Raises:
        click.BadParameter: It cannot be written.
    """
    if value is None:
        return None
    # What a link leads to is replaced, not the link.
    found = Path(value).resolve()
    for hindered, why in (
        (found.is_dir(), "is a folder"),
        (found.exists() and not found.is_file(), "is no regular file"),
        (not found.parent.is_dir(), "lies in a folder that does not exist"),
        (not os.access(found.parent, os.W_OK), "lies in a folder that may not be written"),
    ):
        if hindered:
            message = f"{value} {why}"
            raise click.BadParameter(message)
    return found


def screen() -> Console:
    """Standard output: colours for a terminal alone, and not where NO_COLOR is set."""
    wide = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return Console(width=_WIDTH) if wide else Console()


def rendered(write: Callable[[Console], object]) -> str:
    """What something writes, as plain text."""
    page = StringIO()
    write(Console(file=page, width=_WIDTH, force_terminal=False, no_color=True))
    return page.getvalue()


def replace(file: Path, text: str) -> None:
    """Write a file as a whole: until then whatever was there stays.

    Raises:
        click.ClickException: It cannot be written.
    """
    beside = file.with_name(f".{file.name}.{uuid.uuid4().hex[:8]}")
    try:
        with beside.open("x", encoding="utf-8") as made:
            made.write(text)
            made.flush()
            os.fsync(made.fileno())
        beside.replace(file)
    except OSError as error:
        message = f"{file} cannot be written: {error.strerror}"
        raise click.ClickException(message) from None
    finally:
        beside.unlink(missing_ok=True)
