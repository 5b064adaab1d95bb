"""How the look at other accounts ended, whose consumers may pull from the registry."""

from dataclasses import dataclass
from enum import StrEnum


class AccountStatus(StrEnum):
    """How far the consumers of another account are known. Stable names: they stand in reports."""

    COMPLETE = "complete"  # every source looked at all of its regions
    FAILED = "failed"  # something could not be looked at
    EXCEPTED = "excepted"  # an accepted gap: nobody looked


@dataclass(frozen=True, slots=True)
class AccountResult:
    """How the look at one other account ended.

    Attributes:
        account_id: Twelve digits.
        status: The word for it.
        regions: Where something was looked at, in order.
        missing: What could not be looked at, each with what mends it; empty unless it failed.
    """

    account_id: str
    status: AccountStatus
    regions: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OtherAccountsResult:
    """How the look at all other accounts ended.

    Attributes:
        accounts: Each that was to be looked at, and the excepted ones, in order.
        causes: What could not be looked at, so that what these accounts may pull stays; one sentence for each cause,
            however many accounts it concerns, with what mends it.
        organization_problem: Why the organization's accounts are not known, one of the causes; empty if they are, or
            none is looked at.
    """

    accounts: tuple[AccountResult, ...] = ()
    causes: tuple[str, ...] = ()
    organization_problem: str = ""

    def ids(self, status: AccountStatus) -> frozenset[str]:
        """The ids of those that ended so."""
        return frozenset(one.account_id for one in self.accounts if one.status is status)
