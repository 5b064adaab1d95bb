"""The module, wired to resources of the same configuration: what they are to give it is unknown before an apply."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from tools import declared

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.fake_aws import Sandbox
    from tools.stack import Stack

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(600)]

WIRED: Final = """
provider "aws" {}

# What a resource gives is unknown until it is made; the built-in one stands for all of them.
resource "terraform_data" "made" {
  for_each = {
    alarms     = ["arn:aws:sns:us-east-1:123456789012:alarms"]
    boundary   = "arn:aws:iam::123456789012:policy/boundary"
    bucket     = "made-with-it"
    bus        = "made-with-it"
    image      = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tools/cleaner:v1"
    images     = ["shop/api:live"]
    index      = "https://pypi.example.com/simple/"
    base       = "123456789012.dkr.ecr.us-east-1.amazonaws.com/base/python:3.13"
    inventory  = "s3://made-with-it/inventories/"
    key        = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    namespace  = "Made"
    region     = "us-east-1"
    groups     = ["sg-0123456789abcdef0"]
    number     = 40
    rules      = [{ repositories = ["shop/*"], keep_newest = 3 }]
    switch     = true
    text       = "made"
    texts      = { MADE = "made" }
    subnets    = ["subnet-0123456789abcdef0"]
    tag        = "made"
    topic      = "arn:aws:sns:us-east-1:123456789012:made"
  }

  input = each.value
}

locals {
  unknown = { for name, made in terraform_data.made : name => made.output }
}

module "given" {
  source   = "../"
  for_each = toset(["one", "two"])

  name                     = each.key
  alarm_actions            = local.unknown.alarms
  ok_actions               = local.unknown.alarms
  bucket_name              = local.unknown.bucket
  bucket_region            = local.unknown.region
  build_image              = false
  create_bucket            = false
  dashboard_enabled        = true
  dry_run                  = false
  state_machine            = true
  event_bus_name           = local.unknown.bus
  image_uri                = local.unknown.image
  kms_key_arn              = local.unknown.key
  metrics_namespace        = local.unknown.namespace
  notification_topic_arn   = local.unknown.topic
  permissions_boundary_arn = local.unknown.boundary
  protected_images         = local.unknown.images
  require_approval         = true
  tags                     = { made = local.unknown.tag }
  used_images_uri          = local.unknown.inventory
  vpc_security_group_ids   = local.unknown.groups
  vpc_subnet_ids           = local.unknown.subnets
}

module "without_history" {
  source = "../"

  name            = "without-history"
  bucket_name     = local.unknown.bucket
  create_bucket   = false
  history_enabled = false
}

module "only_lists" {
  source = "../"

  name            = "only-lists"
  used_images_uri = local.unknown.inventory
  accepted_gaps = {
    "source:sagemaker_studio"         = "not here"
    "source:scheduler"                = "not here"
    "source:stepfunctions"            = "not here"
    "source:stepfunctions_executions" = "not here"
  }
}

module "made" {
  source = "../"

  name                  = "made"
  base_image            = local.unknown.base
  kms_key_arn           = local.unknown.key
  notifications_enabled = true
  package_index_url     = local.unknown.index

  api_rate_share                     = local.unknown.number
  architecture                       = local.unknown.text
  container_tool                     = local.unknown.text
  default_keep_days                  = local.unknown.number
  delete_archived_after_days         = local.unknown.number
  environment_variables              = local.unknown.texts
  force_destroy_bucket               = local.unknown.switch
  grace_days                         = local.unknown.number
  iam_role_name                      = local.unknown.text
  iam_role_path                      = local.unknown.text
  journal_retention_days             = local.unknown.number
  keep_recently_used_days            = local.unknown.number
  log_level                          = local.unknown.text
  log_retention_days                 = local.unknown.number
  max_continuations                  = local.unknown.number
  max_removal_percent_per_repository = local.unknown.number
  max_removal_percent_per_run        = local.unknown.number
  max_removals_per_repository        = local.unknown.number
  max_removals_per_run               = local.unknown.number
  memory_size                        = local.unknown.number
  minimum_keep_days                  = local.unknown.number
  notify_on                          = local.unknown.text
  plan_expiry_hours                  = local.unknown.number
  reader_role_name                   = local.unknown.text
  rebuild                            = local.unknown.text
  regions                            = local.unknown.images
  removal_mode                       = local.unknown.text
  report_retention_days              = local.unknown.number
  report_unmanaged_repositories      = local.unknown.switch
  reports_enabled                    = local.unknown.switch
  reserved_concurrent_executions     = local.unknown.number
  retention_rules                    = local.unknown.rules
  savings_tag_key                    = local.unknown.text
  schedule_timezone                  = local.unknown.text
  storage_price_per_gb_month         = local.unknown.number
  task_definition_revisions          = local.unknown.text
  used_images_max_age_hours          = local.unknown.number

  depends_on = [terraform_data.made]
}
"""

STATIC: Final = frozenset(
    {
        "accepted_gaps",  # which sources are asked, and so which policies there are
        "accounts",  # whether there is an alarm for them
        "build_image",
        "create",
        "create_bucket",
        "dashboard_enabled",
        "dry_run",
        "history_enabled",
        "max_usage_drop_percent",
        "metrics_enabled",
        "name",
        "notifications_enabled",
        "organization",  # likewise
        "require_approval",
        "schedule_enabled",
        "schedule_expression",
        "state_machine",
    }
)
"""Inputs that say what there is; the others may be unknown."""


def test_no_input_is_left_out() -> None:
    """One that is new is tried, or is static, which its description then says."""
    unknown = set(re.findall(r"^  (\w+) += local\.unknown\.", WIRED, re.MULTILINE))
    unknown |= {"tags"}  # with a value that is
    assert set(declared.variables()) - unknown == STATIC


def test_every_value_of_a_resource_may_be_unknown(
    make_stack: Callable[..., Stack], sandbox: Sandbox, tmp_path: Path
) -> None:
    """How many of a resource there are never hangs on one, nor on what a data source says under a `depends_on`."""
    del sandbox
    (tmp_path / "main.tf").write_text(WIRED)
    stack = make_stack(tmp_path)
    told = stack.changes()
    assert "Plan: " in told
    for module in ('given["one"]', 'given["two"]', "without_history", "only_lists", "made"):
        assert f"# module.{module}.aws_lambda_function.cleaner[0] will be created" in told, told
