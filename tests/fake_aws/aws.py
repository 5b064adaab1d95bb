"""The words of the sandbox: one request, one answer, one error, as AWS would put them on the wire."""

from __future__ import annotations

import datetime as dt
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

from . import cbor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ACCOUNT = "123456789012"
REGION = "us-east-1"

# IAM's prefixes that are not the name of botocore's service.
_PREFIXES = {
    "bedrock-agentcore-control": "bedrock-agentcore",
    "cleanroomsml": "cleanrooms-ml",
    "eventbridgev2": "events",
    "greengrassv2": "greengrass",
    "lambda-core": "lambda",
    "resourcegroupstaggingapi": "tag",
    "stepfunctions": "states",
}

# What each service answers when it is not an error of its own model: (code, HTTP status).
_INTERNAL = {
    "apprunner": "InternalServiceErrorException",
    "batch": "ServerException",
    "dynamodb": "InternalServerError",
    "ecr": "ServerException",
    "ecs": "ServerException",
    "eks": "ServerException",
    "events": "InternalException",
    "lambda": "ServiceException",
    "organizations": "ServiceException",
    "s3": "InternalError",
    "pipes": "InternalException",
    "scheduler": "InternalServerException",
    "sns": "InternalError",
}
_INVALID = {
    "apprunner": "InvalidRequestException",
    "batch": "ClientException",
    "codebuild": "InvalidInputException",
    "dynamodb": "ValidationException",
    "events": "ValidationException",
    "lambda": "InvalidParameterValueException",
    "organizations": "InvalidInputException",
    "s3": "InvalidArgument",
    "sagemaker": "ValidationException",
    "pipes": "ValidationException",
    "scheduler": "ValidationException",
    "sns": "InvalidParameter",
    "stepfunctions": "ValidationException",
}


# As the Service Authorization Reference has it; every other action is called like its operation.
_IAM_NAMES = {
    ("s3", "DeleteBucketEncryption"): "PutEncryptionConfiguration",
    ("s3", "DeleteBucketLifecycle"): "PutLifecycleConfiguration",
    ("s3", "DeleteBucketTagging"): "PutBucketTagging",
    ("s3", "DeletePublicAccessBlock"): "PutBucketPublicAccessBlock",
    ("s3", "GetBucketAccelerateConfiguration"): "GetAccelerateConfiguration",
    ("s3", "GetBucketCors"): "GetBucketCORS",
    ("s3", "GetBucketEncryption"): "GetEncryptionConfiguration",
    ("s3", "GetBucketLifecycle"): "GetLifecycleConfiguration",
    ("s3", "GetBucketLifecycleConfiguration"): "GetLifecycleConfiguration",
    ("s3", "GetBucketReplication"): "GetReplicationConfiguration",
    ("s3", "GetObjectLockConfiguration"): "GetBucketObjectLockConfiguration",
    ("s3", "GetPublicAccessBlock"): "GetBucketPublicAccessBlock",
    ("s3", "HeadBucket"): "ListBucket",
    ("s3", "HeadObject"): "GetObject",
    ("s3", "ListObjects"): "ListBucket",
    ("s3", "ListObjectVersions"): "ListBucketVersions",
    ("s3", "ListObjectsV2"): "ListBucket",
    ("s3", "PutBucketEncryption"): "PutEncryptionConfiguration",
    ("s3", "PutBucketLifecycle"): "PutLifecycleConfiguration",
    ("s3", "PutBucketLifecycleConfiguration"): "PutLifecycleConfiguration",
    ("s3", "PutPublicAccessBlock"): "PutBucketPublicAccessBlock",
}


def action(service: str, operation: str) -> str:
    """The IAM action that a call takes."""
    return f"{prefix_of(service)}:{_IAM_NAMES.get((service, operation), operation)}"


class AwsError(Exception):
    """An error answer: `code`, a message, the HTTP status, and members beside the message."""

    def __init__(self, code: str, message: str, status: int = 400, **members: Any) -> None:
        """Make the error; `members` join `message` in the body (``resourceName`` and the like)."""
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members = members


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: HTTP status, headers in lower case, body, and the error code if it is one."""

    status: int
    headers: dict[str, str]
    body: bytes
    error: str | None = None

    @property
    def ok(self) -> bool:
        """Whether the call succeeded."""
        return self.status < 300


@dataclass(frozen=True, slots=True)
class Identity:
    """Who makes a request.

    Attributes:
        account: Of the credentials.
        arn: Of the caller, as messages and GetCallerIdentity name it.
        principal: The value of ``aws:PrincipalArn``: of a session, the ARN of its role.
        user_id: As GetCallerIdentity names it.
        is_session: Whether the credentials are temporary ones of a role.
    """

    account: str
    arn: str
    principal: str
    user_id: str
    is_session: bool = False


def user_of(account: str = ACCOUNT) -> Identity:
    """The user whose keys have every right in an account."""
    arn = f"arn:aws:iam::{account}:user/sandbox"
    return Identity(account, arn, arn, "AIDASANDBOXSANDBOXSB")


def _no_forward() -> Answer:
    raise NotImplementedError


@dataclass(slots=True)
class Request:
    """One request after parsing.

    Attributes:
        service: botocore's name of the service (``"ecr"``), or the signing name if botocore has none.
        operation: The operation's name, or ``"Unknown"``.
        region: The region the request is signed for.
        parameters: Input members by name; for REST services taken from path, query, headers and body.
        protocol: botocore's protocol name, which shapes the answer.
        xml_namespace: Of answers in the query protocol.
        page_cap: The most items a page may hold, when a fault says so.
        access_key: With which it is signed.
        token: The session token that came with it.
        identity: Whose key it is.
        invocation: What the SDK calls the call, the same in every try of it.
        forward: Serves the request with moto's implementation.
    """

    service: str
    operation: str
    region: str
    parameters: dict[str, Any]
    protocol: str = "json"
    xml_namespace: str = ""
    page_cap: int | None = None
    invocation: str = ""
    access_key: str = ""
    token: str = ""
    identity: Identity = field(default_factory=user_of)
    forward: Callable[[], Answer] = field(default=_no_forward, repr=False)

    @property
    def prefix(self) -> str:
        """What IAM calls the service."""
        return prefix_of(self.service)

    @property
    def account(self) -> str:
        """The account of the credentials."""
        return self.identity.account

    @property
    def caller(self) -> str:
        """The ARN of who asks."""
        return self.identity.arn

    def get(self, name: str, default: Any = None) -> Any:
        """Return an input member, or `default` when it is absent."""
        return self.parameters.get(name, default)


def prefix_of(service: str) -> str:
    """What IAM calls a service of botocore's."""
    return _PREFIXES.get(service, service)


def invalid(request: Request, message: str) -> AwsError:
    """The error this service gives to an argument it does not accept."""
    return AwsError(_INVALID.get(request.service, "InvalidParameterException"), message)


def denied(request: Request, why: str = "because no identity-based policy allows the {} action") -> AwsError:
    """The error of a role that lacks the permission, in the wording of AWS."""
    status = 403 if request.protocol in {"rest-json", "rest-xml", "query"} else 400
    code = "AccessDenied" if request.protocol in {"rest-xml", "query"} else "AccessDeniedException"
    code = "AuthorizationError" if request.service == "sns" else code
    needed = action(request.service, request.operation)
    return AwsError(
        code,
        f"User: {request.caller} is not authorized to perform: {needed} {why.format(needed)}",
        status,
    )


def denied_by_organization(request: Request) -> AwsError:
    """The error of an account in which the organization forbids the service."""
    return denied(request, "with an explicit deny in a service control policy")


def not_offered(request: Request) -> AwsError:
    """The error of a region that does not offer the operation, in SageMaker's wording."""
    del request
    return AwsError("UnknownOperationException", "The requested operation is not supported in the called region.", 400)


def throttled(request: Request) -> AwsError:
    """The error of a caller that is too fast."""
    if request.service == "lambda":
        return AwsError("TooManyRequestsException", "Rate exceeded", 429, Reason="CallerRateLimitExceeded")
    if request.service == "s3":
        return AwsError("SlowDown", "Please reduce your request rate.", 503)
    return AwsError("ThrottlingException", "Rate exceeded", 429 if request.protocol == "rest-json" else 400)


def internal(request: Request) -> AwsError:
    """The error of a service that broke."""
    code = _INTERNAL.get(request.service, "InternalFailure")
    return AwsError(code, "These errors are usually caused by a server-side issue.", 500)


def refused(request: Request) -> AwsError:
    """The error of a request that the service does not accept, on demand."""
    return invalid(request, "The request was refused by the sandbox.")


def unavailable(request: Request) -> AwsError:
    """The error of a service that is not there for the moment."""
    code = "ServiceUnavailable" if request.service == "s3" else "ServiceUnavailableException"
    return AwsError(code, "Service is unavailable, try again later.", 503)


def expired(request: Request) -> AwsError:
    """The error of credentials that ran out."""
    message = "The security token included in the request is expired"
    if request.service == "s3" or request.protocol == "query":
        return AwsError("ExpiredToken", message, 400 if request.service == "s3" else 403)
    return AwsError("ExpiredTokenException", message, 400 if request.protocol == "json" else 403)


def render(request: Request, result: Mapping[str, Any], status: int = 200) -> Answer:
    """Put an output on the wire; members that are None are absent, as AWS leaves them out."""
    if request.protocol == cbor.PROTOCOL:
        return Answer(status, _headers(request), cbor.written(dict(result)))
    if request.protocol == "query":
        headers, name = _headers(request) | {"content-type": "text/xml"}, request.operation
        xml = (
            f'<{name}Response xmlns="{request.xml_namespace}"><{name}Result>{_xml(dict(result))}</{name}Result>'
            f"<ResponseMetadata><RequestId>{headers['x-amzn-requestid']}</RequestId></ResponseMetadata></{name}Response>"
        )
        return Answer(status, headers, xml.encode())
    body = json.dumps(_plain(result), separators=(",", ":")).encode()
    return Answer(status, _headers(request), body)


def render_error(request: Request, error: AwsError) -> Answer:
    """Put an error on the wire in the way of the request's protocol."""
    headers = _headers(request)
    if request.service == "s3":  # S3's errors stand alone
        body = f"<Error><Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message></Error>"
        return Answer(error.status, headers | {"content-type": "application/xml"}, body.encode(), error.code)
    if request.protocol in {"query", "ec2", "rest-xml"}:
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{escape(error.code)}</Code>"
            f"<Message>{escape(error.message)}</Message></Error>"
            f"<RequestId>{headers['x-amzn-requestid']}</RequestId></ErrorResponse>"
        )
        headers["content-type"] = "text/xml"
        return Answer(error.status, headers, body.encode(), error.code)
    if request.protocol == cbor.PROTOCOL:
        told = {"__type": error.code, "message": error.message, **error.members}
        return Answer(error.status, headers, cbor.written(told), error.code)
    if request.protocol == "json":
        content = {"__type": error.code, "message": error.message, **error.members}
    else:
        headers["x-amzn-errortype"] = error.code
        content = {"message": error.message, **error.members}
        if request.service == "lambda":
            content = {"Type": "User", "Message": error.message, **error.members}
    return Answer(error.status, headers, json.dumps(content).encode(), error.code)


def _headers(request: Request) -> dict[str, str]:
    if request.protocol == cbor.PROTOCOL:
        return {**cbor.HEADERS, "x-amzn-requestid": str(uuid.uuid4())}
    kind = "application/x-amz-json-1.1" if request.protocol == "json" else "application/json"
    return {"content-type": kind, "x-amzn-requestid": str(uuid.uuid4())}


def _xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"<{key}>{_xml(item)}</{key}>" for key, item in value.items() if item is not None)
    if isinstance(value, list | tuple):
        return "".join(f"<member>{_xml(item)}</member>" for item in value)
    return escape(str(value))


def _plain(value: Any) -> Any:
    """JSON-native form: times become epoch seconds, absent members go."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dt.datetime):
        return value.timestamp()
    return value


def now() -> dt.datetime:
    """The present, in UTC."""
    return dt.datetime.fromtimestamp(time.time(), dt.UTC)
