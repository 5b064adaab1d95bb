"""Whether ECR records what the run itself reads as pulls.

To read a manifest is a pull, and refreshes ``lastRecordedPullTime``, unless the principal is excluded
(https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_RegisterPullTimeUpdateExclusion.html). In the run that
reads it, `ecr_cleaner.registry.own_pulls` tells its own pulls from others; a later run cannot: of two pulls only the
later one has a time.
"""

import re
from typing import Final

from ecr_cleaner.aws import responses
from ecr_cleaner.aws.client import AwsClients

_PAGE_SIZE: Final = 100

# The ARN of a session has the name of its role, without the path.
_SESSION: Final = re.compile(r"(?P<start>arn:[^:]+):sts::(?P<account>[0-9]{12}):assumed-role/(?P<role>[^/]+)/.+")

_PRINCIPAL: Final = re.compile(r"(?P<start>arn:[^:]+:iam::[0-9]{12}:(role|user)/)([^/]+/)*(?P<name>[^/]+)")


def recorded_principal(clients: AwsClients) -> str | None:
    """The role or user that the run has, if ECR records its pulls.

    Returns:
        Its ARN, of a role without the path; None if it is excluded.

    Raises:
        AwsError: STS or ECR did not answer.
        IncompleteAnswerError: A response is incomplete.
    """
    answer = responses.called(clients.client_without_retries("sts"), "GetCallerIdentity")
    principal = _SESSION.sub(
        r"\g<start>:iam::\g<account>:role/\g<role>", responses.member(answer, "Arn", "GetCallerIdentity")
    )
    ecr = clients.client_without_retries("ecr")
    excluded = responses.paged(ecr, "ListPullTimeUpdateExclusions", "pullTimeUpdateExclusions", maxResults=_PAGE_SIZE)
    return None if _plain(principal) in map(_plain, excluded) else principal


def _plain(arn: str) -> str:
    """An ARN without the path; the names of roles, and of users, are unique in an account."""
    return _PRINCIPAL.sub(r"\g<start>\g<name>", arn)
