"""Which errors of a listing say that its region does not offer the operation: nothing of its kind can exist there.

A region may have a service and not all of its operations. Each row is a code together with a message, as somebody saw
them. A denied call is never such an error, but where a row names region and operation: in regions that do not know an
operation, some services authorize before they look for it.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from ecr_cleaner.aws import errors
from ecr_cleaner.aws.client import AwsClients

_GOVCLOUD: Final = frozenset({"us-gov-east-1", "us-gov-west-1"})
_CHINA: Final = frozenset({"cn-north-1", "cn-northwest-1"})
_DENIED: Final = frozenset({"AccessDeniedException"})


@dataclass(frozen=True, slots=True)
class Row:
    """One form of the error.

    Attributes:
        codes: Of the error.
        message: Of the whole message, with ``{operation}`` for the operation that was called.
        sources: Where it was seen, or why it is so.
        operations: As ``<endpoint prefix>:<operation>``; empty: any.
        regions: Empty: any. A custom endpoint is in no region.
        is_denial: Whether the same error may mean that a permission is missing; then another listing of the service
            has to answer in the same run.
    """

    codes: frozenset[str]
    message: str
    sources: tuple[str, ...]
    operations: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    is_denial: bool = False

    def fits(self, error: Exception, key: str, region: str | None) -> bool:
        """Whether it is the form of an error of a listing; the region is None for a custom endpoint."""
        pattern = self.message.replace("{operation}", re.escape(key.partition(":")[2]))
        return (
            errors.code_of(error) in self.codes
            and (not self.operations or key in self.operations)
            and (not self.regions or region in self.regions)
            and re.fullmatch(pattern, errors.message_of(error).strip()) is not None
        )


_PROVIDER: Final = "https://github.com/hashicorp/terraform-provider-aws/"
_SKIPPED: Final = f"{_PROVIDER}blob/main/internal/sweep/awsv2/skip.go"

ROWS: Final = (
    Row(
        frozenset({"UnknownOperationException"}),
        r"The requested operation is not supported in the called region\.?|Operation is disabled in this region\.?",
        (f"{_PROVIDER}pull/27258", f"{_PROVIDER}pull/21416", _SKIPPED),
    ),
    Row(
        frozenset({"InvalidInputException", "InvalidAction", "UnknownOperationException", "ValidationException"}),
        r"Unknown operation:? {operation}\.?",
        (_SKIPPED, "https://github.com/turbot/steampipe-plugin-aws/blob/main/aws/table_aws_codebuild_fleet.go"),
    ),
    Row(
        frozenset({"InvalidAction"}),
        r"(?:Operation \({operation}\) is not supported|{operation} is not available) in this region\.?",
        ("https://github.com/rebuy-de/aws-nuke/issues/301", _SKIPPED),
    ),
    Row(
        frozenset({"UnsupportedOperation"}),
        r"The functionality you requested is not available in this region\.?",
        (f"{_PROVIDER}issues/38978", f"{_PROVIDER}issues/4359"),
    ),
    Row(
        frozenset({"UnsupportedRegionException"}),
        r"(?s:.*)",  # the code is modelled for this alone
        ("https://docs.aws.amazon.com/gamelift/latest/apireference/API_ListContainerGroupDefinitions.html",),
        frozenset({"gamelift:ListContainerGroupDefinitions"}),
    ),
    Row(
        _DENIED,
        r"(?:Unable to determine service/operation name to be authorized)?",
        # botocore's endpoints.json has lambda-core in no region of these partitions, where Lambda itself answers.
        (f"{_PROVIDER}issues/49524", "https://github.com/boto/botocore/blob/master/botocore/data/endpoints.json"),
        frozenset({"lambda:ListRuntimes"}),
        _GOVCLOUD | _CHINA,
        is_denial=True,
    ),
    Row(
        _DENIED,
        r"",
        # No batch builds, and no sessions in builds, which sandboxes are; GovCloud's message is empty.
        ("https://docs.aws.amazon.com/govcloud-us/latest/UserGuide/govcloud-acb.html", _SKIPPED),
        frozenset({"codebuild:ListBuildBatches", "codebuild:ListSandboxes"}),
        _GOVCLOUD,
        is_denial=True,
    ),
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A listing that the region does not offer.

    Attributes:
        key: ``<endpoint prefix>:<operation>``, as `AwsClients.answered` has it.
        error: Of the call.
        is_denial: As in `Row`.
    """

    key: str
    error: Exception
    is_denial: bool

    def is_confirmed(self, answered: Collection[str]) -> bool:
        """Whether it counts, by the calls that were answered in the same run: it did not answer another time itself."""
        if self.key in answered:
            return False
        prefix = f"{self.key.partition(':')[0]}:"
        others = (one.removeprefix(prefix) for one in answered if one.startswith(prefix))
        return not self.is_denial or any(other.startswith(("Describe", "List", "Search")) for other in others)


def refusal(error: Exception, clients: AwsClients, service: str, operation: str) -> Refusal | None:
    """What the error of a listing says of the region; None if it is a failure.

    Args:
        error: Of the call.
        clients: That made it.
        service: botocore's name.
        operation: As AWS writes it.
    """
    key = clients.key_of(service, operation)
    region = None if clients.is_custom_endpoint(service) else clients.region
    row = next((row for row in ROWS if row.fits(error, key, region)), None)
    # What answered before is offered: this is something else.
    return None if row is None or key in clients.answered else Refusal(key, error, row.is_denial)
