"""A module that is told to create nothing creates nothing, whatever else it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tools.stack import Stack

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(600)]

ROOT: Final = """\
provider "aws" {}

module "cleaner" {
  source = "../../"
}

output "all" {
  value = module.cleaner
}
"""
EVERYTHING: Final = {
    "bucket_name": None,
    "dashboard_enabled": True,
    "dry_run": False,
    "notifications_enabled": True,
    "protected_images": [f"shop/{'long' * 20}-{n}" for n in range(60)],
    "require_approval": True,
    "state_machine": True,
    "vpc_security_group_ids": ["sg-0123456789abcdef0"],
    "vpc_subnet_ids": ["subnet-0123456789abcdef0"],
}
"""Every kind of resource; the image is built and the settings lie in the bucket."""
GIVEN: Final = {
    "bucket_name": "shared-by-several",
    "image_uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/tools/cleaner:v1",
    "notifications_enabled": False,
    "notification_topic_arn": "arn:aws:sns:us-east-1:123456789012:alerts",
}
"""What is made elsewhere, and would be told again by an output."""


def test_nothing_is_created(make_stack: Callable[..., Stack], tmp_path: Path) -> None:
    """No resource is in the state, and every output is null."""
    (tmp_path / "main.tf").write_text(ROOT)
    stack = make_stack(tmp_path, create=False, **EVERYTHING)
    for further in ({}, GIVEN):
        stack.apply(**further)
        assert [one for one in stack.resources() if one["mode"] == "managed"] == []
        assert {name: value for name, value in stack.outputs()["all"].items() if value is not None} == {}
    stack.override(create=True)
    assert "module.cleaner.aws_lambda_function.cleaner[0] will be created" in stack.changes()
