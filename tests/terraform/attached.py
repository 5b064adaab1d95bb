"""A provider that is started once for many commands, as its developers debug it.

Terraform starts the provider for every run block of a test and for every walk of a command, and each time asks it the
same questions: for its schemas, whether a configuration of it is valid, at which the AWS provider checks all its
schemas against themselves, and whether each resource is. Answering takes the AWS provider longer than everything else
that our tests want of it. So a `Relay` stands between the two: it passes every question on but those that were
answered before. Of the schemas it passes on those of the few types that are used here: reading all of them takes
Terraform seconds, at every command.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final

import grpc

from tools.terraform import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_PLACE: Final = ".terraform/providers/registry.terraform.io/hashicorp/aws/*/*/terraform-provider-aws*"
_TOLD: Final = re.compile(r"TF_REATTACH_PROVIDERS='(.+)'")
_QUIET: Final = dict.fromkeys(
    ("TF_LOG", "TF_LOG_PROVIDER", "TF_LOG_SDK", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_SDK_MUX", "TF_LOG_SDK_PROTO"), "off"
)
"""In this mode it would write down every question."""

_SECONDS: Final = 60
_SERVICE: Final = "/tfplugin5.Provider/"
_CONFIGURE: Final = f"{_SERVICE}Configure"
_SCHEMAS: Final = f"{_SERVICE}GetSchema"
_BY_TYPE: Final = frozenset({2, 3})
"""Fields of its answer that map the type of a resource or of a data source to a schema."""
_ALWAYS_THE_SAME: Final = frozenset(
    {
        _SCHEMAS,
        f"{_SERVICE}PrepareProviderConfig",
        f"{_SERVICE}ValidateDataSourceConfig",
        f"{_SERVICE}ValidateResourceTypeConfig",
    }
)
"""Terraform's protocol, version 5: what a provider answers alike to the same question."""

_FOR_ONE_CONFIGURATION: Final = frozenset(
    f"{_SERVICE}{method}"
    for method in ("ApplyResourceChange", "ImportResourceState", "PlanResourceChange", "ReadDataSource", "ReadResource")
)
"""What a provider answers by its configuration."""

_UNLIMITED: Final = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
_PATIENT: Final = [*_UNLIMITED, ("grpc.http2.max_ping_strikes", 0)]
"""Terraform's side measures the connection by pings: a server that counts them may close it, and a new one follows."""

_AT_ONCE: Final = 256
"""Questions: most of them wait for what was made to be usable."""


class Relay(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Passes what Terraform asks on to a provider, or repeats its answer.

    One process serves one configuration of the provider (its region, its endpoints): to configure it again while
    something is under way would mix them up. Each of Terraform's connections has one.
    """

    def __init__(self, program: Path, environment: Mapping[str, str], folder: Path, stack: ExitStack) -> None:
        self._types = _types(folder)
        self._program, self._environment, self._folder, self._stack = program, environment, folder, stack
        self._lock = threading.Lock()
        self._answers: dict[tuple[str, bytes], bytes] = {}
        self._first = self._start()
        self._configured: dict[bytes, tuple[grpc.Channel, bytes]] = {}
        self._by_peer: dict[str, grpc.Channel] = {}

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """What answers a method; that of the plugins' machinery which Terraform can do without has no answer."""
        method = handler_call_details.method
        if not method.startswith(_SERVICE):
            return None
        return grpc.unary_unary_rpc_method_handler(lambda asked, context: self._answer(method, asked, context))

    def _answer(self, method: str, asked: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            if method in _ALWAYS_THE_SAME:
                return self._repeated(method, asked)
            if method == _CONFIGURE:
                return self._configure(asked, context.peer())
            return _ask(self._channel(method, context), method, asked)
        except grpc.RpcError as error:
            context.abort(error.code(), error.details())
            raise

    def _channel(self, method: str, context: grpc.ServicerContext) -> grpc.Channel:
        """The provider of a connection. Of one that configured none, nobody knows which is meant if there are two."""
        channel = self._by_peer.get(context.peer())
        if channel is None and method in _FOR_ONE_CONFIGURATION and len(self._configured) > 1:
            told = f"{context.peer()} asks for {method}, and configured no provider: is it a connection made anew?"
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, told)
        return channel or self._first

    def _repeated(self, method: str, asked: bytes) -> bytes:
        with self._lock:
            if (method, asked) not in self._answers:
                answer = _ask(self._first, method, asked)
                self._answers[method, asked] = _narrowed(answer, self._types) if method == _SCHEMAS else answer
            return self._answers[method, asked]

    def _configure(self, asked: bytes, peer: str) -> bytes:
        with self._lock:
            if asked not in self._configured:
                channel = self._start() if self._configured else self._first
                self._configured[asked] = channel, _ask(channel, _CONFIGURE, asked)
            self._by_peer[peer], answer = self._configured[asked]
            return answer

    def _start(self) -> grpc.Channel:
        """Starts a provider, which ends with the stack."""
        log = self._folder / f"provider-{time.monotonic_ns()}.log"
        written = self._stack.enter_context(log.open("w"))
        process = self._stack.enter_context(
            subprocess.Popen(
                [self._program, "-debug"],
                env={**self._environment, **_QUIET},
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
            )
        )
        self._stack.callback(process.terminate)
        deadline = time.monotonic() + _SECONDS
        while (told := _TOLD.search(log.read_text())) is None:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        ((_, found),) = json.loads(told[1]).items()
        assert found["ProtocolVersion"] == 5, found
        channel = grpc.insecure_channel(f"{found['Addr']['Network']}:{found['Addr']['String']}", options=_UNLIMITED)
        return self._stack.enter_context(channel)


def _ask(channel: grpc.Channel, method: str, asked: bytes) -> bytes:
    answer: bytes = channel.unary_unary(method)(asked)
    return answer


def _types(folder: Path) -> frozenset[bytes]:
    """The types of resources and data sources that the module, those beside it or a folder's configuration use."""
    places = [*ROOT.glob("*.tf"), *ROOT.glob("modules/*/*.tf"), *folder.glob("**/*.tf")]
    return frozenset(word.encode() for path in places for word in re.findall(r"\baws_\w+", path.read_text()))


def _narrowed(answer: bytes, types: frozenset[bytes]) -> bytes:
    """A provider's schemas without those of other types, in Protocol Buffers' wire format."""
    kept, at = bytearray(), 0
    while at < len(answer):
        start = at
        tag, at = _varint(answer, at)
        assert tag & 7 == 2, "every field of the answer has a length"
        length, at = _varint(answer, at)
        field, end = tag >> 3, at + length
        # The entry of a map: its first field is the key.
        if field in _BY_TYPE:
            assert answer[at] == 1 << 3 | 2
            size, at = _varint(answer, at + 1)
        if field not in _BY_TYPE or answer[at : at + size] in types:
            kept += answer[start:end]
        at = end
    return bytes(kept)


def _varint(content: bytes, at: int) -> tuple[int, int]:
    """A number and where it ends."""
    number, shift = 0, 0
    while True:
        number |= (content[at] & 0x7F) << shift
        shift, at = shift + 7, at + 1
        if content[at - 1] < 0x80:
            return number, at


@contextmanager
def attached(folder: Path, environment: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Yields the environment in which Terraform uses running providers.

    Args:
        folder: Initialised.
        environment: Of the provider and of Terraform.
    """
    (program,) = folder.glob(_PLACE)
    with ExitStack() as stack:
        relay = Relay(program, environment, folder, stack)
        pool = stack.enter_context(ThreadPoolExecutor(_AT_ONCE))
        server = grpc.server(pool, [relay], options=_PATIENT)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        stack.callback(lambda: server.stop(None).wait())
        address = {"Network": "tcp", "String": f"127.0.0.1:{port}"}
        told = {"Protocol": "grpc", "ProtocolVersion": 5, "Pid": os.getpid(), "Test": True, "Addr": address}
        yield {**environment, "TF_REATTACH_PROVIDERS": json.dumps({"registry.terraform.io/hashicorp/aws": told})}
