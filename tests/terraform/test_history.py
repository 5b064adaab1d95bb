"""A history in the bucket that a real Terraform marked: it begins, goes on, is lost, and begins anew on purpose."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from tools.module_copy import copy_module
from tools.stack import Invocation, Stack, function_environment, invoke_from_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.fake_aws import Sandbox

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(600)]

BUCKET: Final = "shared-by-several"
PREFIX: Final = "ecr-cleaner/123456789012/us-east-1/given/"
MARKER: Final = f"{PREFIX}marker.json"


@dataclass(frozen=True, slots=True)
class Given:
    """An instance of the module that shares a bucket with others.

    Attributes:
        stack: Its configuration.
        account: Where it was applied.
    """

    stack: Stack
    account: Sandbox

    def invoke(self) -> Invocation:
        """Run the handler in the environment that Terraform made."""
        configuration = self.account.client("lambda").get_function_configuration(FunctionName="given")
        return invoke_from_source(function_environment(configuration, self.account.endpoint), {})

    def marker(self) -> dict[str, Any]:
        """What the marker says."""
        body = self.account.client("s3").get_object(Bucket=BUCKET, Key=MARKER)["Body"].read()
        found: dict[str, Any] = json.loads(body)
        return found


@pytest.fixture(scope="module")
def given(
    sandbox: Sandbox,
    image_uri: Callable[[str], str],
    make_stack: Callable[..., Stack],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Given]:
    """The module with a bucket that somebody else made, and settings that do not fit into the environment."""
    sandbox.client("s3").create_bucket(Bucket=BUCKET)
    sandbox.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    sandbox.repository("shop/api", tags={"BoxCleanerEnabled": "true"})
    sandbox.push("shop/api", tags=["v1"], pushed="90d")
    # No input makes the settings long enough today, so the limit is lowered instead, by Terraform's own means.
    module = _with_limit(tmp_path_factory.mktemp("module"), 100)
    named = {"name": "given", "bucket_name": BUCKET, "grace_days": 0}
    stack = make_stack("existing-image", {"image_uri": image_uri("us-east-1")}, **named)
    stack.module = module
    stack.init()
    stack.apply(dry_run=False, default_keep_days=60)
    yield Given(stack, sandbox)
    stack.destroy(refresh=False)
    kept = tuple(f"{PREFIX}{folder}/" for folder in ("history", "journal", "reports"))
    left = sandbox.client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
    assert [one["Key"] for one in left if not one["Key"].startswith(kept)] == []


def _with_limit(folder: Path, limit: int) -> Path:
    copy_module(folder)
    shutil.rmtree(folder / "tests")
    (folder / "limit_override.tf").write_text(f"locals {{\n  settings_limit = {limit}\n}}\n")
    return folder


def test_settings_that_outgrow_the_environment_lie_in_the_bucket(given: Given) -> None:
    """The function finds them there; nothing of them stands in its environment but where they are and their hash."""
    configuration = given.account.client("lambda").get_function_configuration(FunctionName="given")
    pointer = json.loads(configuration["Environment"]["Variables"]["ECR_CLEANER_SETTINGS"])
    assert set(pointer) == {"schema_version", "settings_object"}
    assert pointer["settings_object"]["key"] == f"{PREFIX}settings.json"


def test_the_first_run_begins_the_history_and_terraform_has_no_part_in_it(given: Given) -> None:
    """An apply changes the function and leaves the marker as that wrote it."""
    assert given.marker() == {"schema_version": 1, "state": "new"}
    ended = given.invoke()
    assert ended.error == {}
    assert ended.result
    assert ended.result["totals"]["removed"] == 1
    began = given.marker()
    assert began["state"] == "started"
    told = given.stack.apply(log_level="DEBUG", default_keep_days=45)
    assert "Resources: 0 added, 1 changed, 0 destroyed" in told, "the function alone"
    assert given.marker() == began
    assert given.invoke().error == {}


def test_settings_that_are_not_terraforms_do_nothing(given: Given) -> None:
    """Until the next apply."""
    s3 = given.account.client("s3")
    place = {"Bucket": BUCKET, "Key": f"{PREFIX}settings.json", "ContentType": "application/json"}
    whole = s3.get_object(Bucket=BUCKET, Key=place["Key"])["Body"].read()
    s3.put_object(Body=whole.replace(b'"keep_recently_used_days":7', b'"keep_recently_used_days":0'), **place)
    assert "is not what Terraform wrote" in given.invoke().error["errorMessage"]
    s3.put_object(Body=whole, **place)
    assert given.invoke().error == {}


def test_a_lost_history_begins_anew_only_on_purpose(given: Given) -> None:
    """By the command that the cause gives."""
    began = given.marker()
    s3 = given.account.client("s3")
    s3.delete_object(Bucket=BUCKET, Key=f"{PREFIX}history/{began['history_id']}/state.json")
    lost = given.invoke()
    assert '"status": "refused"' in lost.error["errorMessage"]
    assert "-replace='module.NAME.aws_s3_object.marker[0]'" in lost.error["errorMessage"]
    told = given.stack.replace("module.ecr_cleaner.aws_s3_object.marker[0]")
    assert "1 added, 0 changed, 1 destroyed" in told
    assert given.marker() == {"schema_version": 1, "state": "new"}
    assert given.invoke().error == {}
    assert given.marker()["history_id"] != began["history_id"]
