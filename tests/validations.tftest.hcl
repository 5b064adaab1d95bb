# Every validation: what it rejects, and a twin that it accepts.
#
# One run gives every input a wrong value and expects every one of them to be refused: "rejects_2" has the second wrong
# value of each. Terraform names the input that was not. What takes more than one input has a run of its own.

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

run "rejects_1" {
  command = plan

  variables {
    environment_variables = { DRY_RUN = "false" }
    iam_role_path         = "service/"
    # an unknown kind; more wrong values below
    accepted_gaps                      = { "kubernetes:*" = "known" }
    alarm_actions                      = ["my-topic"]
    api_rate_share                     = 9
    ok_actions                         = ["my-topic"]
    architecture                       = "amd64"
    base_image                         = "two words"
    bucket_name                        = "ab"
    container_tool                     = " "
    default_keep_days                  = 0
    delete_archived_after_days         = 89
    event_bus_name                     = ""
    regions                            = ["us-east-1", "europe"]
    protected_images                   = ["Shop/api:v1"]
    image_uri                          = "public.ecr.aws/x/y:1"
    used_images_max_age_hours          = 0
    used_images_uri                    = "s3://shop-inventories/prod"
    journal_retention_days             = 0
    kms_key_arn                        = "alias/key"
    log_level                          = "info"
    log_retention_days                 = 2
    max_continuations                  = -1
    max_removal_percent_per_repository = 0
    max_removal_percent_per_run        = 0
    max_removals_per_repository        = 0
    max_removals_per_run               = 0
    max_usage_drop_percent             = -1
    memory_size                        = 255
    metrics_namespace                  = ""
    name                               = "a"
    notification_topic_arn             = "alerts"
    notify_on                          = "failed"
    permissions_boundary_arn           = "boundary"
    plan_expiry_hours                  = 0
    removal_mode                       = "untag"
    report_retention_days              = -1
    reserved_concurrent_executions     = -2
    keep_recently_used_days            = -1
    grace_days                         = -1
    savings_tag_key                    = ""
    schedule_expression                = "0 0 * * ? *"
    schedule_timezone                  = "Europe / Berlin"
    storage_price_per_gb_month         = -0.01
    tags                               = { BoxCleanerEnabled = "true" }
    task_definition_revisions          = "0"
    # vpc rejects security groups alone
    vpc_security_group_ids = ["sg-0123456789abcdef0"]
    accounts               = ["22223333444"]
    reader_role_name       = ""
    organization           = { role_name = "reader" }
  }

  expect_failures = [
    var.organization,
    var.reader_role_name,
    var.accounts,
    var.environment_variables,
    var.iam_role_path,
    var.accepted_gaps,
    var.alarm_actions,
    var.api_rate_share,
    var.ok_actions,
    var.architecture,
    var.base_image,
    var.bucket_name,
    var.container_tool,
    var.default_keep_days,
    var.delete_archived_after_days,
    var.event_bus_name,
    var.protected_images,
    var.regions,
    var.image_uri,
    var.used_images_max_age_hours,
    var.used_images_uri,
    var.journal_retention_days,
    var.kms_key_arn,
    var.log_level,
    var.log_retention_days,
    var.max_continuations,
    var.max_removal_percent_per_repository,
    var.max_removal_percent_per_run,
    var.max_removals_per_repository,
    var.max_removals_per_run,
    var.max_usage_drop_percent,
    var.memory_size,
    var.metrics_namespace,
    var.name,
    var.notification_topic_arn,
    var.notify_on,
    var.permissions_boundary_arn,
    var.plan_expiry_hours,
    var.removal_mode,
    var.report_retention_days,
    var.reserved_concurrent_executions,
    var.keep_recently_used_days,
    var.grace_days,
    var.savings_tag_key,
    var.schedule_expression,
    var.schedule_timezone,
    var.storage_price_per_gb_month,
    var.tags,
    var.task_definition_revisions,
    var.vpc_security_group_ids,
  ]
}

run "rejects_2" {
  command = plan

  variables {
    environment_variables              = { DEFAULT_KEEP_DAYS = "1" }
    iam_role_path                      = "/service"
    accepted_gaps                      = { "source:no-such-source" = "known" }
    alarm_actions                      = ["arn:aws:sqs:us-east-1:123456789012:alarms"]
    api_rate_share                     = 101
    ok_actions                         = ["arn:aws:ssm:us-east-1:123456789012:opsitem:2"]
    base_image                         = ""
    bucket_name                        = "Has-Capitals"
    container_tool                     = "docker\nrm"
    default_keep_days                  = -1
    delete_archived_after_days         = 100.5
    event_bus_name                     = "arn:aws:events:us-east-1:123456789012:event-bus/default"
    regions                            = ["eu-west-1"]
    protected_images                   = ["shop/api@sha256:12"]
    image_uri                          = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app"
    used_images_max_age_hours          = 1.5
    used_images_uri                    = "s3://shop-inventories/"
    journal_retention_days             = 1.5
    kms_key_arn                        = "arn:aws:kms:us-east-1:123456789012:alias/key"
    log_level                          = "WARNING"
    log_retention_days                 = 31
    max_continuations                  = 9
    max_removal_percent_per_repository = 101
    max_removal_percent_per_run        = 101
    max_removals_per_repository        = -1
    max_removals_per_run               = -1
    max_usage_drop_percent             = 101
    memory_size                        = 10241
    metrics_namespace                  = "AWS/Lambda"
    name                               = "Cleaner"
    notification_topic_arn             = "arn:aws:sns:us-east-1:123456789012:alerts.fifo"
    permissions_boundary_arn           = "arn:aws:iam::210987654321:policy/boundary"
    plan_expiry_hours                  = 721
    report_retention_days              = 2.5
    reserved_concurrent_executions     = 0.5
    keep_recently_used_days            = 2.5
    grace_days                         = 2.5
    schedule_expression                = "cron(0 0 * * *)"
    schedule_timezone                  = ""
    storage_price_per_gb_month         = 1000.5
    tags                               = { boxcleanerkeepdays = "1" }
    task_definition_revisions          = "101"
    accounts                           = ["222233334444", "222233334444"]
    reader_role_name                   = "/service/reader"
    organization                       = true
  }

  expect_failures = [
    var.organization,
    var.reader_role_name,
    var.accounts,
    var.environment_variables,
    var.iam_role_path,
    var.accepted_gaps,
    var.alarm_actions,
    var.api_rate_share,
    var.ok_actions,
    var.base_image,
    var.bucket_name,
    var.container_tool,
    var.default_keep_days,
    var.delete_archived_after_days,
    var.event_bus_name,
    var.protected_images,
    var.regions,
    var.image_uri,
    var.used_images_max_age_hours,
    var.used_images_uri,
    var.journal_retention_days,
    var.kms_key_arn,
    var.log_level,
    var.log_retention_days,
    var.max_continuations,
    var.max_removal_percent_per_repository,
    var.max_removal_percent_per_run,
    var.max_removals_per_repository,
    var.max_removals_per_run,
    var.max_usage_drop_percent,
    var.memory_size,
    var.metrics_namespace,
    var.name,
    var.notification_topic_arn,
    var.permissions_boundary_arn,
    var.plan_expiry_hours,
    var.report_retention_days,
    var.reserved_concurrent_executions,
    var.keep_recently_used_days,
    var.grace_days,
    var.schedule_expression,
    var.schedule_timezone,
    var.storage_price_per_gb_month,
    var.tags,
    var.task_definition_revisions,
  ]
}

run "rejects_3" {
  command = plan

  variables {
    environment_variables              = { ECR_CLEANER_SETTINGS = "{}" }
    iam_role_path                      = "/two words/"
    accepted_gaps                      = { "eks:shop" = "known", "custom_resources:*" = "known" }
    alarm_actions                      = ["arn:aws:sns:eu-west-1:123456789012:alarms"]
    api_rate_share                     = 50.5
    ok_actions                         = ["arn:aws:sns:eu-west-1:123456789012:alarms"]
    base_image                         = "Public.ecr.aws/lambda/Python:3.13"
    bucket_name                        = "-begins-with-a-hyphen"
    default_keep_days                  = 1.5
    delete_archived_after_days         = 100000
    event_bus_name                     = "aws.partner/example.com/1"
    protected_images                   = ["shop/api:v1:*"]
    image_uri                          = "123456789012.dkr.ecr.us-east-1.amazonaws.com/App:v1"
    used_images_max_age_hours          = 100000
    used_images_uri                    = "shop-inventories/prod/"
    journal_retention_days             = 100000
    kms_key_arn                        = "arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    max_continuations                  = 2.5
    max_removal_percent_per_repository = 2.5
    max_removal_percent_per_run        = 2.5
    max_removals_per_repository        = 2.5
    max_removals_per_run               = 2.5
    max_usage_drop_percent             = 2.5
    memory_size                        = 512.5
    metrics_namespace                  = ":x"
    name                               = "-cleaner"
    notification_topic_arn             = "arn:aws:sqs:us-east-1:123456789012:alerts"
    permissions_boundary_arn           = "arn:aws-cn:iam::aws:policy/PowerUserAccess"
    plan_expiry_hours                  = 1.5
    report_retention_days              = 100000
    keep_recently_used_days            = 100000
    grace_days                         = 31
    schedule_expression                = "rate(0 hours)"
    schedule_timezone                  = "Europe/Zurih"
    tags                               = { Team = "a", team = "b" }
    task_definition_revisions          = "1.5"
    # the own one
    accounts         = ["222233334444", "123456789012"]
    reader_role_name = join("", [for n in range(65) : "a"])
    organization     = [{}]
  }

  expect_failures = [
    var.organization,
    var.reader_role_name,
    var.accounts,
    var.environment_variables,
    var.iam_role_path,
    var.accepted_gaps,
    var.alarm_actions,
    var.api_rate_share,
    var.ok_actions,
    var.base_image,
    var.bucket_name,
    var.default_keep_days,
    var.delete_archived_after_days,
    var.event_bus_name,
    var.protected_images,
    var.image_uri,
    var.used_images_max_age_hours,
    var.used_images_uri,
    var.journal_retention_days,
    var.kms_key_arn,
    var.max_continuations,
    var.max_removal_percent_per_repository,
    var.max_removal_percent_per_run,
    var.max_removals_per_repository,
    var.max_removals_per_run,
    var.max_usage_drop_percent,
    var.memory_size,
    var.metrics_namespace,
    var.name,
    var.notification_topic_arn,
    var.permissions_boundary_arn,
    var.plan_expiry_hours,
    var.report_retention_days,
    var.keep_recently_used_days,
    var.grace_days,
    var.schedule_expression,
    var.schedule_timezone,
    var.tags,
    var.task_definition_revisions,
  ]
}

run "rejects_4" {
  command = plan

  variables {
    environment_variables     = { AWS_ENDPOINT_URL = "http://127.0.0.1:9" }
    iam_role_path             = "//"
    accepted_gaps             = { "other_accounts:Shop/*" = "known" }
    alarm_actions             = [for n in range(6) : "arn:aws:sns:us-east-1:123456789012:alarms-${n}"]
    ok_actions                = [for n in range(6) : "arn:aws:sns:us-east-1:123456789012:alarms-${n}"]
    bucket_name               = "under_score"
    kms_key_arn               = "arn:aws:kms:us-east-1:123456789012:key/shop"
    default_keep_days         = 100000
    protected_images          = ["docker://shop/api"]
    used_images_uri           = "s3://Shop/prod/"
    metrics_namespace         = "has blank"
    name                      = "cleaner-"
    schedule_expression       = "at(2030-01-01T00:00:00)"
    tags                      = { "aws:team" = "platform" }
    task_definition_revisions = "every"
  }

  expect_failures = [
    var.environment_variables,
    var.iam_role_path,
    var.accepted_gaps,
    var.alarm_actions,
    var.ok_actions,
    var.bucket_name,
    var.default_keep_days,
    var.kms_key_arn,
    var.protected_images,
    var.used_images_uri,
    var.metrics_namespace,
    var.name,
    var.schedule_expression,
    var.tags,
    var.task_definition_revisions,
  ]
}

run "rejects_5" {
  command = plan

  variables {
    environment_variables = { aws_region = "eu-west-1" }
    accepted_gaps         = { "eks:*" = " " }
    bucket_name           = "two..dots"
    protected_images      = ["123456789012.dkr.ecr.us-east-1.amazonaws.com:v1"]
    used_images_uri       = "s3://shop-inventories/prod*/"
    name                  = "two--hyphens"
    # units after numbers that want the other one
    schedule_expression       = "rate(5 day)"
    tags                      = { team = "platform!" }
    task_definition_revisions = ""
  }

  expect_failures = [
    var.environment_variables,
    var.accepted_gaps,
    var.bucket_name,
    var.protected_images,
    var.used_images_uri,
    var.name,
    var.schedule_expression,
    var.tags,
    var.task_definition_revisions,
  ]
}

run "rejects_6" {
  command = plan

  variables {
    environment_variables = { LAMBDA_TASK_ROOT = "/tmp" }
    # an ARN without a region
    accepted_gaps    = { "unreadable:arn:aws:iam::123456789012:role/deploy" = "known" }
    protected_images = ["1234.dkr.ecr.us-east-1.amazonaws.com/shop/api:v1"]
    used_images_uri  = "s3://shop-inventories/$${aws:username}/"
    name             = "a123456789012345678901234567890123456"
    bucket_name      = "192.168.5.4"
    # both day fields
    schedule_expression = "cron(0 3 * * * *)"
    tags                = { for n in range(50) : "tag-${n}" => "" }
  }

  expect_failures = [
    var.environment_variables,
    var.accepted_gaps,
    var.bucket_name,
    var.protected_images,
    var.used_images_uri,
    var.name,
    var.schedule_expression,
    var.tags,
  ]
}

run "rejects_the_registrys_own_region_as_a_gap" {
  command = plan

  variables {
    accepted_gaps = { "region:us-east-1" = "known" }
  }

  expect_failures = [var.accepted_gaps]
}

run "rejects_the_registrys_own_account_as_a_gap" {
  command = plan

  variables {
    accepted_gaps = { "account:123456789012" = "known" }
  }

  expect_failures = [var.accepted_gaps]
}

run "rejects_an_account_that_is_none_as_a_gap" {
  command = plan

  variables {
    accepted_gaps = { "account:22223333444" = "known" }
  }

  expect_failures = [var.accepted_gaps]
}

run "rejects_accounts_beside_the_organization" {
  command = plan

  variables {
    accounts     = ["222233334444"]
    organization = {}
  }

  expect_failures = [aws_lambda_function.cleaner]
}

run "accepts_the_organization" {
  command = plan

  variables {
    organization     = {}
    reader_role_name = "A+=,.@-_9"
  }

  assert {
    condition = { for name, value in jsondecode(aws_lambda_function.cleaner[0].environment[0].variables["ECR_CLEANER_SETTINGS"]) : name => value if contains(["accounts", "organization", "reader_role_name"], name) } == {
      accounts = [], organization = true, reader_role_name = "A+=,.@-_9"
    }
    error_message = "The function must be told of the organization."
  }
}

run "accepts_accounts" {
  command = plan

  variables {
    accounts     = ["333344445555", "000000000001"]
    organization = null
  }

  assert {
    condition = { for name, value in jsondecode(aws_lambda_function.cleaner[0].environment[0].variables["ECR_CLEANER_SETTINGS"]) : name => value if contains(["accounts", "organization", "reader_role_name"], name) } == {
      accounts = ["000000000001", "333344445555"], organization = false, reader_role_name = "ecr-cleaner-reader"
    }
    error_message = "The function must be told of the accounts, in order."
  }
}

run "rejects_7" {
  command = plan

  variables {
    environment_variables = { "HTTPS-PROXY" = "" }
    # a name that nothing can have
    accepted_gaps    = { "usage:arn:aws:ecs:us-east-1:123456789012:service/prod/*" = "known" }
    protected_images = [""]
    used_images_uri  = "s3://shop-inventories//prod/"
    name             = "sthree-cleaner"
    # neither day field
    schedule_expression = "cron(0 3 ? * ? *)"
  }

  expect_failures = [
    var.environment_variables,
    var.accepted_gaps,
    var.name,
    var.protected_images,
    var.used_images_uri,
    var.schedule_expression,
  ]
}

run "rejects_8" {
  command = plan

  variables {
    iam_role_name         = "two words"
    environment_variables = { MUCH = join("", [for n in range(897) : "a"]) }
    protected_images      = ["shop/api v1"]
    used_images_uri       = "s3://shop-inventories/pppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp/"
    schedule_expression   = "rate(1 hours)"
    vpc_subnet_ids        = [for n in range(17) : format("subnet-%08x", n)]
  }

  expect_failures = [
    var.iam_role_name,
    var.environment_variables,
    var.protected_images,
    var.used_images_uri,
    var.schedule_expression,
    var.vpc_subnet_ids,
  ]
}

run "rejects_9" {
  command = plan

  variables {
    iam_role_name          = ""
    schedule_expression    = "cron(0 25 * * ? *)"
    vpc_subnet_ids         = ["subnet-0123456789abcdef0"]
    vpc_security_group_ids = [for n in range(6) : format("sg-%08x", n)]
  }

  expect_failures = [
    var.iam_role_name,
    var.schedule_expression,
    var.vpc_security_group_ids,
  ]
}

run "rejects_10" {
  command = plan

  variables {
    iam_role_name = join("", [for n in range(65) : "a"])
  }

  expect_failures = [
    var.iam_role_name,
  ]
}

run "rejects_11" {
  command = plan

  variables {
    iam_role_name = "ecr-cleaner-scheduler-us-east-1"
  }

  expect_failures = [
    var.iam_role_name,
  ]
}

run "accepts_1" {
  command = plan

  variables {
    environment_variables = { HTTPS_PROXY = "http://proxy.example.com:3128", aws = "" }
    iam_role_name         = "ecr-cleaner"
    iam_role_path         = "/"
    accepted_gaps = {
      "source:ecs"                                                       = "known"
      "eks:*"                                                            = "known"
      "eks:arn:aws:eks:us-east-1:123456789012:cluster/shop"              = "known"
      "custom_resources:arn:aws:eks:us-east-1:123456789012:cluster/shop" = "known"
      "other_accounts:shop/*"                                            = "known"
      "pull_through_cache:*"                                             = "known"
      "delete_replication:team-?/a_b.c"                                  = "known"
      "region:eu-isoe-west-1"                                            = "known"
      "account:222233334444"                                             = "known"

      "unreadable:arn:aws-us-gov:states:us-gov-west-1:123456789012:stateMachine:payments" = "known"
      "usage:arn:aws:lambda:us-east-1:123456789012:function:launcher:$LATEST"             = "known"
    }
    alarm_actions                      = ["arn:aws:sns:us-east-1:123456789012:alarms", "arn:aws:ssm-incidents::123456789012:response-plan/night"]
    api_rate_share                     = 10
    ok_actions                         = ["arn:aws:sns:us-east-1:123456789012:alarms", "arn:aws:lambda:us-east-1:123456789012:function:told"]
    require_approval                   = true
    architecture                       = "x86_64"
    base_image                         = "localhost:5000/lambda__base/python:3.13@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    bucket_name                        = "shared-bucket"
    container_tool                     = "sudo docker"
    dashboard_enabled                  = true
    default_keep_days                  = 1
    delete_archived_after_days         = 90
    event_bus_name                     = "default"
    regions                            = ["us-east-1", "eu-central-2"]
    protected_images                   = ["shop/api", "shop/api:live", "shop/api:*", "shop/api@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "shop/api:live@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"]
    image_uri                          = "123456789012.dkr.ecr.us-east-1.amazonaws.com/a/b-c__d@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
    used_images_max_age_hours          = 1
    used_images_uri                    = "s3://shop-inventories/prod/"
    journal_retention_days             = 1
    kms_key_arn                        = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    log_level                          = "DEBUG"
    log_retention_days                 = 0
    max_continuations                  = 0
    max_removal_percent_per_repository = 1
    max_removal_percent_per_run        = 1
    max_removals_per_repository        = 1
    max_removals_per_run               = 1
    max_usage_drop_percent             = 0
    memory_size                        = 256
    metrics_namespace                  = "Platform/ECR_Cleaner#1:a"
    name                               = "ab"
    notification_topic_arn             = "arn:aws:sns:us-east-1:123456789012:alerts"
    notify_on                          = "always"
    permissions_boundary_arn           = "arn:aws:iam::123456789012:policy/boundary"
    plan_expiry_hours                  = 1
    removal_mode                       = "archive"
    report_retention_days              = 0
    reserved_concurrent_executions     = -1
    keep_recently_used_days            = 0
    grace_days                         = 0
    savings_tag_key                    = "cost center/Team:1"
    schedule_expression                = "cron(15 3 ? * MON-FRI *)"
    schedule_timezone                  = "America/Argentina/Buenos_Aires"
    storage_price_per_gb_month         = 0
    tags                               = { team = "platform" }
  }

  assert {
    condition     = length(aws_lambda_function.cleaner[0].function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "accepts_2" {
  command = plan

  variables {
    environment_variables              = { MUCH = join("", [for n in range(896) : "a"]) }
    iam_role_name                      = "A+=,.@-_9"
    iam_role_path                      = "/service/a!b/"
    architecture                       = "arm64"
    api_rate_share                     = 100
    bucket_name                        = "a.b.c"
    default_keep_days                  = 99999
    delete_archived_after_days         = null
    event_bus_name                     = "Platform.runs_1-a"
    protected_images                   = ["123456789012.dkr.ecr.us-east-1.amazonaws.com/shop/api:live", "123456789012.dkr-ecr-fips.us-east-1.on.aws/shop/api:*"]
    image_uri                          = "123456789012.dkr-ecr.us-east-1.on.aws/app:v1"
    used_images_max_age_hours          = 99999
    used_images_uri                    = "s3://shop.inventories/ecr-cleaner/account=1/eu_west.1/"
    journal_retention_days             = 99999
    log_retention_days                 = 3653
    max_continuations                  = 8
    max_removal_percent_per_repository = 100
    max_removal_percent_per_run        = 100
    max_removals_per_repository        = 100000
    max_removals_per_run               = 100000
    max_usage_drop_percent             = 100
    memory_size                        = 10240
    name                               = "a12345678901234567890123456789012345"
    notify_on                          = "problems"
    kms_key_arn                        = "arn:aws:kms:us-east-1:210987654321:key/mrk-1234abcd12ab34cd56ef1234567890ab"
    permissions_boundary_arn           = "arn:aws:iam::aws:policy/PowerUserAccess"
    plan_expiry_hours                  = 720
    report_retention_days              = 90
    reserved_concurrent_executions     = 0
    keep_recently_used_days            = 90
    grace_days                         = 30
    schedule_expression                = "rate(12 hours)"
    schedule_timezone                  = "Etc/GMT+3"
    storage_price_per_gb_month         = 0.119
    tags                               = { "Kosten/Stelle:é" = "a b_.:/=+-@", empty = "" }
  }

  assert {
    condition     = length(aws_lambda_function.cleaner[0].function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "accepts_3" {
  command = plan

  variables {
    event_bus_name                     = null
    protected_images                   = []
    used_images_uri                    = "s3://shop-inventories/ppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppppp/"
    max_removal_percent_per_repository = null
    max_removal_percent_per_run        = null
    max_removals_per_repository        = null
    max_removals_per_run               = null
    max_usage_drop_percent             = null
    reserved_concurrent_executions     = 1
  }

  assert {
    condition     = length(aws_lambda_function.cleaner[0].function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "accepts_4" {
  command = plan

  variables {
    used_images_uri = null
  }

  assert {
    condition     = length(aws_lambda_function.cleaner[0].function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "null_is_the_default" {
  command = plan

  variables {
    dry_run                    = null
    default_keep_days          = null
    minimum_keep_days          = null
    retention_rules            = null
    schedule_enabled           = null
    tags                       = null
    report_retention_days      = null
    reports_enabled            = null
    storage_price_per_gb_month = null
    force_destroy_bucket       = null
    history_enabled            = null
    keep_recently_used_days    = null
    api_rate_share             = null
    grace_days                 = null
    dashboard_enabled          = null
    metrics_enabled            = null
    metrics_namespace          = null
    notifications_enabled      = null
    notify_on                  = null
    require_approval           = null
    accepted_gaps              = null
    plan_expiry_hours          = null
    create                     = null
    environment_variables      = null
    iam_role_path              = null
    accounts                   = null
    max_continuations          = null
    state_machine              = null
    reader_role_name           = null
  }

  assert {
    condition     = var.max_continuations == 3 && var.state_machine == false
    error_message = "max_continuations, state_machine: null must mean the default."
  }

  assert {
    condition     = length(var.accounts) == 0 && var.reader_role_name == "ecr-cleaner-reader"
    error_message = "accounts, reader_role_name: null must mean the default."
  }

  assert {
    condition     = var.create == true && length(var.environment_variables) == 0 && var.iam_role_path == "/"
    error_message = "create, environment_variables, iam_role_path: null must mean the default."
  }

  assert {
    condition     = var.dry_run != null && aws_lambda_function.cleaner[0].environment[0].variables["DRY_RUN"] == "true"
    error_message = "dry_run: null must mean the default."
  }

  assert {
    condition     = var.default_keep_days != null && aws_lambda_function.cleaner[0].environment[0].variables["DRY_RUN"] == "true"
    error_message = "default_keep_days: null must mean the default."
  }

  assert {
    condition     = var.minimum_keep_days != null && aws_lambda_function.cleaner[0].environment[0].variables["DRY_RUN"] == "true"
    error_message = "minimum_keep_days: null must mean the default."
  }

  assert {
    condition     = var.retention_rules != null && aws_lambda_function.cleaner[0].environment[0].variables["DRY_RUN"] == "true"
    error_message = "retention_rules: null must mean the default."
  }

  assert {
    condition     = var.schedule_enabled != null && aws_lambda_function.cleaner[0].environment[0].variables["DRY_RUN"] == "true"
    error_message = "schedule_enabled: null must mean the default."
  }

  assert {
    condition     = var.tags != null && aws_lambda_function.cleaner[0].environment[0].variables["DRY_RUN"] == "true"
    error_message = "tags: null must mean the default."
  }

  assert {
    condition     = var.report_retention_days != null && aws_lambda_function.cleaner[0].environment[0].variables["DRY_RUN"] == "true"
    error_message = "report_retention_days: null must mean the default."
  }

  assert {
    condition     = var.reports_enabled != null && aws_lambda_function.cleaner[0].environment[0].variables["DRY_RUN"] == "true"
    error_message = "reports_enabled: null must mean the default."
  }

  assert {
    condition     = var.storage_price_per_gb_month != null && aws_lambda_function.cleaner[0].environment[0].variables["DRY_RUN"] == "true"
    error_message = "storage_price_per_gb_month: null must mean the default."
  }

  assert {
    condition     = var.force_destroy_bucket != null && aws_lambda_function.cleaner[0].environment[0].variables["DRY_RUN"] == "true"
    error_message = "force_destroy_bucket: null must mean the default."
  }

  assert {
    condition     = var.history_enabled != null && aws_lambda_function.cleaner[0].environment[0].variables["DRY_RUN"] == "true"
    error_message = "history_enabled: null must mean the default."
  }

  assert {
    condition     = var.api_rate_share != null && aws_lambda_function.cleaner[0].environment[0].variables["DRY_RUN"] == "true"
    error_message = "api_rate_share: null must mean the default."
  }

  assert {
    condition     = var.keep_recently_used_days != null && aws_lambda_function.cleaner[0].environment[0].variables["DRY_RUN"] == "true"
    error_message = "keep_recently_used_days: null must mean the default."
  }

  assert {
    condition     = var.dashboard_enabled != null && aws_lambda_function.cleaner[0].environment[0].variables["DRY_RUN"] == "true"
    error_message = "dashboard_enabled: null must mean the default."
  }

  assert {
    condition     = var.metrics_enabled != null && aws_lambda_function.cleaner[0].environment[0].variables["DRY_RUN"] == "true"
    error_message = "metrics_enabled: null must mean the default."
  }

  assert {
    condition     = var.metrics_namespace != null && aws_lambda_function.cleaner[0].environment[0].variables["DRY_RUN"] == "true"
    error_message = "metrics_namespace: null must mean the default."
  }

  assert {
    condition     = var.notifications_enabled != null && aws_lambda_function.cleaner[0].environment[0].variables["DRY_RUN"] == "true"
    error_message = "notifications_enabled: null must mean the default."
  }

  assert {
    condition     = var.notify_on != null && aws_lambda_function.cleaner[0].environment[0].variables["DRY_RUN"] == "true"
    error_message = "notify_on: null must mean the default."
  }

  assert {
    condition     = var.require_approval == false
    error_message = "require_approval: null must mean the default."
  }

  assert {
    condition     = length(var.accepted_gaps) == 0
    error_message = "accepted_gaps: null must mean the default."
  }

  assert {
    condition     = var.plan_expiry_hours == 72
    error_message = "null must mean the default."
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
    condition     = length(aws_lambda_function.cleaner[0].function_name) > 0
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
    condition     = length(aws_lambda_function.cleaner[0].function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "removal_mode_rejects_2" {
  command = plan

  variables {
    removal_mode    = "archive"
    history_enabled = false
  }

  expect_failures = [var.removal_mode]
}

run "removal_mode_accepts_2" {
  command = plan

  variables {
    removal_mode    = "delete"
    history_enabled = false
  }

  assert {
    condition     = length(aws_lambda_function.cleaner[0].function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "task_definition_revisions_accepts_1" {
  command = plan

  variables {
    task_definition_revisions = "1"
  }

  assert {
    condition     = jsonencode(jsondecode(aws_lambda_function.cleaner[0].environment[0].variables["ECR_CLEANER_SETTINGS"]).task_definition_revisions) == jsonencode(1)
    error_message = "The function must be told 1."
  }
}

run "task_definition_revisions_accepts_2" {
  command = plan

  variables {
    task_definition_revisions = 100
  }

  assert {
    condition     = jsonencode(jsondecode(aws_lambda_function.cleaner[0].environment[0].variables["ECR_CLEANER_SETTINGS"]).task_definition_revisions) == jsonencode(100)
    error_message = "The function must be told 100."
  }
}

run "task_definition_revisions_accepts_3" {
  command = plan

  variables {
    task_definition_revisions = "all"
  }

  assert {
    condition     = jsonencode(jsondecode(aws_lambda_function.cleaner[0].environment[0].variables["ECR_CLEANER_SETTINGS"]).task_definition_revisions) == jsonencode("all")
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
    condition     = endswith(aws_iam_role_policy_attachment.function[0].policy_arn, "/AWSLambdaVPCAccessExecutionRole")
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

run "dashboard_enabled_rejects_1" {
  command = plan

  variables {
    dashboard_enabled = true
    metrics_enabled   = false
  }

  expect_failures = [var.dashboard_enabled]
}

run "dashboard_enabled_accepts_2" {
  command = plan

  variables {
    dashboard_enabled = false
    metrics_enabled   = false
  }

  assert {
    condition     = length(aws_lambda_function.cleaner[0].function_name) > 0
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
    condition     = length(aws_lambda_function.cleaner[0].function_name) > 0
    error_message = "The plan should succeed."
  }
}

# Every field of cron(...), alone: nothing is planned for each of them.
run "fields_of_cron" {
  command = plan

  variables {
    schedule_expression = "cron(0/10 8,20-22 ? JAN-MAR,9 FRI#2 2026-2199/2)"
  }

  assert {
    condition = [
      for field, texts in {
        minutes        = ["*", "0", "05", "59", "0/10", "*/15", "10-50/20", "1,3-5,40"]
        hours          = ["*", "0", "00", "23", "0/6", "8-17", "1,3-5,20"]
        "day of month" = ["*", "?", "1", "31", "1-15", "1/5", "*/2", "1,15", "L", "L-3", "LW", "15W", "1W", "1-5,10-12,31"]
        month          = ["*", "1", "12", "JAN", "DEC", "JAN,MAR-MAY", "1/3", "1-6"]
        "day of week"  = ["*", "?", "1", "7", "SUN", "SAT", "MON-FRI", "2-6", "FRI-MON", "MON,WED,5-6", "L", "6L", "FRIL", "6#3", "MON#5"]
        year           = ["*", "1970", "2199", "2026-2030", "2026/2", "2026,2028"]
      } : field if !alltrue([for text in texts : can(regex(local.cron_patterns[index(local.cron_fields[*].name, field)], text))])
    ] == []
    error_message = "A field refuses what AWS takes."
  }

  assert {
    condition = [
      for field, texts in {
        minutes        = ["", "60", "-1", "?", "L", "5W", "1#1", "MON", "1-60", "1,,2", "1,", ",1", "0/0", "1-", "*-5", "/5", "005"]
        hours          = ["24", "25", "?", "0-24", "24/2", "12h"]
        "day of month" = ["0", "32", "1,?", "W", "32W", "0W", "L-31", "L-0", "6#3", "MON", "1-32", "?-5"]
        month          = ["0", "13", "?", "JANUARY", "Jan", "L", "JAN#1"]
        "day of week"  = ["0", "8", "MO", "mon", "MON,?", "3#1,6#3", "6#6", "6#0", "15W", "0-6", "2/2", "8L", "#3"]
        year           = ["1969", "2200", "26", "?", "2026-2200", "20261"]
      } : field if anytrue([for text in texts : can(regex(local.cron_patterns[index(local.cron_fields[*].name, field)], text))])
    ] == []
    error_message = "A field takes what AWS refuses."
  }

  assert {
    condition     = sort(local.cron_fields[*].name) == sort(["minutes", "hours", "day of month", "month", "day of week", "year"])
    error_message = "Every field has to be tried."
  }
}

# The retention rules, whose type is any: everything that a type would say is a validation. One run gives each of them
# something to refuse; tests/terraform/test_rules.py holds every value against the function's own settings.

run "retention_rules_rejects_no_list" {
  command = plan

  variables {
    retention_rules = { repositories = ["*"], keep_newest = 10 }
  }

  expect_failures = [var.retention_rules]
}

run "retention_rules_rejects_an_unknown_member" {
  command = plan

  variables {
    retention_rules = [{ repositories = ["*"], keep_days = 9 }, { repositories = ["*"], keep_days = 9, keep_dayz = 3 }]
  }

  expect_failures = [var.retention_rules]
}

run "retention_rules_rejects_a_rule_without_repositories" {
  command = plan

  variables {
    retention_rules = [{ keep_days = 9 }]
  }

  expect_failures = [var.retention_rules]
}

run "retention_rules_rejects_a_glob_that_fits_nothing" {
  command = plan

  variables {
    retention_rules = [{ repositories = ["*"], tags = ["v[0-9"], keep_days = 9 }]
  }

  expect_failures = [var.retention_rules]
}

run "retention_rules_rejects_a_number_that_is_none" {
  command = plan

  variables {
    retention_rules = [{ repositories = ["*"], keep_newest = 1.5 }]
  }

  expect_failures = [var.retention_rules]
}

run "retention_rules_rejects_a_switch_that_is_none" {
  command = plan

  variables {
    retention_rules = [{ repositories = ["*"], untagged = "yes", keep_days = 9 }]
  }

  expect_failures = [var.retention_rules]
}

run "retention_rules_rejects_keep_days_below_the_minimum" {
  command = plan

  variables {
    minimum_keep_days = 7
    retention_rules   = [{ repositories = ["*"], keep_days = 6 }]
  }

  expect_failures = [var.retention_rules]
}

run "retention_rules_rejects_what_cannot_be_meant" {
  command = plan

  variables {
    retention_rules = [{ repositories = ["*"], tags = ["v*"], keep_days = 9, keep = true }]
  }

  expect_failures = [var.retention_rules]
}

run "retention_rules_accepts" {
  command = plan

  variables {
    minimum_keep_days = 7
    retention_rules = [
      { repositories = ["shop/*", "team-?/a_b.c"], keep_days = 7, keep_newest = 1, keep_pulled_within_days = 1 },
      { repositories = ["*"], tags = ["v[0-9]*", "Release-?_1"], except_tags = ["*-[!a-z]", "x"], keep_newest = 99999 },
      { repositories = ["*"], untagged = true, artifact_types = ["application/vnd.buildkit.*"], keep_days = 99999 },
      { repositories = ["*"], tags = null, untagged = null, keep_days = null, keep = true },
      { repositories = ["*"], untagged = false, keep = false, keep_pulled_within_days = 99999 },
    ]
  }

  assert {
    condition     = length(aws_lambda_function.cleaner[0].function_name) > 0
    error_message = "The plan should succeed."
  }
}

run "build_rejects_1" {
  command = plan

  variables {
    bucket_region     = "Ireland"
    build_image       = true
    create_bucket     = false
    package_index_url = "https://user:secret@pypi.example.com/simple/"
  }

  expect_failures = [var.bucket_region, var.build_image, var.create_bucket, var.package_index_url]
}

run "build_rejects_2" {
  command = plan

  variables {
    bucket_name       = "shared-bucket"
    bucket_region     = ""
    build_image       = false
    create_bucket     = true
    image_uri         = null
    package_index_url = "pypi.example.com"
  }

  expect_failures = [var.bucket_region, var.build_image, var.create_bucket, var.package_index_url]
}

run "build_accepts_1" {
  command = plan

  variables {
    bucket_name       = "shared-bucket"
    bucket_region     = "us-east-1"
    build_image       = false
    create_bucket     = false
    package_index_url = "https://pypi.example.com/simple/"
    rebuild           = "2026-12"
  }

  assert {
    condition     = length(aws_s3_bucket.history) == 0 && length(terraform_data.image_build) == 0
    error_message = "Bucket and image are given."
  }
}

run "build_accepts_2" {
  command = plan

  variables {
    build_image   = true
    create_bucket = true
    image_uri     = null
  }

  assert {
    condition     = length(aws_s3_bucket.history) == 1 && length(terraform_data.image_build) == 1
    error_message = "Bucket and image are made."
  }
}
