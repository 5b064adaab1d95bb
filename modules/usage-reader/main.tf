terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

module "policies" {
  source = "../usage-reader-policies"

  account_id                = data.aws_caller_identity.current.account_id
  additional_principal_arns = var.additional_principal_arns
  cleaner_role_arn          = var.cleaner_role_arn
  organization_id           = var.organization_id
  partition                 = data.aws_partition.current.partition
}

# Without a path: the function knows it by its name.
resource "aws_iam_role" "reader" {
  name                 = var.role_name
  description          = "Lets the ECR cleaner of another account read which images are in use here"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags
  assume_role_policy   = jsonencode(module.policies.trust)
}

resource "aws_iam_role_policy" "reader" {
  name   = "read-usages"
  role   = aws_iam_role.reader.id
  policy = jsonencode(module.policies.policy)
}

module "eks_access" {
  source = "../eks-access"

  clusters = var.eks_clusters
  role_arn = aws_iam_role.reader.arn
}
