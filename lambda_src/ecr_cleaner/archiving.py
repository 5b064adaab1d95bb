"""Moves images into ECR's archive storage class: the calls alone; `batch` decides which and looks before and after.

https://docs.aws.amazon.com/AmazonECR/latest/userguide/archive_restore_image.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ecr_cleaner import aws

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_cleaner.aws import Aws
    from ecr_cleaner.model import Verdict

BATCH_SIZE: Final = 10
"""Images that are archived after one look: the call takes one at a time, and somebody may pull meanwhile."""

MEANING: Final = "ECR did not archive it"


def archive(clients: Aws, repository: str, verdicts: Sequence[Verdict]) -> tuple[dict[str, set[str]], bool]:
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
        except aws.AwsError as error:
            codes[digest] = {aws.code_of(error)}
            may_pass = may_pass or aws.may_pass(error)
        else:
            codes[digest] = set() if answer.get("imageStatus") == "ARCHIVED" else {"NotConfirmed"}
    return codes, may_pass
