"""Errors as one sentence that says what to do; recognised by AWS's error codes, never by messages."""

import re
from typing import Final

from ecr_cleaner.aws import errors
from ecr_cleaner.errors import CleanerError, SettingsError
from ecr_cleaner.printable import printable

_LOG_IN = "log in again (aws sso login), or name other credentials with --profile"

_BY_CODE: Final = {
    **dict.fromkeys(
        ("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "NoAuthTokenError"),
        "no AWS credentials were found: log in (aws configure, aws sso login), or name some with --profile",
    ),
    **dict.fromkeys(
        (
            "ExpiredToken",
            "ExpiredTokenException",
            "LoginRefreshRequired",
            "RequestExpired",
            "SSOTokenLoadError",
            "TokenRetrievalError",
            "UnauthorizedSSOTokenError",
        ),
        f"the AWS credentials have expired: {_LOG_IN}",
    ),
    **dict.fromkeys(
        (
            "AuthFailure",
            "IncompleteSignature",
            "InvalidAccessKeyId",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "SignatureDoesNotMatch",
            "UnrecognizedClientException",
        ),
        f"AWS does not accept these credentials: {_LOG_IN}",
    ),
}

_UNREACHABLE: Final = frozenset({"ConnectTimeoutError", "EndpointConnectionError", "ProxyConnectionError", "SSLError"})

_ACTION: Final = re.compile(r"not authorized to perform: (?P<action>[\w-]+:\w+)")


def sentence(error: Exception) -> str:
    """One sentence for an error; for invalid settings one line for each problem."""
    problems = error.problems if isinstance(error, SettingsError) else [_sentence(error)]
    return "\n".join(map(printable, problems))


def _sentence(error: Exception) -> str:
    if isinstance(error, CleanerError):
        return str(error)
    code = errors.code_of(error)
    if errors.is_denied(error):
        # Recognised by the code; only the name of the action, which has no field of its own, is taken from the message.
        named = _ACTION.search(str(error))
        operation = errors.operation_of(error)
        needed = named["action"] if named else operation
        return f"access denied: your credentials lack the permission {needed} ({operation} failed with {code})"
    if code in _UNREACHABLE:
        return f"AWS cannot be reached; check the region and the network: {error}"
    known = _BY_CODE.get(code)
    return f"{known} ({code})" if known else errors.sentence(error)
