"""Endings of the help of several commands."""

from typing import Final

from ecr_cleaner.cli.session import REMOVALS_PLANNED

ENVIRONMENT: Final = """\b
Environment:
  AWS_PROFILE, AWS_REGION, ...  as for the AWS command line
  NO_COLOR                      no colours, if set and not empty
  COLUMNS                       width of the tables
"""

_CODES: Final = """\b
Exit codes:
  0    completed
  1    failed or refused: the result may be incomplete
  2    wrong usage
  3    incomplete{detailed}
  130  interrupted
"""

EXIT_CODES: Final = _CODES.format(detailed="")
EXIT_CODES_OF_PLAN: Final = _CODES.format(
    detailed=f"\n  {REMOVALS_PLANNED}    completed, and images would be removed; only with --detailed-exitcode"
)
