# Starts the function every night, or the state machine that invokes it.

resource "aws_scheduler_schedule_group" "cleaner" {
  count = var.create ? 1 : 0

  name = var.name
  tags = var.tags
}

resource "aws_scheduler_schedule" "cleaner" {
  # checkov:skip=CKV_AWS_297:The schedule holds names and an empty request, and Scheduler encrypts them with its own key

  count = var.create ? 1 : 0

  name        = var.name
  group_name  = aws_scheduler_schedule_group.cleaner[0].name
  description = "Starts the function ${var.name}"
  state       = var.schedule_enabled ? "ENABLED" : "DISABLED"

  schedule_expression          = var.schedule_expression
  schedule_expression_timezone = var.schedule_timezone

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = local.has_machine ? aws_sfn_state_machine.cleaner[0].arn : aws_lambda_function.cleaner[0].arn
    role_arn = aws_iam_role.scheduler[0].arn
    input    = jsonencode({})

    # Only the delivery is tried again, for which Lambda may be short of a moment; a run that began is never repeated.
    retry_policy {
      maximum_retry_attempts       = 2
      maximum_event_age_in_seconds = 60 * 60
    }

    dead_letter_config {
      arn = aws_sqs_queue.undelivered[0].arn
    }
  }

  depends_on = [aws_iam_role_policy.scheduler]
}

resource "aws_iam_role" "scheduler" {
  count = var.create ? 1 : 0

  name                 = "${var.name}-scheduler-${local.region}"
  path                 = var.iam_role_path
  description          = "Lets EventBridge Scheduler start the function ${var.name}"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyThisSchedule"
      Effect    = "Allow"
      Principal = { Service = "scheduler.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = {
          "aws:SourceAccount" = local.account_id
          # Scheduler names the group here, never the single schedule.
          "aws:SourceArn" = "arn:${local.partition}:scheduler:${local.region}:${local.account_id}:schedule-group/${var.name}"
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "scheduler" {
  count = var.create ? 1 : 0

  name = "start"
  role = aws_iam_role.scheduler[0].id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [
        local.has_machine ?
        { Sid = "StartMachine", Effect = "Allow", Action = ["states:StartExecution"], Resource = [local.machine_arn] } :
        { Sid = "StartFunction", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = [local.lambda_arn] },
        { Sid = "ReportUndelivered", Effect = "Allow", Action = ["sqs:SendMessage"], Resource = [local.undelivered_queue_arn] },
      ],
      local.key_statements,
    )
  })
}
