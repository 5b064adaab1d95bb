"""Pure: the grace of images that nothing needs any more.

An image goes only after every run for some days found that nothing needs it: not in the first run that does. So what
one call changed (a tag that moved, a repository that was opted in) shows in a report before it removes anything.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from ecr_cleaner.decision.groups import together
from ecr_cleaner.model.plan import Reason, RepositoryPlan, Verdict
from ecr_cleaner.printable import minute

JITTER: Final = timedelta(hours=2)
"""By how much less than whole days a grace lasts: schedules jitter, and a day of a time zone may have 23 hours."""


def unneeded_since(plan: RepositoryPlan, known: Mapping[str, datetime], now: datetime) -> dict[str, datetime]:
    """Since when each image that a plan removes is known to be unneeded.

    Args:
        plan: Of one repository, without grace.
        known: Digest to the beginning of the run that first found it so; only of images that no run found needed since.
        now: When the present run began. A later time in `known` is of a clock that was wrong, so it does not count.
    """
    return {digest: min(known.get(digest, now), now) for digest in (verdict.image.digest for verdict in plan.removals)}


def apply(plan: RepositoryPlan, since: Mapping[str, datetime], now: datetime, grace_days: int) -> RepositoryPlan:
    """The same plan, in which every image that is in grace is kept.

    Images that belong together (an index, its manifests, what refers to them) go together: their grace is over when
    that of the last one is.

    Args:
        plan: Of one repository, without grace.
        since: Of each image that it removes, as `unneeded_since` has it.
        now: When the present run began.
        grace_days: Whole days; 0: there is no grace.
    """
    if not grace_days:
        return plan
    latest = _latest_of_group(plan, since)
    lasts = timedelta(days=grace_days) - JITTER
    waiting = {digest: last for digest, last in latest.items() if now < since[last] + lasts}
    names = {verdict.image.digest: verdict.image.name for verdict in plan.removals}

    def graced(verdict: Verdict) -> Verdict:
        digest = verdict.image.digest
        if digest not in waiting:
            return verdict
        last = waiting[digest]
        evidence = [f"found unneeded since {minute(since[digest])}"]
        goes_after = since[last] + lasts
        evidence.append(f"it goes with the first run from {minute(goes_after)} on, unless something needs it by then")
        if since[last] > since[digest]:
            evidence.append(f"it goes together with {names[last]}, found unneeded since {minute(since[last])}")
        return replace(verdict, reason=Reason.IN_GRACE, evidence=tuple(evidence), goes_after=goes_after)

    return replace(
        plan,
        verdicts=tuple(graced(verdict) for verdict in plan.verdicts),
        must_go_first={digest: first for digest, first in plan.must_go_first.items() if digest not in waiting},
        parts={digest: listed for digest, listed in plan.parts.items() if digest not in waiting},
    )


def _latest_of_group(plan: RepositoryPlan, since: Mapping[str, datetime]) -> dict[str, str]:
    """Each digest of `since`, with that member of its connected group which is unneeded for the shortest time."""
    latest: dict[str, str] = {}
    for verdicts in together(plan):
        digests = [verdict.image.digest for verdict in verdicts]
        # Of equals, by the digest.
        last = max(digests, key=lambda digest: (since[digest], digest)) if len(digests) > 1 else digests[0]
        latest.update(dict.fromkeys(digests, last))
    return latest
