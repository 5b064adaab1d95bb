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

module "ecr_cleaner" {
  source = "../../"
}

output "dry_run_command" {
  description = "Paste it to see what would be removed."
  value       = module.ecr_cleaner.dry_run_command
}
