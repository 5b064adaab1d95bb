"""Real applies against a sandbox of the test process: what Terraform makes, the handler lives in."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from tests.fake_aws import Sandbox
from tests.terraform.attached import attached
from tools.processes import Children, loopback_only
from tools.provider_mirror import ProviderMirror
from tools.stack import Stack
from tools.terraform import ROOT, Terraform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

REPOSITORY = "platform/ecr-cleaner"


@pytest.fixture(scope="session")
def terraform() -> Terraform:
    """The terraform command; a machine without one fails here, with what it needs."""
    return Terraform.find()


@pytest.fixture(scope="session")
def terraform_environment(terraform: Terraform) -> dict[str, str]:
    """The environment of terraform commands: the provider at hand, no credentials, and only loopback to reach."""
    return loopback_only(ProviderMirror(terraform).ensure())


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """An empty account for all tests of a module."""
    with Sandbox() as running:
        yield running


@pytest.fixture(scope="module")
def image_uri(sandbox: Sandbox) -> Callable[[str], str]:
    """Makes an image of the function in a region and returns how Lambda names it."""

    def make(region: str = "us-east-1") -> str:
        client = sandbox.client("ecr", region=region)
        made = client.create_repository(repositoryName=REPOSITORY)["repository"]
        sandbox.push(REPOSITORY, tags=["v1"], pushed="1d", region=region)
        return f"{made['repositoryUri']}:v1"

    return make


@pytest.fixture(scope="module")
def make_stack(
    sandbox: Sandbox,
    terraform: Terraform,
    terraform_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., Stack]]:
    """Makes an initialised stack from an example of the project or from a configuration of the test's own."""
    with Children() as children, ExitStack() as providers:

        def make(configuration: str | Path, variables: dict[str, Any] | None = None, **arguments: Any) -> Stack:
            stack = Stack(
                tmp_path_factory.mktemp("stack") / "root",
                sandbox.endpoint,
                terraform,
                terraform_environment,
                arguments=arguments,
                variables=variables or {},
                children=children,
            )
            if isinstance(configuration, str):
                configuration = ROOT / "examples" / configuration
            stack.copy_from(configuration)
            stack.init()
            stack.environment = providers.enter_context(attached(stack.folder, stack.environment))
            return stack

        yield make
