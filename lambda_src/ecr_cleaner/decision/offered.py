"""Pure: what was offered in a region once is offered there still; if it is said not to be, something else is wrong."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from ecr_cleaner.model.scan import SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.model.usage import ScanTarget


def checked(scan: UsageScan, known: Mapping[ScanTarget, Collection[str]]) -> UsageScan:
    """A scan in which the sources have failed whose listings answered in an earlier run.

    Args:
        scan: The latest one.
        known: By target, the operations that ever answered there, as ``<endpoint prefix>:<operation>``.
    """
    return replace(scan, outcomes=tuple(_checked(one, known.get(one.target, ())) for one in scan.outcomes))


def _checked(outcome: SourceOutcome, known: Collection[str]) -> SourceOutcome:
    contradicted = sorted(_answered(outcome.not_offered, known))
    if not contradicted:
        return outcome
    detail = (
        f"{outcome.detail}; but in an earlier run {', '.join(contradicted)} answered here, so that what it listed may"
        " still be there; to mend this, find out what stands between the function and the service (the next run asks"
        " again)"
    )
    return replace(outcome, status=SourceStatus.FAILED, detail=detail)


def _answered(not_offered: Collection[str], known: Collection[str]) -> Iterator[str]:
    for one in not_offered:
        # Without an operation it is the whole service.
        yield from (key for key in known if key == one or (one.endswith(":") and key.startswith(one)))
