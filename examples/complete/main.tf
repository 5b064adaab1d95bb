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

variable "dry_run" {
  type        = bool
  description = "Only say what would be removed."
  default     = false
}

resource "aws_sns_topic" "alarms" {
  name = "registry-cleaner-alarms"
}

module "ecr_cleaner" {
  source = "../../"

  name              = "registry-cleaner"
  dry_run           = var.dry_run
  default_keep_days = 60
  minimum_keep_days = 7

  # An image goes only if each rule that selects it lets it go; what none selects stays for 60 days.
  retention_rules = [
    { repositories = ["shop/*"], tags = ["v[0-9]*"], keep_newest = 10 },
    { repositories = ["shop/*"], tags = ["pr-*"], keep_days = 14 },
    { repositories = ["shop/*"], tags = ["release-*"], keep = true },
    { repositories = ["*"], untagged = true, artifact_types = ["application/vnd.buildkit.*"], keep_days = 7 },
    { repositories = ["sandbox/*"], keep_days = 7 },
  ]

  keep_recently_used_days            = 14
  max_removal_percent_per_repository = 50
  max_removals_per_run               = 500

  schedule_expression = "cron(30 3 * * ? *)"
  schedule_timezone   = "Europe/Berlin"

  image_uri    = var.image_uri
  architecture = "x86_64"
  memory_size  = 2048

  log_level          = "DEBUG"
  log_retention_days = 365

  alarm_actions          = [aws_sns_topic.alarms.arn]
  notification_topic_arn = aws_sns_topic.alarms.arn
  accepted_gaps          = { "pull_through_cache:*" = "whatever is missing is fetched again" }

  tags = { team = "platform" }
}

output "function_name" {
  description = "Name of the function."
  value       = module.ecr_cleaner.function_name
}

output "dry_run_command" {
  description = "Paste it to see what would be removed."
  value       = module.ecr_cleaner.dry_run_command
}
