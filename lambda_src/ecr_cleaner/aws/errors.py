"""How AWS's errors are told apart: by modelled code; by text only where AWS has one code for several things."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError, UnknownServiceError
from botocore.parsers import ResponseParserError

from ecr_cleaner.errors import CleanerError, IncompleteAnswerError

AwsError = (ClientError, BotoCoreError, ResponseParserError)
"""Everything that a call of boto3 raises on purpose; the last one where XML ends in the middle."""

_THROTTLED: Final = frozenset(
    {"LimitExceededException", "RequestLimitExceeded", "SlowDown", "TooManyRequestsException"}
)
"""Codes by which services say that there were too many requests, beside those that have "Throttl" in them."""

IAM_NAMES: Final = {"ListObjectsV2": "ListBucket"}
"""What IAM calls an operation that it does not call by its name (Service Authorization Reference)."""

_DENIED: Final = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"})
"""Codes by which services say that the caller lacks a permission."""

_NOT_FOUND: Final = re.compile(r"NotFound|DoesNotExist|NoSuch")
"""What the service models have in their codes for a resource that does not exist."""

_REJECTED: Final = frozenset(
    {"ClientException", "InvalidParameterException", "InvalidRequestException", "ValidationException"}
)
"""Codes for any request that a service rejects. Of operations whose model has no code for a resource that does not
exist, they are what is left; SageMaker uses the last one even where there is a code
(https://github.com/aws/aws-sdk/issues/165)."""
_UNDETERMINED: Final = "Unable to determine service/operation name to be authorized"
"""The message of a service that does not know the operation: it authorizes before it looks for it, and no policy
mends that (https://github.com/hashicorp/terraform-provider-aws/issues/49524)."""

_KMS_ACTION: Final = re.compile(r"\bkms:[A-Z][A-Za-z]+")

UnknownService = UnknownServiceError
"""The loaded botocore is older than the service: there is no client of it."""


def is_transient(error: Exception) -> bool:
    """Whether a failed call may succeed by itself a little later: throttled, broken, or without an answer."""
    if not isinstance(error, ClientError):
        return isinstance(error, BotoCoreError)
    return _status(error.response) >= HTTPStatus.INTERNAL_SERVER_ERROR or is_throttled(error.response)


def is_throttled(response: Mapping[str, Any]) -> bool:
    """Whether a response, as botocore parses it, says that there were too many requests."""
    code = str(response.get("Error", {}).get("Code", ""))
    return _status(response) == HTTPStatus.TOO_MANY_REQUESTS or "Throttl" in code or code in _THROTTLED


def _status(response: Mapping[str, Any]) -> int:
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code_of(error: Exception) -> str:
    """The modelled error code of a failed call, else the name of the exception."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "Unknown"))
    return type(error).__name__


def message_of(error: Exception) -> str:
    """AWS's message of a failed call; empty if it has none."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Message") or "")
    return str(error)


def is_denied(error: Exception) -> bool:
    """Whether the caller lacks a permission."""
    return code_of(error) in _DENIED and _UNDETERMINED not in message_of(error)


def may_not_exist(error: Exception) -> bool:
    """Whether what a call names may not exist: the code says so, or says only that the request was rejected.

    Neither proves it, because the code may be about another resource than the one that was meant.
    """
    code = code_of(error)
    return isinstance(error, ClientError) and (code in _REJECTED or _NOT_FOUND.search(code) is not None)


def is_key_refused(error: Exception) -> bool:
    """Whether a thing could not be read because of the KMS key that it is encrypted with.

    Services have codes of their own for it (``KmsAccessDeniedException``, ``KMSDisabledException``), or deny the call
    with a message that names the action of KMS that the caller may not use.
    """
    if not isinstance(error, ClientError) or is_transient(error):
        return False
    return code_of(error).lower().startswith("kms") or _KMS_ACTION.search(message_of(error)) is not None


def operation_of(error: Exception) -> str | None:
    """The operation that failed, where the error knows it."""
    if isinstance(error, ClientError):
        return str(error.operation_name)
    if isinstance(error, IncompleteAnswerError):
        return error.operation
    return None


def sentence(error: Exception) -> str:
    """What failed, for people."""
    operation = operation_of(error)
    if isinstance(error, CleanerError) or operation is None:
        return str(error)
    return f"{operation} failed with {code_of(error)}: {error}"


def is_endpoint_missing(error: Exception, client: Any) -> bool:
    """Whether a call of this client failed because its endpoint does not resolve or refuses the connection.

    A connection that times out says nothing of the service: it is what a network without a way to it looks like.
    """
    # Some operations put a word before the host: workflows-omics.us-west-1.amazonaws.com.
    return isinstance(error, EndpointConnectionError) and urlsplit(
        str(error.kwargs.get("endpoint_url", ""))
    ).netloc.endswith(urlsplit(client.meta.endpoint_url).netloc)
