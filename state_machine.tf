# Where one invocation may not be long enough: the schedule starts a state machine that looks at each account and region in an
# invocation of its own, and goes on as long as something is left.

locals {
  # How many of a resource there are must be known before an apply, so it depends on nothing but inputs.
  has_machine = var.state_machine || local.looks_at_other_accounts

  machine_arn = "arn:${local.partition}:states:${local.region}:${local.account_id}:stateMachine:${var.name}"

  # What the machine does, each as https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-distributed-map.html and
  # .../cw-logs.html have it: executions of the map are of the machine itself, and log deliveries know no resource.
  machine_statements = concat(
    [
      { Sid = "InvokeFunction", Effect = "Allow", Action = ["lambda:InvokeFunction"], Resource = [local.lambda_arn] },
      { Sid = "StartScans", Effect = "Allow", Action = ["states:StartExecution"], Resource = [local.machine_arn] },
      {
        Sid      = "FollowScans"
        Effect   = "Allow"
        Action   = ["states:DescribeExecution", "states:StopExecution"]
        Resource = ["${replace(local.machine_arn, ":stateMachine:", ":execution:")}/*"]
      },
      { Sid = "ReportFailures", Effect = "Allow", Action = ["sqs:SendMessage"], Resource = [local.queue_arn] },
      {
        Sid    = "DeliverLogs"
        Effect = "Allow"
        Action = [
          "logs:CreateLogDelivery", "logs:DeleteLogDelivery", "logs:DescribeLogGroups", "logs:DescribeResourcePolicies",
          "logs:GetLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:UpdateLogDelivery",
        ]
        Resource = ["*"]
      },
    ],
    local.has_bucket ? [merge(local.own_bucket, {
      Sid      = "ReadItems"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = ["${local.bucket_arn}/${local.bucket_prefix}runs/*"]
    })] : [],
    local.key_statements,
  )
}

resource "aws_sfn_state_machine" "cleaner" {
  # checkov:skip=CKV_AWS_284:An execution keeps its history, and each invocation writes its own log

  count = var.create && local.has_machine ? 1 : 0

  name     = var.name
  role_arn = aws_iam_role.machine[0].arn
  tags     = var.tags

  # Its states carry names of objects, never lists: what lies in these is in the bucket.
  definition = templatefile("${path.module}/state_machine.asl.json.tftpl", {
    name         = var.name
    partition    = local.partition
    function_arn = aws_lambda_function.cleaner[0].arn
    queue_url    = aws_sqs_queue.failures[0].url
    # More at once would only be throttled.
    max_concurrency = var.reserved_concurrent_executions > 0 ? min(40, var.reserved_concurrent_executions) : 40
  })

  logging_configuration {
    log_destination        = "${aws_cloudwatch_log_group.machine[0].arn}:*"
    include_execution_data = true # accounts and regions, and why one could not be looked at
    level                  = "ERROR"
  }

  lifecycle {
    precondition {
      condition     = local.has_bucket
      error_message = "accounts, organization and state_machine = true need a bucket, in which invocations leave what they found to each other: set history_enabled or bucket_name."
    }
  }

  depends_on = [aws_iam_role_policy.machine]
}

# Log groups with other names outgrow the policy of log deliveries, which lists each one:
# https://docs.aws.amazon.com/step-functions/latest/dg/bp-cwl.html
resource "aws_cloudwatch_log_group" "machine" {
  # checkov:skip=CKV_AWS_338:The caller says how long; journal and reports have what was removed

  count = var.create && local.has_machine ? 1 : 0

  name              = "/aws/vendedlogs/states/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}

resource "aws_iam_role" "machine" {
  count = var.create && local.has_machine ? 1 : 0

  name                 = "${var.name}-machine-${local.region}"
  path                 = var.iam_role_path
  description          = "Lets the state machine ${var.name} invoke the function ${var.name}"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyThisMachine"
      Effect    = "Allow"
      Principal = { Service = "states.amazonaws.com" }
      Action    = "sts:AssumeRole"
      Condition = {
        StringEquals = { "aws:SourceAccount" = local.account_id }
        # Executions of the map bear its label behind the machine's name.
        ArnLike = { "aws:SourceArn" = [local.machine_arn, "${local.machine_arn}/*"] }
      }
    }]
  })
}

resource "aws_iam_role_policy" "machine" {
  count = var.create && local.has_machine ? 1 : 0

  name = "run"
  role = aws_iam_role.machine[0].id

  policy = jsonencode({ Version = "2012-10-17", Statement = local.machine_statements })
}
