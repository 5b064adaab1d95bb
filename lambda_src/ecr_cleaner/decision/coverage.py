"""Pure: whether the consumers of everybody who may pull from a repository were looked at.

What another account pulls may be in use there. So a repository from which others may pull is cleaned only if each of
them is an account of which every source answered in every region, or the own organization, and all its accounts are
such accounts. What is not looked at skips the repositories that it may pull from, and no others.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from ecr_cleaner.decision import denials
from ecr_cleaner.model.other_accounts import OtherAccounts
from ecr_cleaner.model.pull_access import PullScope, PullScopeKind, lets_pull
from ecr_cleaner.model.repository import Repository, SkipReason
from ecr_cleaner.model.result import RepositoryOutcome, RepositoryStatus
from ecr_cleaner.model.scan import ALL_SOURCES, SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.model.usage import ScanTarget

_SEEN: Final = "Amazon Inspector sees its images run in"

_CLUSTER: Final = re.compile(r"arn:[^:]+:(ecs|eks):([^:]+):([0-9]{12}):cluster/(.+)")
"""The services are the sources that list their clusters."""

MOST: Final = 3
"""How many failed sources of an account, and how many accounts of an organization, one sentence names."""


def skipped(
    repositories: Iterable[Repository], scan: UsageScan, accepts_others: Callable[[str], object]
) -> dict[str, RepositoryOutcome]:
    """How repositories end, by name, whose images somebody may use, or does, who was not looked at completely.

    Args:
        repositories: Those that may be cleaned.
        scan: The latest one.
        accepts_others: Called with a name; true if a person accepted that other accounts use images of that repository.
    """
    found: dict[str, RepositoryOutcome] = {}
    unread = incomplete(scan)
    seen: dict[str, list[str]] = {}
    for cluster in sorted({one for outcome in scan.outcomes for one in outcome.clusters_seen}):
        seen.setdefault(cluster.repository, []).append(cluster.arn)
    for one in repositories:
        unseen = [gap for arn in seen.get(one.name, ()) if (gap := _cluster_gap(arn, scan, unread))]
        if accepts_others(one.name):
            unseen = [(gap, setting) for gap, setting in unseen if setting]
        may_pull = uncovered(one.pull_scopes, scan, unread)
        if may_pull is None and not unseen:
            continue
        detail = "; ".join(
            [*([may_pull] if may_pull is not None else []), *_some([gap for gap, _ in unseen], "clusters")]
        )
        own = next((setting for _, setting in unseen if setting), "") if may_pull is None else ""
        setting = own or f"{SkipReason.OTHER_ACCOUNTS.value}:{one.name}"
        found[one.name] = RepositoryOutcome(RepositoryStatus.SKIPPED, detail, setting)
    return found


def _cluster_gap(arn: str, scan: UsageScan, unread: Mapping[str, str]) -> tuple[str, str] | None:
    """That a cluster was not looked at; and, of the own account, the entry of ``accepted_gaps`` that leaves it out.

    One that a person left out counts as looked at, and so does one where all clusters of its service were read: it is
    gone by now, or a list of used images stands in for it.
    """
    match = _CLUSTER.fullmatch(arn)
    if match is None:
        return f"{_SEEN} {arn}, which is no ARN of a cluster that is understood", ""
    source, region, account, name = match.groups()
    target = ScanTarget(account, region)
    there = [one for one in scan.outcomes if one.target == target and one.source in {source, ALL_SOURCES}]
    bad = {SourceStatus.FAILED, SourceStatus.CLOSED}
    if account in scan.others.excepted or (
        any(one.cluster is None for one in there)
        and not any(one.status in bad and one.cluster in {None, name} for one in there)
    ):
        return None
    if account == scan.account_id:
        remedy = f"let regions name {region} too, or leave it out so that every region is looked at"
        return f"{_SEEN} {arn}, and that region was not looked at; to mend this, {remedy}", f"region:{region}"
    scope = PullScope(account, kind=PullScopeKind.ACCOUNT, id=account)
    more = [_account_gap(account, scan.others, unread) or "it was not looked at", *_settings([scope], scan)]
    return f"{_SEEN} {arn}, in another account; {'; '.join(dict.fromkeys(more))}", ""


def incomplete(scan: UsageScan) -> dict[str, str]:
    """What was not looked at of the other accounts that were to be: read once for all repositories, by account."""
    by_account: dict[str, list[SourceOutcome]] = {account: [] for account in scan.others.accounts}
    for one in scan.outcomes:
        if one.target.account_id in by_account:
            by_account[one.target.account_id].append(one)
    found: dict[str, str] = {}
    for account, there in by_account.items():
        failed = [one for one in there if one.status is SourceStatus.FAILED]
        if failed or not there:
            causes = "; ".join(_some(denials.failed_sources(failed), "causes")) if failed else "nothing is known of it"
            found[account] = f"account {account} was not looked at completely: {causes}"
    return found


def unseen(scopes: Iterable[PullScope], scan: UsageScan) -> list[PullScope]:
    """Those of some parties that were not looked at completely."""
    return [scope for scope, _ in _open(scopes, scan, incomplete(scan))]


def uncovered(scopes: Iterable[PullScope], scan: UsageScan, unread: Mapping[str, str]) -> str | None:
    """Why a repository may not be cleaned: who may pull from it and was not looked at completely, and what mends it.

    Args:
        scopes: Who may pull from it.
        scan: The latest one. The sources of the registry's own account are not judged here: if one of them fails,
            nothing is removed anywhere.
        unread: What `incomplete` says of it.

    Returns:
        None if all of them were looked at.
    """
    open_scopes = _open(scopes, scan, unread)
    if not open_scopes:
        return None
    parties = [scope for scope, _ in open_scopes]
    of_own, of_registry = ([one for one in parties if one.is_registry is registry] for registry in (False, True))
    policies = [f"its policy lets {lets_pull(of_own)}"] if of_own else []
    if of_registry:
        policies.append(f"the registry's policy lets {lets_pull(of_registry)}")
    gaps = dict.fromkeys(gap for _, gap in open_scopes if gap)
    return "; ".join([*policies, *gaps, *_settings(parties, scan)])


def _open(scopes: Iterable[PullScope], scan: UsageScan, unread: Mapping[str, str]) -> list[tuple[PullScope, str]]:
    """The parties that were not looked at completely, each with what was not."""
    gaps = ((scope, _gap(scope, scan, unread)) for scope in sorted(set(scopes)))
    return [(scope, gap) for scope, gap in gaps if gap is not None]


def _gap(scope: PullScope, scan: UsageScan, unread: Mapping[str, str]) -> str | None:
    """What of a party was not looked at; None: nothing. Empty if its scope says all there is to say."""
    others = scan.others
    match scope.kind:
        case PullScopeKind.ACCOUNT:
            return _account_gap(scope.id, others, unread)
        case PullScopeKind.ORGANIZATION if others.organization_id and scope.id == others.organization_id:
            wanted = others.members - others.excepted - {scan.account_id}
            gaps = [gap for one in sorted(wanted) if (gap := _account_gap(one, others, unread)) is not None]
            return "; ".join(_some(gaps, "accounts")) if gaps else None
        case PullScopeKind.ORGANIZATION if others.organization_id:
            return f"{scope.id} is not the organization of this account, which is {others.organization_id}"
        case PullScopeKind.ORGANIZATION:
            return others.problem
    return ""


def _account_gap(account: str, others: OtherAccounts, unread: Mapping[str, str]) -> str | None:
    """What of an account was not looked at; None: nothing."""
    return unread.get(account) if account in others.accounts else _cause(account, others)


def _cause(account: str, others: OtherAccounts) -> str:
    """Why an account is not among those that were to be looked at; empty: nobody asked for it."""
    if account in others.excepted:
        return f"account {account} is left out by accepted_gaps: take account:{account} out of them"
    if account in others.unavailable:
        return f"account {account} cannot be looked at, because its state in the organization lets nothing run there"
    if others.problem:
        return others.problem
    if others.organization_id and account not in others.members:
        return f"account {account} is not in the organization {others.organization_id}, which is looked at"
    return f"account {account} was not looked at" if others.organization_id else ""


def _settings(unseen: Sequence[PullScope], scan: UsageScan) -> Iterator[str]:
    """The settings by which those would be looked at who are not."""
    others = scan.others
    if others.is_of_organization:
        return
    ids = {one.id for one in unseen if one.kind is PullScopeKind.ACCOUNT and one.id not in others.accounts}
    if ids:
        named = ", ".join(f'"{one}"' for one in sorted(ids | others.accounts))
        yield f"or have the consumers of account {', '.join(sorted(ids))} looked at: accounts = [{named}]"
    if organizations := sorted({one.id for one in unseen if one.kind is PullScopeKind.ORGANIZATION}):
        instead = " in place of accounts" if others.accounts else ""
        names = ", ".join(organizations)
        yield f"or, if {names} is the organization of this account, have it looked at: organization = {{}}{instead}"


def _some(sentences: Sequence[str], what: str) -> Iterator[str]:
    yield from sentences[:MOST]
    if len(sentences) > MOST:
        yield f"and {len(sentences) - MOST} more {what}"
