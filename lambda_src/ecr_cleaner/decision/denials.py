"""Pure: one sentence for everything that the function was denied, however many sources need it."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from ecr_cleaner.model.gaps import entries
from ecr_cleaner.model.scan import Denial, PolicyType, SourceOutcome
from ecr_cleaner.model.usage import ScanTarget

REMEDIES: Final[Mapping[PolicyType, str]] = {
    PolicyType.IDENTITY: "allow it in an identity-based policy of the caller, as the module does for its role",
    PolicyType.BOUNDARY: "allow it in the permissions boundary of the caller",
    PolicyType.SESSION: "allow it in the session policy of the caller",
    PolicyType.SERVICE_CONTROL: "allow it for the caller in the organization's service control policies",
    PolicyType.RESOURCE_CONTROL: "allow it for the caller in the organization's resource control policies",
    PolicyType.RESOURCE: "allow it for the caller in the policy of the resource",
    PolicyType.VPC_ENDPOINT: "allow it in the policy of the VPC endpoint",
    PolicyType.UNKNOWN: "allow it for the caller, in whatever policy denies it: AWS does not say in which",
}


def sentence(failures: Iterable[SourceOutcome]) -> str:
    """What is missing, whose it is, and what mends it; empty if nothing was denied.

    Only what service control policies deny ends with the entry that excludes the sources: the organization may have
    forbidden these services altogether. What any other policy denies can be mended in the account.

    Args:
        failures: Outcomes of failed sources.
    """
    denied = [(outcome, outcome.denial) for outcome in sorted(failures, key=lambda one: one.key) if outcome.denial]
    if not denied:
        return ""
    by_policy: dict[tuple[ScanTarget, PolicyType, bool, str, str], list[tuple[str, Denial]]] = defaultdict(list)
    for outcome, denial in denied:
        key = outcome.target, denial.policy, denial.is_explicit, denial.policy_arn, denial.principal
        by_policy[key].append((outcome.source, denial))
    groups = [by_policy[key] for key in sorted(by_policy)]
    causes = [f"in {key[0]} {who(by_policy[key][0][1])}: {_what(by_policy[key])}" for key in sorted(by_policy)]
    remedies = dict.fromkeys(denial.remedy or REMEDIES[denial.policy] for group in groups for _, denial in group)
    mended = f"to mend this, {'; '.join(remedies)}"
    forbidden = [d for _, d in denied if d.policy is PolicyType.SERVICE_CONTROL and d.gap]
    return "; ".join(["permissions are missing: " + "; ".join(causes), mended, *_exclusion(forbidden)])


def failed_sources(outcomes: Iterable[SourceOutcome]) -> list[str]:
    """Why sources failed: one sentence for each of them, and one for all that were denied.

    Args:
        outcomes: Of failed sources.
    """
    failed = list(outcomes)
    told = [f"source {outcome.key}: {outcome.detail}" for outcome in failed if outcome.denial is None]
    denied = sentence(failed)
    return [denied, *told] if denied else told


def who(denial: Denial) -> str:
    """Whose permission is missing, and by which policy.

    Where AWS names nobody it is whoever made the call: the function's role, or a person at the command line.
    """
    principal = denial.principal or "the caller"
    arn = f" {denial.policy_arn}" if denial.policy_arn else ""
    if denial.policy is PolicyType.UNKNOWN:
        return f"{principal} is denied"
    if denial.is_explicit:
        return f"{principal} is denied by a {denial.policy}{arn}"
    return f"no {denial.policy} allows {principal}"


def _what(group: Sequence[tuple[str, Denial]]) -> str:
    """Every permission once, with the sources that need it."""
    sources: dict[str, list[str]] = defaultdict(list)
    for source, denial in group:
        sources[denial.permission].append(f"source {source}")
    return ", ".join(f"{permission} ({', '.join(sources[permission])})" for permission in sorted(sources))


def _exclusion(denials: Sequence[Denial]) -> Iterator[str]:
    titles = {denial.gap: denial.unprotected for denial in denials}
    if titles:
        what = "; ".join(dict.fromkeys(titles[gap] for gap in sorted(titles)))
        yield (
            "or, where an organization forbids these services to everybody, exclude their sources at your own risk,"
            f" and images that only these use are not protected: {what}: {entries(titles)}"
        )
