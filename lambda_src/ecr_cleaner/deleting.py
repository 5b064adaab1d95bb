"""Deletes images: the call alone, and what its answer means; `batch` decides which and looks before and after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ecr_cleaner.aws import Aws
    from ecr_cleaner.model import Image, Verdict

ImageId = dict[str, str]

INACCESSIBLE: Final = "ImageInaccessible"
"""An archived image: describing does not show it either, so its absence proves nothing."""

MEANINGS: Final[Mapping[str, str]] = {
    "ImageInaccessible": "it is archived, or being archived or restored",
    "ImageNotFound": "ECR did not find it, or not with this tag",
    "ImageReferencedByManifestList": "an index still lists it",
    "ImageTagDoesNotMatchDigest": "a tag points to another image by now",
    "InvalidImageDigest": "ECR did not accept the digest",
    "InvalidImageTag": "ECR did not accept a tag",
    "KmsError": "ECR could not use the repository's key",
    "MissingDigestAndTag": "ECR did not find digest or tag in the request",
    "UpstreamAccessDenied": "the registry that the repository caches denied access",
    "UpstreamTooManyRequests": "the registry that the repository caches is throttling",
    "UpstreamUnavailable": "the registry that the repository caches did not answer",
}
"""Every ``ImageFailureCode`` of ECR and what it tells a person. None of them says that an image went: whatever the
code, a look at the repository decides, and what is still there has not been removed."""


def ids_of(image: Image) -> list[ImageId]:
    """What the call names: (digest, tag) pairs, so that a tag that moved fails instead of taking its new image.

    Whether AWS removes the tag or the image by such a pair is not documented; naming every tag at once makes
    both readings end alike.
    """
    if not image.tags:
        return [{"imageDigest": image.digest}]
    return [{"imageDigest": image.digest, "imageTag": tag} for tag in image.tags]


def delete(clients: Aws, repository: str, verdicts: Sequence[Verdict]) -> dict[str, set[str]]:
    """Make the call.

    Returns:
        For each digest the codes of everything that did not go as asked; empty if ECR confirmed all of it.
    """
    asked = {v.image.digest: ids_of(v.image) for v in verdicts}
    answer = clients.client_without_retries("ecr").batch_delete_image(
        repositoryName=repository, imageIds=[image_id for ids in asked.values() for image_id in ids]
    )
    confirmed = {_key(image_id) for image_id in answer.get("imageIds", ())}
    failed: dict[tuple[str | None, str | None], str] = {
        _key(failure.get("imageId", {})): failure.get("failureCode", "Unknown")
        for failure in answer.get("failures", ())
    }
    return {
        digest: {failed.get(_key(image_id), "NotConfirmed") for image_id in ids if _key(image_id) not in confirmed}
        | {code for (failed_digest, _), code in failed.items() if failed_digest == digest}
        for digest, ids in asked.items()
    }


def _key(image_id: dict[str, Any]) -> tuple[str | None, str | None]:
    return image_id.get("imageDigest"), image_id.get("imageTag")


def meaning(codes: set[str]) -> str:
    """What codes tell a person."""
    # A code that ECR got later, or that of a call that failed as a whole, speaks for itself.
    return "; ".join(MEANINGS[code] for code in sorted(codes) if code in MEANINGS)
