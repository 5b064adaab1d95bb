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
  description = "Image of the function in a private ECR repository of this region."
}

module "ecr_cleaner" {
  source = "../../"

  image_uri    = var.image_uri
  architecture = "x86_64"
}

output "image_uri" {
  description = "The image that the function runs."
  value       = module.ecr_cleaner.image_uri
}
