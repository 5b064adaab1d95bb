"""The run as log lines: one for each removable or removed image, each repository, each source, and one for the run.

The fields travel as ``extra``; under Lambda's JSON logging each becomes a member of the line.
"""

import logging
from dataclasses import asdict
from typing import Any, Final

from ecr_cleaner.model.finding import Severity
from ecr_cleaner.model.plan import Removal, RemovalStatus, RepositoryPlan, Verdict
from ecr_cleaner.model.result import RepositoryResult, RunResult
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.printable import printable
from ecr_cleaner.report.reporter import Reporter, verdict_json
from ecr_cleaner.report.summary import plan_json, repository_json, run_json, shown, sources_json

LOGGER: Final = logging.getLogger("ecr_cleaner")


def _make_printable(record: logging.LogRecord) -> bool:
    """A filter that changes every line and drops none."""
    record.msg, record.args = record.getMessage(), ()
    record.__dict__.update(printable(record.__dict__))
    if record.exc_info and record.exc_info[0] is not None:
        kind, error, trace = record.exc_info
        same_name = type(kind.__name__, (Exception,), {"__module__": kind.__module__})
        record.exc_info = kind, same_name(printable(str(error))), trace
    return True


LOGGER.addFilter(_make_printable)

_CHATTY: Final = ("boto3", "botocore", "urllib3")


def quiet_libraries() -> None:
    """Keep the SDK's debug lines, which contain whole responses, out of the log.

    Lambda applies its log level to the root logger; at DEBUG only the lines on kept images are wanted.
    """
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)


_TEXTS: Final = {
    RemovalStatus.REMOVED: (logging.INFO, "Removed unused image"),
    RemovalStatus.ARCHIVED: (logging.INFO, "Archived unused image"),
    RemovalStatus.CHANGED: (logging.INFO, "Kept image that changed since it was evaluated"),
    RemovalStatus.HOLDER_KEPT: (
        logging.INFO,
        "Kept image: an index or subject that must be removed first is still present",
    ),
    RemovalStatus.PARTLY_UNTAGGED: (logging.ERROR, "Image lost some of its tags but was not removed"),
    RemovalStatus.NOT_JOURNALLED: (logging.ERROR, "Kept unused image because it could not be journalled"),
    RemovalStatus.FAILED: (logging.ERROR, "Image could not be removed"),
    RemovalStatus.DEFERRED: (logging.WARNING, "Image deferred to the next run"),
    RemovalStatus.LIMITED: (logging.INFO, "Unused image waits for a later run because of a limit"),
    RemovalStatus.PROPOSED: (logging.INFO, "Found unused image, proposed for removal"),
    RemovalStatus.NOT_IN_PLAN: (logging.INFO, "Kept unused image that is not in the approved plan"),
}

_LEVELS: Final = {
    RunStatus.COMPLETED: logging.INFO,
    RunStatus.CONTINUED: logging.INFO,
    RunStatus.DEGRADED: logging.WARNING,
}
"""ERROR is for what fails the invocation."""


class LogReporter(Reporter):
    """Writes to the logger ``ecr_cleaner``."""

    def evaluated(self, plan: RepositoryPlan, *, dry_run: bool, refused: bool) -> None:
        """Log the removable images that are not removed in this run, and the kept ones at DEBUG."""
        is_told = LOGGER.isEnabledFor(logging.DEBUG)  # what nobody reads takes longer to put together than to leave out
        for verdict in plan.verdicts:
            if verdict.removes and refused:
                LOGGER.warning("Found image without known use, but the run is refused", extra=_fields(verdict))
            elif verdict.unneeded and dry_run and not refused:
                LOGGER.info("Found unused image, should be removed", extra=_fields(verdict))
            elif not verdict.removes and is_told:
                LOGGER.debug("Kept image", extra=_fields(verdict, "reason", "evidence"))

    def withheld(self, plan: RepositoryPlan, *, refused: bool = False) -> None:
        """Log the removable images that are kept, and why."""
        for verdict in plan.removals:
            if refused:
                LOGGER.warning("Found image without known use, but the run is refused", extra=_fields(verdict))
            else:
                LOGGER.warning("Kept unused image because a limit is exceeded", extra=_fields(verdict))

    def removal(self, removal: Removal) -> None:
        """Log how one removal ended."""
        level, text = _TEXTS[removal.status]
        ending = {"removal": removal.status.value, "codes": list(removal.codes), "detail": removal.detail}
        LOGGER.log(level, text, extra=_fields(removal.verdict) | ending)

    def repository(self, result: RepositoryResult) -> None:
        """Log the summary of one repository."""
        level = logging.ERROR if result.problems else logging.INFO
        LOGGER.log(level, "Repository summary", extra={"repository": result.name, "summary": repository_json(result)})

    def run(self, result: RunResult) -> None:
        """Log the findings, the saved plan, the sources that were called, and the summary of the run."""
        for finding in shown(result.findings)[0]:
            # ERROR is for what fails a run, and most problems do not.
            level = logging.INFO if finding.severity is Severity.INFO else logging.WARNING
            LOGGER.log(logging.ERROR if finding.fails_run else level, "Finding", extra={"finding": asdict(finding)})
        if result.plan is not None:
            for key in sorted(result.plan.stays):
                stay = asdict(result.plan.stays[key])
                LOGGER.info("Image of the approved plan is kept", extra={"plan": result.plan.id, **stay})
            if result.plan.state == "awaits_approval":
                LOGGER.info("Plan waits for approval", extra={"plan": plan_json(result.plan)})
        for fields in sources_json(result.scan.outcomes if result.scan else ()):
            LOGGER.info("Source summary", extra=fields)
        level = _LEVELS.get(result.status, logging.ERROR)
        LOGGER.log(level, "Run summary", extra={"summary": run_json(result)})


def _fields(verdict: Verdict, *more: str) -> dict[str, Any]:
    image = verdict_json(verdict)
    waits = ("goes_after",) if verdict.goes_after else ()
    return {name: image[name] for name in ("repository", "tags", "digest", "age_days", "bytes", *waits, *more)}
