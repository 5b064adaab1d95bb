"""The command line, ``ecr-cleaner``.

Each file in `ecr_cleaner.cli.commands` is a command; what commands share is in this package.
"""

from typing import Final

import click

from ecr_cleaner import __version__
from ecr_cleaner.cli import texts
from ecr_cleaner.cli.group import CommandFiles

_EXAMPLES: Final = """\b
Examples:
  ecr-cleaner plan --region eu-west-1               what would be removed with the default settings
  ecr-cleaner plan --function ecr-cleaner           what the deployed function would remove
  ecr-cleaner explain --region eu-west-1 app:v1     why one image would be removed or kept
  ecr-cleaner apply --function ecr-cleaner 2f0c...  carry out a plan that awaits approval
"""


@click.group(
    cls=CommandFiles,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"{_EXAMPLES}\n{texts.ENVIRONMENT}\n{texts.EXIT_CODES}",
)
@click.version_option(__version__, prog_name="ecr-cleaner")
def main() -> None:
    """Show what the cleaner would do with an ECR registry. Only `apply` and `restore` change anything.

    Credentials and region are those of the AWS command line. Results go to standard output, progress and errors to
    standard error.
    """
