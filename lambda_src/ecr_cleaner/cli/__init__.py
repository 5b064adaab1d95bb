"""The installed command: what a person at a terminal sees of the cleaner, and may ask of it.

To add a command is to add a file to `ecr_cleaner.cli.commands`; what all commands share lies beside it.
"""

from __future__ import annotations

from typing import Final

import click

from ecr_cleaner import __version__
from ecr_cleaner.cli import texts
from ecr_cleaner.cli.group import CommandFiles
from ecr_cleaner.cli.session import EXIT_CODES

__all__ = ["EXIT_CODES", "main"]


_EXAMPLES: Final = """\b
Examples:
  ecr-cleaner plan --region eu-west-1               what would go, by the default settings
  ecr-cleaner plan --function ecr-cleaner           what the deployed function would do
  ecr-cleaner explain --region eu-west-1 app:v1     why one image would go or stay
  ecr-cleaner apply --function ecr-cleaner 2f0c...  carry out a plan that waits for approval
"""


@click.group(
    cls=CommandFiles,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"{_EXAMPLES}\n{texts.ENVIRONMENT}\n{texts.EXIT_CODES_OF_PLAN}",
)
@click.version_option(__version__, prog_name="ecr-cleaner")
def main() -> None:
    """Look at an ECR registry with the eyes of the cleaner. Nothing here changes anything but `apply` and `restore`.

    Credentials and region are those of the AWS command line. What is asked for goes to standard output, progress
    and errors to standard error.
    """
