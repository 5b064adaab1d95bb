"""Pure: what a scan says of regions, held against earlier runs: what they lack, and those of which nothing was read.

An organization may close regions by its service control policies: then every call is denied there, and nothing of
these services can be made there. What was made before a region was closed runs on. So a region counts as closed only if
no run ever had an answer there.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ecr_cleaner.decision import offered
from ecr_cleaner.model.gaps import entries
from ecr_cleaner.model.scan import ACCOUNTS, ALL_SOURCES, REGIONS, PolicyType, SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.model.usage import ScanTarget

_OPEN_ENDPOINTS: Final = ("lightsail:",)
"""What answers in a closed region too: AWS Control Tower's policies except ``lightsail:Get*``.

https://docs.aws.amazon.com/controltower/latest/userguide/primary-region-deny-policy.html
"""


def checked(
    scan: UsageScan,
    home: str,
    known: Mapping[ScanTarget, Collection[str]] | None,
    is_looked_at: Callable[[str], bool] = lambda _: False,
) -> UsageScan:
    """A scan with one outcome for each region of which nothing could be read: it is closed, or has failed.

    Before that, what a region is said not to offer is checked as in `ecr_cleaner.decision.offered`.

    A region is told as well that answered in an earlier run, would be looked at, and is none any more that its account
    can use: what runs there runs on, and an account may be given its region back.

    Args:
        scan: The latest one.
        home: The region of the registry.
        known: By target, the operations that ever answered there, as ``<endpoint prefix>:<operation>``; None: nobody
            remembers.
        is_looked_at: Whether a region is looked at where an account can use it.
    """
    scan = offered.checked(scan, known or {})
    by_target: dict[ScanTarget, list[SourceOutcome]] = {}
    for outcome in scan.outcomes:
        by_target.setdefault(outcome.target, []).append(outcome)
    empty = {
        target: there
        for target, there in by_target.items()
        if not _is_home(scan, target, home) and _has_nothing(there) and not _answered(scan.answered, target)
    }
    closed = {
        target
        for target, there in empty.items()
        if known is not None and not _answered(known, target) and all(_is_closed(one) for one in there)
    }
    unread = sorted(empty.keys() - closed)
    kept = [one for one in scan.outcomes if one.target not in empty or one.status is SourceStatus.DISABLED]
    told = [*(_closed(target) for target in closed), *_unread(scan, unread, empty)]
    accounts = {target.account_id for target in by_target} - {
        one.target.account_id for one in scan.failures if one.source in {REGIONS, ACCOUNTS}
    }
    told += (
        _lost(target)
        for target in known or {}
        if target.account_id in accounts
        and target not in by_target
        and is_looked_at(target.region)
        and not _is_home(scan, target, home)
        and _answered(known or {}, target)
    )
    return replace(scan, outcomes=tuple(sorted([*kept, *told], key=lambda one: one.key)))


def _is_home(scan: UsageScan, target: ScanTarget, region: str) -> bool:
    return target.region == region and scan.account_id in {"", target.account_id}


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


def _unread(
    scan: UsageScan, targets: Sequence[ScanTarget], outcomes: Mapping[ScanTarget, Sequence[SourceOutcome]]
) -> Iterator[SourceOutcome]:
    """One failure in place of those of all sources; an account's last region tells what leaves out all of them."""
    failures = {one: [o for o in outcomes[one] if o.status is SourceStatus.FAILED] for one in targets}
    late = {target for target, failed in failures.items() if all(one.is_out_of_time for one in failed)}
    regions: dict[str, list[str]] = {}
    for target in targets:
        if target not in late:  # a later run has time for it
            regions.setdefault(target.account_id, []).append(target.region)
    for target, failed in failures.items():
        account = target.account_id
        detail = (
            f"nothing could be read there: source {failed[0].source}: {failed[0].detail.partition('; or ')[0]},"
            f" and {len(failed) - 1} other sources failed"
        )
        if target not in late and target.region == regions[account][-1]:
            detail += _left_out(account, regions[account], is_own=scan.account_id in {"", account})
        yield SourceOutcome(target, ALL_SOURCES, SourceStatus.FAILED, detail=detail, is_out_of_time=target in late)


def _left_out(account: str, regions: Sequence[str], *, is_own: bool) -> str:
    if not is_own:
        gap = entries([f"account:{account}"])
        return f"; to leave an account out in which nothing uses images of this registry, accept it: {gap}"
    gaps = entries(f"region:{one}" for one in regions)
    return (
        "; to leave regions out in which nothing uses images of this registry, name only the others in regions, or"
        f" accept them: {gaps}"
    )
