"""Pure: the removals of one run as a document with a name of its own, and what of it may still be carried out.

A plan is written as canonical JSON, and its id is the SHA-256 of these bytes. So the id that a person sends says
exactly what may go: whoever changes a byte of the plan, or puts another plan in its place, has a document that does
not have this id any more, and an event needs to carry nothing but the id. No key, no signature and no second store
has to be trusted. What the id does not say is that the function wrote the plan; that is why a plan only ever
restricts what a fresh run would remove by itself.

Canonical means as in RFC 8785: members sorted by name, no blanks, UTF-8, and nothing but texts, whole numbers, lists
and objects, so that one content has one spelling. A text that says the same in another spelling is refused.
"""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, AwareDatetime, Field, ValidationError

from ecr_cleaner.approval.selection import Approved
from ecr_cleaner.errors import ApprovalError
from ecr_cleaner.model.plan import REMOVING_REASONS, Reason
from ecr_cleaner.schema import Strict, sentences

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from ecr_cleaner.model.plan import RepositoryPlan

SCHEMA_VERSION: Final = 1


MAX_BYTES: Final = 16 * 1024 * 1024
"""No plan is longer, so that one fits into the function's memory as a whole: about 100,000 images."""


Removes = Literal["delete", "archive"]
"""What removing means, as in the settings."""


_LARGEST_NUMBER: Final = 2**53 - 1  # up to here every reader of JSON reads the same number


def canonical(content: Any) -> bytes:
    """The one spelling of texts, whole numbers, lists and objects."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _removes(reason: Reason) -> Reason:
    if reason not in REMOVING_REASONS:
        message = "it is no reason for a removal, and a plan names nothing else"
        raise ValueError(message)
    return reason


def _in_order(names: Sequence[str], what: str) -> None:
    if any(one >= other for one, other in pairwise(names)):
        message = f"{what} must be in order and named once"
        raise ValueError(message)


def _tags_in_order(tags: tuple[str, ...]) -> tuple[str, ...]:
    _in_order(tags, "tags")
    return tags


class PlannedImage(Strict):
    """One image that may go.

    Attributes:
        digest: ``sha256:`` and 64 hexadecimal digits.
        tags: Sorted; the image may go with exactly these.
        bytes: Its size; 0 for an index, whose manifests are counted themselves.
        reason: Why; one that removes.
    """

    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    tags: Annotated[tuple[Annotated[str, Field(min_length=1)], ...], AfterValidator(_tags_in_order)]
    bytes: Annotated[int, Field(ge=0, le=_LARGEST_NUMBER)]
    reason: Annotated[Reason, AfterValidator(_removes)]


def _images_in_order(images: tuple[PlannedImage, ...]) -> tuple[PlannedImage, ...]:
    _in_order([image.digest for image in images], "images")
    return images


class PlannedRepository(Strict):
    """What may go from one repository.

    Attributes:
        name: Of the repository.
        images: At least one, in the order of their digests.
    """

    name: Annotated[str, Field(min_length=1)]
    images: Annotated[tuple[PlannedImage, ...], Field(min_length=1), AfterValidator(_images_in_order)]


def _repositories_in_order(repositories: tuple[PlannedRepository, ...]) -> tuple[PlannedRepository, ...]:
    _in_order([repository.name for repository in repositories], "repositories")
    return repositories


class SavedPlan(Strict):
    """The removals of one run: nothing that is kept stands in it.

    Attributes:
        schema_version: Of this document.
        account: The registry's.
        region: The registry's.
        function: Name of the function, which tells instances of the module apart.
        removal: What carrying it out does with what is not archived yet: delete it, or archive it. What is archived
            already (`Reason.ARCHIVED_AND_UNUSED`) is deleted either way.
        created_at: UTC, whole seconds.
        expires_at: From then on it is too old.
        settings_sha256: Of everything that the run was told, see `Settings.sha256`.
        repositories: In the order of their names.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    account: Annotated[str, Field(pattern=r"^[0-9]{12}$")]
    region: Annotated[str, Field(min_length=1)]
    function: Annotated[str, Field(min_length=1)]
    removal: Removes
    created_at: AwareDatetime
    expires_at: AwareDatetime
    settings_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    repositories: Annotated[tuple[PlannedRepository, ...], AfterValidator(_repositories_in_order)]

    @cached_property
    def document(self) -> bytes:
        """The plan as it lies in a bucket or a file."""
        return canonical(self.model_dump(mode="json"))

    @cached_property
    def id(self) -> str:
        """Names exactly this plan: SHA-256 of the document, in 64 hexadecimal digits."""
        return hashlib.sha256(self.document).hexdigest()

    @property
    def images(self) -> int:
        """How many may go."""
        return sum(len(repository.images) for repository in self.repositories)

    @property
    def size_bytes(self) -> int:
        """At most what they take up: layers may be shared."""
        return sum(image.bytes for repository in self.repositories for image in repository.images)

    @property
    def approved(self) -> dict[str, dict[str, Approved]]:
        """By repository and digest, with which tags and for which reason an image may go."""
        return {
            one.name: {image.digest: Approved(image.tags, image.reason) for image in one.images}
            for one in self.repositories
        }


def of_run(  # noqa: PLR0913 - what a plan is bound to, each by name
    plans: Iterable[RepositoryPlan],
    *,
    account: str,
    region: str,
    function: str,
    removal: Removes,
    settings_sha256: str,
    now: datetime,
    expires_after: timedelta,
) -> SavedPlan:
    """The removals of a run.

    Raises:
        ApprovalError: They are too many for one plan.
    """
    created_at = now.replace(microsecond=0)
    saved = SavedPlan(
        account=account,
        region=region,
        function=function,
        removal=removal,
        created_at=created_at,
        expires_at=created_at + expires_after,
        settings_sha256=settings_sha256,
        repositories=tuple(
            PlannedRepository(name=plan.repository.name, images=images)
            for plan in sorted(plans, key=lambda one: one.repository.name)
            if (images := _images(plan))
        ),
    )
    if (size := len(saved.document)) > MAX_BYTES:
        message = (
            f"a plan of {saved.images} images takes {size} bytes, more than the {MAX_BYTES} that one may have: "
            "opt fewer repositories in at once"
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
        for verdict in sorted(plan.removals, key=lambda one: one.image.digest)
    )


def read(body: bytes, plan_id: str, place: str) -> SavedPlan:
    """A plan from its document.

    Args:
        body: As it was stored.
        plan_id: What a person sent.
        place: Where it lies, for people.

    Raises:
        ApprovalError: It is not the plan of this id, or none that is understood.
    """
    found = hashlib.sha256(body).hexdigest()
    if found != plan_id:
        message = f"{place} was changed: it is not the plan {plan_id}, its id is {found}"
        raise ApprovalError(message)
    if len(body) > MAX_BYTES:
        message = f"{place} has {len(body)} bytes, more than the {MAX_BYTES} that a plan may have"
        raise ApprovalError(message)
    try:
        plan = SavedPlan.model_validate_json(body)
    except ValidationError as error:
        message = f"{place} is no plan that is understood here: {sentences('plan', error)[0]}"
        raise ApprovalError(message) from None
    if plan.document != body:
        message = f"{place} is no plan of this module: it is spelled otherwise"
        raise ApprovalError(message)
    return plan


def check(  # noqa: PLR0913 - what a plan is bound to, each by name
    plan: SavedPlan,
    *,
    account: str,
    region: str,
    function: str,
    removal: Removes,
    settings_sha256: str,
    now: datetime,
) -> None:
    """Refuse a plan that is not for here, or not for now.

    Raises:
        ApprovalError: With everything that does not fit.
    """
    problems = [
        f"it is for {name} {told}, and this is {name} {here}"
        for name, told, here in (
            ("account", plan.account, account),
            ("region", plan.region, region),
            ("function", plan.function, function),
            ("removal", plan.removal, removal),
        )
        if told != here
    ]
    if plan.settings_sha256 != settings_sha256:
        problems.append("the settings have changed since it was made, so it says nothing of what they would remove")
    if now >= plan.expires_at:
        problems.append(f"it expired {plan.expires_at:%Y-%m-%d %H:%M} UTC")
    if plan.created_at > now + _CLOCKS_DIFFER:
        problems.append(f"it was made {plan.created_at:%Y-%m-%d %H:%M} UTC, which is yet to come")
    if problems:
        message = f"plan {plan.id} cannot be carried out: {'; '.join(problems)}; take a newer plan"
        raise ApprovalError(message)


_CLOCKS_DIFFER: Final = timedelta(minutes=10)


def apply_event(plan_id: str) -> dict[str, Any]:
    """What a person sends to the function."""
    return {"schema_version": 1, "action": "apply", "plan": plan_id}


def apply_command(plan_id: str, function: str, region: str) -> str:
    """Ready to paste: carries a plan out and prints the result."""
    event = json.dumps(apply_event(plan_id), separators=(",", ":"))
    return (
        f"aws lambda invoke --region {region} --function-name {function}"
        f" --cli-binary-format raw-in-base64-out --cli-read-timeout 0 --payload '{event}' /dev/stdout"
    )
