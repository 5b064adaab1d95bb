locals {
  # How a person starts a run with an event: what the schedule starts.
  start_command = (local.has_machine ?
    "aws stepfunctions start-execution --region ${local.region} --state-machine-arn ${local.machine_arn} --input '%s'" :
    "aws lambda invoke --region ${local.region} --function-name ${var.name} --cli-binary-format raw-in-base64-out --cli-read-timeout 0 --payload '%s' /dev/stdout"
  )
}

output "approve_command" {
  description = "Command that carries out a plan that waits for approval and prints the result; replace PLAN by the plan's id. null unless approval is required. With a state machine, it starts an execution."
  value       = var.create && var.require_approval ? format(local.start_command, jsonencode({ schema_version = 1, action = "apply", plan = "PLAN" })) : null
}

output "bucket_name" {
  description = "Name of the bucket that holds history, journal, plans and reports; null without one."
  value       = var.create ? local.bucket : null
}

output "dashboard_name" {
  description = "Name of the CloudWatch dashboard; null without one."
  value       = one(aws_cloudwatch_dashboard.cleaner[*].dashboard_name)
}

output "dry_run_command" {
  description = "Command that starts the function once, as a dry run whatever dry_run says, and prints its result. With a state machine, it starts an execution."
  value       = !var.create ? null : format(local.start_command, jsonencode({ schema_version = 1, action = "run", dry_run = true }))
}

output "failure_queue_arn" {
  description = "ARN of the queue that receives failed runs."
  value       = one(aws_sqs_queue.failures[*].arn)
}

output "failure_queue_name" {
  description = "Name of the queue that receives failed runs."
  value       = one(aws_sqs_queue.failures[*].name)
}

output "function_arn" {
  description = "ARN of the function."
  value       = one(aws_lambda_function.cleaner[*].arn)
}

output "function_name" {
  description = "Name of the function."
  value       = one(aws_lambda_function.cleaner[*].function_name)
}

output "image_uri" {
  description = "Image that the function runs."
  value       = one(aws_lambda_function.cleaner[*].image_uri)
}

output "log_group_arn" {
  description = "ARN of the function's log group."
  value       = one(aws_cloudwatch_log_group.function[*].arn)
}

output "log_group_name" {
  description = "Name of the function's log group."
  value       = one(aws_cloudwatch_log_group.function[*].name)
}

output "notification_topic_arn" {
  description = "ARN of the topic on which a summary of runs is published; null without one."
  value       = !var.create ? null : var.notifications_enabled ? aws_sns_topic.runs[0].arn : var.notification_topic_arn
}

output "reports_uri" {
  description = "Where the reports of runs are, such as s3://bucket/prefix/reports/; the last one is latest.html in it. null without them."
  value       = !var.create || !try(local.storage.reports, false) ? null : "s3://${local.bucket}/${local.bucket_prefix}reports/"
}

output "role_arn" {
  description = "ARN of the function's role; exclude it from pull times with `aws ecr register-pull-time-update-exclusion`."
  value       = one(aws_iam_role.function[*].arn)
}

output "role_name" {
  description = "Name of the function's role."
  value       = one(aws_iam_role.function[*].name)
}

output "schedule_arn" {
  description = "ARN of the schedule."
  value       = one(aws_scheduler_schedule.cleaner[*].arn)
}

output "schedule_name" {
  description = "Name of the schedule, and of its group."
  value       = one(aws_scheduler_schedule.cleaner[*].name)
}

output "state_machine_arn" {
  description = "ARN of the state machine that the schedule starts; null without one, when it starts the function."
  value       = one(aws_sfn_state_machine.cleaner[*].arn)
}
