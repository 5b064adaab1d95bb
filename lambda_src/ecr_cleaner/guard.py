"""Pure: what stops a repository or a whole run from removing anything.

A source that fails is certain not to have seen everything. The limits and the tripwire are for the case that nobody
foresaw: every source says it saw everything, and yet far more would go, or far less is in use, than is believable.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ecr_cleaner.model import SourceKey, SourceStatus, counts_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ecr_cleaner.model import UsageScan

FRESHNESS: Final = timedelta(minutes=10)
"""Usages older than this are collected again before more is removed."""

_SEEN: Final = frozenset({SourceStatus.COMPLETE, SourceStatus.NOT_IN_REGION})


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may go; None is no limit.

    Attributes:
        removals_per_repository: Images.
        percent_per_repository: Of the images of that repository.
        removals_per_run: Images.
        percent_per_run: Of the images of all repositories that were judged.
    """

    removals_per_repository: int | None = None
    percent_per_repository: int | None = None
    removals_per_run: int | None = None
    percent_per_run: int | None = None

    @property
    def are_off(self) -> bool:
        """Whether nothing limits what a run may remove."""
        return self == Limits()

    def exceeded_by_repository(self, removals: int, images: int) -> str:
        """Why a repository may remove nothing; empty if it may.

        Args:
            removals: Images that would go, those included that went already.
            images: All of its images, likewise.
        """
        return _exceeded(removals, images, self.removals_per_repository, self.percent_per_repository, "repository")

    def exceeded_by_run(self, removals: int, images: int) -> str:
        """Why nothing may be removed anywhere; empty if it may. The arguments are the sums over all repositories."""
        return _exceeded(removals, images, self.removals_per_run, self.percent_per_run, "run")


def _exceeded(removals: int, images: int, count: int | None, percent: int | None, scope: str) -> str:
    over = []
    if count is not None and removals > count:
        over.append(f"max_removals_per_{scope} = {count}")
    if percent is not None and removals * 100 > images * percent:
        over.append(f"max_removal_percent_per_{scope} = {percent}")
    return f"{removals} of {images} images would go, more than {' and '.join(over)} allows" if over else ""


@dataclass(frozen=True, slots=True)
class Drop:
    """A fall of usages that a person has to confirm.

    Attributes:
        before: Images in use by source, of the last run that was complete; only the sources that fell.
        now: Theirs now.
    """

    before: Mapping[SourceKey, int]
    now: Mapping[SourceKey, int]

    @property
    def id(self) -> str:
        """Names exactly this fall: another one is not confirmed by the same word."""
        text = json.dumps([counts_json(self.before), counts_json(self.now)], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def __str__(self) -> str:
        return ", ".join(f"{key} from {self.before[key]} to {self.now[key]}" for key in sorted(self.before))


def confirm_command(drop: Drop, function: str, region: str) -> str:
    """Ready to paste: a person's word that a fall of usages is as it should be."""
    event = json.dumps({"schema_version": 1, "action": "confirm_usage_drop", "id": drop.id}, separators=(",", ":"))
    return (
        f"aws lambda invoke --region {region} --function-name {function}"
        f" --cli-binary-format raw-in-base64-out --payload '{event}' /dev/stdout"
    )


def refusals(scan: UsageScan) -> tuple[str, ...]:
    """Why nothing may be removed anywhere; empty if everything that can be seen was seen."""
    return tuple(f"source {outcome.key}: {outcome.detail}" for outcome in scan.failures)


def is_stale(scan: UsageScan, now: datetime) -> bool:
    """Whether too much may have been deployed since the usages were collected."""
    return now - scan.started_at > FRESHNESS


def counts(scan: UsageScan) -> dict[SourceKey, int]:
    """Different images that each source finds in use, if it gave a full answer.

    Not its usages: those grow and shrink with every task that scaling adds or takes away, and a crowded service
    would hide that all others have vanished. What a person excluded has nothing to compare.
    """
    found: dict[SourceKey, set[tuple[str | None, ...]]] = {o.key: set() for o in scan.outcomes if o.status in _SEEN}
    for usage in scan.usages:
        key = SourceKey(usage.target, usage.source, usage.cluster) if usage.target else None
        if key is not None and key in found:
            reference = usage.reference
            found[key].add(
                (reference.account, reference.region, reference.repository, reference.effective_tag, reference.digest)
            )
    return {key: len(images) for key, images in found.items()}


def drop(before: Mapping[SourceKey, int], now: Mapping[SourceKey, int], max_percent: int | None) -> Drop | None:
    """Which sources fell by more than a share.

    Args:
        before: Images in use by source, of the last run that was complete.
        now: Of this one; a source that is not in both is not compared.
        max_percent: The share that is still believable; None compares nothing.
    """
    if max_percent is None:
        return None
    both = sorted(before.keys() & now.keys())
    fallen = [key for key in both if (before[key] - now[key]) * 100 > before[key] * max_percent]
    return Drop({key: before[key] for key in fallen}, {key: now[key] for key in fallen}) if fallen else None
