"""Pure: a drop in usages that an operator has to confirm before anything is removed."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ecr_cleaner.model.scan import SourceKey, SourceOutcome, SourceStatus, UsageScan, counts_json
from ecr_cleaner.model.usage import Usage, UsageKind

_Name = tuple[str | None, ...]

_SEEN: Final = frozenset({SourceStatus.COMPLETE, SourceStatus.NOT_OFFERED})

MIN_IMAGES: Final = 5
"""A drop by fewer images needs no confirmation: small numbers fall by any share in ordinary life."""


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


def failed_by(scan: UsageScan, dropped: UsageDrop, detail: str) -> UsageScan:
    """A scan in which sources have failed whose usages dropped: nobody knows whether they saw everything.

    Args:
        scan: The latest one.
        dropped: The drop.
        detail: Said of each of them, after how far it fell.
    """
    fell: dict[SourceKey, list[str]] = {}
    for key in sorted(dropped.before):
        fell.setdefault(key.whole, []).append(f"from {dropped.before[key]} to {dropped.now[key]}")

    def checked(outcome: SourceOutcome) -> SourceOutcome:
        if outcome.key not in fell:
            return outcome
        told = f"the number of images in use dropped {', '.join(fell[outcome.key])}; {detail}"
        return replace(outcome, status=SourceStatus.FAILED, detail=told)

    return replace(scan, outcomes=tuple(checked(one) for one in scan.outcomes))


def confirm_command(drop: UsageDrop, function: str, region: str) -> str:
    """The command by which an operator confirms that a drop in usages is right."""
    event = json.dumps({"schema_version": 1, "action": "confirm_usage_drop", "id": drop.id}, separators=(",", ":"))
    return (
        f"aws lambda invoke --region {region} --function-name {function}"
        f" --cli-binary-format raw-in-base64-out --payload '{event}' /dev/stdout"
    )


def counts(scan: UsageScan) -> dict[SourceKey, int]:
    """The number of different images that each complete source returned, and each of its parts.

    Not the number of usages: that changes with every task that scaling adds or removes, and one service with many tasks
    would hide that all others have vanished. Not what only runs either: jobs, builds and tasks end. Excluded sources
    and those that return an input of the run are not counted.
    """
    usages: dict[SourceKey, list[Usage]] = {
        replace(outcome.key, part=part): []
        for outcome in scan.outcomes
        if outcome.status in _SEEN and not outcome.is_input
        for part in (None, *outcome.parts)
    }
    for usage in scan.usages:
        if usage.target is None or usage.evidence is UsageKind.RUNNING:
            continue
        for part in (None, usage.consumer):
            if (key := SourceKey(usage.target, usage.source, usage.cluster, part)) in usages:
                usages[key].append(usage)
    return {key: _images(of_key) for key, of_key in usages.items()}


def _images(usages: Sequence[Usage]) -> int:
    """How many different images are used: by digest, and by name where no digest of it is known.

    A consumer is often found with a name and with the digest to which that was resolved. They are one image if both
    are of the same text, or if the consumer has only that name.
    """
    digests = {(one.reference.repository, one.reference.digest) for one in usages if one.reference.digest}
    with_repository = {digest for repository, digest in digests if repository is not None}
    names_by_consumer: dict[str, set[_Name]] = {}
    names_by_text: dict[str, set[_Name]] = {}
    for one in usages:
        reference = one.reference
        if not reference.digest:
            name = reference.account, reference.region, reference.repository, reference.effective_tag
            names_by_consumer.setdefault(one.consumer, set()).add(name)
            names_by_text.setdefault(reference.text, set()).add(name)
    names = {name for named in names_by_text.values() for name in named}
    for one in usages:
        if one.reference.digest:
            names -= names_by_text.get(one.reference.text, set())
            own = names_by_consumer.get(one.consumer, set())
            names -= own if len(own) == 1 else set()
    # A digest alone is in whichever repository.
    alone = {digest for repository, digest in digests if repository is None and digest not in with_repository}
    return len(names) + len(alone) + sum(repository is not None for repository, _ in digests)


def drop(before: Mapping[SourceKey, int], now: Mapping[SourceKey, int], max_percent: int | None) -> UsageDrop | None:
    """Which sources, or parts of them, dropped by more than a share, and by at least `MIN_IMAGES`.

    Args:
        before: Images in use by source, of the last run that was complete.
        now: Of this one; what is not in both is not compared.
        max_percent: The largest drop that is accepted, in percent of `before`; None compares nothing.
    """
    if max_percent is None:
        return None
    fell = {key: before[key] - now[key] for key in sorted(before.keys() & now.keys())}
    dropped = [key for key, by in fell.items() if by >= MIN_IMAGES and by * 100 > before[key] * max_percent]
    return UsageDrop({key: before[key] for key in dropped}, {key: now[key] for key in dropped}) if dropped else None
