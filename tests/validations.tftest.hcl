# Every validation: what it rejects, and a twin that it accepts.

# What validates inputs asks no provider.
mock_provider "aws" {
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }

  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }

  mock_data "aws_region" {
    defaults = { id = "us-east-1" }
  }
}

# Nothing is built in these runs.
variables {
  image_uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tools/cleaner:v1"
}

run "acknowledged_unscanned_rejects_1" {
  command = plan

  variables {
    acknowledged_unscanned = ["kubernetes"]
  }

  expect_failures = [var.acknowledged_unscanned]
}

run "acknowledged_unscanned_accepts_1" {
  command = plan

  variables {
    acknowledged_unscanned = ["eks", "other_accounts", "pull_through_cache", "delete_replication"]
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "alarm_actions_rejects_1" {
  command = plan

  variables {
    alarm_actions = ["my-topic"]
  }

  expect_failures = [var.alarm_actions]
}

run "alarm_actions_accepts_1" {
  command = plan

  variables {
    alarm_actions = ["arn:aws:sns:us-east-1:123456789012:alarms"]
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "architecture_rejects_1" {
  command = plan

  variables {
    architecture = "amd64"
  }

  expect_failures = [var.architecture]
}

run "architecture_accepts_1" {
  command = plan

  variables {
    architecture = "x86_64"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "architecture_accepts_2" {
  command = plan

  variables {
    architecture = "arm64"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "base_image_rejects_1" {
  command = plan

  variables {
    base_image = "two words"
  }

  expect_failures = [var.base_image]
}

run "base_image_rejects_2" {
  command = plan

  variables {
    base_image = ""
  }

  expect_failures = [var.base_image]
}

run "base_image_accepts_1" {
  command = plan

  variables {
    base_image = "public.ecr.aws/lambda/python@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "container_tool_rejects_1" {
  command = plan

  variables {
    container_tool = " "
  }

  expect_failures = [var.container_tool]
}

run "container_tool_rejects_2" {
  command = plan

  variables {
    container_tool = "docker\nrm"
  }

  expect_failures = [var.container_tool]
}

run "container_tool_accepts_1" {
  command = plan

  variables {
    container_tool = "sudo docker"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "default_keep_days_rejects_1" {
  command = plan

  variables {
    default_keep_days = 0
  }

  expect_failures = [var.default_keep_days]
}

run "default_keep_days_rejects_2" {
  command = plan

  variables {
    default_keep_days = -1
  }

  expect_failures = [var.default_keep_days]
}

run "default_keep_days_rejects_3" {
  command = plan

  variables {
    default_keep_days = 1.5
  }

  expect_failures = [var.default_keep_days]
}

run "default_keep_days_rejects_4" {
  command = plan

  variables {
    default_keep_days = 100000
  }

  expect_failures = [var.default_keep_days]
}

run "default_keep_days_accepts_1" {
  command = plan

  variables {
    default_keep_days = 1
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "default_keep_days_accepts_2" {
  command = plan

  variables {
    default_keep_days = 99999
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "default_keep_days_rejects_less_than_the_minimum" {
  command = plan

  variables {
    default_keep_days = 6
    minimum_keep_days = 7
  }

  expect_failures = [var.default_keep_days]
}

run "default_keep_days_accepts_the_minimum" {
  command = plan

  variables {
    default_keep_days = 7
    minimum_keep_days = 7
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "delete_archived_after_days_rejects_1" {
  command = plan

  variables {
    delete_archived_after_days = 89
  }

  expect_failures = [var.delete_archived_after_days]
}

run "delete_archived_after_days_rejects_2" {
  command = plan

  variables {
    delete_archived_after_days = 100.5
  }

  expect_failures = [var.delete_archived_after_days]
}

run "delete_archived_after_days_rejects_3" {
  command = plan

  variables {
    delete_archived_after_days = 100000
  }

  expect_failures = [var.delete_archived_after_days]
}

run "delete_archived_after_days_accepts_1" {
  command = plan

  variables {
    delete_archived_after_days = 90
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "delete_archived_after_days_accepts_2" {
  command = plan

  variables {
    delete_archived_after_days = null
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "disabled_usage_sources_rejects_1" {
  command = plan

  variables {
    disabled_usage_sources = ["eks"]
  }

  expect_failures = [var.disabled_usage_sources]
}

run "disabled_usage_sources_rejects_2" {
  command = plan

  variables {
    disabled_usage_sources = ["no-such-source"]
  }

  expect_failures = [var.disabled_usage_sources]
}

run "disabled_usage_sources_accepts_1" {
  command = plan

  variables {
    disabled_usage_sources = ["apprunner", "ecs", "eventbridge", "lambda", "scheduler"]
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "extra_references_rejects_1" {
  command = plan

  variables {
    extra_references = ["Shop/api:v1"]
  }

  expect_failures = [var.extra_references]
}

run "extra_references_rejects_2" {
  command = plan

  variables {
    extra_references = ["shop/api@sha256:12"]
  }

  expect_failures = [var.extra_references]
}

run "extra_references_rejects_3" {
  command = plan

  variables {
    extra_references = ["shop/api:v1:*"]
  }

  expect_failures = [var.extra_references]
}

run "extra_references_rejects_4" {
  command = plan

  variables {
    extra_references = ["docker://shop/api"]
  }

  expect_failures = [var.extra_references]
}

run "extra_references_rejects_5" {
  command = plan

  variables {
    extra_references = ["123456789012.dkr.ecr.us-east-1.amazonaws.com:v1"]
  }

  expect_failures = [var.extra_references]
}

run "extra_references_rejects_6" {
  command = plan

  variables {
    extra_references = ["1234.dkr.ecr.us-east-1.amazonaws.com/shop/api:v1"]
  }

  expect_failures = [var.extra_references]
}

run "extra_references_rejects_7" {
  command = plan

  variables {
    extra_references = [""]
  }

  expect_failures = [var.extra_references]
}

run "extra_references_rejects_8" {
  command = plan

  variables {
    extra_references = ["shop/api v1"]
  }

  expect_failures = [var.extra_references]
}

run "extra_references_accepts_1" {
  command = plan

  variables {
    extra_references = ["shop/api", "shop/api:live", "shop/api:*", "shop/api@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "shop/api:live@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "extra_references_accepts_2" {
  command = plan

  variables {
    extra_references = ["123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/api:live", "123456789012.dkr-ecr-fips.us-east-1.on.aws/shop/api:*"]
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "extra_references_accepts_3" {
  command = plan

  variables {
    extra_references = []
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "image_uri_rejects_1" {
  command = plan

  variables {
    image_uri = "public.ecr.aws/x/y:1"
  }

  expect_failures = [var.image_uri]
}

run "image_uri_rejects_2" {
  command = plan

  variables {
    image_uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app"
  }

  expect_failures = [var.image_uri]
}

run "image_uri_rejects_3" {
  command = plan

  variables {
    image_uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/App:v1"
  }

  expect_failures = [var.image_uri]
}

run "image_uri_accepts_1" {
  command = plan

  variables {
    image_uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/a/b-c__d@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "image_uri_accepts_2" {
  command = plan

  variables {
    image_uri = "123456789012.dkr-ecr.us-east-1.on.aws/app:v1"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "inventory_max_age_hours_rejects_1" {
  command = plan

  variables {
    inventory_max_age_hours = 0
  }

  expect_failures = [var.inventory_max_age_hours]
}

run "inventory_max_age_hours_rejects_2" {
  command = plan

  variables {
    inventory_max_age_hours = 1.5
  }

  expect_failures = [var.inventory_max_age_hours]
}

run "inventory_max_age_hours_rejects_3" {
  command = plan

  variables {
    inventory_max_age_hours = 100000
  }

  expect_failures = [var.inventory_max_age_hours]
}

run "inventory_max_age_hours_accepts_1" {
  command = plan

  variables {
    inventory_max_age_hours = 1
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "inventory_max_age_hours_accepts_2" {
  command = plan

  variables {
    inventory_max_age_hours = 99999
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "inventory_uri_rejects_1" {
  command = plan

  variables {
    inventory_uri = "s3://shop-inventories/prod"
  }

  expect_failures = [var.inventory_uri]
}

run "inventory_uri_rejects_2" {
  command = plan

  variables {
    inventory_uri = "s3://shop-inventories/"
  }

  expect_failures = [var.inventory_uri]
}

run "inventory_uri_rejects_3" {
  command = plan

  variables {
    inventory_uri = "shop-inventories/prod/"
  }

  expect_failures = [var.inventory_uri]
}

run "inventory_uri_rejects_4" {
  command = plan

  variables {
    inventory_uri = "s3://Shop/prod/"
  }

  expect_failures = [var.inventory_uri]
}

run "inventory_uri_rejects_5" {
  command = plan

  variables {
    inventory_uri = "s3://shop-inventories/prod*/"
  }

  expect_failures = [var.inventory_uri]
}

run "inventory_uri_rejects_6" {
  command = plan

  variables {
    inventory_uri = "s3://shop-inventories/$${aws:username}/"
  }

  expect_failures = [var.inventory_uri]
}

run "inventory_uri_rejects_7" {
  command = plan

  variables {
    inventory_uri = "s3://shop-inventories//prod/"
  }

  expect_failures = [var.inventory_uri]
}

run "inventory_uri_rejects_8" {
  command = plan

  variables {
    inventory_uri = "s3://shop-inventories/pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp/"
  }

  expect_failures = [var.inventory_uri]
}

run "inventory_uri_accepts_1" {
  command = plan

  variables {
    inventory_uri = "s3://shop-inventories/prod/"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "inventory_uri_accepts_2" {
  command = plan

  variables {
    inventory_uri = "s3://shop.inventories/ecr-cleaner/account=1/eu_west.1/"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "inventory_uri_accepts_3" {
  command = plan

  variables {
    inventory_uri = "s3://shop-inventories/ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp/"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "inventory_uri_accepts_4" {
  command = plan

  variables {
    inventory_uri = null
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "journal_retention_days_rejects_1" {
  command = plan

  variables {
    journal_retention_days = 0
  }

  expect_failures = [var.journal_retention_days]
}

run "journal_retention_days_rejects_2" {
  command = plan

  variables {
    journal_retention_days = 1.5
  }

  expect_failures = [var.journal_retention_days]
}

run "journal_retention_days_rejects_3" {
  command = plan

  variables {
    journal_retention_days = 100000
  }

  expect_failures = [var.journal_retention_days]
}

run "journal_retention_days_accepts_1" {
  command = plan

  variables {
    journal_retention_days = 1
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "journal_retention_days_accepts_2" {
  command = plan

  variables {
    journal_retention_days = 99999
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "kms_key_arn_rejects_1" {
  command = plan

  variables {
    kms_key_arn = "alias/key"
  }

  expect_failures = [var.kms_key_arn]
}

run "kms_key_arn_rejects_2" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:alias/key"
  }

  expect_failures = [var.kms_key_arn]
}

run "kms_key_arn_accepts_1" {
  command = plan

  variables {
    kms_key_arn = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "log_level_rejects_1" {
  command = plan

  variables {
    log_level = "info"
  }

  expect_failures = [var.log_level]
}

run "log_level_rejects_2" {
  command = plan

  variables {
    log_level = "WARNING"
  }

  expect_failures = [var.log_level]
}

run "log_level_accepts_1" {
  command = plan

  variables {
    log_level = "DEBUG"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "log_retention_days_rejects_1" {
  command = plan

  variables {
    log_retention_days = 2
  }

  expect_failures = [var.log_retention_days]
}

run "log_retention_days_rejects_2" {
  command = plan

  variables {
    log_retention_days = 31
  }

  expect_failures = [var.log_retention_days]
}

run "log_retention_days_accepts_1" {
  command = plan

  variables {
    log_retention_days = 0
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "log_retention_days_accepts_2" {
  command = plan

  variables {
    log_retention_days = 3653
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "memory_size_rejects_1" {
  command = plan

  variables {
    memory_size = 255
  }

  expect_failures = [var.memory_size]
}

run "memory_size_rejects_2" {
  command = plan

  variables {
    memory_size = 10241
  }

  expect_failures = [var.memory_size]
}

run "memory_size_rejects_3" {
  command = plan

  variables {
    memory_size = 512.5
  }

  expect_failures = [var.memory_size]
}

run "memory_size_accepts_1" {
  command = plan

  variables {
    memory_size = 256
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "memory_size_accepts_2" {
  command = plan

  variables {
    memory_size = 10240
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "minimum_keep_days_rejects_1" {
  command = plan

  variables {
    default_keep_days = 99999
    minimum_keep_days = 0
  }

  expect_failures = [var.minimum_keep_days]
}

run "minimum_keep_days_rejects_2" {
  command = plan

  variables {
    default_keep_days = 99999
    minimum_keep_days = 1.5
  }

  expect_failures = [var.minimum_keep_days]
}

run "minimum_keep_days_rejects_3" {
  command = plan

  variables {
    default_keep_days = 99999
    minimum_keep_days = 100000
  }

  expect_failures = [var.minimum_keep_days]
}

run "minimum_keep_days_accepts_1" {
  command = plan

  variables {
    default_keep_days = 99999
    minimum_keep_days = 99999
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "name_rejects_1" {
  command = plan

  variables {
    name = "a"
  }

  expect_failures = [var.name]
}

run "name_rejects_2" {
  command = plan

  variables {
    name = "Cleaner"
  }

  expect_failures = [var.name]
}

run "name_rejects_3" {
  command = plan

  variables {
    name = "-cleaner"
  }

  expect_failures = [var.name]
}

run "name_rejects_4" {
  command = plan

  variables {
    name = "cleaner-"
  }

  expect_failures = [var.name]
}

run "name_rejects_5" {
  command = plan

  variables {
    name = "two--hyphens"
  }

  expect_failures = [var.name]
}

run "name_rejects_6" {
  command = plan

  variables {
    name = "a123456789012345678901234567890123456"
  }

  expect_failures = [var.name]
}

run "name_accepts_1" {
  command = plan

  variables {
    name = "ab"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "name_accepts_2" {
  command = plan

  variables {
    name = "a12345678901234567890123456789012345"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "permissions_boundary_arn_rejects_1" {
  command = plan

  variables {
    permissions_boundary_arn = "boundary"
  }

  expect_failures = [var.permissions_boundary_arn]
}

run "permissions_boundary_arn_accepts_1" {
  command = plan

  variables {
    permissions_boundary_arn = "arn:aws:iam::123456789012:policy/boundary"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "permissions_boundary_arn_accepts_2" {
  command = plan

  variables {
    permissions_boundary_arn = "arn:aws:iam::aws:policy/PowerUserAccess"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "removal_rejects_1" {
  command = plan

  variables {
    removal = "untag"
  }

  expect_failures = [var.removal]
}

run "removal_rejects_2" {
  command = plan

  variables {
    removal         = "archive"
    history_enabled = false
  }

  expect_failures = [var.removal]
}

run "removal_accepts_1" {
  command = plan

  variables {
    removal = "archive"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "removal_accepts_2" {
  command = plan

  variables {
    removal         = "delete"
    history_enabled = false
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "reserved_concurrent_executions_rejects_1" {
  command = plan

  variables {
    reserved_concurrent_executions = -2
  }

  expect_failures = [var.reserved_concurrent_executions]
}

run "reserved_concurrent_executions_rejects_2" {
  command = plan

  variables {
    reserved_concurrent_executions = 0.5
  }

  expect_failures = [var.reserved_concurrent_executions]
}

run "reserved_concurrent_executions_accepts_1" {
  command = plan

  variables {
    reserved_concurrent_executions = -1
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "reserved_concurrent_executions_accepts_2" {
  command = plan

  variables {
    reserved_concurrent_executions = 0
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "reserved_concurrent_executions_accepts_3" {
  command = plan

  variables {
    reserved_concurrent_executions = 1
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "rules_rejects_no_repositories" {
  command = plan

  variables {
    rules = [{ repositories = ["*"] }, { repositories = [] }]
  }

  expect_failures = [var.rules]
}

run "rules_rejects_repositories_null" {
  command = plan

  variables {
    rules = [{ repositories = null }]
  }

  expect_failures = [var.rules]
}

run "rules_rejects_repository_upper_case" {
  command = plan

  variables {
    rules = [{ repositories = ["shop/*", "Shop/api"] }]
  }

  expect_failures = [var.rules]
}

run "rules_rejects_repository_empty" {
  command = plan

  variables {
    rules = [{ repositories = [""] }]
  }

  expect_failures = [var.rules]
}

run "rules_rejects_repository_null" {
  command = plan

  variables {
    rules = [{ repositories = [null] }]
  }

  expect_failures = [var.rules]
}

run "rules_accepts_repositories" {
  command = plan

  variables {
    rules = [{ repositories = ["shop/*", "team-?/a_b.c"] }, { repositories = ["*"] }]
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "rules_rejects_tags_brackets" {
  command = plan

  variables {
    rules = [{ repositories = ["*"], keep_tags = ["v[0-9]*"] }]
  }

  expect_failures = [var.rules]
}

run "rules_rejects_tags_empty" {
  command = plan

  variables {
    rules = [{ repositories = ["*"], keep_tags = [""] }]
  }

  expect_failures = [var.rules]
}

run "rules_accepts_tags" {
  command = plan

  variables {
    rules = [{ repositories = ["*"], keep_tags = ["Release-*", "v?.*_1"] }, { repositories = ["*"], keep_tags = [] }, { repositories = ["*"], keep_tags = null }]
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "rules_rejects_keep_days" {
  command = plan

  variables {
    rules = [{ repositories = ["*"], keep_days = 0 }]
  }

  expect_failures = [var.rules]
}

run "rules_rejects_keep_days_untagged" {
  command = plan

  variables {
    rules = [{ repositories = ["*"], keep_days_untagged = 1.5 }]
  }

  expect_failures = [var.rules]
}

run "rules_rejects_keep_newest" {
  command = plan

  variables {
    rules = [{ repositories = ["*"], keep_newest = -1 }]
  }

  expect_failures = [var.rules]
}

run "rules_rejects_keep_pulled_within_days" {
  command = plan

  variables {
    rules = [{ repositories = ["*"], keep_pulled_within_days = 100000 }]
  }

  expect_failures = [var.rules]
}

run "rules_accepts_numbers" {
  command = plan

  variables {
    rules = [{ repositories = ["*"], keep_days = 1, keep_days_untagged = 99999, keep_newest = 1, keep_pulled_within_days = 99999 }]
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "rules_rejects_keep_days_below_the_minimum" {
  command = plan

  variables {
    minimum_keep_days = 7
    rules             = [{ repositories = ["*"], keep_days = 6 }]
  }

  expect_failures = [var.rules]
}

run "rules_rejects_keep_days_untagged_below_the_minimum" {
  command = plan

  variables {
    minimum_keep_days = 7
    rules             = [{ repositories = ["*"], keep_days_untagged = 6 }]
  }

  expect_failures = [var.rules]
}

run "rules_accepts_the_minimum" {
  command = plan

  variables {
    minimum_keep_days = 7
    rules             = [{ repositories = ["*"], keep_days = 7, keep_days_untagged = 7, keep_newest = 1, keep_pulled_within_days = 1 }]
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "schedule_expression_rejects_1" {
  command = plan

  variables {
    schedule_expression = "0 0 * * ? *"
  }

  expect_failures = [var.schedule_expression]
}

run "schedule_expression_rejects_2" {
  command = plan

  variables {
    schedule_expression = "cron(0 0 * * *)"
  }

  expect_failures = [var.schedule_expression]
}

run "schedule_expression_rejects_3" {
  command = plan

  variables {
    schedule_expression = "rate(0 hours)"
  }

  expect_failures = [var.schedule_expression]
}

run "schedule_expression_rejects_4" {
  command = plan

  variables {
    schedule_expression = "at(2030-01-01T00:00:00)"
  }

  expect_failures = [var.schedule_expression]
}

run "schedule_expression_accepts_1" {
  command = plan

  variables {
    schedule_expression = "cron(15 3 ? * MON-FRI *)"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "schedule_expression_accepts_2" {
  command = plan

  variables {
    schedule_expression = "rate(12 hours)"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "schedule_timezone_rejects_1" {
  command = plan

  variables {
    schedule_timezone = "Europe / Berlin"
  }

  expect_failures = [var.schedule_timezone]
}

run "schedule_timezone_rejects_2" {
  command = plan

  variables {
    schedule_timezone = ""
  }

  expect_failures = [var.schedule_timezone]
}

run "schedule_timezone_accepts_1" {
  command = plan

  variables {
    schedule_timezone = "America/Argentina/Buenos_Aires"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "schedule_timezone_accepts_2" {
  command = plan

  variables {
    schedule_timezone = "Etc/GMT+3"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "tags_rejects_1" {
  command = plan

  variables {
    tags = { BoxCleanerEnabled = "true" }
  }

  expect_failures = [var.tags]
}

run "tags_rejects_2" {
  command = plan

  variables {
    tags = { boxcleanerkeepdays = "1" }
  }

  expect_failures = [var.tags]
}

run "tags_accepts_1" {
  command = plan

  variables {
    tags = { team = "platform" }
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "task_definition_revisions_rejects_1" {
  command = plan

  variables {
    task_definition_revisions = "0"
  }

  expect_failures = [var.task_definition_revisions]
}

run "task_definition_revisions_rejects_2" {
  command = plan

  variables {
    task_definition_revisions = "101"
  }

  expect_failures = [var.task_definition_revisions]
}

run "task_definition_revisions_rejects_3" {
  command = plan

  variables {
    task_definition_revisions = "1.5"
  }

  expect_failures = [var.task_definition_revisions]
}

run "task_definition_revisions_rejects_4" {
  command = plan

  variables {
    task_definition_revisions = "every"
  }

  expect_failures = [var.task_definition_revisions]
}

run "task_definition_revisions_rejects_5" {
  command = plan

  variables {
    task_definition_revisions = ""
  }

  expect_failures = [var.task_definition_revisions]
}

run "task_definition_revisions_accepts_1" {
  command = plan

  variables {
    task_definition_revisions = "1"
  }

  assert {
    condition     = jsonencode(jsondecode(aws_lambda_function.cleaner.environment[0].variables["ECR_CLEANER_SETTINGS"]).task_definition_revisions) == jsonencode(1)
    error_message = "The function must be told 1."
  }
}

run "task_definition_revisions_accepts_2" {
  command = plan

  variables {
    task_definition_revisions = 100
  }

  assert {
    condition     = jsonencode(jsondecode(aws_lambda_function.cleaner.environment[0].variables["ECR_CLEANER_SETTINGS"]).task_definition_revisions) == jsonencode(100)
    error_message = "The function must be told 100."
  }
}

run "task_definition_revisions_accepts_3" {
  command = plan

  variables {
    task_definition_revisions = "all"
  }

  assert {
    condition     = jsonencode(jsondecode(aws_lambda_function.cleaner.environment[0].variables["ECR_CLEANER_SETTINGS"]).task_definition_revisions) == jsonencode("all")
    error_message = "The function must be told all."
  }
}

run "vpc_rejects_subnets_alone" {
  command = plan

  variables {
    vpc_subnet_ids = ["subnet-0123456789abcdef0"]
  }

  expect_failures = [var.vpc_security_group_ids]
}

run "vpc_rejects_security_groups_alone" {
  command = plan

  variables {
    vpc_security_group_ids = ["sg-0123456789abcdef0"]
  }

  expect_failures = [var.vpc_security_group_ids]
}

run "vpc_security_group_ids_rejects_names" {
  command = plan

  variables {
    vpc_subnet_ids         = ["subnet-0123456789abcdef0"]
    vpc_security_group_ids = ["default"]
  }

  expect_failures = [var.vpc_security_group_ids]
}

run "vpc_subnet_ids_rejects_names" {
  command = plan

  variables {
    vpc_subnet_ids         = ["private"]
    vpc_security_group_ids = ["sg-0123456789abcdef0"]
  }

  expect_failures = [var.vpc_subnet_ids]
}

run "vpc_accepts_both" {
  command = plan

  variables {
    vpc_subnet_ids         = ["subnet-0123456789abcdef0"]
    vpc_security_group_ids = ["sg-0123456789abcdef0"]
  }

  assert {
    condition     = toset(keys(aws_iam_role_policy_attachment.function)) == toset(["AWSLambdaBasicExecutionRole", "AWSLambdaVPCAccessExecutionRole"])
    error_message = "With subnets the role needs the permissions for network interfaces."
  }
}

run "image_uri_rejects_another_region" {
  command = plan

  variables {
    image_uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/tools/cleaner:v1"
  }

  expect_failures = [aws_lambda_function.cleaner]
}

run "dry_run_null_is_the_default" {
  command = plan

  variables {
    dry_run = null
  }

  assert {
    condition     = var.dry_run != null && aws_lambda_function.cleaner.environment[0].variables["DRY_RUN"] == "true"
    error_message = "null must mean the default."
  }
}

run "default_keep_days_null_is_the_default" {
  command = plan

  variables {
    default_keep_days = null
  }

  assert {
    condition     = var.default_keep_days != null && aws_lambda_function.cleaner.environment[0].variables["DRY_RUN"] == "true"
    error_message = "null must mean the default."
  }
}

run "minimum_keep_days_null_is_the_default" {
  command = plan

  variables {
    minimum_keep_days = null
  }

  assert {
    condition     = var.minimum_keep_days != null && aws_lambda_function.cleaner.environment[0].variables["DRY_RUN"] == "true"
    error_message = "null must mean the default."
  }
}

run "rules_null_is_the_default" {
  command = plan

  variables {
    rules = null
  }

  assert {
    condition     = var.rules != null && aws_lambda_function.cleaner.environment[0].variables["DRY_RUN"] == "true"
    error_message = "null must mean the default."
  }
}

run "schedule_enabled_null_is_the_default" {
  command = plan

  variables {
    schedule_enabled = null
  }

  assert {
    condition     = var.schedule_enabled != null && aws_lambda_function.cleaner.environment[0].variables["DRY_RUN"] == "true"
    error_message = "null must mean the default."
  }
}

run "tags_null_is_the_default" {
  command = plan

  variables {
    tags = null
  }

  assert {
    condition     = var.tags != null && aws_lambda_function.cleaner.environment[0].variables["DRY_RUN"] == "true"
    error_message = "null must mean the default."
  }
}

run "bucket_name_rejects_1" {
  command = plan

  variables {
    bucket_name = "ab"
  }

  expect_failures = [var.bucket_name]
}

run "bucket_name_rejects_2" {
  command = plan

  variables {
    bucket_name = "Has-Capitals"
  }

  expect_failures = [var.bucket_name]
}

run "bucket_name_rejects_3" {
  command = plan

  variables {
    bucket_name = "-begins-with-a-hyphen"
  }

  expect_failures = [var.bucket_name]
}

run "bucket_name_rejects_4" {
  command = plan

  variables {
    bucket_name = "under_score"
  }

  expect_failures = [var.bucket_name]
}

run "bucket_name_accepts_1" {
  command = plan

  variables {
    bucket_name = "shared-bucket"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "bucket_name_accepts_2" {
  command = plan

  variables {
    bucket_name = "a.b.c"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "max_removal_percent_per_repository_rejects_1" {
  command = plan

  variables {
    max_removal_percent_per_repository = 0
  }

  expect_failures = [var.max_removal_percent_per_repository]
}

run "max_removal_percent_per_repository_rejects_2" {
  command = plan

  variables {
    max_removal_percent_per_repository = 101
  }

  expect_failures = [var.max_removal_percent_per_repository]
}

run "max_removal_percent_per_repository_rejects_3" {
  command = plan

  variables {
    max_removal_percent_per_repository = 2.5
  }

  expect_failures = [var.max_removal_percent_per_repository]
}

run "max_removal_percent_per_repository_accepts_1" {
  command = plan

  variables {
    max_removal_percent_per_repository = 1
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "max_removal_percent_per_repository_accepts_2" {
  command = plan

  variables {
    max_removal_percent_per_repository = 100
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "max_removal_percent_per_repository_accepts_3" {
  command = plan

  variables {
    max_removal_percent_per_repository = null
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "max_removal_percent_per_run_rejects_1" {
  command = plan

  variables {
    max_removal_percent_per_run = 0
  }

  expect_failures = [var.max_removal_percent_per_run]
}

run "max_removal_percent_per_run_rejects_2" {
  command = plan

  variables {
    max_removal_percent_per_run = 101
  }

  expect_failures = [var.max_removal_percent_per_run]
}

run "max_removal_percent_per_run_rejects_3" {
  command = plan

  variables {
    max_removal_percent_per_run = 2.5
  }

  expect_failures = [var.max_removal_percent_per_run]
}

run "max_removal_percent_per_run_accepts_1" {
  command = plan

  variables {
    max_removal_percent_per_run = 1
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "max_removal_percent_per_run_accepts_2" {
  command = plan

  variables {
    max_removal_percent_per_run = 100
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "max_removal_percent_per_run_accepts_3" {
  command = plan

  variables {
    max_removal_percent_per_run = null
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "max_removals_per_repository_rejects_1" {
  command = plan

  variables {
    max_removals_per_repository = 0
  }

  expect_failures = [var.max_removals_per_repository]
}

run "max_removals_per_repository_rejects_2" {
  command = plan

  variables {
    max_removals_per_repository = -1
  }

  expect_failures = [var.max_removals_per_repository]
}

run "max_removals_per_repository_rejects_3" {
  command = plan

  variables {
    max_removals_per_repository = 2.5
  }

  expect_failures = [var.max_removals_per_repository]
}

run "max_removals_per_repository_accepts_1" {
  command = plan

  variables {
    max_removals_per_repository = 1
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "max_removals_per_repository_accepts_2" {
  command = plan

  variables {
    max_removals_per_repository = 100000
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "max_removals_per_repository_accepts_3" {
  command = plan

  variables {
    max_removals_per_repository = null
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "max_removals_per_run_rejects_1" {
  command = plan

  variables {
    max_removals_per_run = 0
  }

  expect_failures = [var.max_removals_per_run]
}

run "max_removals_per_run_rejects_2" {
  command = plan

  variables {
    max_removals_per_run = -1
  }

  expect_failures = [var.max_removals_per_run]
}

run "max_removals_per_run_rejects_3" {
  command = plan

  variables {
    max_removals_per_run = 2.5
  }

  expect_failures = [var.max_removals_per_run]
}

run "max_removals_per_run_accepts_1" {
  command = plan

  variables {
    max_removals_per_run = 1
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "max_removals_per_run_accepts_2" {
  command = plan

  variables {
    max_removals_per_run = 100000
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "max_removals_per_run_accepts_3" {
  command = plan

  variables {
    max_removals_per_run = null
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "max_usage_drop_percent_rejects_1" {
  command = plan

  variables {
    max_usage_drop_percent = -1
  }

  expect_failures = [var.max_usage_drop_percent]
}

run "max_usage_drop_percent_rejects_2" {
  command = plan

  variables {
    max_usage_drop_percent = 101
  }

  expect_failures = [var.max_usage_drop_percent]
}

run "max_usage_drop_percent_rejects_3" {
  command = plan

  variables {
    max_usage_drop_percent = 2.5
  }

  expect_failures = [var.max_usage_drop_percent]
}

run "max_usage_drop_percent_accepts_1" {
  command = plan

  variables {
    max_usage_drop_percent = 0
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "max_usage_drop_percent_accepts_2" {
  command = plan

  variables {
    max_usage_drop_percent = 100
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "max_usage_drop_percent_accepts_3" {
  command = plan

  variables {
    max_usage_drop_percent = null
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "rollback_days_rejects_1" {
  command = plan

  variables {
    rollback_days = -1
  }

  expect_failures = [var.rollback_days]
}

run "rollback_days_rejects_2" {
  command = plan

  variables {
    rollback_days = 2.5
  }

  expect_failures = [var.rollback_days]
}

run "rollback_days_rejects_3" {
  command = plan

  variables {
    rollback_days = 100000
  }

  expect_failures = [var.rollback_days]
}

run "rollback_days_accepts_1" {
  command = plan

  variables {
    rollback_days = 0
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "rollback_days_accepts_2" {
  command = plan

  variables {
    rollback_days = 90
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "report_retention_days_rejects_1" {
  command = plan

  variables {
    report_retention_days = -1
  }

  expect_failures = [var.report_retention_days]
}

run "report_retention_days_rejects_2" {
  command = plan

  variables {
    report_retention_days = 2.5
  }

  expect_failures = [var.report_retention_days]
}

run "report_retention_days_rejects_3" {
  command = plan

  variables {
    report_retention_days = 100000
  }

  expect_failures = [var.report_retention_days]
}

run "report_retention_days_accepts_1" {
  command = plan

  variables {
    report_retention_days = 0
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "report_retention_days_accepts_2" {
  command = plan

  variables {
    report_retention_days = 90
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "storage_price_per_gb_month_rejects_1" {
  command = plan

  variables {
    storage_price_per_gb_month = -0.01
  }

  expect_failures = [var.storage_price_per_gb_month]
}

run "storage_price_per_gb_month_rejects_2" {
  command = plan

  variables {
    storage_price_per_gb_month = 1000.5
  }

  expect_failures = [var.storage_price_per_gb_month]
}

run "storage_price_per_gb_month_accepts_1" {
  command = plan

  variables {
    storage_price_per_gb_month = 0
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "storage_price_per_gb_month_accepts_2" {
  command = plan

  variables {
    storage_price_per_gb_month = 0.119
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "report_retention_days_null_is_the_default" {
  command = plan

  variables {
    report_retention_days = null
  }

  assert {
    condition     = var.report_retention_days != null && aws_lambda_function.cleaner.environment[0].variables["DRY_RUN"] == "true"
    error_message = "null must mean the default."
  }
}

run "reports_enabled_null_is_the_default" {
  command = plan

  variables {
    reports_enabled = null
  }

  assert {
    condition     = var.reports_enabled != null && aws_lambda_function.cleaner.environment[0].variables["DRY_RUN"] == "true"
    error_message = "null must mean the default."
  }
}

run "storage_price_per_gb_month_null_is_the_default" {
  command = plan

  variables {
    storage_price_per_gb_month = null
  }

  assert {
    condition     = var.storage_price_per_gb_month != null && aws_lambda_function.cleaner.environment[0].variables["DRY_RUN"] == "true"
    error_message = "null must mean the default."
  }
}

run "bucket_force_destroy_null_is_the_default" {
  command = plan

  variables {
    bucket_force_destroy = null
  }

  assert {
    condition     = var.bucket_force_destroy != null && aws_lambda_function.cleaner.environment[0].variables["DRY_RUN"] == "true"
    error_message = "null must mean the default."
  }
}

run "history_enabled_null_is_the_default" {
  command = plan

  variables {
    history_enabled = null
  }

  assert {
    condition     = var.history_enabled != null && aws_lambda_function.cleaner.environment[0].variables["DRY_RUN"] == "true"
    error_message = "null must mean the default."
  }
}

run "rollback_days_null_is_the_default" {
  command = plan

  variables {
    rollback_days = null
  }

  assert {
    condition     = var.rollback_days != null && aws_lambda_function.cleaner.environment[0].variables["DRY_RUN"] == "true"
    error_message = "null must mean the default."
  }
}

run "dashboard_enabled_rejects_1" {
  command = plan

  variables {
    dashboard_enabled = true
    metrics_enabled   = false
  }

  expect_failures = [var.dashboard_enabled]
}

run "dashboard_enabled_accepts_1" {
  command = plan

  variables {
    dashboard_enabled = true
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "dashboard_enabled_accepts_2" {
  command = plan

  variables {
    dashboard_enabled = false
    metrics_enabled   = false
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "event_bus_name_rejects_1" {
  command = plan

  variables {
    event_bus_name = ""
  }

  expect_failures = [var.event_bus_name]
}

run "event_bus_name_rejects_2" {
  command = plan

  variables {
    event_bus_name = "arn:aws:events:us-east-1:123456789012:event-bus/default"
  }

  expect_failures = [var.event_bus_name]
}

run "event_bus_name_rejects_3" {
  command = plan

  variables {
    event_bus_name = "aws.partner/example.com/1"
  }

  expect_failures = [var.event_bus_name]
}

run "event_bus_name_accepts_1" {
  command = plan

  variables {
    event_bus_name = "default"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "event_bus_name_accepts_2" {
  command = plan

  variables {
    event_bus_name = "Platform.runs_1-a"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "event_bus_name_accepts_3" {
  command = plan

  variables {
    event_bus_name = null
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "metrics_namespace_rejects_1" {
  command = plan

  variables {
    metrics_namespace = ""
  }

  expect_failures = [var.metrics_namespace]
}

run "metrics_namespace_rejects_2" {
  command = plan

  variables {
    metrics_namespace = "AWS/Lambda"
  }

  expect_failures = [var.metrics_namespace]
}

run "metrics_namespace_rejects_3" {
  command = plan

  variables {
    metrics_namespace = ":x"
  }

  expect_failures = [var.metrics_namespace]
}

run "metrics_namespace_rejects_4" {
  command = plan

  variables {
    metrics_namespace = "has blank"
  }

  expect_failures = [var.metrics_namespace]
}

run "metrics_namespace_accepts_1" {
  command = plan

  variables {
    metrics_namespace = "Platform/ECR_Cleaner#1:a"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "notification_topic_arn_rejects_1" {
  command = plan

  variables {
    notification_topic_arn = "alerts"
  }

  expect_failures = [var.notification_topic_arn]
}

run "notification_topic_arn_rejects_2" {
  command = plan

  variables {
    notification_topic_arn = "arn:aws:sns:us-east-1:123456789012:alerts.fifo"
  }

  expect_failures = [var.notification_topic_arn]
}

run "notification_topic_arn_rejects_3" {
  command = plan

  variables {
    notification_topic_arn = "arn:aws:sqs:us-east-1:123456789012:alerts"
  }

  expect_failures = [var.notification_topic_arn]
}

run "notification_topic_arn_accepts_1" {
  command = plan

  variables {
    notification_topic_arn = "arn:aws:sns:us-east-1:123456789012:alerts"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "notifications_enabled_rejects_1" {
  command = plan

  variables {
    notifications_enabled  = true
    notification_topic_arn = "arn:aws:sns:us-east-1:123456789012:alerts"
  }

  expect_failures = [var.notifications_enabled]
}

run "notifications_enabled_accepts_1" {
  command = plan

  variables {
    notifications_enabled = true
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "notify_on_rejects_1" {
  command = plan

  variables {
    notify_on = "failed"
  }

  expect_failures = [var.notify_on]
}

run "notify_on_accepts_1" {
  command = plan

  variables {
    notify_on = "always"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "notify_on_accepts_2" {
  command = plan

  variables {
    notify_on = "problems"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "dashboard_enabled_null_is_the_default" {
  command = plan

  variables {
    dashboard_enabled = null
  }

  assert {
    condition     = var.dashboard_enabled != null && aws_lambda_function.cleaner.environment[0].variables["DRY_RUN"] == "true"
    error_message = "null must mean the default."
  }
}

run "metrics_enabled_null_is_the_default" {
  command = plan

  variables {
    metrics_enabled = null
  }

  assert {
    condition     = var.metrics_enabled != null && aws_lambda_function.cleaner.environment[0].variables["DRY_RUN"] == "true"
    error_message = "null must mean the default."
  }
}

run "metrics_namespace_null_is_the_default" {
  command = plan

  variables {
    metrics_namespace = null
  }

  assert {
    condition     = var.metrics_namespace != null && aws_lambda_function.cleaner.environment[0].variables["DRY_RUN"] == "true"
    error_message = "null must mean the default."
  }
}

run "notifications_enabled_null_is_the_default" {
  command = plan

  variables {
    notifications_enabled = null
  }

  assert {
    condition     = var.notifications_enabled != null && aws_lambda_function.cleaner.environment[0].variables["DRY_RUN"] == "true"
    error_message = "null must mean the default."
  }
}

run "notify_on_null_is_the_default" {
  command = plan

  variables {
    notify_on = null
  }

  assert {
    condition     = var.notify_on != null && aws_lambda_function.cleaner.environment[0].variables["DRY_RUN"] == "true"
    error_message = "null must mean the default."
  }
}

run "approval_rejects_1" {
  command = plan

  variables {
    approval = "Required"
  }

  expect_failures = [var.approval]
}

run "approval_rejects_2" {
  command = plan

  variables {
    approval = "true"
  }

  expect_failures = [var.approval]
}

run "approval_accepts_1" {
  command = plan

  variables {
    approval = "required"
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "plan_expiry_hours_rejects_1" {
  command = plan

  variables {
    plan_expiry_hours = 0
  }

  expect_failures = [var.plan_expiry_hours]
}

run "plan_expiry_hours_rejects_2" {
  command = plan

  variables {
    plan_expiry_hours = 721
  }

  expect_failures = [var.plan_expiry_hours]
}

run "plan_expiry_hours_rejects_3" {
  command = plan

  variables {
    plan_expiry_hours = 1.5
  }

  expect_failures = [var.plan_expiry_hours]
}

run "plan_expiry_hours_accepts_1" {
  command = plan

  variables {
    plan_expiry_hours = 1
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "plan_expiry_hours_accepts_2" {
  command = plan

  variables {
    plan_expiry_hours = 720
  }

  assert {
    condition     = length(aws_lambda_function.cleaner.function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "approval_null_is_the_default" {
  command = plan

  variables {
    approval = null
  }

  assert {
    condition     = var.approval == "none"
    error_message = "null must mean the default."
  }
}

run "plan_expiry_hours_null_is_the_default" {
  command = plan

  variables {
    plan_expiry_hours = null
  }

  assert {
    condition     = var.plan_expiry_hours == 72
    error_message = "null must mean the default."
  }
}
