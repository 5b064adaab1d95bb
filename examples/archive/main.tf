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

variable "bucket_name" {
  type        = string
  description = "Existing bucket for the history and the journal. null: the module makes one."
  default     = null
}

module "ecr_cleaner" {
  source = "../../"

  name        = "ecr-archiver"
  image_uri   = var.image_uri
  bucket_name = var.bucket_name

  dry_run                    = false
  removal_mode               = "archive"
  delete_archived_after_days = 180
  journal_retention_days     = 365

  max_removal_percent_per_repository = 50
}

output "dry_run_command" {
  description = "Paste it to see what would be moved into the archive."
  value       = module.ecr_cleaner.dry_run_command
}
