"""Which accounts besides the registry's own a scan was to look at."""

from dataclasses import dataclass

from ecr_cleaner.schema import stored


@stored
@dataclass(frozen=True, slots=True)
class OtherAccounts:
    """The other accounts of a scan. How each of them ended is in the scan's outcomes.

    Attributes:
        accounts: Ids of those that were to be looked at: by the settings, or all of the organization but the excepted
            ones. Each has at least one outcome; one without any counts as not looked at.
        organization_id: Of the own organization, ``o-...``; empty if it is not looked at, or if nobody knows its
            accounts.
        members: Ids of all accounts of the organization in which something can run, the own one and those of a state
            that is not known included.
        excepted: Ids of those that entries ``account:<id>`` of ``accepted_gaps`` leave out.
        unavailable: Ids of those accounts of the organization whose state lets nothing run there.
        problem: Why the accounts of the organization are not known, with the remedy; empty if they are.
    """

    accounts: frozenset[str] = frozenset()
    organization_id: str = ""
    members: frozenset[str] = frozenset()
    excepted: frozenset[str] = frozenset()
    unavailable: frozenset[str] = frozenset()
    problem: str = ""

    @property
    def is_of_organization(self) -> bool:
        """Whether the organization was to be looked at, rather than accounts by their ids."""
        return bool(self.organization_id or self.problem)
