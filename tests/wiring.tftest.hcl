# What is wired to what, and what the function is told.

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  image_uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tools/cleaner:v1"
}

run "defaults" {
  command = plan

  assert {
    condition = aws_lambda_function.cleaner[0].environment[0].variables == tomap({
      DRY_RUN           = "true"
      DEFAULT_KEEP_DAYS = "30"
      ECR_CLEANER_SETTINGS = jsonencode({
        schema_version                     = 1
        api_rate_share                     = 50
        accepted_gaps                      = {}
        accounts                           = []
        delete_archived_after_days         = null
        event_bus_name                     = null
        grace_days                         = 1
        keep_recently_used_days            = 7
        lock_table                         = "ecr-cleaner-lock"
        max_continuations                  = 3
        max_removal_percent_per_repository = null
        max_removal_percent_per_run        = null
        max_removals_per_repository        = null
        max_removals_per_run               = null
        max_usage_drop_percent             = 50
        metrics_namespace                  = "ECRCleaner"
        minimum_keep_days                  = 1
        notifications                      = null
        organization                       = false
        own_repository                     = "tools/cleaner"
        plan_expiry_hours                  = 72
        protected_images                   = []
        reader_role_name                   = "ecr-cleaner-reader"
        regions                            = "enabled"
        removal_mode                       = "delete"
        report_unmanaged_repositories      = false
        require_approval                   = false
        retention_rules                    = []
        savings_tag_key                    = null
        storage                            = { bucket = "ecr-cleaner-123456789012-useast1", prefix = "ecr-cleaner/123456789012/us-east-1/ecr-cleaner/", history = true, journal = true, reports = true }
        storage_price_per_gb_month         = 0.1
        task_definition_revisions          = 1
        usage_sources_sha256               = sha256(join(",", sort(keys(jsondecode(file("usage_sources.json"))))))
        used_images                        = null
      })
    })
    error_message = "The environment is the contract with the function, got ${jsonencode(aws_lambda_function.cleaner[0].environment[0].variables)}."
  }

  assert {
    condition     = aws_lambda_function.cleaner[0].timeout == 900 && aws_lambda_function.cleaner[0].package_type == "Image"
    error_message = "The function runs as long as Lambda lets it, from an image."
  }

  assert {
    condition     = aws_lambda_function.cleaner[0].logging_config[0].log_format == "JSON" && aws_lambda_function.cleaner[0].logging_config[0].log_group == aws_cloudwatch_log_group.function[0].name
    error_message = "Logs are JSON and go to the module's own group."
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.cleaner[0].maximum_retry_attempts == 0 && aws_scheduler_schedule.cleaner[0].target[0].retry_policy[0].maximum_retry_attempts == 2
    error_message = "A run is never repeated, only its delivery is tried again."
  }

  assert {
    condition     = aws_scheduler_schedule.cleaner[0].schedule_expression == "cron(0 0 * * ? *)" && aws_scheduler_schedule.cleaner[0].schedule_expression_timezone == "UTC" && aws_scheduler_schedule.cleaner[0].state == "ENABLED"
    error_message = "Every night at midnight UTC."
  }

  assert {
    condition     = aws_scheduler_schedule.cleaner[0].target[0].input == "{}"
    error_message = "A scheduled run is a plain run."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.silent[0].period * aws_cloudwatch_metric_alarm.silent[0].evaluation_periods == 26 * 3600 && aws_cloudwatch_metric_alarm.silent[0].treat_missing_data == "breaching"
    error_message = "No run in 26 hours is silence."
  }

  # A new function has no data at all: with "ignore" this alarm then stays as it was made, without data.
  assert {
    condition     = aws_cloudwatch_composite_alarm.not_run[0].alarm_rule == "ALARM(\"ecr-cleaner-silent\") AND NOT INSUFFICIENT_DATA(\"ecr-cleaner-has-run\")" && aws_cloudwatch_metric_alarm.has_run[0].treat_missing_data == "ignore"
    error_message = "Silence rings, but not before the first run."
  }

  assert {
    condition     = length(coalesce(aws_cloudwatch_metric_alarm.silent[0].alarm_actions, [])) + length(coalesce(aws_cloudwatch_metric_alarm.has_run[0].alarm_actions, [])) == 0
    error_message = "What the alarm is made of tells nobody."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.failed[0].metric_name == "Errors" && aws_cloudwatch_metric_alarm.failed[0].threshold == 1
    error_message = "One failed run rings."
  }

  assert {
    condition     = length(aws_ecr_repository.function) == 0 && length(terraform_data.image_build) == 0 && length(data.aws_ecr_authorization_token.function) == 0
    error_message = "With image_uri nothing is built."
  }

  assert {
    condition     = aws_lambda_function.cleaner[0].image_uri == var.image_uri
    error_message = "The function runs the image that was named."
  }
}

run "everything_set" {
  command = plan

  variables {
    name              = "other"
    dry_run           = false
    default_keep_days = 7
    require_approval  = true
    plan_expiry_hours = 24
    accepted_gaps = {
      "source:lambda"            = "our functions run from archives"
      "pull_through_cache:hub/*" = "whatever is missing is fetched again"
      "eks:*"                    = "no pod runs images of this registry"
    }
    protected_images          = ["web:live", "api:*"]
    regions                   = ["us-east-1", "eu-west-1"]
    accounts                  = ["333344445555", "222233334444"]
    reader_role_name          = "registry-reader"
    used_images_uri           = "s3://shop-inventories/prod/ecr/"
    used_images_max_age_hours = 6
    minimum_keep_days         = 3
    event_bus_name            = "runs"
    metrics_enabled           = false
    notification_topic_arn    = "arn:aws:sns:us-east-1:210987654321:alerts"
    notify_on                 = "always"

    delete_archived_after_days = 120
    removal_mode               = "archive"

    retention_rules = [
      { repositories = ["shop/*"], tags = ["v*"], except_tags = ["*-rc"], untagged = true, artifact_types = ["text/*"], keep_days = 90, keep_newest = 10, keep_pulled_within_days = 14 },
      { repositories = ["*"], keep_days = null, keep = true },
    ]

    bucket_name                 = "shared-bucket"
    api_rate_share              = 25
    grace_days                  = 5
    keep_recently_used_days     = 14
    max_removals_per_repository = 20
    max_removals_per_run        = 100
    max_usage_drop_percent      = null
    max_continuations           = 5

    max_removal_percent_per_repository = 50
    max_removal_percent_per_run        = 25

    memory_size                    = 2048
    log_level                      = "DEBUG"
    log_retention_days             = 7
    reserved_concurrent_executions = 1
    permissions_boundary_arn       = "arn:aws:iam::123456789012:policy/boundary"
    kms_key_arn                    = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    alarm_actions                  = ["arn:aws:sns:us-east-1:123456789012:alarms"]
    ok_actions                     = ["arn:aws:sns:us-east-1:123456789012:mended"]
    savings_tag_key                = "team"
    schedule_expression            = "cron(0 6 ? * MON *)"
    schedule_timezone              = "Europe/Berlin"
    schedule_enabled               = false
    storage_price_per_gb_month     = 0.119
    report_unmanaged_repositories  = true
    task_definition_revisions      = "3"
    tags                           = { team = "platform" }
    environment_variables          = { HTTPS_PROXY = "http://proxy.example.com:3128" }
    iam_role_name                  = "Cleaner_of-ECR"
    iam_role_path                  = "/service/platform/"
  }

  assert {
    condition = jsondecode(aws_lambda_function.cleaner[0].environment[0].variables["ECR_CLEANER_SETTINGS"]) == {
      storage                            = { bucket = "shared-bucket", prefix = "ecr-cleaner/123456789012/us-east-1/other/", history = true, journal = true, reports = true }
      max_removal_percent_per_repository = 50
      max_removal_percent_per_run        = 25
      max_removals_per_repository        = 20
      max_removals_per_run               = 100
      max_continuations                  = 5
      max_usage_drop_percent             = null
      delete_archived_after_days         = 120
      removal_mode                       = "archive"
      grace_days                         = 5
      keep_recently_used_days            = 14
      schema_version                     = 1
      api_rate_share                     = 25
      accepted_gaps = {
        "eks:*"                    = "no pod runs images of this registry"
        "pull_through_cache:hub/*" = "whatever is missing is fetched again"
        "source:lambda"            = "our functions run from archives"
      }
      require_approval  = true
      protected_images  = ["api:*", "web:live"]
      regions           = ["eu-west-1", "us-east-1"]
      accounts          = ["222233334444", "333344445555"]
      organization      = false
      reader_role_name  = "registry-reader"
      used_images       = { bucket = "shop-inventories", prefix = "prod/ecr/", max_age_hours = 6 }
      event_bus_name    = "runs"
      lock_table        = "other-lock"
      metrics_namespace = null
      minimum_keep_days = 3
      notifications     = { topic_arn = "arn:aws:sns:us-east-1:210987654321:alerts", on = "always" }
      own_repository    = "tools/cleaner"
      plan_expiry_hours = 24
      # What a rule leaves out is not in the document.
      retention_rules = [
        { repositories = ["shop/*"], tags = ["v*"], except_tags = ["*-rc"], untagged = true, artifact_types = ["text/*"], keep_days = 90, keep_newest = 10, keep_pulled_within_days = 14 },
        { repositories = ["*"], keep = true },
      ]
      savings_tag_key               = "team"
      storage_price_per_gb_month    = 0.119
      report_unmanaged_repositories = true
      task_definition_revisions     = 3
      usage_sources_sha256          = sha256(join(",", sort(keys(jsondecode(file("usage_sources.json"))))))
    }
    error_message = "The settings carry the inputs, got ${aws_lambda_function.cleaner[0].environment[0].variables["ECR_CLEANER_SETTINGS"]}."
  }

  assert {
    condition     = aws_lambda_function.cleaner[0].environment[0].variables["DRY_RUN"] == "false" && aws_lambda_function.cleaner[0].environment[0].variables["DEFAULT_KEEP_DAYS"] == "7"
    error_message = "Both plain variables carry the inputs."
  }

  assert {
    condition     = aws_lambda_function.cleaner[0].environment[0].variables["HTTPS_PROXY"] == "http://proxy.example.com:3128" && length(aws_lambda_function.cleaner[0].environment[0].variables) == 4
    error_message = "What a person adds is there beside them."
  }

  assert {
    condition     = aws_iam_role.function[0].name == "Cleaner_of-ECR" && aws_iam_role.scheduler[0].name == "other-scheduler-us-east-1"
    error_message = "The function's role has the name that it is given; other global names carry name and region."
  }

  assert {
    condition     = alltrue([for path in concat([aws_iam_role.function[0].path, aws_iam_role.machine[0].path, aws_iam_role.scheduler[0].path], [for policy in aws_iam_policy.usage : policy.path]) : path == "/service/platform/"])
    error_message = "All roles and policies lie under the path."
  }

  assert {
    condition     = alltrue([for role in [aws_iam_role.function[0], aws_iam_role.machine[0], aws_iam_role.scheduler[0]] : role.permissions_boundary == var.permissions_boundary_arn])
    error_message = "All roles carry the boundary."
  }

  assert {
    condition     = alltrue([for key in [aws_lambda_function.cleaner[0].kms_key_arn, aws_cloudwatch_log_group.function[0].kms_key_id, aws_cloudwatch_log_group.machine[0].kms_key_id, aws_sqs_queue.failures[0].kms_master_key_id] : key == var.kms_key_arn])
    error_message = "Environment, log groups and queue use the key."
  }

  assert {
    condition     = aws_scheduler_schedule.cleaner[0].state == "DISABLED" && length(aws_cloudwatch_composite_alarm.not_run) + length(aws_cloudwatch_metric_alarm.silent) + length(aws_cloudwatch_metric_alarm.has_run) == 0
    error_message = "A schedule that is off starts nothing and is not missed."
  }

  assert {
    condition     = alltrue([for alarm in [aws_cloudwatch_metric_alarm.failed[0], aws_cloudwatch_metric_alarm.undelivered[0]] : alarm.alarm_actions == toset(var.alarm_actions)])
    error_message = "The alarms tell whom they should."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.undelivered[0].ok_actions == toset(var.ok_actions) && length(coalesce(aws_cloudwatch_metric_alarm.failed[0].ok_actions, [])) == 0
    error_message = "What stays until it is mended tells when it is; a failed run is over in five minutes, mended or not."
  }

  assert {
    condition     = aws_sqs_queue.undelivered[0].name == "other-undelivered" && aws_sqs_queue.undelivered[0].kms_master_key_id == var.kms_key_arn && aws_cloudwatch_metric_alarm.undelivered[0].dimensions == tomap({ QueueName = "other-undelivered" })
    error_message = "Starts that could not be delivered have a queue and an alarm of their own."
  }
}

run "a_weekly_schedule_is_not_missed_daily" {
  command = plan

  variables {
    schedule_expression = "cron(0 6 ? * MON *)"
  }

  assert {
    condition     = length(aws_cloudwatch_composite_alarm.not_run) == 0
    error_message = "Only a schedule that is at least daily can be missed after 26 hours."
  }
}

run "a_schedule_every_12_hours_is_daily" {
  command = plan

  variables {
    alarm_actions       = ["arn:aws:sns:us-east-1:123456789012:alarms"]
    ok_actions          = ["arn:aws:sns:us-east-1:123456789012:mended"]
    schedule_expression = "rate(12 hours)"
  }

  assert {
    condition     = aws_cloudwatch_composite_alarm.not_run[0].alarm_actions == toset(var.alarm_actions) && aws_cloudwatch_composite_alarm.not_run[0].ok_actions == toset(var.ok_actions)
    error_message = "A missed night is told, and that it runs again."
  }

  assert {
    condition     = length(aws_cloudwatch_composite_alarm.not_run) == 1
    error_message = "Twice a day is at least daily."
  }
}

run "an_image_of_another_account_is_not_our_repository" {
  command = plan

  variables {
    image_uri = "999999999999.dkr.ecr.us-east-1.amazonaws.com/tools/cleaner:v1"
  }

  assert {
    condition     = jsondecode(aws_lambda_function.cleaner[0].environment[0].variables["ECR_CLEANER_SETTINGS"]).own_repository == null
    error_message = "A repository of the same name here is not the one."
  }
}

run "both_architectures" {
  command = plan

  variables {
    architecture = "x86_64"
  }

  assert {
    condition     = aws_lambda_function.cleaner[0].architectures == tolist(["x86_64"]) && local.architecture.platform == "linux/amd64" && local.architecture.wheel_machine == "x86_64"
    error_message = "Function, platform and wheels agree."
  }
}

run "built_for_arm64" {
  command = plan

  override_data {
    target = data.aws_ecr_authorization_token.function
    values = { proxy_endpoint = "https://123456789012.dkr.ecr.us-east-1.amazonaws.com", authorization_token = "dG9rZW4=" }
  }

  variables {
    image_uri = null
  }

  assert {
    condition     = aws_lambda_function.cleaner[0].architectures == tolist(["arm64"]) && local.architecture.platform == "linux/arm64"
    error_message = "Function and platform agree."
  }

  assert {
    condition     = aws_ecr_repository.function[0].image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.function[0].force_delete && aws_ecr_repository.function[0].image_scanning_configuration[0].scan_on_push
    error_message = "The module's repository is immutable, scanned, and does not stand in the way of destroy."
  }

  assert {
    condition     = aws_ecr_repository.function[0].tags["BoxCleanerEnabled"] == "false"
    error_message = "The module's repository is never opted in."
  }

  assert {
    condition     = jsondecode(aws_lambda_function.cleaner[0].environment[0].variables["ECR_CLEANER_SETTINGS"]).own_repository == "ecr-cleaner"
    error_message = "The function knows its own repository."
  }
}

run "a_package_index" {
  command = plan

  override_data {
    target = data.aws_ecr_authorization_token.function
    values = { proxy_endpoint = "https://123456789012.dkr.ecr.us-east-1.amazonaws.com", authorization_token = "dG9rZW4=" }
  }

  variables {
    image_uri         = null
    package_index_url = "https://pypi.example.com/simple/"
  }

  assert {
    condition     = local.build_arguments["PIP_INDEX_URL"] == "https://pypi.example.com/simple/"
    error_message = "pip takes its index from this variable."
  }

  assert {
    condition     = alltrue([for name in keys(local.build_arguments) : can(regex("(?m)^ARG ${name}(=|$)", file("lambda_src/Dockerfile")))])
    error_message = "A build argument reaches only a Dockerfile that names it."
  }
}
