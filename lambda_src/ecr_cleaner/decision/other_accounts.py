"""Pure: how the look at other accounts ended, and what is said of it once for all of them.

One cause, such as a role that is not there yet, often concerns many accounts: it is one sentence with their number and
the first of them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Final

from ecr_cleaner.decision import denials
from ecr_cleaner.model.account_results import AccountResult, AccountStatus, OtherAccountsResult
from ecr_cleaner.model.scan import (
    ACCOUNTS,
    ALL_SOURCES,
    REGIONS,
    Denial,
    PolicyType,
    SourceOutcome,
    SourceStatus,
    UsageScan,
)

MOST_NAMED: Final = 3
"""Accounts, regions and sources that a sentence names."""

MOST_CAUSES: Final = 20
"""Sentences on all accounts, and on each: enough to know where to begin."""

_ANSWERED: Final = frozenset({SourceStatus.COMPLETE, SourceStatus.NOT_OFFERED})

_NOTHING_KNOWN: Final = "no scan of it came back; the next run asks again"


def result(scan: UsageScan) -> OtherAccountsResult | None:
    """How each account ended, and why what some may pull has to stay.

    Args:
        scan: The latest one.

    Returns:
        None if no other account was to be looked at.
    """
    others = scan.others
    if not (others.accounts or others.excepted or others.is_of_organization):
        return None
    by_account: dict[str, list[SourceOutcome]] = defaultdict(list)
    for outcome in sorted(scan.outcomes, key=lambda one: one.key):
        by_account[outcome.target.account_id].append(outcome)
    looked_at = [_account(one, by_account[one]) for one in sorted(others.accounts)]
    excepted = [AccountResult(one, AccountStatus.EXCEPTED) for one in others.excepted - others.accounts]
    unknown = [one.account_id for one in looked_at if not by_account[one.account_id]]
    failures = [one for account in sorted(others.accounts) for one in by_account[account] if _is_failed(one)]
    causes = [*filter(None, [others.problem]), *_causes(failures, unknown)]
    more = len(causes) - MOST_CAUSES
    return OtherAccountsResult(
        tuple(sorted([*looked_at, *excepted], key=lambda one: one.account_id)),
        (*causes[:MOST_CAUSES], *([f"and {more} more causes in other accounts: see the report"] if more > 0 else [])),
        others.problem,
    )


def together(earlier: OtherAccountsResult | None, later: OtherAccountsResult | None) -> OtherAccountsResult | None:
    """Of two scans of one run: what the earlier one could not look at kept repositories from being cleaned in it.

    Args:
        earlier: None if no other account was looked at.
        later: Likewise.
    """
    if earlier is None or later is None:
        return later or earlier
    accounts = {one.account_id: one for one in earlier.accounts}
    for one in later.accounts:
        before = accounts.get(one.account_id)
        if before is None or before.status is not AccountStatus.FAILED or one.status is AccountStatus.FAILED:
            accounts[one.account_id] = one
    return OtherAccountsResult(
        tuple(accounts[account] for account in sorted(accounts)),
        tuple(dict.fromkeys([*earlier.causes, *later.causes])),
        later.organization_problem or earlier.organization_problem,
    )


def _is_failed(outcome: SourceOutcome) -> bool:
    return outcome.status is SourceStatus.FAILED


def _account(account: str, outcomes: Collection[SourceOutcome]) -> AccountResult:
    regions = tuple(sorted({one.target.region for one in outcomes if one.status in _ANSWERED}))
    failed = [one for one in outcomes if _is_failed(one)]
    if outcomes and not failed:
        return AccountResult(account, AccountStatus.COMPLETE, regions)
    missing = [cause.what for cause in _grouped(failed)] if outcomes else [_NOTHING_KNOWN]
    more = len(missing) - MOST_CAUSES
    rest = [f"and {more} more"] if more > 0 else []
    return AccountResult(account, AccountStatus.FAILED, regions, (*missing[:MOST_CAUSES], *rest))


@dataclass(slots=True)
class _Cause:
    """One cause, wherever it holds.

    Attributes:
        text: With placeholders for account and region.
        accounts: Where it holds.
        regions: Likewise, in any of them.
        sources: What failed by it.
    """

    text: str
    accounts: set[str] = field(default_factory=set)
    regions: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)

    def add(self, outcome: SourceOutcome) -> None:
        self.accounts.add(outcome.target.account_id)
        self.regions.add(outcome.target.region)
        self.sources.add(outcome.source)

    @property
    def what(self) -> str:
        """Without the accounts."""
        text = self.text
        if len(self.accounts) == 1:
            text = text.replace(_ACCOUNT, next(iter(self.accounts)))
        if len(self.regions) == 1:
            text = text.replace(_REGION, next(iter(self.regions)))
        if self.sources <= _OF_ALL_REGIONS:
            return text
        sources = "every source" if self.sources == {ALL_SOURCES} else _some(self.sources, "source")
        return f"{sources} in {_some(self.regions, 'region')}: {text}"

    def __str__(self) -> str:
        return f"{_some(self.accounts, 'account')}: {self.what}"


_OF_ALL_REGIONS: Final = frozenset({ACCOUNTS, REGIONS})
"""What is looked up before any region is looked at: nothing is known of the account by then."""

_ACCOUNT: Final = "<account>"
_REGION: Final = "<region>"


def _causes(failures: Collection[SourceOutcome], unknown: Collection[str]) -> list[str]:
    """The one that concerns most accounts first."""
    grouped = sorted(_grouped(failures), key=lambda one: (-len(one.accounts), str(one)))
    told = [str(one) for one in grouped]
    return [*told, *([f"{_some(unknown, 'account')}: {_NOTHING_KNOWN}"] if unknown else [])]


def _grouped(failures: Collection[SourceOutcome]) -> list[_Cause]:
    causes: dict[str, _Cause] = {}
    for text, outcome in [*_denied(failures), *_others(failures)]:
        causes.setdefault(text, _Cause(text)).add(outcome)
    return list(causes.values())


def _others(failures: Collection[SourceOutcome]) -> Iterator[tuple[str, SourceOutcome]]:
    for outcome in failures:
        if outcome.denial is None:
            yield _general(outcome.detail, outcome), outcome


def _denied(failures: Collection[SourceOutcome]) -> Iterator[tuple[str, SourceOutcome]]:
    """All that one principal is denied by one policy in one account is one cause."""
    by_policy: dict[tuple[str, PolicyType, str], list[tuple[SourceOutcome, Denial]]] = defaultdict(list)
    for outcome in failures:
        if (denial := outcome.denial) is not None:
            key = outcome.target.account_id, denial.policy, _general(denials.who(denial), outcome)
            by_policy[key].append((outcome, denial))
    for (_, policy, who), group in by_policy.items():
        permissions = ", ".join(sorted({denial.permission for _, denial in group}))
        remedies = dict.fromkeys(_general(one.remedy, outcome) or denials.REMEDIES[policy] for outcome, one in group)
        text = f"{who}: {permissions}; to mend this, {'; '.join(remedies)}"
        yield from ((text, outcome) for outcome, _ in group)


def _general(text: str, outcome: SourceOutcome) -> str:
    return text.replace(outcome.target.account_id, _ACCOUNT).replace(outcome.target.region, _REGION)


def _some(names: Collection[str], noun: str) -> str:
    """Of many things the number and the first: ``40 accounts (111122223333, 222233334444 and 38 more)``."""
    first = sorted(names)[:MOST_NAMED]
    if len(names) == 1:
        return f"{noun} {first[0]}"
    more = len(names) - len(first)
    listed = f"{', '.join(first)} and {more} more" if more else ", ".join(first)
    return f"{len(names)} {noun}s ({listed})"
