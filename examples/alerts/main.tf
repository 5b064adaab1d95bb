terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

provider "aws" {}

variable "image_uri" {
  type        = string
  description = "Image to use instead of building one."
  default     = null
}

variable "mail" {
  type        = string
  description = "Who is told of runs and alarms; has to confirm the first mail."
  default     = "platform@example.com"
}

module "ecr_cleaner" {
  source = "../../"

  image_uri = var.image_uri

  # People: a mail about each run that removes something, or would, or has problems, and about each alarm.
  notifications_enabled = true
  notify_on             = "removals"
  alarm_actions         = [module.ecr_cleaner.notification_topic_arn]

  # Programs: an event for each run.
  event_bus_name = "default"

  dashboard_enabled = true
}

resource "aws_sns_topic_subscription" "mail" {
  topic_arn = module.ecr_cleaner.notification_topic_arn
  protocol  = "email"
  endpoint  = var.mail
}

# Runs that did less than they should, kept for whoever looks after them.
resource "aws_cloudwatch_event_rule" "problems" {
  name        = "${module.ecr_cleaner.function_name}-problems"
  description = "Runs of ${module.ecr_cleaner.function_name} that did less than they should"

  event_pattern = jsonencode({
    source        = ["ecr-cleaner"]
    "detail-type" = ["ECR Cleaner Run"]
    detail = {
      function_name = [module.ecr_cleaner.function_name]
      status        = [{ "anything-but" = "completed" }]
    }
  })
}

resource "aws_cloudwatch_event_target" "problems" {
  rule = aws_cloudwatch_event_rule.problems.name
  arn  = aws_sqs_queue.problems.arn
}

resource "aws_sqs_queue" "problems" {
  name                    = "${module.ecr_cleaner.function_name}-problems"
  sqs_managed_sse_enabled = true
}

resource "aws_sqs_queue_policy" "problems" {
  queue_url = aws_sqs_queue.problems.url

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyThisRule"
      Effect    = "Allow"
      Principal = { Service = "events.amazonaws.com" }
      Action    = "sqs:SendMessage"
      Resource  = aws_sqs_queue.problems.arn
      Condition = { ArnEquals = { "aws:SourceArn" = aws_cloudwatch_event_rule.problems.arn } }
    }]
  })
}

output "dashboard_name" {
  description = "Name of the dashboard."
  value       = module.ecr_cleaner.dashboard_name
}

output "dry_run_command" {
  description = "Paste it to see what would be removed, and what the mail looks like."
  value       = module.ecr_cleaner.dry_run_command
}

output "problems_queue_url" {
  description = "URL of the queue that receives runs with problems."
  value       = aws_sqs_queue.problems.url
}
