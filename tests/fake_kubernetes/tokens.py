"""Verifies bearer tokens as aws-iam-authenticator and the Security Token Service together do."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import re
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection

_HOST: Final = re.compile(r"sts(?:\.[a-z0-9-]+)?\.amazonaws\.com(?:\.cn)?|sts(?:-fips)?\.[a-z0-9-]+\.amazonaws\.com")
_LONGEST: Final = 4096
_PARAMETERS: Final = frozenset(
    {"action", "version", "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires"}
    | {"x-amz-security-token", "x-amz-signature", "x-amz-signedheaders"}
)


class RefusedError(Exception):
    """The token is not accepted; the message says why, which a real server tells nobody."""


def verify(
    token: str, cluster: str, secret: str | None, now: dt.datetime, other_hosts: Collection[str] = ()
) -> tuple[str, str]:
    """Accept a token, or refuse it.

    Args:
        token: Without ``Bearer``.
        cluster: Its name: STS is sent it as the header that has to be signed.
        secret: The key that signs; None: signatures are not compared.
        now: In UTC.
        other_hosts: Hosts that stand for STS, beside its own.

    Returns:
        The access key that signed it, and the session token that came with it.

    Raises:
        RefusedError: It is not accepted.
    """
    _demand(token.startswith("k8s-aws-v1.") and len(token) <= _LONGEST, "prefix or length")
    text = token.removeprefix("k8s-aws-v1.")
    _demand("=" not in text, "padding")
    try:
        url = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise RefusedError("base64url") from None
    parts = urlsplit(url)
    is_sts = parts.scheme == "https" and _HOST.fullmatch(parts.netloc) is not None
    _demand(is_sts or parts.netloc in other_hosts, f"host {parts.netloc}")
    _demand(parts.path == "/", "path")
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    query = {name.lower(): value for name, value in pairs}
    _demand(len(query) == len(pairs) and query.keys() <= _PARAMETERS, "parameters")
    _demand((query.get("action"), query.get("version")) == ("GetCallerIdentity", "2011-06-15"), "action")
    headers = query.get("x-amz-signedheaders", "").split(";")
    _demand("x-k8s-aws-id" in headers and "host" in headers, "signed headers")
    _demand(0 < int(query.get("x-amz-expires", "0")) <= 900, "expiry")
    signed = dt.datetime.strptime(query["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    _demand(abs(now - signed) < dt.timedelta(minutes=15), "date")
    if secret is not None and is_sts:
        expected = _signature(pairs, parts.netloc, {"host": parts.netloc, "x-k8s-aws-id": cluster}, secret)
        _demand(hmac.compare_digest(expected, query.get("x-amz-signature", "")), "signature")
    return query.get("x-amz-credential", "").partition("/")[0], query.get("x-amz-security-token", "")


def _demand(holds: bool, what: str) -> None:  # noqa: FBT001 - a condition
    if not holds:
        raise RefusedError(what)


def _signature(pairs: list[tuple[str, str]], host: str, headers: dict[str, str], secret: str) -> str:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html."""
    query = dict(pairs)
    encoded = sorted((quote(n, safe="-_.~"), quote(v, safe="-_.~")) for n, v in pairs if n != "X-Amz-Signature")
    names = query["X-Amz-SignedHeaders"]
    lines = [f"{name}:{headers[name]}\n" for name in names.split(";")]
    request = "\n".join(
        ["GET", "/", "&".join(f"{n}={v}" for n, v in encoded), "".join(lines), names, hashlib.sha256(b"").hexdigest()]
    )
    scope = query["X-Amz-Credential"].split("/", 1)[1]
    digest = hashlib.sha256(request.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", query["X-Amz-Date"], scope, digest])
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    assert host
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
