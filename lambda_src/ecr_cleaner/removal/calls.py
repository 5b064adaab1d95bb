"""The calls that delete or archive images, and what their responses mean; `batch` decides which images."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ecr_cleaner.aws import errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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


def delete(clients: AwsClients, repository: str, verdicts: Sequence[Verdict]) -> dict[str, set[str]]:
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


ARCHIVE_BATCH_SIZE: Final = 10
"""Images that are archived after one look: the call takes one at a time, and somebody may pull meanwhile."""


NOT_ARCHIVED: Final = "ECR did not archive it"


def archive(clients: AwsClients, repository: str, verdicts: Sequence[Verdict]) -> tuple[dict[str, set[str]], bool]:
    """Move images into the archive, one call each.

    Returns:
        For each digest the codes of what did not go as asked, empty if ECR confirmed it; and whether something failed
        for a cause that may pass by itself.
    """
    codes: dict[str, set[str]] = {}
    may_pass = False
    for verdict in verdicts:
        digest = verdict.image.digest
        try:
            answer = clients.client_without_retries("ecr").update_image_storage_class(
                repositoryName=repository, imageId={"imageDigest": digest}, targetStorageClass="ARCHIVE"
            )
        except errors.AwsError as error:
            codes[digest] = {errors.code_of(error)}
            may_pass = may_pass or errors.is_transient(error)
        else:
            codes[digest] = set() if answer.get("imageStatus") == "ARCHIVED" else {"NotConfirmed"}
    return codes, may_pass
