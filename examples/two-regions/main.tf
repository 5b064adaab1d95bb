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
  alias  = "virginia"
  region = "us-east-1"
}

provider "aws" {
  alias  = "ireland"
  region = "eu-west-1"
}

variable "image_uris" {
  type        = map(string)
  description = "Images to use instead of building them, by region."
  default     = {}
}

module "ecr_cleaner_virginia" {
  source    = "../../"
  providers = { aws = aws.virginia }

  image_uri = lookup(var.image_uris, "us-east-1", null)
}

module "ecr_cleaner_ireland" {
  source    = "../../"
  providers = { aws = aws.ireland }

  image_uri = lookup(var.image_uris, "eu-west-1", null)
}

output "function_arns" {
  description = "ARNs of the functions."
  value       = [module.ecr_cleaner_virginia.function_arn, module.ecr_cleaner_ireland.function_arn]
}
