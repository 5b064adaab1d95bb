"""Serves a cluster over TLS on loopback, under its own name, and breaks answers on the way."""

from __future__ import annotations

import contextlib
import gzip
import json
import shutil
import socket
import ssl
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from tests.fake_kubernetes.cluster import ENDLESS

if TYPE_CHECKING:
    import pytest

    from tests.fake_kubernetes.cluster import FakeCluster, Reply

_GZIP_FROM: Final = 128 * 1024
"""Bytes from which a real server packs an answer for whoever takes gzip."""
_DOMAIN: Final = ".eks.amazonaws.com"
_SERVED: Final[list[FakeServer]] = []
"""Those of this process; of two under one name the later one is found."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, cluster: FakeCluster, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.cluster, self.context = cluster, context
        self.one_at_a_time = threading.Lock()

    def get_request(self) -> tuple[socket.socket, Any]:
        """The handshake is made by the connection's own thread."""
        plain, address = super().get_request()
        return self.context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False), address

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet for headers and body: else each answer waits for an acknowledgement
    server: _Server

    def setup(self) -> None:
        """Shake hands."""
        with contextlib.suppress(OSError):
            self.request.do_handshake()
        super().setup()

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def do_GET(self) -> None:
        """Answer."""
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.server.one_at_a_time:
            reply = self.server.cluster.answer(self.command, path, query, headers)
        self._send(reply, "gzip" in headers.get("accept-encoding", ""))

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 - as the library names them

    def _send(self, reply: Reply, takes_gzip: bool) -> None:  # noqa: FBT001
        fault = reply.fault
        if fault in {"timeout", "reset"}:
            self._hang_up(60 if fault == "timeout" else 0)
            return
        body = b"upstream connect error" if fault == "no_json" else json.dumps(_spoiled(reply)).encode()
        if fault == "huge":
            body = body.ljust(2_000_000)
        headers = {"Content-Type": "application/json", **reply.headers}
        if fault == "cut_gzip" or (takes_gzip and len(body) > _GZIP_FROM):
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, 1)
        length = len(body)
        if fault == "cut_gzip":
            body = body[: len(body) // 2]
            length = len(body)
        elif fault == "cut":
            body = body[: len(body) // 2]
        self.send_response(reply.status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if fault == "slow":
            for byte in body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                time.sleep(0.05)
        self.wfile.write(body)
        self.wfile.flush()
        if fault == "cut":
            self._hang_up(0)

    def _hang_up(self, seconds: float) -> None:
        time.sleep(seconds)
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.request.shutdown(socket.SHUT_RDWR)


def _spoiled(reply: Reply) -> Any:
    body = reply.body
    match reply.fault:
        case "no_items":
            return {name: value for name, value in body.items() if name not in {"items", "groups", "resources"}}
        case "null_items":
            return body | {"items": None}
        case "no_version":
            return body | {"metadata": {}}
        case "endless":
            return body | {"metadata": {**body.get("metadata", {}), "continue": f"{ENDLESS}{time.monotonic_ns()}"}}
        case "repeated_token":
            return body | {"metadata": {**body.get("metadata", {}), "continue": f"{ENDLESS}again"}}
    return body


class FakeServer:
    """A cluster that is served while the context lasts.

    Attributes:
        cluster: What is served.
        host: Name under which it is found.
        address: Of the socket.
    """

    def __init__(self, cluster: FakeCluster) -> None:
        self.cluster = cluster
        self.host = cluster.host
        self._folder = Path(tempfile.mkdtemp(prefix="fake-kubernetes-"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cluster.authority.issue(self.host, self._folder))
        self._server = _Server(cluster, context)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        return "127.0.0.1", self._server.server_port

    def __enter__(self) -> Self:
        self._thread.start()
        self.cluster.port = self._server.server_port
        _SERVED.append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _SERVED.remove(self)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        shutil.rmtree(self._folder)


def resolving(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let names of EKS endpoints lead to the servers of this process, and every other one of them nowhere."""
    real = socket.getaddrinfo

    def resolved(host: Any, *args: Any, **named: Any) -> Any:
        if not str(host).endswith(_DOMAIN):
            return real(host, *args, **named)
        for server in reversed(_SERVED):
            if server.host == host:
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", server.address)]
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
