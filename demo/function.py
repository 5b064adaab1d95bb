"""The two ways in which the demo runs the applied function: its image, or the same handler from source."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, Protocol, Self

from tests.container.emulator import EmulatedFunction, InvocationError
from tests.container.engine import container_tool, native_architecture, remove_images, tool
from tests.container.registry import Registry
from tools.stack import Invocation, function_environment, invoke_from_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from demo.account import Account
    from tools.processes import Children

_PULL_SECONDS: Final = 120
_PROXIES: Final = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


class Function(Protocol):
    """How the function comes to life; a context manager around all of the demo.

    Attributes:
        description: One sentence for the person who watches.
        sandbox_options: What the sandbox must know of it.
    """

    description: str
    sandbox_options: tuple[str, ...]

    def __enter__(self) -> Self:
        """Starts what it needs."""

    def __exit__(self, *_: object) -> None:
        """Ends that."""

    def arguments(self, account: Account) -> dict[str, Any]:
        """The module's inputs that make the function this way."""

    def invoke(self, account: Account, configuration: Mapping[str, Any]) -> Invocation:
        """Invokes the function that Lambda has, with an empty event as the schedule does."""


class FromSource:
    """The handler from lambda_src/, in a process with the environment that Terraform gave to the function."""

    sandbox_options: tuple[str, ...] = ()

    def __init__(self, children: Children, environment: Mapping[str, str], problem: str) -> None:
        self.description = f"No image is built, because {problem}. The same handler runs from source instead."
        self._children = children
        self._environment = environment

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def arguments(self, account: Account) -> dict[str, Any]:
        """An image that somebody has pushed before: ``image_uri`` builds nothing and needs no tool."""
        return {"image_uri": account.add_image("platform/ecr-cleaner", "v0.1.0")}

    def invoke(self, account: Account, configuration: Mapping[str, Any]) -> Invocation:
        """Runs the handler in a process of its own."""
        environment = {**self._environment, **function_environment(configuration, account.endpoint)}
        return invoke_from_source(environment, {}, children=self._children)


class InEmulator:
    """The image that the module builds and pushes, under AWS's own Lambda runtime interface emulator."""

    description = (
        "The module builds the image and pushes it to a registry on this machine; AWS's Lambda emulator runs it."
    )

    def __init__(self) -> None:
        # Without a password: the engine pulls without a login. The image is gone with the registry.
        self._registry = Registry()
        self._images: set[str] = set()
        self._stack = ExitStack()
        self.sandbox_options: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        self._stack.enter_context(self._registry)
        self._stack.callback(lambda: remove_images(sorted(self._images)))
        self.sandbox_options = ("--registry-url", self._registry.url)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def arguments(self, account: Account) -> dict[str, Any]:
        """The engine's own architecture, so that it can run the image."""
        del account
        return {"architecture": native_architecture(), "container_tool": _with_callers_proxies(container_tool())}

    def invoke(self, account: Account, configuration: Mapping[str, Any]) -> Invocation:
        """Runs the image that Lambda's configuration names."""
        function = account.client("lambda").get_function(FunctionName=configuration["FunctionName"])
        image: str = function["Code"]["ImageUri"]
        if image not in self._images:
            self._images.add(image)
            # The module's build leaves it in the registry alone.
            tool("pull", image, seconds=_PULL_SECONDS)
        environment = function_environment(configuration, account.endpoint)
        with EmulatedFunction(image, environment, account.cluster_hosts()) as emulated:
            try:
                result, error = emulated.invoke({}), {}
            except InvocationError as raised:
                result, error = None, raised.error
            return Invocation(_json_lines(emulated.logs("all")), result, error)


def _with_callers_proxies(command: str) -> str:
    """Gives the proxies back to the container tool, which may need them to fetch what the image is built from.

    Terraform and the provider run without; their tool's word list begins with ``env`` (see scripts/build-image.sh).
    """
    names = [*_PROXIES, *map(str.upper, _PROXIES)]
    # The words are split at spaces, and nothing is quoted.
    values = [f"{name}={value}" for name in names if (value := os.environ.get(name)) and " " not in value]
    unset = [word for name in names for word in ("-u", name)]
    return " ".join(["env", *unset, *values, command])


def _json_lines(text: str) -> list[dict[str, Any]]:
    found = []
    for line in text.splitlines():
        try:
            told = json.loads(line)
        except ValueError:
            continue  # the emulator's own words
        if isinstance(told, dict):
            found.append(told)
    return found
