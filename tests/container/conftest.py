"""Fixtures of the container path: an engine, a registry with a sandbox in front of it, and folders for Terraform."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.container.engine import container_tool, engine_problem, native_architecture
from tests.container.images import RegistryClient
from tests.container.registry import Registry
from tests.container.workspace import PASSWORD, SandboxProcess, Workspace
from tools.provider_mirror import ProviderMirror
from tools.terraform import Terraform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Place:
    """Where a test pushes to.

    Attributes:
        sandbox: The AWS account, whose repositories' addresses are the registry's.
        registry: The registry as a client sees it.
        local: The registry itself if it is ours, for what no client can do.
    """

    sandbox: SandboxProcess
    registry: RegistryClient
    local: Registry | None


@pytest.fixture(scope="session")
def architecture() -> str:
    """The engine's own architecture; a test that asks for it is skipped where there is no usable engine."""
    problem = engine_problem()
    if problem is not None:
        # CI prepares an engine: there a missing one is a failure.
        (pytest.fail if os.environ.get("ECR_CLEANER_REQUIRE_ENGINE") else pytest.skip)(problem)
    return native_architecture()


@pytest.fixture(scope="module")
def loopback(architecture: str) -> Iterator[Place]:
    """A registry on a free loopback port, without TLS."""
    assert architecture
    with Registry(password=PASSWORD) as registry, SandboxProcess("--registry-url", registry.url) as sandbox:
        yield Place(sandbox, RegistryClient(registry.url, "AWS", PASSWORD), registry)


@pytest.fixture(scope="module")
def ecr_host(architecture: str) -> Iterator[Place]:
    """The TLS registry under ECR's own host name that CI has prepared."""
    assert architecture
    url = os.environ["ECR_CLEANER_TLS_REGISTRY"]
    with SandboxProcess("--registry-url", url, "--registry-ecr-host") as sandbox:
        yield Place(sandbox, RegistryClient(url, "AWS", PASSWORD), None)


# Known when tests are collected, so that a machine without the second one has nothing to skip.
PLACES = ["loopback", *(["ecr_host"] if os.environ.get("ECR_CLEANER_TLS_REGISTRY") else [])]


@pytest.fixture(scope="module", params=PLACES)
def place(request: pytest.FixtureRequest) -> Place:
    """Each of the registries in turn."""
    chosen: Place = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def make_workspace(tmp_path: Path, architecture: str) -> Callable[..., Workspace]:
    """Makes initialised folders whose configuration calls the module."""
    terraform = Terraform.find()
    inherited = ProviderMirror(terraform).ensure()

    def make(place: Place, name: str, env: dict[str, str] | None = None, **variables: Any) -> Workspace:
        folder = tmp_path / name
        folder.mkdir()
        defaults = {"name": name, "architecture": architecture, "container_tool": container_tool()}
        workspace = Workspace(
            folder, place.sandbox.endpoint, {**defaults, **variables}, terraform, {**inherited, **(env or {})}
        )
        workspace.init()
        return workspace

    return make
