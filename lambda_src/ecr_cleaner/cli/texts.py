"""What the help of several commands ends with."""

from __future__ import annotations

from typing import Final

from ecr_cleaner.cli.session import SOMETHING_GOES

ENVIRONMENT: Final = """\b
Environment:
  AWS_PROFILE, AWS_REGION, ...  as for the AWS command line
  NO_COLOR                      no colours, if it is set and not empty
  COLUMNS                       width of the tables
"""

_CODES: Final = """\b
Exit codes:
  0    completed
  1    failed or refused: nothing may be concluded from what is missing
  2    wrong usage
  3    incomplete{detailed}
  130  interrupted
"""

EXIT_CODES: Final = _CODES.format(detailed="")
EXIT_CODES_OF_PLAN: Final = _CODES.format(
    detailed=f"\n  {SOMETHING_GOES}    completed, and something would go; only with --detailed-exitcode"
)
