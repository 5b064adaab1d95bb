"""One cluster's API over HTTPS: one request at a time, within bounds of bytes and time.

No redirect is followed, and no proxy of the environment is used: the pool is made for one host.
"""

import ssl
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from urllib3 import exceptions

from ecr_cleaner.errors import ClusterError
from ecr_cleaner.printable import printable
from ecr_cleaner.schema import read_json

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 30.0
CLUSTER_SECONDS: Final = 300.0
"""All requests to one cluster together."""
ANSWER_BYTES: Final = 64 * 1024 * 1024
CLUSTER_BYTES: Final = 1024 * 1024 * 1024
"""Of all answers together; both count what is unpacked."""
MOST_TRIES: Final = 5
LONGEST_WAIT_SECONDS: Final = 30.0
JSON: Final = "application/json"

_CHUNK: Final = 64 * 1024
_MESSAGE: Final = 300
_BROKEN: Final = (exceptions.ReadTimeoutError, exceptions.ProtocolError, exceptions.IncompleteRead)
"""An answer that ended early: the next try may be whole. Who cannot be connected to is not tried again."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one cluster may take.

    Attributes:
        answer_bytes: Of one answer.
        cluster_bytes: Of all answers together.
        cluster_seconds: From the first request to the last one.
        read_seconds: Between two parts of an answer.
    """

    answer_bytes: int = ANSWER_BYTES
    cluster_bytes: int = CLUSTER_BYTES
    cluster_seconds: float = CLUSTER_SECONDS
    read_seconds: float = READ_SECONDS


class Connection:
    """Asks one cluster. Not thread-safe: there is never more than one request under way.

    Attributes:
        requests: Tries made so far.
        received: Bytes of all answers so far, unpacked.
    """

    def __init__(  # noqa: PLR0913 - what a connection is made of, each by name
        self,
        endpoint: str,
        context: ssl.SSLContext,
        token: Callable[[], str],
        *,
        before: Callable[[], None] = lambda: None,
        bounds: Bounds | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Connect to nothing yet.

        Args:
            endpoint: ``https://host[:port]``.
            context: Says whom to trust.
            token: Returns the bearer token.
            before: Called before each try; what it raises ends the reading.
            bounds: None: the usual ones.
            clock: Seconds, monotonic.
            sleep: Waits for some seconds.

        Raises:
            ClusterError: The endpoint is not of that form.
        """
        address = urlsplit(endpoint)
        if address.scheme != "https" or not address.hostname or address.path.strip("/") or "@" in address.netloc:
            message = f"its endpoint is {printable(endpoint[:_MESSAGE])!r}, not https://<host>"
            raise ClusterError(message)
        self._bounds = bounds or Bounds()
        self._token = token
        self._before = before
        self._clock, self._sleep = clock, sleep
        self._ends_at: float | None = None
        self._answer: Any = None
        self.requests = 0
        self.received = 0
        self._pool = urllib3.HTTPSConnectionPool(
            address.hostname,
            address.port or 443,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=self._bounds.read_seconds),
            maxsize=1,
            retries=False,
            ssl_context=context,
        )

    def get(self, path: str, query: Mapping[str, str] | None = None, *, accept: str = JSON) -> Any:
        """One answer, as JSON. What may be a passing weakness of the server is tried again.

        Args:
            path: Absolute, without a query.
            query: Names and values.
            accept: Media types.

        Raises:
            ClusterError: There is no full answer, or it is not a success; `status` says which.
        """
        target = quote(path) + (f"?{urlencode(query)}" if query else "")
        for tries in range(1, MOST_TRIES + 1):
            wait, failure = self._tried(target, accept, tries)
            if failure is None:
                return self._answer
            if wait is None or tries == MOST_TRIES:
                raise failure
            self._pause(wait, failure)
        raise AssertionError  # pragma: no cover - the last try returns or raises

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()

    def _tried(self, target: str, accept: str, tries: int) -> tuple[float | None, ClusterError | None]:
        """One try: its answer is kept. Else its failure, and the seconds after which another try makes sense."""
        place = target.partition("?")[0]
        self._check_time()
        self._before()
        self.requests += 1
        token = self._token()
        try:
            status, headers, body = self._exchange(target, accept, token)
        except _BROKEN as error:
            return _back_off(tries), ClusterError(f"GET {place}: the answer ended early ({type(error).__name__})")
        except (exceptions.HTTPError, OSError) as error:
            is_unreachable = not isinstance(error, exceptions.SSLError)
            return None, ClusterError(f"GET {place}: {_unreachable(error)}", is_unreachable=is_unreachable)
        if status == HTTPStatus.OK:
            try:
                self._answer = read_json(body)
            except ValueError as error:
                return _back_off(tries), ClusterError(f"GET {place}: the answer is no JSON ({error})")
            return None, None
        failure = ClusterError(f"GET {place}: {_refusal(status, body)}", status)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            return _retry_after(headers, tries), failure
        return (_back_off(tries) if status >= HTTPStatus.INTERNAL_SERVER_ERROR else None), failure

    def _exchange(self, target: str, accept: str, token: str) -> tuple[int, Mapping[str, str], bytes]:
        headers = {"Accept": accept, "Accept-Encoding": "gzip", "User-Agent": "terraform-aws-ecr-cleaner"}
        headers["Authorization"] = f"Bearer {token}"
        response = self._pool.request(
            "GET", target, headers=headers, redirect=False, retries=False, preload_content=False, decode_content=False
        )
        try:
            return response.status, response.headers, self._body(response)
        finally:
            response.close()

    def _body(self, response: urllib3.BaseHTTPResponse) -> bytes:
        """All of a body, unpacked; urllib3 itself holds it against its length."""
        packed = response.headers.get("Content-Encoding", "identity")
        if packed not in {"gzip", "identity"}:
            message = f"an answer has the unknown encoding {printable(packed[:40])!r}"
            raise ClusterError(message)
        unpacker = zlib.decompressobj(wbits=31) if packed == "gzip" else None
        parts: list[bytes] = []
        size = 0
        while chunk := response.read1(_CHUNK, decode_content=False):
            self._check_time()
            while chunk:
                part = unpacker.decompress(chunk, _CHUNK) if unpacker else chunk
                chunk = unpacker.unconsumed_tail if unpacker else b""
                size += len(part)
                self.received += len(part)
                self._check_size(size)
                parts.append(part)
        if unpacker and not unpacker.eof and (parts or response.status == HTTPStatus.OK):
            raise exceptions.ProtocolError
        return b"".join(parts)

    def _check_size(self, size: int) -> None:
        if size > self._bounds.answer_bytes:
            message = f"one answer has more than {self._bounds.answer_bytes:,} bytes"
            raise ClusterError(message)
        if self.received > self._bounds.cluster_bytes:
            message = f"all answers together have more than {self._bounds.cluster_bytes:,} bytes"
            raise ClusterError(message)

    def _check_time(self) -> None:
        now = self._clock()
        if self._ends_at is None:
            self._ends_at = now + self._bounds.cluster_seconds
        if now >= self._ends_at:
            message = f"it could not be read within {self._bounds.cluster_seconds:.0f} seconds"
            raise ClusterError(message)

    def _pause(self, seconds: float, failure: ClusterError) -> None:
        if self._ends_at is not None and self._clock() + seconds >= self._ends_at:
            raise failure
        self._sleep(seconds)


def _back_off(tries: int) -> float:
    return float(min(2 ** (tries - 1), 8))


def _retry_after(headers: Mapping[str, str], tries: int) -> float:
    """What the server asks for; a date instead of seconds, or nothing, means the usual wait."""
    text = headers.get("Retry-After", "")
    return min(float(text), LONGEST_WAIT_SECONDS) if text.isascii() and text.isdigit() else _back_off(tries)


def _unreachable(error: Exception) -> str:
    """Why there was no answer, in words that hold nothing of the request."""
    if isinstance(error, exceptions.SSLError):
        return f"TLS failed: {printable(str(error)[:_MESSAGE])}"
    return f"it cannot be reached ({type(error).__name__})"


def _refusal(status: int, body: bytes) -> str:
    """What a refusing answer says: Kubernetes sends an object of the kind Status."""
    try:
        found = read_json(body)
        message = found.get("message", "") if isinstance(found, dict) else ""
    except ValueError:
        message = ""
    said = f": {printable(message[:_MESSAGE])}" if isinstance(message, str) and message else ""
    what = "a redirect, which is not followed" if 300 <= status < 400 else f"HTTP {status}"  # noqa: PLR2004
    return f"{what}{said}"
