"""Pure: which images a repository's own ECR lifecycle policy is about to expire or to archive.

The rules are those of the ECR user guide (https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html,
"Lifecycle policy evaluation rules", and "Lifecycle policy properties"):

- All rules are evaluated against all images of their storage class; then they are applied by priority, 1 first.
- An image that matches the tags of a rule is not affected by rules of lower priority, even if the rule keeps it.
- A rule also counts the images that other rules select.
- The manifests of an index are only affected after the index.

Nothing beyond that is assumed: a rule with an unknown member is not evaluated, and neither are those of lower priority,
because it might exclude images from them.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Literal

from ecr_cleaner.decision.globs import matches
from ecr_cleaner.model.image import Image
from ecr_cleaner.schema import read_json

Action = Literal["expire", "archive"]
"""What a rule does to an image. After either the image cannot be pulled."""


class CountType(StrEnum):
    """How a rule selects among its images."""

    MORE_THAN = "imageCountMoreThan"
    SINCE_PUSHED = "sinceImagePushed"
    SINCE_PULLED = "sinceImagePulled"
    SINCE_TRANSITIONED = "sinceImageTransitioned"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a policy.

    Attributes:
        priority: The lowest number comes first.
        action: What happens to the selected images.
        tag_status: ``tagged``, ``untagged`` or ``any``.
        patterns: Globs; each of them has to match one tag of a tagged image.
        count_type: How it selects.
        count: Images, or days.
    """

    priority: int
    action: Action
    tag_status: str
    patterns: tuple[str, ...]
    count_type: CountType
    count: int

    def selects(self, image: Image) -> bool:
        """Whether the image is of the rule's storage class and matches its tags."""
        if image.active is (self.count_type is CountType.SINCE_TRANSITIONED):
            return False
        if self.tag_status == "tagged":
            return bool(image.tags) and all(any(matches(p, tag) for tag in image.tags) for p in self.patterns)
        return self.tag_status == "any" or not image.tags


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of a lifecycle policy.

    Attributes:
        rules: In the order in which they apply.
        not_understood: Why the others are not evaluated, in that order too; one sentence each.
    """

    rules: tuple[Rule, ...] = ()
    not_understood: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fate:
    """What a policy does to one image.

    Attributes:
        rule: The one that selects it.
        due: From when on, not before that of the indexes that list the image; ECR acts within 24 hours. None: now, by
            the number of images.
    """

    rule: Rule
    due: datetime | None


_RULE: Final = frozenset({"rulePriority", "description", "selection", "action"})

_SELECTION: Final = frozenset(
    {"tagStatus", "tagPatternList", "tagPrefixList", "storageClass", "countType", "countUnit", "countNumber"}
)

_LISTS: Final = {
    "tagPatternList": re.compile(r"[A-Za-z0-9_.*-]{1,128}"),
    "tagPrefixList": re.compile(r"[A-Za-z0-9_.-]{1,128}"),
}

_MAX_WILDCARDS: Final = 4


def read(text: str) -> Policy:
    """Parse a policy as ``ecr:GetLifecyclePolicy`` returns it; never fails."""
    try:
        ordered = sorted(read_json(text)["rules"], key=_priority)
    except (ValueError, KeyError, TypeError):
        return Policy(not_understood=("its lifecycle policy is no list of rules, each with its rulePriority",))
    priorities = [_priority(rule) for rule in ordered]
    if len(set(priorities)) < len(priorities):
        return Policy(not_understood=("its lifecycle policy has two rules of the same priority",))
    rules: list[Rule] = []
    for at, rule in enumerate(map(_rule, ordered)):
        if isinstance(rule, str):
            first, *below = (f"rule {priority} of its lifecycle policy" for priority in priorities[at:])
            causes = (f"{first} {rule}", *(f"{later} comes after rule {priorities[at]}" for later in below))
            return Policy(tuple(rules), causes)
        rules.append(rule)
    return Policy(tuple(rules))


def _priority(rule: dict[str, Any]) -> int:
    return _whole(rule["rulePriority"])


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise TypeError(value)
    return value


def _rule(item: dict[str, Any]) -> Rule | str:
    """One rule; or the reason why it is not evaluated."""
    try:
        selection = item["selection"]
        count_type = CountType(selection["countType"])
        action = _action(item["action"], count_type)
        cause = next(_problems(item, selection, count_type), None)
        if cause or action is None:
            return cause or f"has the action {json.dumps(item['action'], sort_keys=True)} with {count_type.value}"
        prefixes = (f"{prefix}*" for prefix in selection.get("tagPrefixList", ()))
        return Rule(
            priority=_priority(item),
            action=action,
            tag_status=selection["tagStatus"],
            patterns=(*selection.get("tagPatternList", ()), *prefixes),
            count_type=count_type,
            count=_whole(selection["countNumber"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return f"is not written as ECR's documentation says ({error})"


def _action(action: dict[str, Any], count_type: CountType) -> Action | None:
    if action == {"type": "expire"} and count_type is not CountType.SINCE_PULLED:
        return "expire"
    to_archive = {"type": "transition", "targetStorageClass": "archive"}
    return "archive" if action == to_archive and count_type is not CountType.SINCE_TRANSITIONED else None


def _problems(item: dict[str, Any], selection: dict[str, Any], count_type: CountType) -> Iterator[str]:
    """What is wrong with members, count and tags, as ends of sentences; the first one holds."""
    for name in sorted({*(set(item) - _RULE), *(set(selection) - _SELECTION)}):
        yield f"has a member {name!r}, which is not known here"
    unit = None if count_type is CountType.MORE_THAN else "days"
    storage = "archive" if count_type is CountType.SINCE_TRANSITIONED else "standard"
    if selection.get("countUnit") != unit:
        yield f"counts in {selection.get('countUnit')!r} with {count_type.value}"
    if selection.get("storageClass", "standard") != storage:
        yield f"has {count_type.value} with the storage class {selection.get('storageClass')!r}"
    status, lists = selection["tagStatus"], [name for name in _LISTS if name in selection]
    if status not in {"tagged", "untagged", "any"}:
        yield f"has the tagStatus {status!r}"
    if len(lists) != (status == "tagged"):
        yield f"has {len(lists)} lists of tags with the tagStatus {status!r}"
    for name in lists:
        if not isinstance(selection[name], list) or not selection[name]:
            yield f"has no list of tags in {name}"
        for glob in selection[name]:
            if not _LISTS[name].fullmatch(glob) or glob.count("*") > _MAX_WILDCARDS:
                yield f"has {glob!r} in {name}"


def fates(
    policy: Policy,
    images: Sequence[Image],
    parents: Mapping[str, Collection[str]],
    wanted: Iterable[str],
    now: datetime,
) -> dict[str, Fate]:
    """What a policy does to some images of a repository.

    Args:
        policy: Of the repository.
        images: All of them.
        parents: Manifest to the indexes that list it.
        wanted: Digests of the active images in question.
        now: The time in question; if it is in the future, as if no image were pushed until then.

    Returns:
        Digest to fate, without unaffected images and without archived ones.
    """
    active = {image.digest: image for image in images if image.active}
    beyond = {rule: _beyond_count(rule, images) for rule in policy.rules if rule.count_type is CountType.MORE_THAN}
    known: dict[str, Fate | None] = {}

    def fate(digest: str) -> Fate | None:
        image = active.get(digest)
        rule = next((r for r in policy.rules if r.selects(image)), None) if image else None
        if image is None or rule is None:
            return None
        due = _due(rule, image)
        goes = digest in beyond[rule] if due is None else due < now
        before = [known[index] for index in parents.get(digest, ()) if index in active]
        if not goes or not all(before):
            return None
        dues = [one for one in (due, *(holder.due for holder in before if holder)) if one is not None]
        return Fate(rule, max(dues, default=None))

    wanted = list(wanted)
    # Not by calls in each other: indexes can list indexes to any depth.
    waiting = [*wanted]
    while waiting:
        digest = waiting[-1]
        if digest in known:
            known[waiting.pop()] = fate(digest)
        else:
            known[digest] = None  # of indexes that list each other, none comes first
            waiting += [index for index in parents.get(digest, ()) if index in active and index not in known]
    return {digest: its for digest in wanted if (its := known[digest]) is not None}


def _beyond_count(rule: Rule, images: Iterable[Image]) -> frozenset[str]:
    youngest_first = sorted(
        (image for image in images if rule.selects(image)), key=lambda i: (i.pushed_at, i.digest), reverse=True
    )
    return frozenset(image.digest for image in youngest_first[rule.count :])


def _due(rule: Rule, image: Image) -> datetime | None:
    """When an image reaches the age limit of a rule; None if the rule has none."""
    if rule.count_type is CountType.MORE_THAN:
        return None
    # The push, or the restoration from the archive if that is later: as in the guide, and as `Image.pushed_at`.
    since = image.pushed_at
    if rule.count_type is CountType.SINCE_PULLED and image.last_pulled_at is not None:
        restored = image.uploaded_at is not None
        since = max(image.last_pulled_at, image.pushed_at) if restored else image.last_pulled_at
    try:
        return since + timedelta(days=rule.count)
    except OverflowError:  # such a count means never
        return datetime.max.replace(tzinfo=since.tzinfo)
