"""A bucket of the module's own, under a ``depends_on`` of the whole module: nothing takes it away in passing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from tools.stack import Stack, TerraformError, function_environment, invoke_from_source

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.fake_aws import Sandbox

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(600)]

BUCKET: Final = "ecr-cleaner-123456789012-useast1"
CONFIGURATION: Final = """
provider "aws" {}

variable "generation" {
  type = string
}

resource "terraform_data" "before" {
  input = var.generation
}

module "cleaner" {
  source     = "../"
  depends_on = [terraform_data.before]
}
"""


@pytest.fixture(scope="module")
def stack(
    image_uri: Callable[[str], str], make_stack: Callable[..., Stack], tmp_path_factory: pytest.TempPathFactory
) -> Stack:
    """Applied; the tests follow each other, because the provider waits a minute for the bucket."""
    folder = tmp_path_factory.mktemp("configuration")
    (folder / "main.tf").write_text(CONFIGURATION)
    stack = make_stack(folder, {"generation": "1"}, image_uri=image_uri("us-east-1"))
    stack.apply()
    return stack


def marker(sandbox: Sandbox) -> dict[str, Any]:
    """What the marker says."""
    key = "ecr-cleaner/123456789012/us-east-1/ecr-cleaner/marker.json"
    found: dict[str, Any] = json.loads(sandbox.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read())
    return found


def test_a_change_of_what_the_module_depends_on_replaces_nothing(stack: Stack) -> None:
    """Terraform then knows account and region only at the apply, and the names of bucket and roles hold them."""
    assert stack.changes() == ""
    stack.variables["generation"] = "2"
    stack.override()
    planned = stack.changes()
    assert "# terraform_data.before will be updated in-place" in planned
    assert "must be replaced" not in planned
    assert "will be destroyed" not in planned
    told = stack.apply()
    assert "0 added" in told
    assert "0 destroyed" in told


def test_destroying_stops_before_anything_is_gone(stack: Stack, sandbox: Sandbox) -> None:
    """With a sentence; the next apply has nothing to make anew, and the history goes on."""
    configuration = sandbox.client("lambda").get_function_configuration(FunctionName="ecr-cleaner")
    assert invoke_from_source(function_environment(configuration, sandbox.endpoint), {}).error == {}
    began = marker(sandbox)
    assert began["state"] == "started"
    with pytest.raises(TerraformError, match=r"so\s+nothing\s+was\s+destroyed") as refused:
        stack.destroy()
    told = " ".join(str(refused.value).split())
    assert f"The bucket {BUCKET} keeps history, journal and reports" in told
    assert "apply force_destroy_bucket = true first" in told
    # A provisioner that failed leaves its resource as it is.
    assert "0 added, 0 changed, 0 destroyed" in stack.apply()
    assert marker(sandbox) == began


def test_a_name_of_another_bucket_does_not_delete_this_one(stack: Stack, sandbox: Sandbox) -> None:
    """Whoever moves to a bucket of his own is told as well."""
    sandbox.client("s3").create_bucket(Bucket="somebodys")
    with pytest.raises(TerraformError, match=r"so\s+nothing\s+was\s+destroyed"):
        stack.apply(bucket_name="somebodys")
    del stack.arguments["bucket_name"]
    stack.apply()
    assert marker(sandbox)["state"] == "started"


def test_who_says_so_destroys_all_of_it(stack: Stack, sandbox: Sandbox) -> None:
    """In two steps, the first of which changes nothing else."""
    stack.apply(force_destroy_bucket=True)
    assert "Destroy complete" in stack.destroy()
    assert BUCKET not in [one["Name"] for one in sandbox.client("s3").list_buckets()["Buckets"]]
