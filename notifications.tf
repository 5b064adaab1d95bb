# Tells people of runs: an SNS topic, given or made here.

locals {
  topic_name = "${var.name}-runs"
  topic_arn  = var.notifications_enabled ? "arn:${local.partition}:sns:${local.region}:${local.account_id}:${local.topic_name}" : var.notification_topic_arn

  notifications = local.topic_arn == null ? null : { topic_arn = local.topic_arn, on = var.notify_on }

  event_bus_arn = var.event_bus_name == null ? null : "arn:${local.partition}:events:${local.region}:${local.account_id}:event-bus/${var.event_bus_name}"
}

resource "aws_sns_topic" "runs" {
  # Only what is known before an apply decides, so that the ARN of a topic made elsewhere may come from a resource.
  count = var.create && var.notifications_enabled ? 1 : 0

  name              = local.topic_name
  display_name      = substr("ECR cleaner ${var.name}", 0, 100)
  kms_master_key_id = var.kms_key_arn
  tags              = var.tags
}

# The function publishes by its role's policy. A topic's policy can deny no more than its own actions, so not "sns:*".
resource "aws_sns_topic_policy" "runs" {
  # checkov:skip=CKV_AWS_169:It cannot see the account to which the condition confines CloudWatch

  count = var.create && var.notifications_enabled ? 1 : 0

  arn = aws_sns_topic.runs[0].arn
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["sns:Publish"]
        Resource  = [local.topic_arn]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      # So that the topic may be among alarm_actions too.
      {
        Sid       = "AlarmsOfThisModule"
        Effect    = "Allow"
        Principal = { Service = "cloudwatch.amazonaws.com" }
        Action    = ["sns:Publish"]
        Resource  = [local.topic_arn]
        Condition = {
          StringEquals = { "aws:SourceAccount" = local.account_id }
          ArnLike      = { "aws:SourceArn" = "arn:${local.partition}:cloudwatch:${local.region}:${local.account_id}:alarm:${var.name}-*" }
        }
      },
    ]
  })
}
