"""Pure: what a scan says of regions, held against earlier runs: what they lack, and those of which nothing was read.

An organization may close regions by its service control policies: then every call is denied there, and nothing of
these services can be made there. What was made before a region was closed runs on. So a region counts as closed only if
no run ever had an answer there.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ecr_cleaner.decision import offered
from ecr_cleaner.model.gaps import entries
from ecr_cleaner.model.scan import ALL_SOURCES, REGIONS, PolicyType, SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.model.usage import ScanTarget

_OPEN_ENDPOINTS: Final = ("lightsail:",)
"""What answers in a closed region too: AWS Control Tower's policies except ``lightsail:Get*``.

https://docs.aws.amazon.com/controltower/latest/userguide/primary-region-deny-policy.html
"""


def checked(
    scan: UsageScan, home: str, known: Mapping[ScanTarget, Collection[str]] | None, *, everywhere: bool = False
) -> UsageScan:
    """A scan with one outcome for each region of which nothing could be read: it is closed, or has failed.

    Before that, what a region is said not to offer is checked as in `ecr_cleaner.decision.offered`.

    Where every region is looked at that the account can use, one is told as well that answered in an earlier run and
    is none of them any more: what runs there runs on, and an account may be given its region back.

    Args:
        scan: The latest one.
        home: The region of the registry.
        known: By target, the operations that ever answered there, as ``<endpoint prefix>:<operation>``; None: nobody
            remembers.
        everywhere: Whether every region is looked at that the account can use.
    """
    scan = offered.checked(scan, known or {})
    by_target: dict[ScanTarget, list[SourceOutcome]] = {}
    for outcome in scan.outcomes:
        by_target.setdefault(outcome.target, []).append(outcome)
    empty = {
        target: there
        for target, there in by_target.items()
        if target.region != home and _has_nothing(there) and not _answered(scan.answered, target)
    }
    closed = {
        target
        for target, there in empty.items()
        if known is not None and not _answered(known, target) and all(_is_closed(one) for one in there)
    }
    unread = sorted(empty.keys() - closed)
    kept = [one for one in scan.outcomes if one.target not in empty or one.status is SourceStatus.DISABLED]
    told = [*(_closed(target) for target in closed), *(_unread(one, empty[one], unread) for one in unread)]
    accounts = {target.account_id for target in by_target}
    if everywhere and not any(one.source == REGIONS for one in scan.failures):
        lost = (one for one in known or {} if one.account_id in accounts and one not in by_target)
        told += (_lost(target) for target in lost if target.region != home and _answered(known or {}, target))
    return replace(scan, outcomes=tuple(sorted([*kept, *told], key=lambda one: one.key)))


def _answered(operations: Mapping[ScanTarget, Collection[str]], target: ScanTarget) -> bool:
    return any(not one.startswith(_OPEN_ENDPOINTS) for one in operations.get(target, ()))


def _has_nothing(outcomes: Sequence[SourceOutcome]) -> bool:
    """Whether no source found anything, and more than one failed."""
    failed = [one for one in outcomes if one.status is SourceStatus.FAILED and one.source != ALL_SOURCES]
    return len(failed) > 1 and not any(one.usages for one in outcomes)


def _is_closed(outcome: SourceOutcome) -> bool:
    if outcome.status is not SourceStatus.FAILED:
        return True
    denial = outcome.denial
    return denial is not None and denial.policy is PolicyType.SERVICE_CONTROL and denial.is_explicit


def _lost(target: ScanTarget) -> SourceOutcome:
    detail = (
        "the account cannot use this region any more, so nobody looks there, and what runs there is only protected as"
        " recently used; to keep what it uses, name it in protected_images"
    )
    return SourceOutcome(target, ALL_SOURCES, SourceStatus.CLOSED, detail=detail)


def _closed(target: ScanTarget) -> SourceOutcome:
    detail = (
        "the organization's service control policies deny every call there, and no run ever had an answer: what was"
        " made there before that is not protected"
    )
    return SourceOutcome(target, ALL_SOURCES, SourceStatus.CLOSED, detail=detail)


def _unread(target: ScanTarget, outcomes: Iterable[SourceOutcome], every: Sequence[ScanTarget]) -> SourceOutcome:
    """One failure in place of those of all sources; the last region's tells what leaves out all of them."""
    failed = [one for one in outcomes if one.status is SourceStatus.FAILED]
    detail = (
        f"nothing could be read there: source {failed[0].source}: {failed[0].detail.partition('; or ')[0]},"
        f" and {len(failed) - 1} other sources failed"
    )
    if target == every[-1]:
        gaps = entries(f"region:{one.region}" for one in every)
        detail += (
            "; to leave regions out in which nothing uses images of this registry, name only the others in regions, or"
            f" accept them: {gaps}"
        )
    return SourceOutcome(target, ALL_SOURCES, SourceStatus.FAILED, detail=detail)
