"""The function's image under AWS's Lambda runtime interface emulator, which the base image carries."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any, Self
from urllib.error import URLError
from urllib.request import Request, urlopen

from tests.container.engine import ToolError, tool

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_EMULATOR = "/usr/local/bin/aws-lambda-rie"
_BOOTSTRAP = "/var/runtime/bootstrap"
_READY_SECONDS = 60


class InvocationError(Exception):
    """The handler raised.

    Attributes:
        error: What Lambda answers: ``errorType``, ``errorMessage``, ``stackTrace``.
    """

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(f"{error.get('errorType')}: {error.get('errorMessage')}")
        self.error = error


class EmulatedFunction:
    """One running container as a context manager.

    It shares the machine's network, so that ``AWS_ENDPOINT_URL`` can name a loopback address, and its own ports are
    free ones on loopback. The handler is the one that the image itself names. The environment is only what is given:
    none of the caller's credentials reach it. Names of hosts can be given that are to be this machine.
    """

    def __init__(self, image: str, environment: Mapping[str, str], hosts: Iterable[str] = ()) -> None:
        command = json.loads(tool("image", "inspect", "--format", "{{json .Config.Cmd}}", image))
        port, runtime_port = _free_ports(2)
        self._url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
        self._arguments = ["run", "--detach", "--network", "host", "--read-only", "--tmpfs", "/tmp"]  # noqa: S108  # as on Lambda
        for name, value in environment.items():
            self._arguments += ["--env", f"{name}={value}"]
        for host in hosts:
            self._arguments += ["--add-host", f"{host}:127.0.0.1"]
        self._arguments += ["--entrypoint", _EMULATOR, image]
        self._arguments += ["--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
        self._arguments += ["--runtime-api-address", f"127.0.0.1:{runtime_port}", _BOOTSTRAP, *command]
        self._port = port
        self._container = ""

    def __enter__(self) -> Self:
        self._container = tool(*self._arguments)
        deadline = time.monotonic() + _READY_SECONDS
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            except OSError:
                if time.monotonic() > deadline:
                    message = f"the emulator did not start: {self.logs()}"
                    self.__exit__()
                    raise ToolError(message) from None
                time.sleep(0.05)
            else:
                return self

    def __exit__(self, *_: object) -> None:
        tool("rm", "--force", self._container)

    def invoke(self, event: Mapping[str, Any], *, seconds: float = 120) -> dict[str, Any]:
        """Invokes the function and waits.

        Returns:
            The handler's result.

        Raises:
            InvocationError: The handler raised.
            ToolError: The emulator did not answer.
        """
        body = json.dumps(event).encode()
        request = Request(self._url, body, {"Content-Type": "application/json"})  # noqa: S310  # our own address
        try:
            with urlopen(request, timeout=seconds) as response:  # noqa: S310
                answer: dict[str, Any] = json.load(response)
        except URLError as error:
            message = f"{error}: {self.logs()}"
            raise ToolError(message) from error
        if isinstance(answer, dict) and "errorMessage" in answer:
            raise InvocationError(answer)
        return answer

    def logs(self, lines: int | str = 200) -> str:
        """Returns the end of what the container wrote; all of it with ``"all"``."""
        return tool("logs", "--tail", str(lines), self._container, merged=True)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports
