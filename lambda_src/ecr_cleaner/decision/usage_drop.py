"""Pure: a drop in usages that an operator has to confirm before anything is removed."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ecr_cleaner.model.scan import SourceKey, SourceStatus, UsageScan, counts_json

_SEEN: Final = frozenset({SourceStatus.COMPLETE, SourceStatus.NOT_IN_REGION})


@dataclass(frozen=True, slots=True)
class UsageDrop:
    """A drop in usages that an operator has to confirm.

    Attributes:
        before: Images in use by source, of the last run that was complete; only those that dropped.
        now: Of the same sources now.
    """

    before: Mapping[SourceKey, int]
    now: Mapping[SourceKey, int]

    @property
    def id(self) -> str:
        """Identifies exactly this drop: its confirmation does not confirm another one."""
        text = json.dumps([counts_json(self.before), counts_json(self.now)], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def __str__(self) -> str:
        return ", ".join(f"{key} from {self.before[key]} to {self.now[key]}" for key in sorted(self.before))


def confirm_command(drop: UsageDrop, function: str, region: str) -> str:
    """The command by which an operator confirms that a drop in usages is right."""
    event = json.dumps({"schema_version": 1, "action": "confirm_usage_drop", "id": drop.id}, separators=(",", ":"))
    return (
        f"aws lambda invoke --region {region} --function-name {function}"
        f" --cli-binary-format raw-in-base64-out --payload '{event}' /dev/stdout"
    )


def counts(scan: UsageScan) -> dict[SourceKey, int]:
    """The number of different images that each complete source returned.

    Not the number of usages: that changes with every task that scaling adds or removes, and one service with many tasks
    would hide that all others have vanished. Excluded sources are not counted.
    """
    images: dict[SourceKey, set[tuple[str | None, ...]]] = {o.key: set() for o in scan.outcomes if o.status in _SEEN}
    for usage in scan.usages:
        if usage.target and (key := SourceKey(usage.target, usage.source, usage.cluster)) in images:
            reference = usage.reference
            images[key].add(
                (reference.account, reference.region, reference.repository, reference.effective_tag, reference.digest)
            )
    return {key: len(references) for key, references in images.items()}


def drop(before: Mapping[SourceKey, int], now: Mapping[SourceKey, int], max_percent: int | None) -> UsageDrop | None:
    """Which sources dropped by more than a share.

    Args:
        before: Images in use by source, of the last run that was complete.
        now: Of this one; a source that is not in both is not compared.
        max_percent: The largest drop that is accepted, in percent of `before`; None compares nothing.
    """
    if max_percent is None:
        return None
    both = sorted(before.keys() & now.keys())
    dropped = [key for key in both if (before[key] - now[key]) * 100 > before[key] * max_percent]
    return UsageDrop({key: before[key] for key in dropped}, {key: now[key] for key in dropped}) if dropped else None
