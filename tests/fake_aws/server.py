"""The server: cheroot in a thread, our middleware, and moto's application behind it.

cheroot and not ``http.server``: the latter sends headers and body in two small packets and waits for the delayed
acknowledgement, 40 ms a call.
"""

from __future__ import annotations

import contextlib
import io
import logging
import os
import socket
import struct
import threading
import traceback
from http.client import responses
from typing import TYPE_CHECKING, Any

import cheroot.errors
import cheroot.wsgi
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from . import cbor
from .aws import (
    Answer,
    AwsError,
    denied,
    denied_by_organization,
    expired,
    internal,
    not_offered,
    refused,
    render,
    render_error,
    throttled,
    unavailable,
)
from .dispatch import Dispatcher, Http
from .recorder import Call, resources
from .sts import must_be_usable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .accounts import Accounts
    from .aws import Request
    from .faults import Bucket, Fault, FaultBook, Hooks

# moto reads it when a function is made: our images are asked whether there is the function's image, not moto's.
os.environ["MOTO_LAMBDA_STUB_ECR"] = "true"

_CONNECTION = "sandbox.connection"
_PATIENCE_SECONDS = 60.0


class Moto(DomainDispatcherApplication):  # type: ignore[misc]
    """moto's server; it would look through its own folder and its addresses at every request."""

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        self._backends: dict[str | None, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        """The backend of a host, as moto finds it."""
        if host not in self._backends:
            self._backends[host] = super().get_backend_for_host(host)
        return self._backends[host]


class Gateway(cheroot.wsgi.Gateway_10):  # type: ignore[misc]
    """Gives the application its connection, so that a fault can tear it."""

    def get_environ(self) -> dict[str, Any]:
        """The request for the application."""
        environ: dict[str, Any] = super().get_environ()
        environ[_CONNECTION] = self.req.conn
        return environ


class Torn(cheroot.errors.FatalSSLAlert):  # type: ignore[misc]
    """The one exception after which cheroot closes a connection without a word."""


class TimedOutError(Exception):
    """Who asks without a socket has waited for too long."""


class Middleware:
    """Parses, records, spoils and serves every request; what has no handler goes to moto."""

    def __init__(
        self,
        *,
        accounts: Accounts,
        handlers: Callable[[str], dict[str, Any]],
        control: Callable[[str, str, str, bytes], Answer],
        faults: FaultBook,
        hooks: tuple[Hooks, Hooks],
        tags: Callable[[Request], dict[str, str]],
    ) -> None:
        self._moto = Moto()
        self._one_at_a_time = threading.Lock()
        self._dispatcher = Dispatcher()
        self._accounts = accounts
        self._handlers = handlers
        self._control = control
        self._faults = faults
        self._before, self._after = hooks
        self._tags = tags
        self.buckets: list[Bucket] = []
        self.latency = 0.0
        self.calls: list[Call] = []
        self.errors: list[BaseException] = []
        self.stopping = threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
        """Serve one request (WSGI)."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        if path.startswith("/_sandbox/"):
            answer = self._control(environ["REQUEST_METHOD"], path.removeprefix("/_sandbox/"), query, body)
        else:
            answer = self._serve(self._parsed(environ, body), environ, body)
        lines = [(name, value) for name, value in answer.headers.items() if name != "content-length"]
        lines.append(("content-length", str(len(answer.body))))
        start_response(f"{answer.status} {responses.get(answer.status, 'Unknown')}", lines)
        return [answer.body]

    def needs_socket(self, environ: dict[str, Any], body: bytes) -> bool:
        """Whether a fault of connections is meant for a request like this one, now or after some others."""
        return self._faults.any and self._faults.need_socket(self._parsed(environ, body))

    def _parsed(self, environ: dict[str, Any], body: bytes) -> Request:
        headers = {
            key.removeprefix("HTTP_").replace("_", "-").lower(): value
            for key, value in environ.items()
            if key.startswith("HTTP_")
        }
        path, query = environ["PATH_INFO"], environ.get("QUERY_STRING", "")
        request = self._dispatcher.parse(Http(environ["REQUEST_METHOD"], path, query, headers, body))
        request.identity = self._accounts.identities.owner(request.access_key)
        return request

    def _serve(self, request: Request, environ: dict[str, Any], body: bytes) -> Answer:
        call = Call(
            request.service,
            request.operation,
            request.parameters,
            resources(request),
            self._tags(request),
            request.region,
            request.account,
        )
        self.calls.append(call)
        self._run(self._before, call)
        if self.latency:
            self.stopping.wait(self.latency)
        fault = self._faults.meet(request)
        request.forward = lambda: self._forward(request, environ, body)
        if error := self._early(request, fault):
            answer = render_error(request, error)
        elif fault and fault.kind in {"reset", "timeout"}:
            call.error = fault.kind
            if fault.kind == "timeout":
                if _CONNECTION not in environ:
                    raise TimedOutError
                self.stopping.wait(_PATIENCE_SECONDS if fault.seconds is None else fault.seconds)
            _tear(environ)
        else:
            answer = self._spoil(fault, self._answer(request, fault), call, environ)
        call.error = answer.error
        self._run(self._after, call)
        return answer

    def _early(self, request: Request, fault: Fault | None) -> AwsError | None:
        """The error that is answered before the call is served, if any."""
        # Every bucket is drawn from, also after one was found empty.
        drawn = [bucket.take() for bucket in self.buckets if bucket.covers(request)]
        if not all(drawn):
            return throttled(request)
        answers = {
            "access_denied": denied,
            "denied_by_organization": denied_by_organization,
            "not_offered": not_offered,
            "bad_request": refused,
            "throttled": throttled,
            "internal_error": internal,
            "unavailable": unavailable,
            "expired_token": expired,
        }
        return answers[fault.kind](request) if fault and fault.kind in answers else None

    def _answer(self, request: Request, fault: Fault | None) -> Answer:
        if fault and fault.kind in {"short_page", "empty_page_with_token"}:
            request.page_cap = 1 if fault.kind == "short_page" else 0
        try:
            self._accounts.identities.check(request)
            must_be_usable(request, self._accounts)
            handlers = self._handlers(request.account).get(request.service, {})
            result = handlers.get(request.operation, lambda request: request.forward())(request)
        except AwsError as error:
            return render_error(request, error)
        except Exception as error:  # noqa: BLE001 - a bug of the sandbox must be told, and answered
            traceback.print_exc()
            self.errors.append(error)
            return render_error(request, AwsError("InternalFailure", f"the sandbox failed: {error!r}", 500))
        return result if isinstance(result, Answer) else render(request, result)

    def _spoil(self, fault: Fault | None, answer: Answer, call: Call, environ: dict[str, Any]) -> Answer:
        match fault.kind if fault and answer.ok else None:
            case "lost_answer":
                call.error = "lost_answer"
                self._run(self._after, call)
                _tear(environ)
            case "malformed":
                return Answer(200, answer.headers, b"<html><body>502 Bad Gateway</body></html>", "malformed")
            case "cut_short":
                return Answer(200, answer.headers, answer.body[: max(1, len(answer.body) // 2)], "cut_short")
            case "missing_member":
                return Answer(200, answer.headers, _empty(answer, call), "missing_member")
        return answer

    def _forward(self, request: Request, environ: dict[str, Any], body: bytes) -> Answer:
        """Serve with moto, whose state is not made for several threads: a listing fails while something is added."""
        inner = {key: value for key, value in environ.items() if key != _CONNECTION}
        inner["wsgi.input"] = io.BytesIO(body)
        inner["CONTENT_LENGTH"] = str(len(body))
        # The names of buckets are global.
        inner["HTTP_X_MOTO_ACCOUNT_ID"] = self._accounts.own.id if request.service == "s3" else request.account
        started: list[Any] = []
        with self._one_at_a_time:
            chunks = self._moto(inner, lambda status, headers, _exc_info=None: started.extend((status, headers)))
            content = b"".join(chunks)
            if hasattr(chunks, "close"):
                chunks.close()
        status = int(started[0].split(" ")[0])
        headers = {name.lower(): value for name, value in started[1]}
        error = None if status < 400 else headers.get("x-amzn-errortype", f"HTTP {status}")
        return Answer(status, headers, content, error)

    def _run(self, hooks: Hooks, call: Call) -> None:
        for callback in hooks.take(call):
            try:
                callback(call)
            except Exception as error:  # noqa: BLE001 - raised again in the test's thread when the sandbox stops
                traceback.print_exc()
                self.errors.append(error)


def _empty(answer: Answer, call: Call) -> bytes:
    if answer.headers.get("content-type", "").endswith("xml"):
        return f"<{call.operation}Response><{call.operation}Result/></{call.operation}Response>".encode()
    if answer.headers.get("content-type") == cbor.HEADERS["content-type"]:
        return cbor.written({})
    return b"{}"


def _tear(environ: dict[str, Any]) -> None:
    """Close the connection with a TCP reset: with a linger time of zero, nothing is sent but RST."""
    connection = environ.get(_CONNECTION)
    if connection is not None:  # None where a request took the shortcut
        connection.linger = True
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.socket.close()
    raise Torn


class Server:
    """cheroot on a loopback port, in a thread of its own.

    Attributes:
        gateway: Between the two.
    """

    gateway = Gateway

    def __init__(self, app: Middleware, host: str, port: int, threads: int = 24) -> None:
        self._app = app
        self._server = cheroot.wsgi.Server((host, port), app, numthreads=threads, request_queue_size=128)
        self._server.gateway = self.gateway
        self._server.shutdown_timeout = 1
        # How long the accepting loop sleeps at most, and so how long stopping takes.
        self._server.expiration_interval = 0.05
        # Idle connections are kept, so that none is closed just when a client uses it again.
        self._server.timeout = 300
        self._server.keep_alive_conn_limit = 500
        self._server.error_log = self._log
        self._server.prepare()
        self._thread = threading.Thread(target=self._server.serve, name="sandbox", daemon=True)
        self._thread.start()

        # Where moto's Step Functions calls the other services.
        os.environ["MOTO_PORT"] = str(self.port)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.bind_addr[1])

    def stop(self) -> None:
        """Stop serving; calls that hang in a fault are let go."""
        self._app.stopping.set()
        with contextlib.suppress(OSError):
            self._server.stop()
        self._thread.join(timeout=5)

    @staticmethod
    def _log(message: str = "", level: int = 20, traceback: bool = False) -> None:  # noqa: FBT001, FBT002 - cheroot's
        """Say nothing of clients that went away, which faults make them do; a bug of ours is told."""
        if level >= logging.ERROR:
            logging.getLogger("sandbox").error(message, exc_info=traceback)
