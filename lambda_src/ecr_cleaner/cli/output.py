"""Writes the result of a command: in which format, and to standard output or into a file.

A result is a document, which `FORMATS` render for programs, and tables, which the command prints. To add a format, add
its renderer to `FORMATS`: every command with a result accepts it in ``--format``.
"""

import csv
import json
import os
import sys
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from ecr_cleaner.printable import printable
from ecr_cleaner.report.terminal import PrintableConsole

Command = Callable[..., Any]

_WIDTH: Final = 160
"""In characters, where no terminal says how wide it is; COLUMNS says otherwise."""


TABLE: Final = "table"
"""The format for people, which each command prints itself."""

_ROWS: Final = ("images", "repositories", "sources", "targets")
"""The lists of a document of which the first that it has is the table of a CSV file."""


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(printable(document), indent=2, default=datetime.isoformat) + "\n"


def _csv(document: Mapping[str, Any]) -> str:
    """The rows of a document's main list; lists in a cell are joined, objects in a cell are JSON."""
    rows = [_flat(row) for row in next((document[name] for name in _ROWS if name in document), ())]
    written = StringIO()
    writer = csv.DictWriter(written, list(dict.fromkeys(name for row in rows for name in row)), lineterminator="\n")
    if rows:
        writer.writeheader()
        writer.writerows(rows)
    return written.getvalue()


def _flat(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: _safe(_cell(printable(value))) for name, value in row.items()}


def _cell(value: Any) -> str:
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return "; ".join(value)
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, default=datetime.isoformat).strip('"')


def _safe(text: str) -> str:
    """Spreadsheets run what begins like a formula (https://owasp.org/www-community/attacks/CSV_Injection)."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


FORMATS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {"json": _json, "csv": _csv}
"""Renders a document of JSON-native values and times, by the name of the format."""


def formats(command: Command) -> Command:
    """``--format``, passed on as ``output_format``, the name of a format."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice([TABLE, *FORMATS]),
        default=TABLE,
        show_default=True,
        help="A table for people, or one JSON document or CSV table for programs.",
    )(command)


def emit(
    output_format: str,
    document: Callable[[], Mapping[str, Any]],
    text: Callable[[Console], object] | None = None,
    file: Path | None = None,
) -> None:
    """Write a result in the requested format.

    Args:
        output_format: `TABLE`, or one of `FORMATS`.
        document: Makes the document; not called for tables.
        text: Prints the tables; None: they have been printed already.
        file: Where to; None: standard output.

    Raises:
        click.ClickException: The file cannot be written.
    """
    if output_format != TABLE:
        rendered = FORMATS[output_format](document())
    elif text is None:
        return
    elif file is None:
        text(screen())
        return
    else:
        page = StringIO()
        text(PrintableConsole(file=page, width=_WIDTH, force_terminal=False, no_color=True))
        rendered = page.getvalue()
    if file is None:
        click.echo(rendered, nl=False)
    else:
        replace(file, rendered)


def path(_context: click.Context, _parameter: click.Parameter, value: str | None) -> Path | None:
    """Parse the name of a file to write; refuses it before the work starts. The callback of an option.

    Raises:
        click.BadParameter: It cannot be written.
    """
    if value is None:
        return None
    # The target of a link is replaced, not the link.
    file = Path(value).resolve()
    for is_problem, problem in (
        (file.is_dir(), "is a folder"),
        (file.exists() and not file.is_file(), "is not a regular file"),
        (not file.parent.is_dir(), "is in a folder that does not exist"),
        (not os.access(file.parent, os.W_OK), "is in a folder without write permission"),
    ):
        if is_problem:
            message = f"{value} {problem}"
            raise click.BadParameter(message)
    return file


def echo(text: str, *, err: bool = False) -> None:
    """Print one line on standard output or standard error."""
    click.echo(printable(text), err=err)


def screen() -> Console:
    """Standard output; in colours if it is a terminal and NO_COLOR is not set."""
    wide = not sys.stdout.isatty() and "COLUMNS" not in os.environ
    return PrintableConsole(width=_WIDTH) if wide else PrintableConsole()


def replace(file: Path, text: str) -> None:
    """Replace a file in one step: it is never left half written.

    Raises:
        click.ClickException: It cannot be written.
    """
    temporary = file.with_name(f".{file.name}.{uuid.uuid4().hex[:8]}")
    try:
        with temporary.open("x", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    except OSError as error:
        message = f"{file} cannot be written: {error.strerror}"
        raise click.ClickException(message) from None
    finally:
        temporary.unlink(missing_ok=True)
