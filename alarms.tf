# Rings when a run failed, when none took place or could be started, when other accounts could not be looked at, and when usages fell
# so far that a person has to say that it is right. Only of what stays wrong until it is mended OK is told as well: after a failed run
# it comes in five minutes.

locals {
  looks_at_other_accounts = length(var.accounts) > 0 || var.organization != null

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

  # A scan that fails in the state machine fails no night by itself, and no task there lasts for ever: nothing times out
  # as a whole, and what a person stops tells that person.
  namespace           = local.has_machine ? "AWS/States" : "AWS/Lambda"
  metric_name         = local.has_machine ? "ExecutionsFailed" : "Errors"
  dimensions          = local.has_machine ? { StateMachineArn = aws_sfn_state_machine.cleaner[0].arn } : { FunctionName = aws_lambda_function.cleaner[0].function_name }
  statistic           = "Sum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "notBreaching"
}

# Silence before the first night is no reason to ring, so it counts only once a run took place; what kept the first from being
# started is told by another alarm.
resource "aws_cloudwatch_composite_alarm" "not_run" {
  count = var.create && var.schedule_enabled && local.schedule_is_daily ? 1 : 0

  alarm_name        = "${var.name}-not-run"
  alarm_description = "${var.name} did not run in 26 hours. Look at its schedule and at the queue ${local.undelivered_queue_name}. OK: it runs again. What to do: ${local.documentation}/operations.md#alarms"
  alarm_actions     = var.alarm_actions
  ok_actions        = var.ok_actions
  tags              = var.tags

  alarm_rule = "ALARM(\"${aws_cloudwatch_metric_alarm.silent[0].alarm_name}\") AND NOT INSUFFICIENT_DATA(\"${aws_cloudwatch_metric_alarm.has_run[0].alarm_name}\")"
}

resource "aws_cloudwatch_metric_alarm" "silent" {
  count = var.create && var.schedule_enabled && local.schedule_is_daily ? 1 : 0

  alarm_name        = "${var.name}-silent"
  alarm_description = "Part of ${var.name}-not-run, tells nobody: no run in 26 hours."
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

# Without data until the first run and never again, as what is missing changes nothing:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
resource "aws_cloudwatch_metric_alarm" "has_run" {
  count = var.create && var.schedule_enabled && local.schedule_is_daily ? 1 : 0

  alarm_name        = "${var.name}-has-run"
  alarm_description = "Part of ${var.name}-not-run, tells nobody: OK since the first run."
  tags              = var.tags

  namespace           = "AWS/Lambda"
  metric_name         = "Invocations"
  dimensions          = { FunctionName = aws_lambda_function.cleaner[0].function_name }
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = 1
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "ignore"
}

# A start that Scheduler gave up. It rings until the queue is empty.
resource "aws_cloudwatch_metric_alarm" "undelivered" {
  count = var.create ? 1 : 0

  alarm_name        = "${var.name}-undelivered"
  alarm_description = "The schedule could not start ${var.name}: a message in the queue ${local.undelivered_queue_name} says why, in its attributes. OK: the queue is empty. What to do: ${local.documentation}/operations.md#alarms"
  alarm_actions     = var.alarm_actions
  ok_actions        = var.ok_actions
  tags              = var.tags

  namespace           = "AWS/SQS"
  metric_name         = "ApproximateNumberOfMessagesVisible"
  dimensions          = { QueueName = aws_sqs_queue.undelivered[0].name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  # SQS reports no data of a queue that nobody has used for hours.
  treat_missing_data = "notBreaching"
}

# It rings once, and until a run looks at all of them: a run in between that looks at none has no value of it.
resource "aws_cloudwatch_metric_alarm" "degraded" {
  count = var.create && var.metrics_enabled && local.looks_at_other_accounts ? 1 : 0

  alarm_name        = "${var.name}-degraded"
  alarm_description = "${var.name} could not look at other accounts completely, so it keeps what they may pull, and cleans everything else. The report and the log group /aws/lambda/${var.name} say which, and what mends it. OK: all of them are looked at. What to do: ${local.documentation}/operations.md#degraded-runs"
  alarm_actions     = var.alarm_actions
  ok_actions        = var.ok_actions
  tags              = var.tags

  namespace           = var.metrics_namespace
  metric_name         = "Degraded"
  dimensions          = { FunctionName = aws_lambda_function.cleaner[0].function_name }
  statistic           = "Maximum"
  period              = 300
  evaluation_periods  = 1
  comparison_operator = "GreaterThanOrEqualToThreshold"
  threshold           = 1
  treat_missing_data  = "ignore"
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
