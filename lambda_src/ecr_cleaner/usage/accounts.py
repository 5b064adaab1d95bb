"""Which accounts are looked at, and where in each of them: what runs there may pull from the registry as well.

The registry's own account always is; others by their ids, or all of its organization. An account that cannot be looked
at has one failed outcome, which concerns what it may pull and nothing else.
"""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.errors import CleanerError, IncompleteAnswerError, OutOfTimeError
from ecr_cleaner.model.other_accounts import OtherAccounts
from ecr_cleaner.model.scan import ACCOUNTS, SourceOutcome, SourceStatus
from ecr_cleaner.model.usage import ScanTarget, Usage
from ecr_cleaner.settings.loader import Settings, refuse_own_account
from ecr_cleaner.usage import regions
from ecr_cleaner.usage.excluded import excluded_target
from ecr_cleaner.usage.failures import account_gap, unreachable
from ecr_cleaner.usage.scan import run_source
from ecr_cleaner.usage.source import Grant, RequiredField, Source, SourceContext
from ecr_cleaner.usage.task_definitions import TaskDefinitions

WORKERS: Final = 8
"""Accounts whose roles are assumed side by side."""

NOTHING_RUNS: Final = frozenset({"CLOSED", "PENDING_ACTIVATION", "SUSPENDED"})
"""States of an account that is unusable. Whatever else a state is, the account is read: one that is about to be closed
remains functional, and AWS may add states.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_account_state.html
"""

ORGANIZATION_GRANTS: Final = (
    # They know no resource but that of a single account.
    Grant("ListAccounts", ("organizations:DescribeOrganization", "organizations:ListAccounts")),
)

_REMEDIES: Final = {
    "AWSOrganizationsNotInUseException": (
        "this account is in no organization: name the other accounts in accounts, in place of organization = {}"
    ),
    "AccessDeniedException": (
        "let the organization's management account allow this one to list its accounts: by a resource-based delegation"
        " policy (aws_organizations_resource_policy), or as a delegated administrator; or name them in accounts"
    ),
}

_ACCOUNT: Final = re.compile(r"[0-9]{12}")

_Found = tuple[list[ScanTarget], list[SourceOutcome]]


@dataclass(frozen=True, slots=True)
class Targets:
    """Where a run looks, and what it knows before any scan.

    Attributes:
        targets: The account and region of the registry first.
        outcomes: Of accounts and regions that a person left out, and of those of which not even the list of regions
            is known.
        others: The other accounts.
    """

    targets: tuple[ScanTarget, ...]
    outcomes: tuple[SourceOutcome, ...]
    others: OtherAccounts


@dataclass(slots=True)
class _Organization:
    """What the organization says of its accounts.

    Attributes:
        id: ``o-...``.
        members: Accounts in which something can run.
        unavailable: Those in which nothing can.
        notes: On those in which nothing can.
        remedy: What mends it if they cannot be listed; empty if that is not known.
    """

    id: str = ""
    members: set[str] = field(default_factory=set)
    unavailable: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)
    remedy: str = ""


def targets(clients: AwsClients, settings: Settings, now: datetime) -> Targets:
    """Where a run looks.

    Args:
        clients: Of the run.
        settings: Of the run.
        now: The moment before the first call.

    Raises:
        OutOfTimeError: No time is left for it.
        SettingsError: They name the own account as another one.
    """
    home = clients.target
    refuse_own_account(settings, home.account_id)
    found, outcomes = regions.targets(clients, settings, now)
    others, told = _others(clients, settings, now)
    outcomes += told
    outcomes += [
        excluded_target(ScanTarget(one, home.region), account_gap(one), settings) for one in sorted(others.excepted)
    ]
    with ThreadPoolExecutor(WORKERS) as pool:
        for more, theirs in pool.map(partial(_of_account, clients, settings, now), sorted(others.accounts)):
            found += more
            outcomes += theirs
    return Targets(tuple(found), tuple(outcomes), others)


def _others(clients: AwsClients, settings: Settings, now: datetime) -> tuple[OtherAccounts, list[SourceOutcome]]:
    """The accounts that are to be looked at, and what is told of the organization's."""
    if not settings.organization:
        return _without_excepted(OtherAccounts(frozenset(settings.accounts)), settings), []
    organization = _Organization()
    context = SourceContext(clients, settings, TaskDefinitions(clients), now=now)
    outcome = run_source(_listing(organization), context).outcome
    if outcome.status is SourceStatus.FAILED:
        mended = [f"to mend this, {organization.remedy}"] if organization.remedy else []
        problem = "; ".join([f"the accounts of the organization cannot be listed: {outcome.detail}", *mended])
        return OtherAccounts(problem=problem), []
    members = frozenset(organization.members)
    unavailable = frozenset(organization.unavailable)
    others = OtherAccounts(members - {clients.target.account_id}, organization.id, members, unavailable=unavailable)
    notes = tuple(organization.notes)
    told = [SourceOutcome(clients.target, ACCOUNTS, SourceStatus.COMPLETE, notes=notes, is_input=True)] if notes else []
    return _without_excepted(others, settings), told


def _without_excepted(others: OtherAccounts, settings: Settings) -> OtherAccounts:
    excepted = frozenset(one for one in others.accounts if account_gap(one) in settings.accepted_gaps)
    return replace(others, accounts=others.accounts - excepted, excepted=excepted)


def _listing(found: _Organization) -> Source:
    """Lists the accounts of the organization as a source would, so that its failures are told as those of sources."""

    def collect(context: SourceContext) -> Iterator[Usage]:
        try:
            _list_accounts(context.aws, found)
        except errors.AwsError as error:
            found.remedy = _REMEDIES.get(errors.code_of(error), "")
            raise
        yield from ()

    return Source(
        name=ACCOUNTS,
        title="the list of the organization's accounts",
        protects="",
        service=None,
        grants=ORGANIZATION_GRANTS,
        fields=(
            RequiredField("organizations", "DescribeOrganization", "Organization.Id"),
            RequiredField("organizations", "ListAccounts", "Accounts[].Id"),
            RequiredField("organizations", "ListAccounts", "Accounts[].State"),
            RequiredField("organizations", "ListAccounts", "NextToken"),
        ),
        collect=collect,
    )


def _list_accounts(clients: AwsClients, found: _Organization) -> None:
    """Every account of the organization.

    https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html: a page may be empty and not be
    the last one.

    Raises:
        AwsError: A call failed.
        IncompleteAnswerError: A response is incomplete.
    """
    client, operation = clients.client("organizations"), "ListAccounts"
    answer = responses.called(client, "DescribeOrganization")
    found.id = str(responses.member(answer, "Organization.Id", "DescribeOrganization"))
    for one in responses.paged(client, operation, "Accounts"):
        account_id, state = (str(responses.member(one, name, operation)) for name in ("Id", "State"))
        if _ACCOUNT.fullmatch(account_id) is None:
            raise IncompleteAnswerError(operation, f"{account_id[:20]!r} is no account id")
        if state in NOTHING_RUNS:
            found.unavailable.add(account_id)
            found.notes.append(f"account {account_id} is not looked at, because nothing runs there: it is {state}")
        else:
            found.members.add(account_id)
    own = clients.target.account_id
    if own not in found.members:
        raise IncompleteAnswerError(operation, f"{own}, the registry's own account, is not in the list")


def _of_account(clients: AwsClients, settings: Settings, now: datetime, account_id: str) -> _Found:
    """Where a run looks in another account. One failed outcome says why it looks nowhere there."""
    target = ScanTarget(account_id, clients.region)
    try:
        there = clients.for_target(target)
    except OutOfTimeError:
        raise
    except (CleanerError, *errors.AwsError) as error:
        return [], [unreachable(clients, target, settings.reader_role_name, error)]
    try:
        return regions.targets(there, settings, now)
    finally:
        there.release()
