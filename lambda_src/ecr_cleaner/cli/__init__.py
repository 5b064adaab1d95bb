"""The installed command: what a person at a terminal sees of the cleaner, and may ask of it.

To add a command is to add a file to `ecr_cleaner.cli.commands`; what all commands share lies beside it.
"""

from __future__ import annotations

import click

from ecr_cleaner import __version__
from ecr_cleaner.cli.group import CommandFiles
from ecr_cleaner.cli.session import EXIT_CODES

__all__ = ["EXIT_CODES", "main"]


@click.group(
    cls=CommandFiles,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="ecr-cleaner")
def main() -> None:
    """Look at an ECR registry with the eyes of the cleaner. Nothing here changes anything.

    Credentials and region are those of the AWS command line. Exit codes: 0 completed, 1 failed or refused,
    2 wrong usage, 3 incomplete.
    """
