terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

data "aws_eks_clusters" "all" {}

module "ecr_cleaner" {
  source = "../../"
}

module "eks_access" {
  source = "../../modules/eks-access"

  role_arn = module.ecr_cleaner.role_arn
  clusters = data.aws_eks_clusters.all.names
}

output "clusters" {
  description = "The clusters whose API the function reads."
  value       = sort(data.aws_eks_clusters.all.names)
}
