"""The whole way: a real apply builds and pushes the image, and what was pushed runs as Lambda would run it.

One story in order, because a Terraform run costs many seconds; each test is a chapter and needs the ones before.
The registry is the one under ECR's own host name, over TLS, where CI has prepared it; else one on a loopback port.
"""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.container.emulator import EmulatedFunction
from tests.container.engine import container_tool, remove_images, tool
from tests.container.images import GO_ARCHITECTURE, MANIFEST, OCI_MANIFEST, RegistryClient
from tests.container.registry import Registry
from tests.container.workspace import BUILD, PASSWORD, REGION, SandboxProcess, Workspace
from tests.terraform.attached import attached
from tools.provider_mirror import ProviderMirror
from tools.stack import TerraformError
from tools.terraform import Terraform

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = [pytest.mark.container, pytest.mark.terraform]

NAME = f"cleaner-{os.getpid()}"  # a registry that outlives the tests knows the images of earlier ones
IMAGES = [{"tags": ["v1"], "pushed": "400d"}, {"tags": ["v2"], "pushed": "2d"}]
TLS_REGISTRY = os.environ.get("ECR_CLEANER_TLS_REGISTRY")


@dataclass(slots=True)
class Story:
    """What the chapters share.

    Attributes:
        workspace: The module's caller.
        sandbox: The AWS account.
        registry: Where the image goes.
        written: What the first apply that built has written.
        client_config: The container client's configuration before anything happened; None if it had none.
    """

    workspace: Workspace
    sandbox: SandboxProcess
    registry: RegistryClient
    written: str = ""
    client_config: bytes | None = None

    def client(self, service: str) -> Any:
        """A client for the sandbox."""
        fake = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": REGION}
        return boto3.client(service, endpoint_url=self.sandbox.endpoint, **fake)

    @property
    def tag(self) -> str:
        """The tag of the image that the state knows."""
        return self.workspace.built()["image_uri"].rpartition(":")[2]


def read_client_config() -> bytes | None:
    """Returns the configuration of the user's container client."""
    path = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker") / "config.json"
    return path.read_bytes() if path.exists() else None


@pytest.fixture(scope="module")
def story(architecture: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """A sandbox, a registry and an initialised folder."""
    terraform = Terraform.find()
    with ExitStack() as stack:
        if TLS_REGISTRY:
            url, options = TLS_REGISTRY, ["--registry-ecr-host"]
        else:
            url, options = stack.enter_context(Registry(password=PASSWORD)).url, []
        sandbox = stack.enter_context(SandboxProcess("--registry-url", url, *options))
        inputs: dict[str, Any] = {"name": NAME, "architecture": architecture, "container_tool": container_tool()}
        inputs["history_enabled"] = False  # the provider waits a minute for a bucket, and none is needed here
        environment = ProviderMirror(terraform).ensure()
        folder = tmp_path_factory.mktemp("story")
        workspace = Workspace(folder, sandbox.endpoint, inputs, terraform, environment)
        workspace.init()
        workspace.env = stack.enter_context(attached(folder, environment))
        yield Story(workspace, sandbox, RegistryClient(url, "AWS", PASSWORD), client_config=read_client_config())


def test_without_a_tool_the_error_names_both_ways_out(story: Story) -> None:
    """The apply fails after it made the repository, and says what to set."""
    with pytest.raises(TerraformError, match="No usable container tool") as failed:
        story.workspace.build(container_tool="no-such-tool")
    assert "container_tool" in str(failed.value)
    assert "image_uri" in str(failed.value)


def test_the_failed_apply_can_be_repeated(story: Story, architecture: str) -> None:
    """With a tool the same apply builds and pushes: one platform, no index, under the tag that the plan named."""
    story.written = story.workspace.build()
    assert "Pushing." in story.written
    image = story.registry.image(NAME, story.tag)
    assert image
    assert image.media_type in {MANIFEST, OCI_MANIFEST}
    assert image.config["architecture"] == GO_ARCHITECTURE[architecture]
    assert story.workspace.built()["image_uri"] == f"{story.registry.host}/{NAME}:{story.tag}"


def test_no_login_and_no_token_remain(story: Story) -> None:
    """The client's configuration has not changed by a byte; neither output nor log nor folder holds the token."""
    assert read_client_config() == story.client_config
    (log,) = (story.workspace.folder / ".ecr-cleaner-build").iterdir()
    assert str(log) in story.written
    for text in (story.written, log.read_text()):
        assert story.registry.authorization not in text
        assert PASSWORD not in text


def test_what_the_registry_has_is_not_built_again(story: Story) -> None:
    """As after a crash between the push and the state: the registry knows the tag, and no tool is needed."""
    story.workspace.run("state", "rm", BUILD)
    written = story.workspace.apply(container_tool="no-such-tool")
    assert "nothing to build" in written


def test_the_function_names_the_image_by_its_hash(story: Story, architecture: str) -> None:
    """The function is pinned to the immutable tag and has the image's architecture."""
    function = story.client("lambda").get_function(FunctionName=NAME)
    assert function["Code"]["ImageUri"] == story.workspace.built()["image_uri"]
    assert function["Configuration"]["Architectures"] == [architecture]


def test_the_image_runs_as_lambda_runs_it(story: Story, tmp_path: Path) -> None:
    """Pulled from the registry, with the environment that the module gives it, it looks; told to remove, it removes."""
    uri = story.workspace.built()["image_uri"]
    login = {"auths": {story.registry.host: {"auth": story.registry.authorization}}}
    (tmp_path / "config.json").write_text(json.dumps(login))
    tool("pull", uri, env={"DOCKER_CONFIG": str(tmp_path)}, seconds=600)
    try:
        configured = story.client("lambda").get_function_configuration(FunctionName=NAME)
        environment = configured["Environment"]["Variables"]
        aws = {
            "AWS_ENDPOINT_URL": story.sandbox.endpoint,
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
        }
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
        story.sandbox.seed({"repositories": {"shop/api": {"tags": {"BoxCleanerEnabled": "true"}, "images": IMAGES}}})
        with EmulatedFunction(uri, {**environment, **aws, **keys}) as function:
            looked = function.invoke({})
        assert story.sandbox.tags("shop/api") == ["v1", "v2"]
        with EmulatedFunction(uri, {**environment, **aws, **keys, "DRY_RUN": "false"}) as function:
            cleaned = function.invoke({})
        assert story.sandbox.tags("shop/api") == ["v2"]
    finally:
        remove_images([uri])
    for summary, dry_run in ((looked, True), (cleaned, False)):
        assert summary["schema_version"] == 1
        assert summary["status"] == "completed"
        assert summary["dry_run"] is dry_run


def test_another_architecture_is_another_tag(story: Story, architecture: str) -> None:
    """A change of the architecture shows in the plan as another image in the same repository."""
    other = {"arm64": "x86_64", "x86_64": "arm64"}[architecture]
    planned = story.workspace.plan(architecture=other)
    changes = {change["address"]: change["change"] for change in planned["resource_changes"]}
    build = changes[f"{BUILD}[0]"]
    assert build["actions"] == ["delete", "create"]
    before, after = (build[when]["triggers_replace"]["image_uri"] for when in ("before", "after"))
    assert before.rpartition(":")[0] == after.rpartition(":")[0]
    assert before != after
    function = next(c for a, c in changes.items() if a.startswith("module.cleaner.aws_lambda_function."))
    assert function["after"]["image_uri"] == after
    assert function["after"]["architectures"] == [other]


def test_an_image_that_is_gone_breaks_neither_plan_nor_destroy(story: Story) -> None:
    """Somebody deletes the image with the console: the next apply would build it anew, under another tag."""
    image = story.registry.image(NAME, story.tag)
    assert image
    story.client("ecr").batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": image.digest}])
    assert "terraform_data.image_build[0] must be replaced" in story.workspace.changes()
    assert "Destroy complete" in story.workspace.destroy()
    left = story.client("ecr").describe_repositories()["repositories"]
    assert [repository["repositoryName"] for repository in left] == ["shop/api"]
