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

module "ecr_cleaner" {
  source = "../../"

  name              = "approved-cleaner"
  dry_run           = false
  require_approval  = true
  plan_expiry_hours = 48

  image_uri = var.image_uri
}

output "approve_command" {
  description = "Paste it with the id of the plan in place of PLAN."
  value       = module.ecr_cleaner.approve_command
}
