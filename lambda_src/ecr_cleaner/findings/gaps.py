"""Pure: entries of ``accepted_gaps`` that match nothing any more.

An entry that nobody needs hides nothing today, and something tomorrow.
"""

from collections.abc import Collection, Iterator, Mapping

from ecr_cleaner.decision.globs import matches
from ecr_cleaner.model.finding import Finding, FindingKind, Severity
from ecr_cleaner.model.repository import SkipReason
from ecr_cleaner.model.scan import UsageScan
from ecr_cleaner.registry.pull_access import RegistryFacts


def unused(
    gaps: Mapping[str, str],
    facts: RegistryFacts,
    opted_in: Collection[str],
    may_be_open: Collection[str],
    scan: UsageScan | None,
) -> Iterator[Finding]:
    """The entries that left nothing out. Of a source that nobody asks, nobody knows whether it would answer.

    Args:
        gaps: Entries to reasons.
        facts: What the registry as a whole says.
        opted_in: Names of the repositories that opted in.
        may_be_open: Those from which others may pull, or of which that is not known.
        scan: The latest one; None: nobody was asked.
    """
    # What a source that failed would have come to is not known.
    is_known = scan is not None and not (scan.failures or scan.others.problem)
    accepted = {gap for outcome in scan.outcomes for gap in outcome.accepted} if scan else set()
    for gap, reason in gaps.items():
        kind, _, name = gap.partition(":")
        fitting = [one for one in opted_in if matches(name, one)]
        match kind:
            case SkipReason.OTHER_ACCOUNTS:
                is_used = any(one in may_be_open for one in fitting)
            case SkipReason.PULL_THROUGH_CACHE:
                is_used = any(facts.cached_under(one) for one in fitting)
            case SkipReason.DELETE_REPLICATION:
                is_used = any(facts.replicated_deletes(one) for one in fitting)
            case "eks" | "custom_resources" if is_known and "eks:*" not in gaps:
                is_used = gap in accepted
            case "account" | "region" | "unreadable" | "usage" if is_known:
                is_used = gap in accepted
            case _:
                continue
        if not is_used:
            detail = f"nothing matches this entry of accepted_gaps any more ({reason}): remove it"
            yield Finding(FindingKind.UNUSED_ACCEPTED_GAP, Severity.WARNING, gap, detail)
