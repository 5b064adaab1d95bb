"""The calls that delete or archive images, and what their responses mean; `batch` decides which images."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.model.image import Image
from ecr_cleaner.model.plan import Verdict

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
"""Every ``ImageFailureCode`` of ECR and its meaning. None of them says that an image was removed: whatever the code,
the image is described again, and if it still exists it was not removed."""


def ids_of(image: Image) -> list[ImageId]:
    """The ids in the call: (digest, tag) pairs, so that a moved tag fails instead of removing its new image.

    Whether AWS removes the tag or the image by such a pair is not documented; with all tags in one call the result is
    the same.
    """
    if not image.tags:
        return [{"imageDigest": image.digest}]
    return [{"imageDigest": image.digest, "imageTag": tag} for tag in image.tags]


def delete(clients: AwsClients, repository: str, verdicts: Sequence[Verdict]) -> dict[str, set[str]]:
    """Make the call.

    Returns:
        For each digest the codes of all ids that ECR did not remove; empty if it confirmed all of them.
    """
    requested = {v.image.digest: ids_of(v.image) for v in verdicts}
    answer = clients.client_without_retries("ecr").batch_delete_image(
        repositoryName=repository, imageIds=[image_id for ids in requested.values() for image_id in ids]
    )
    confirmed = {_key(image_id) for image_id in answer.get("imageIds", ())}
    failed: dict[tuple[str | None, str | None], str] = {
        _key(failure.get("imageId", {})): failure.get("failureCode", "Unknown")
        for failure in answer.get("failures", ())
    }
    return {
        digest: {failed.get(_key(image_id), "NotConfirmed") for image_id in ids if _key(image_id) not in confirmed}
        | {code for (failed_digest, _), code in failed.items() if failed_digest == digest}
        for digest, ids in requested.items()
    }


def _key(image_id: dict[str, Any]) -> tuple[str | None, str | None]:
    return image_id.get("imageDigest"), image_id.get("imageTag")


def meaning(codes: set[str]) -> str:
    """The meaning of codes."""
    # A code that is not in the table, or that of a call that failed as a whole, has no other meaning.
    return "; ".join(MEANINGS[code] for code in sorted(codes) if code in MEANINGS)


ARCHIVE_BATCH_SIZE: Final = 10
"""Images that are archived after one check: each takes a call, and others may be pulled meanwhile."""

NOT_ARCHIVED: Final = "ECR did not archive it"


def archive(clients: AwsClients, repository: str, verdicts: Sequence[Verdict]) -> dict[str, set[str]]:
    """Make the call, which takes one image.

    Returns:
        As `delete` does.
    """
    (verdict,) = verdicts
    answer = clients.client_without_retries("ecr").update_image_storage_class(
        repositoryName=repository, imageId={"imageDigest": verdict.image.digest}, targetStorageClass="ARCHIVE"
    )
    return {verdict.image.digest: set() if answer.get("imageStatus") == "ARCHIVED" else {"NotConfirmed"}}
