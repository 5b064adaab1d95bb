"""The exit codes of all commands: each has one meaning, whichever command ends with it."""

from enum import IntEnum
from typing import Final, Self

from ecr_cleaner.model.result import RunResult
from ecr_cleaner.model.run_status import RunStatus


class ExitCode(IntEnum):
    """What the end of a command means."""

    meaning: str

    def __new__(cls, code: int, meaning: str) -> Self:
        """A code with its meaning."""
        made = int.__new__(cls, code)
        made._value_ = code
        made.meaning = meaning
        return made

    COMPLETED = 0, "completed"
    FAILED = 1, "failed: AWS denied or failed a call, or something could not be read, written or removed"
    WRONG_USAGE = 2, "wrong usage, nothing was done"  # click's
    INCOMPLETE = 3, "incomplete: time ran out, or a part has to be done by hand"
    REMOVALS_PLANNED = 4, "completed, and images would be removed; only of plan --detailed-exitcode"
    REFUSED = 5, "refused: a run removes nothing, and says why"
    NOT_FOUND = 6, "there is no such image, repository or usage"
    DEGRADED = 7, "degraded: other accounts could not be looked at completely; what they may pull is skipped"
    INTERRUPTED = 130, "interrupted (Ctrl-C)"  # as in shells: 128 plus the number of the signal
    PIPE_CLOSED = 141, "whoever read the output closed it, as head does"  # likewise


BY_STATUS: Final = {
    RunStatus.COMPLETED: ExitCode.COMPLETED,
    RunStatus.FAILED: ExitCode.FAILED,
    RunStatus.DEGRADED: ExitCode.DEGRADED,
    RunStatus.INCOMPLETE: ExitCode.INCOMPLETE,
    RunStatus.CONTINUED: ExitCode.INCOMPLETE,
    RunStatus.REFUSED: ExitCode.REFUSED,
}


def of_dry_run(result: RunResult, *, detailed: bool = False) -> ExitCode:
    """Exit code after a dry run.

    Args:
        result: Result of the dry run.
        detailed: Whether a completed dry run with removals has an exit code of its own, as `terraform plan` can.
    """
    if detailed and result.status is RunStatus.COMPLETED and any(r.removable for r in result.repositories.values()):
        return ExitCode.REMOVALS_PLANNED
    return BY_STATUS[result.status]
