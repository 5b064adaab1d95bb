"""Finds the commands, and reports their errors."""

import os
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

import click

from ecr_cleaner.aws import errors
from ecr_cleaner.cli import commands, output
from ecr_cleaner.cli.exit_codes import ExitCode
from ecr_cleaner.cli.interrupts import listening
from ecr_cleaner.cli.sentences import sentence
from ecr_cleaner.errors import CleanerError, NoSuchImageError
from ecr_cleaner.printable import printable_lines


class CommandFiles(click.Group):
    """The ``command`` of each module in `ecr_cleaner.cli.commands`; an error becomes one sentence and exit code 1."""

    def __init__(self, *words: Any, **attributes: Any) -> None:
        super().__init__(*words, **attributes)
        for module in iter_modules(commands.__path__, f"{commands.__name__}."):
            self.add_command(import_module(module.name).command)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            try:
                with listening():
                    return super().invoke(ctx)
            finally:
                sys.stdout.flush()  # at the end of the process a closed pipe would have an exit code of Python's own
        except BrokenPipeError:
            sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end of the process
            ctx.exit(ExitCode.PIPE_CLOSED)
        except KeyboardInterrupt:
            output.echo("Interrupted.", err=True)
            ctx.exit(ExitCode.INTERRUPTED)
        except NoSuchImageError as error:
            output.echo(f"Error: {error}", err=True)
            ctx.exit(ExitCode.NOT_FOUND)
        except (CleanerError, *errors.AwsError) as error:
            raise click.ClickException(sentence(error)) from None
        except click.ClickException as error:
            error.message = printable_lines(error.message)  # type: ignore[misc]  # which click only reads
            raise
