"""The way to the sandbox within one process: the same request and the same answer, without a socket between them.

Most of a call's time goes into the socket and into handing over from thread to thread. A connection that is to be torn
is a real one all the same, because how botocore meets it is a part of what is tested. For a time-out nobody waits
unless a fault says how long.
"""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.exceptions import ConnectionClosedError, ReadTimeoutError
from urllib3 import HTTPResponse

from .server import TimedOutError, Torn

if TYPE_CHECKING:
    from botocore.awsrequest import AWSPreparedRequest

    from .server import Middleware


class Shortcut:
    """A handler of botocore's event ``before-send``: it answers in place of whoever would be sent to.

    Args:
        app: The sandbox.
        endpoint: Its URL; a request to any other place is left to botocore.
    """

    def __init__(self, app: Middleware, endpoint: str) -> None:
        self._app = app
        self._endpoint = endpoint

    def __call__(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        """Serve one request; None if botocore has to send it.

        Raises:
            ConnectionClosedError: Something tore the connection after the call had begun.
            ReadTimeoutError: No answer will come.
        """
        if not request.url.startswith(f"{self._endpoint}/"):
            return None
        url = urlsplit(request.url)
        body = _body(request)
        environ = {
            "REQUEST_METHOD": request.method,
            # An encoded slash is a part of a name (an ARN as a label) and stays, as cheroot leaves it.
            "PATH_INFO": "%2F".join(
                unquote(part, "latin-1") for part in re.split("%2F", url.path, flags=re.IGNORECASE)
            ),
            "QUERY_STRING": url.query,
            "CONTENT_LENGTH": str(len(body)),
            "SCRIPT_NAME": "",
            "SERVER_NAME": url.hostname,
            "SERVER_PORT": str(url.port),
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": url.netloc,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": url.scheme,
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        for name, value in request.headers.items():
            key = name.upper().replace("-", "_")
            text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
            environ[key if key in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{key}"] = text
        if self._app.needs_socket(environ, body):
            return None
        started: list[Any] = []
        try:
            chunks = self._app(
                environ | {"wsgi.input": io.BytesIO(body)}, lambda status, headers: started.extend((status, headers))
            )
        except TimedOutError:
            raise ReadTimeoutError(endpoint_url=request.url, error=TimeoutError()) from None
        except Torn:
            raise ConnectionClosedError(endpoint_url=request.url, request=request) from None
        status, headers = int(started[0].split()[0]), HeadersDict(started[1])
        content = b"" if request.method == "HEAD" else b"".join(chunks)
        raw = HTTPResponse(io.BytesIO(content), headers=dict(started[1]), status=status, preload_content=False)
        return AWSResponse(request.url, status, headers, raw)


def _body(request: AWSPreparedRequest) -> bytes:
    """The body's bytes; what was read of a stream is there again for a second try."""
    body = request.body
    if body is None:
        return b""
    if hasattr(body, "read"):
        content: bytes = body.read()
        request.reset_stream()
        return content
    return body.encode() if isinstance(body, str) else bytes(body)
