"""Endings of the help of several commands."""

from typing import Final

from ecr_cleaner.cli.exit_codes import ExitCode

ENVIRONMENT: Final = """\b
Environment:
  AWS_PROFILE, AWS_REGION, ...  as for the AWS command line
  NO_COLOR                      no colours, if set and not empty
  COLUMNS                       width of the tables
"""

EXIT_CODES: Final = "\b\nExit codes:\n" + "".join(f"  {code:<5}{code.meaning}\n" for code in ExitCode)
