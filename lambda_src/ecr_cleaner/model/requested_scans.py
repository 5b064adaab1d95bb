"""What a run asks of its scans, and what it knows before them: a document, if others make the scans."""

from dataclasses import dataclass

from pydantic import AwareDatetime

from ecr_cleaner.model.other_accounts import OtherAccounts
from ecr_cleaner.model.scan import SourceOutcome
from ecr_cleaner.model.usage import ScanTarget
from ecr_cleaner.schema import Sha256, Text, stored


@stored
@dataclass(frozen=True, slots=True)
class ScanRequest:
    """What a run demands of its scans; whatever does not match it counts as failed.

    Attributes:
        targets: One scan of each is demanded; the first one is the account and region of the registry.
        run_id: Of the run.
        settings_sha256: Of its settings.
        catalog_sha256: Of the names of its sources.
        sources: The names of its sources: each must have an outcome.
        home_only: Those among them that look at home only.
        excluded: Those among them that the settings exclude, and no others may be.
        requested_at: A scan that started before is stale.
    """

    targets: tuple[ScanTarget, ...]
    run_id: Text
    settings_sha256: Sha256
    catalog_sha256: Sha256
    sources: tuple[str, ...]
    excluded: frozenset[str]
    requested_at: AwareDatetime
    home_only: frozenset[str] = frozenset()

    @property
    def home(self) -> ScanTarget:
        """The account and region of the registry."""
        return self.targets[0]

    def sources_of(self, target: ScanTarget) -> frozenset[str]:
        """Names of the sources that look at a target."""
        return frozenset(self.sources) - (frozenset() if target == self.home else self.home_only)

    def __post_init__(self) -> None:
        if not (self.targets and self.sources):
            message = "a scan of no target or of no source would show that nothing is in use"
            raise ValueError(message)


@stored
@dataclass(frozen=True, slots=True)
class RequestedScans:
    """The scans that a run demands.

    Attributes:
        request: What is demanded of each.
        outcomes: Of accounts and regions that a person left out, and of those of which not even the list of regions
            is known.
        others: The other accounts that are to be looked at.
    """

    request: ScanRequest
    outcomes: tuple[SourceOutcome, ...]
    others: OtherAccounts
