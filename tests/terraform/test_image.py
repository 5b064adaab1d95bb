"""The image that the module builds, by a container tool that only pushes: it comes back whatever becomes of it."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.container.registry import Registry
from tests.fake_aws import Sandbox
from tests.fake_aws.aws import ACCOUNT
from tests.terraform.attached import attached
from tools.processes import Children
from tools.stack import Stack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tools.terraform import Terraform

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(600)]

BUILD: Final = "module.cleaner.terraform_data.image_build[0]"
CONFIGURATION: Final = """
provider "aws" {}

module "cleaner" {
  source = "../"
}
"""
TOOL: Final = f"""#!{sys.executable}
'''Notes what it is asked for, and pushes an image that is another one each time.'''
import base64, http.client, json, os, sys, uuid

with open(__file__ + ".calls", "a") as calls:
    print(*sys.argv[1:], file=calls)
if sys.argv[1] == "--version":
    print("nerdctl version 2.0.0")
if sys.argv[1] == "push":
    host, _, path = sys.argv[-1].partition("/")
    repository, _, tag = path.rpartition(":")
    config = json.load(open(os.environ["DOCKER_CONFIG"] + "/config.json"))
    digest = "sha256:" + uuid.uuid4().hex * 2
    blob = dict(mediaType="application/vnd.docker.container.image.v1+json", size=2, digest=digest)
    kind = "application/vnd.docker.distribution.manifest.v2+json"
    connection = http.client.HTTPConnection(host)
    connection.request(
        "PUT", f"/v2/{{repository}}/manifests/{{tag}}",
        json.dumps(dict(schemaVersion=2, mediaType=kind, config=blob, layers=[])),
        {{"Authorization": "Basic " + config["auths"][host]["auth"], "Content-Type": kind}},
    )
    answer = connection.getresponse()
    sys.exit(answer.status != 201 and f"the registry answered {{answer.status}}: {{answer.read()}}")
"""


@dataclass(frozen=True, slots=True)
class Built:
    """An instance of the module that builds its image.

    Attributes:
        stack: Its configuration.
        account: Where it was applied.
        tool: The container tool.
    """

    stack: Stack
    account: Sandbox
    tool: Path

    def calls(self, word: str) -> list[str]:
        """What the tool was asked for since somebody last asked, of one kind."""
        told = Path(f"{self.tool}.calls")
        lines = told.read_text().splitlines() if told.exists() else []
        told.unlink(missing_ok=True)
        return [line for line in lines if line.startswith(word) and "--help" not in line]

    def running(self) -> str:
        """The digest of the function's image in ECR, and the policy by which Lambda may fetch it is there.

        Raises:
            botocore.exceptions.ClientError: ECR has no such image, or no policy.
        """
        uri = self.uri()
        tag = uri.rpartition(":")[2]
        ecr = self.account.client("ecr")
        found = ecr.describe_images(repositoryName="ecr-cleaner", imageIds=[{"imageTag": tag}])["imageDetails"]
        assert "LambdaECRImageRetrievalPolicy" in ecr.get_repository_policy(repositoryName="ecr-cleaner")["policyText"]
        digest: str = found[0]["imageDigest"]
        return digest

    def uri(self) -> str:
        """What the function was last told to run."""
        uri: str = self.account.client("lambda").get_function(FunctionName="ecr-cleaner")["Code"]["ImageUri"]
        return uri


@pytest.fixture(scope="module")
def built(
    terraform: Terraform, terraform_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Built]:
    """Applied; the tests follow each other, because an apply takes seconds."""
    folder = tmp_path_factory.mktemp("image")
    (folder / "main.tf").write_text(CONFIGURATION)
    tool = folder / "tool"
    tool.write_text(TOOL)
    tool.chmod(0o755)
    with Registry(password=f"{ACCOUNT}-auth-token") as registry, Sandbox(registry_url=registry.url) as account:
        arguments: dict[str, Any] = {"container_tool": str(tool), "history_enabled": False}
        stack = Stack(
            folder / "root", account.endpoint, terraform, terraform_environment, arguments, children=Children()
        )
        stack.copy_from(folder)
        stack.init()
        with attached(stack.folder, stack.environment) as stack.environment:
            stack.apply()
            yield Built(stack, account, tool)
            assert "Destroy complete" in stack.destroy()


def test_it_is_built_once(built: Built) -> None:
    """The next plan has nothing to do."""
    assert built.running()
    assert len(built.calls("push")) == 1
    assert built.stack.changes() == ""


def test_an_image_that_is_gone_is_built_anew(built: Built) -> None:
    """And the function is told, which would else stay with a digest that no longer exists."""
    before = built.uri()
    image = {"imageDigest": built.running()}
    built.account.client("ecr").batch_delete_image(repositoryName="ecr-cleaner", imageIds=[image])
    built.stack.apply()
    assert built.running()
    assert built.uri() != before
    assert built.stack.changes() == "", "one apply is enough"


def test_a_repository_that_is_gone_comes_back_with_image_and_policy(built: Built) -> None:
    """As after somebody deleted it with the console."""
    before = built.running()
    built.account.client("ecr").delete_repository(repositoryName="ecr-cleaner", force=True)
    built.stack.apply()
    assert built.running() != before
    assert built.stack.changes() == ""


def test_replacing_the_build_is_harmless(built: Built) -> None:
    """What is there is not built again; what is not, is."""
    before = built.running()
    built.calls("push")
    built.stack.replace(BUILD)
    assert (built.running(), built.calls("push")) == (before, [])
    image = {"imageDigest": before}
    built.account.client("ecr").batch_delete_image(repositoryName="ecr-cleaner", imageIds=[image])
    built.stack.replace(BUILD)
    assert built.running() != before
    assert built.stack.changes() == ""


def test_a_rebuild_fetches_what_the_base_image_is_now(built: Built) -> None:
    """A change of the input is all it takes; without one nothing is pulled anew."""
    before = built.uri()
    assert not [call for call in built.calls("build") if "--pull" in call]
    built.stack.apply(rebuild="2026-12")
    assert [call for call in built.calls("build") if "--pull" in call]
    assert built.running()
    assert built.uri() != before
    assert built.stack.changes() == ""


def test_a_key_that_is_added_later_takes_the_image_along(built: Built) -> None:
    """The repository is made anew, as ECR changes no key; image, policy and function follow in the same apply."""
    before = built.running()
    key = built.account.client("kms").create_key()["KeyMetadata"]["Arn"]
    built.stack.apply(kms_key_arn=key)
    (repository,) = built.account.client("ecr").describe_repositories(repositoryNames=["ecr-cleaner"])["repositories"]
    assert repository["encryptionConfiguration"]["kmsKey"] == key
    assert built.running() != before
    assert built.stack.changes() == ""
