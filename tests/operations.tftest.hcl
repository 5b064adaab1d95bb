# Who is told how the runs end: metrics, alarms, dashboard, notifications, events.

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

run "by_default_only_metrics_and_alarms" {
  command = plan

  variables {
    alarm_actions = ["arn:aws:sns:us-east-1:123456789012:alarms"]
  }

  assert {
    condition     = length(aws_sns_topic.runs) == 0 && length(aws_cloudwatch_dashboard.cleaner) == 0 && output.notification_topic_arn == null && output.dashboard_name == null
    error_message = "Nobody is told unless somebody asked for it."
  }

  assert {
    condition     = length([for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if length(setintersection(s.Action, ["sns:Publish", "events:PutEvents", "cloudwatch:PutMetricData"])) > 0]) == 0
    error_message = "Without topic and bus the role may not speak to them, and metrics need no permission."
  }

  assert {
    condition = {
      namespace  = aws_cloudwatch_metric_alarm.tripwire[0].namespace
      metric     = aws_cloudwatch_metric_alarm.tripwire[0].metric_name
      dimensions = aws_cloudwatch_metric_alarm.tripwire[0].dimensions
      missing    = aws_cloudwatch_metric_alarm.tripwire[0].treat_missing_data
      threshold  = aws_cloudwatch_metric_alarm.tripwire[0].threshold
      actions    = aws_cloudwatch_metric_alarm.tripwire[0].alarm_actions
      } == {
      namespace  = "ECRCleaner"
      metric     = "TripwireTripped"
      dimensions = tomap({ FunctionName = "ecr-cleaner" })
      missing    = "notBreaching"
      threshold  = 1
      actions    = toset(var.alarm_actions)
    }
    error_message = "One run that tripped rings, by the metric that the function writes."
  }
}

run "without_metrics_no_alarm_waits_for_one" {
  command = plan

  variables {
    metrics_enabled = false
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.tripwire) == 0 && aws_cloudwatch_metric_alarm.failed[0].metric_name == "Errors"
    error_message = "Lambda's own metrics ring all the same."
  }
}

run "without_a_tripwire_no_alarm_waits_for_it" {
  command = plan

  variables {
    max_usage_drop_percent = null
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.tripwire) == 0
    error_message = "What is not compared never trips."
  }
}

run "of_other_accounts_an_alarm_of_its_own_tells" {
  command = plan

  variables {
    accounts          = ["222233334444"]
    dashboard_enabled = true
    alarm_actions     = ["arn:aws:sns:us-east-1:123456789012:alarms"]
    ok_actions        = ["arn:aws:sns:us-east-1:123456789012:mended"]
  }

  assert {
    condition = {
      namespace  = aws_cloudwatch_metric_alarm.degraded[0].namespace
      metric     = aws_cloudwatch_metric_alarm.degraded[0].metric_name
      dimensions = aws_cloudwatch_metric_alarm.degraded[0].dimensions
      missing    = aws_cloudwatch_metric_alarm.degraded[0].treat_missing_data
      threshold  = aws_cloudwatch_metric_alarm.degraded[0].threshold
      actions    = aws_cloudwatch_metric_alarm.degraded[0].alarm_actions
      mended     = aws_cloudwatch_metric_alarm.degraded[0].ok_actions
      } == {
      namespace  = "ECRCleaner"
      metric     = "Degraded"
      dimensions = tomap({ FunctionName = "ecr-cleaner" })
      missing    = "ignore"
      threshold  = 1
      actions    = toset(var.alarm_actions)
      mended     = toset(var.ok_actions)
    }
    error_message = "It rings until a run looks at all of them, and says when one did."
  }

  assert {
    condition     = contains(flatten([for w in jsondecode(aws_cloudwatch_dashboard.cleaner[0].dashboard_body).widgets : w.properties.alarms if w.type == "alarm"]), "arn:aws:cloudwatch:us-east-1:123456789012:alarm:ecr-cleaner-degraded")
    error_message = "The dashboard shows every alarm that there is."
  }

  assert {
    condition     = length([for w in jsondecode(aws_cloudwatch_dashboard.cleaner[0].dashboard_body).widgets : w if w.type == "metric" && try(w.properties.title, "") == "Other accounts"]) == 1
    error_message = "And how many accounts were looked at."
  }
}

run "of_an_organization_too" {
  command = plan

  variables {
    organization = {}
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.degraded) == 1
    error_message = "Its accounts are other accounts."
  }
}

run "without_metrics_other_accounts_have_no_alarm" {
  command = plan

  variables {
    accounts        = ["222233334444"]
    metrics_enabled = false
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.degraded) == 0
    error_message = "There is nothing that it could read."
  }
}

run "without_other_accounts_no_alarm_waits_for_them" {
  command = plan

  variables {
    dashboard_enabled = true
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.degraded) == 0 && !anytrue([for w in jsondecode(aws_cloudwatch_dashboard.cleaner[0].dashboard_body).widgets : try(w.properties.title, "") == "Other accounts"])
    error_message = "No run writes the metric."
  }
}

run "a_topic_of_its_own" {
  command = plan

  variables {
    notifications_enabled = true
    kms_key_arn           = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
    tags                  = { team = "platform" }
  }

  assert {
    condition     = aws_sns_topic.runs[0].name == "ecr-cleaner-runs" && aws_sns_topic.runs[0].kms_master_key_id == var.kms_key_arn && aws_sns_topic.runs[0].tags == tomap({ team = "platform" })
    error_message = "The topic is encrypted with the key that was given."
  }

  assert {
    condition     = jsondecode(aws_lambda_function.cleaner[0].environment[0].variables["ECR_CLEANER_SETTINGS"]).notifications == { topic_arn = "arn:aws:sns:us-east-1:123456789012:ecr-cleaner-runs", on = "removals" }
    error_message = "The function is told where, and of which runs."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if s.Sid == "PublishNotifications"] == [{ Sid = "PublishNotifications", Effect = "Allow", Action = ["sns:Publish"], Resource = ["arn:aws:sns:us-east-1:123456789012:ecr-cleaner-runs"] }]
    error_message = "The role publishes on this topic alone."
  }

  assert {
    condition = jsondecode(aws_sns_topic_policy.runs[0].policy).Statement == [
      {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["sns:Publish"]
        Resource  = ["arn:aws:sns:us-east-1:123456789012:ecr-cleaner-runs"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      {
        Sid       = "AlarmsOfThisModule"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["sns:Publish"]
        Resource  = ["arn:aws:sns:us-east-1:123456789012:ecr-cleaner-runs"]
        Condition = {
          StringEquals = { "aws:SourceAccount" = "123456789012" }
          ArnLike      = { "aws:SourceArn" = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:ecr-cleaner-*" }
        }
      },
    ]
    error_message = "Nobody but this module's alarms is let in by the topic itself, and nobody without TLS."
  }
}

run "a_given_topic" {
  command = plan

  variables {
    notification_topic_arn = "arn:aws:sns:us-east-1:210987654321:alerts"
    notify_on              = "problems"
  }

  assert {
    condition     = length(aws_sns_topic.runs) == 0 && output.notification_topic_arn == var.notification_topic_arn
    error_message = "No topic is made beside the given one."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s.Resource if s.Sid == "PublishNotifications"] == [[var.notification_topic_arn]]
    error_message = "The role publishes on the given topic alone."
  }

  assert {
    condition     = jsondecode(aws_lambda_function.cleaner[0].environment[0].variables["ECR_CLEANER_SETTINGS"]).notifications == { topic_arn = var.notification_topic_arn, on = "problems" }
    error_message = "The function is told where, and of which runs."
  }
}

run "a_topic_of_another_region_is_refused" {
  command = plan

  variables {
    notification_topic_arn = "arn:aws:sns:eu-west-1:123456789012:alerts"
  }

  expect_failures = [aws_lambda_function.cleaner]
}

run "events" {
  command = plan

  variables {
    event_bus_name = "platform"
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if s.Sid == "PutRunEvents"] == [{
      Sid       = "PutRunEvents"
      Effect    = "Allow"
      Action    = ["events:PutEvents"]
      Resource  = ["arn:aws:events:us-east-1:123456789012:event-bus/platform"]
      Condition = { "ForAllValues:StringEquals" = { "events:detail-type" = ["ECR Cleaner Run"], "events:source" = ["ecr-cleaner"] } }
    }]
    error_message = "The role puts its own events on this bus, nothing else and nowhere else."
  }
}

run "a_dashboard" {
  command = plan

  variables {
    name              = "cleaner"
    dashboard_enabled = true
    metrics_namespace = "Platform"
  }

  assert {
    condition     = output.dashboard_name == "cleaner-us-east-1"
    error_message = "Dashboards are global: the name carries the region."
  }

  assert {
    condition = alltrue([
      for w in jsondecode(aws_cloudwatch_dashboard.cleaner[0].dashboard_body).widgets :
      w.x >= 0 && w.width >= 1 && w.x + w.width <= 24 && w.y >= 0 && w.height >= 1 && w.height <= 1000 && contains(["text", "alarm", "metric"], w.type)
    ])
    error_message = "Every widget lies on the grid of 24 columns."
  }

  assert {
    condition = length(distinct([
      for w in jsondecode(aws_cloudwatch_dashboard.cleaner[0].dashboard_body).widgets : "${w.x}/${w.y}"
    ])) == length(jsondecode(aws_cloudwatch_dashboard.cleaner[0].dashboard_body).widgets)
    error_message = "No widget lies on another one."
  }

  assert {
    condition = [
      for w in jsondecode(aws_cloudwatch_dashboard.cleaner[0].dashboard_body).widgets : w.properties.alarms if w.type == "alarm"
      ] == [[
        "arn:aws:cloudwatch:us-east-1:123456789012:alarm:cleaner-failed",
        "arn:aws:cloudwatch:us-east-1:123456789012:alarm:cleaner-not-run",
        "arn:aws:cloudwatch:us-east-1:123456789012:alarm:cleaner-undelivered",
        "arn:aws:cloudwatch:us-east-1:123456789012:alarm:cleaner-tripwire",
    ]]
    error_message = "It shows every alarm that there is."
  }

  assert {
    condition = alltrue(flatten([
      for w in jsondecode(aws_cloudwatch_dashboard.cleaner[0].dashboard_body).widgets : [
        for m in w.properties.metrics : m[0] == "Platform" && m[2] == "FunctionName" && m[3] == "cleaner"
      ] if w.type == "metric"
    ]))
    error_message = "The graphs are of this function's metrics."
  }
}
