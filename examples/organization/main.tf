terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

variable "organization_id" {
  type        = string
  description = "Id of the organization."
  default     = "o-a1b2c3d4e5"
}

variable "organizational_unit_ids" {
  type        = set(string)
  description = "Where accounts may pull images: the root, or units."
  default     = ["r-a1b2"]
}

module "ecr_cleaner" {
  source = "../../"

  organization = {}
}

module "usage_readers" {
  source = "../../modules/usage-reader-stackset"

  call_as                 = "DELEGATED_ADMIN"
  cleaner_role_arn        = module.ecr_cleaner.role_arn
  organization_id         = var.organization_id
  organizational_unit_ids = var.organizational_unit_ids
}

output "template" {
  description = "The CloudFormation template, for the management account, which no stack set reaches."
  value       = module.usage_readers.template
}
