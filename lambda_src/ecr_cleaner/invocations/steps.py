"""The steps of a round of one night, each an invocation; a single one of the function does the same in itself."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ecr_cleaner.decision import continuation
from ecr_cleaner.errors import CleanerError, NightError
from ecr_cleaner.invocations.store import NightStore
from ecr_cleaner.model.night import Night
from ecr_cleaner.model.result import RunResult
from ecr_cleaner.model.usage import ScanTarget
from ecr_cleaner.usage.scanner import LocalScanner

SCHEMA_VERSION = 1


def begin_round(store: NightStore, night: Night, scanner: LocalScanner, now: datetime) -> dict[str, Any]:
    """Write down which scans a round demands.

    Args:
        store: Of the night.
        night: In this round.
        scanner: Of the run; the account of its clients is known.
        now: The moment before the first call.

    Returns:
        What the state machine has to know: keys, never lists.

    Raises:
        HistoryError: It could not be written.
        OutOfTimeError: No time is left.
        SettingsError: They name the own account as another one.
    """
    key = store.write_requested(night.round, scanner.requested(now))
    where = {"bucket": store.bucket, "items_key": key}
    return {"schema_version": SCHEMA_VERSION, "night": night.name, "round": night.round, **where}


def scan(store: NightStore, number: int, target: ScanTarget, scanner: LocalScanner) -> dict[str, Any]:
    """Make one of the scans that a round demands, unless there is one already.

    Args:
        store: Of the night.
        number: Of the round.
        target: Which scan.
        scanner: Of the run.

    Returns:
        What the state machine may tell a person.

    Raises:
        HistoryError: It is not known what is demanded, or the scan could not be written.
        NightError: Nobody demands this scan.
    """
    request = store.read_requested(number).request
    if target not in request.targets:
        message = f"round {number} of the night {store.name} demands no scan of {target}"
        raise NightError(message)
    scanner.clients.account_id = request.home.account_id
    made = scanner.scan_one(request, target)
    written = store.write_scan(number, made)
    return {"schema_version": SCHEMA_VERSION, "target": str(target), "calls": made.calls, "written": written}


@dataclass(frozen=True, slots=True)
class RoundEnd:
    """Ends a round: decides whether another one goes on, and writes down what that one has to know.

    Attributes:
        store: Of the night.
        night: Before this round.
        etag: Of its object.
        most: How many continuations a night may have.
        approval: Whether a person approves each removal, or approved of this one.
    """

    store: NightStore
    night: Night
    etag: str
    most: int
    approval: bool

    def __call__(self, result: RunResult) -> RunResult:
        """The result of the round with what is to be said of the night."""
        why_not = continuation.why_not(self.night, result, self.most, approval=self.approval) if result.is_left else ""
        continues = result.is_left and not why_not
        notes = [*result.notes, *continuation.former_rounds(self.night), *filter(None, [why_not])]
        # What went wrong in a former round is told by the last one, for that is the one that people hear of.
        problems = [*result.problems, *(one for one in self.night.problems if one not in result.failures)]
        try:
            self.store.write(continuation.after(self.night, result, continues=continues), self.etag)
        except CleanerError as error:
            continues = False
            problems.append(str(error))
        return replace(
            result,
            is_continued=continues,
            notes=tuple(notes),
            problems=result.problems if continues else tuple(problems),
        )
