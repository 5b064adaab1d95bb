# Rings when a run failed, when none took place, and when usages fell so far that a person has to say that it is right.

locals {
  # Who is woken by an alarm finds there what to do; a test compares it with what the function tells.
  documentation = "https://github.com/your-org/terraform-aws-ecr-cleaner/blob/v0.1.0/docs"

  # Only a schedule that surely starts at least once a day can be missed after 26 hours.
  schedule_is_daily = anytrue([
    can(regex("^cron\\([^ ]+ [^ ]+ [*?] \\* [*?] \\*\\)$", var.schedule_expression)),
    try(tonumber(regex("^rate\\(([0-9]+) minutes?\\)$", var.schedule_expression)[0]) <= 1440, false),
    try(tonumber(regex("^rate\\(([0-9]+) hours?\\)$", var.schedule_expression)[0]) <= 24, false),
    var.schedule_expression == "rate(1 day)",
  ])
}

resource "aws_cloudwatch_metric_alarm" "failed" {
  count = var.create ? 1 : 0

  alarm_name        = "${var.name}-failed"
  alarm_description = "A run of ${var.name} did less than it should. The error is one line of JSON in the queue ${local.queue_name} and in the log group /aws/lambda/${var.name}. What to do: ${local.documentation}/operations.md#failed-and-refused-runs"
  alarm_actions     = var.alarm_actions
  tags              = var.tags

  namespace           = "AWS/Lambda"
  metric_name         = "Errors"
  dimensions          = { FunctionName = aws_lambda_function.cleaner[0].function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
}

resource "aws_cloudwatch_metric_alarm" "not_run" {
  count = var.create && var.schedule_enabled && local.schedule_is_daily ? 1 : 0

  alarm_name        = "${var.name}-not-run"
  alarm_description = "${var.name} did not run in 26 hours. Look at its schedule and at the queue ${local.queue_name}. What to do: ${local.documentation}/operations.md#alarms"
  alarm_actions     = var.alarm_actions
  tags              = var.tags

  namespace           = "AWS/Lambda"
  metric_name         = "Invocations"
  dimensions          = { FunctionName = aws_lambda_function.cleaner[0].function_name }
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = 26
  datapoints_to_alarm = 26
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  # Lambda reports no data at all for an hour without a run.
  treat_missing_data = "breaching"
}

# The failed run rings as well; this one says that it waits for a person, and will wait every night.
resource "aws_cloudwatch_metric_alarm" "tripwire" {
  count = var.create && var.metrics_enabled && var.history_enabled && var.max_usage_drop_percent != null ? 1 : 0

  alarm_name        = "${var.name}-tripwire"
  alarm_description = "The images in use fell by more than max_usage_drop_percent allows, so ${var.name} removes nothing until a person confirms it. The run's error has the command: see the queue ${local.queue_name} or the log group /aws/lambda/${var.name}. What to do: ${local.documentation}/safety.md#tripwire"
  alarm_actions     = var.alarm_actions
  tags              = var.tags

  namespace           = var.metrics_namespace
  metric_name         = "TripwireTripped"
  dimensions          = { FunctionName = aws_lambda_function.cleaner[0].function_name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  # There is a value for each run, and none in between.
  treat_missing_data = "notBreaching"
}
