terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

provider "aws" {
  alias  = "registry"
  region = "us-east-1"
}

# With credentials of the other account: a profile, or assume_role.
provider "aws" {
  alias               = "shop"
  region              = "us-east-1"
  allowed_account_ids = ["222233334444"]
}

module "ecr_cleaner" {
  source    = "../../"
  providers = { aws = aws.registry }

  accounts = ["222233334444"]
}

module "usage_reader" {
  source    = "../../modules/usage-reader"
  providers = { aws = aws.shop }

  cleaner_role_arn = module.ecr_cleaner.role_arn
  eks_clusters     = ["prod"]
}

output "reader_role_arn" {
  description = "ARN of the role that the function assumes in the other account."
  value       = module.usage_reader.role_arn
}
