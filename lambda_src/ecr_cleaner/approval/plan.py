"""Pure: the removals of one run as a document, and the checks before the document is carried out.

A plan is canonical JSON, and its id is the SHA-256 of these bytes. So the id determines exactly which images may be
removed: a plan that was changed or replaced has another id. A request carries nothing but the id, and no key, signature
or second store has to be trusted. The id does not prove that the function wrote the plan; that is why a plan only
restricts what a fresh run would remove by itself.

Canonical is meant as in RFC 8785: members sorted by name, no whitespace, UTF-8, and only strings, whole numbers, lists
and objects, so that equal content has equal bytes. Equal content in other bytes is refused.
"""

import hashlib
import json
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, AwareDatetime, Field, ValidationError

from ecr_cleaner.errors import ApprovalError
from ecr_cleaner.model.plan import REMOVING_REASONS, Reason, RepositoryPlan
from ecr_cleaner.printable import minute
from ecr_cleaner.schema import AccountId, Digest, Sha256, Strict, Text, sentences
from ecr_cleaner.settings.loader import Settings

SCHEMA_VERSION: Final = 1

MAX_BYTES: Final = 16 * 1024 * 1024
"""Longest plan, so that it fits into the function's memory: about 100,000 images."""

Removes = Literal["delete", "archive"]
"""What a removal does, as in the settings."""

_TOLD: Final = 10  # problems of a plan that an error names

CLOCK_AHEAD: Final = timedelta(minutes=10)
"""By how much the clock that a plan was made by may be ahead of the one by which it is carried out."""

_LARGEST_NUMBER: Final = 2**53 - 1  # every JSON parser reads whole numbers up to here exactly


def canonical(content: Any) -> bytes:
    """Canonical bytes of strings, whole numbers, lists and objects."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _removes(reason: Reason) -> Reason:
    if reason not in REMOVING_REASONS:
        message = "it must be a reason for a removal"
        raise ValueError(message)
    return reason


def _in_order(what: str, name: Callable[[Any], str]) -> AfterValidator:
    def check(items: tuple[Any, ...]) -> tuple[Any, ...]:
        if any(name(first) >= name(second) for first, second in pairwise(items)):
            message = f"{what} must be sorted and unique"
            raise ValueError(message)
        return items

    return AfterValidator(check)


class PlannedImage(Strict):
    """One image that may be removed.

    Attributes:
        digest: ``sha256:`` and 64 hexadecimal digits.
        tags: Sorted; the image may be removed only with exactly these tags.
        bytes: Size of the image; 0 for an index, whose manifests are counted themselves.
        reason: It may be removed only for this reason: another one may mean deletion instead of archiving.
    """

    digest: Digest
    tags: Annotated[tuple[Text, ...], _in_order("tags", str)]
    bytes: Annotated[int, Field(ge=0, le=_LARGEST_NUMBER)]
    reason: Annotated[Reason, AfterValidator(_removes)]


class PlannedRepository(Strict):
    """Images of one repository that may be removed.

    Attributes:
        name: Name of the repository.
        images: At least one; sorted by digest.
    """

    name: Text
    images: Annotated[tuple[PlannedImage, ...], Field(min_length=1), _in_order("images", lambda image: image.digest)]


class PlanBinding(Strict):
    """What a plan is bound to.

    Attributes:
        account: Account id of the registry.
        region: Region of the registry.
        function: Name of the function, without account and region; distinguishes instances of the module.
        removal: Whether an active image is deleted or archived. An archived image (`Reason.ARCHIVED_AND_UNUSED`) is
            deleted in both cases.
        settings_sha256: Of the settings of the run, see `Settings.sha256`.
    """

    account: AccountId
    region: Text
    function: Text
    removal: Removes
    settings_sha256: Sha256


class SavedPlan(PlanBinding):
    """The removals of one run; it contains no images that are kept.

    Attributes:
        schema_version: Of this document.
        created_at: UTC, whole seconds.
        expires_at: From then on the plan is refused.
        repositories: Sorted by name.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    created_at: AwareDatetime
    expires_at: AwareDatetime
    repositories: Annotated[tuple[PlannedRepository, ...], _in_order("repositories", lambda one: one.name)]

    @cached_property
    def document(self) -> bytes:
        """The bytes of the plan, in a bucket or a file."""
        return canonical(self.model_dump(mode="json"))

    @cached_property
    def id(self) -> str:
        """SHA-256 of the document, in 64 hexadecimal digits."""
        return hashlib.sha256(self.document).hexdigest()

    @property
    def images(self) -> int:
        """Number of images that may be removed."""
        return sum(len(repository.images) for repository in self.repositories)

    @property
    def size_bytes(self) -> int:
        """Upper bound of their size: layers may be shared."""
        return sum(image.bytes for repository in self.repositories for image in repository.images)

    @property
    def approved(self) -> dict[str, dict[str, PlannedImage]]:
        """The images by repository and digest."""
        return {one.name: {image.digest: image for image in one.images} for one in self.repositories}


def binding(account: str, region: str, function: str, settings: Settings) -> PlanBinding:
    """What a plan of a function is bound to, with these settings."""
    return PlanBinding(
        account=account,
        region=region,
        function=function,
        removal=settings.removal_mode,
        settings_sha256=settings.sha256,
    )


def of_run(plans: Iterable[RepositoryPlan], binding: PlanBinding, now: datetime, expires_after: timedelta) -> SavedPlan:
    """A plan of the removals of a run.

    Raises:
        ApprovalError: There are too many for one plan.
    """
    created_at = now.replace(microsecond=0)
    saved = SavedPlan(
        **dict(binding),
        created_at=created_at,
        expires_at=created_at + expires_after,
        repositories=tuple(
            PlannedRepository(name=plan.repository.name, images=images)
            for plan in sorted(plans, key=lambda plan: plan.repository.name)
            if (images := _images(plan))
        ),
    )
    if (size := len(saved.document)) > MAX_BYTES:
        message = (
            f"a plan of {saved.images} images has {size} bytes, more than the limit of {MAX_BYTES}:"
            " opt in fewer repositories at once"
        )
        raise ApprovalError(message)
    return saved


def _images(plan: RepositoryPlan) -> tuple[PlannedImage, ...]:
    return tuple(
        PlannedImage(
            digest=verdict.image.digest,
            tags=verdict.image.tags,
            bytes=0 if verdict.image.is_index else verdict.image.size_bytes,
            reason=verdict.reason,
        )
        for verdict in sorted(plan.removals, key=lambda verdict: verdict.image.digest)
    )


def read(body: bytes, plan_id: str, place: str) -> SavedPlan:
    """A plan from its document.

    Args:
        body: The bytes as stored.
        plan_id: The id that was submitted.
        place: Name of the object or file, for messages.

    Raises:
        ApprovalError: It has another id, or is not a valid plan.
    """
    actual = hashlib.sha256(body).hexdigest()
    if actual != plan_id:
        message = f"{place} was changed: it is not the plan {plan_id}, its id is {actual}"
        raise ApprovalError(message)
    if len(body) > MAX_BYTES:
        message = f"{place} has {len(body)} bytes, more than the limit of {MAX_BYTES}"
        raise ApprovalError(message)
    try:
        plan = SavedPlan.model_validate_json(body)
    except ValidationError as error:
        message = f"{place} is not a valid plan: {'; '.join(sentences('plan', error)[:_TOLD])}"
        raise ApprovalError(message) from None
    if plan.document != body:
        message = f"{place} is not a valid plan: it is not canonical JSON"
        raise ApprovalError(message)
    return plan


def check(plan: SavedPlan, binding: PlanBinding, now: datetime) -> None:
    """Refuse a plan that was made for something else, is expired, or was made with other settings.

    Raises:
        ApprovalError: With everything that differs.
    """
    problems = [
        f"it is for {name} {planned}, and this is {name} {here}"
        for name in ("account", "region", "function", "removal")
        if (planned := getattr(plan, name)) != (here := getattr(binding, name))
    ]
    if plan.settings_sha256 != binding.settings_sha256:
        problems.append("the settings have changed since it was made")
    if now >= plan.expires_at:
        problems.append(f"it expired {minute(plan.expires_at)}")
    if plan.created_at > now + CLOCK_AHEAD:
        problems.append(f"it was made {minute(plan.created_at)}, which is in the future")
    if problems:
        message = f"plan {plan.id} cannot be carried out: {'; '.join(problems)}; take a newer plan"
        raise ApprovalError(message)


def apply_event(plan_id: str) -> dict[str, Any]:
    """The request that carries out a plan."""
    return {"schema_version": 1, "action": "apply", "plan": plan_id}


def apply_command(plan_id: str, function: str, region: str) -> str:
    """Command line that carries out a plan and prints the result."""
    event = json.dumps(apply_event(plan_id), separators=(",", ":"))
    return (
        f"aws lambda invoke --region {region} --function-name {function}"
        f" --cli-binary-format raw-in-base64-out --cli-read-timeout 0 --payload '{event}' /dev/stdout"
    )
