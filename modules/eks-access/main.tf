terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

data "aws_partition" "current" {}

# The entry stores the role's unique id: a role that was made anew under the same ARN needs a new entry.
resource "aws_eks_access_entry" "reader" {
  for_each = var.clusters

  cluster_name      = each.value
  principal_arn     = var.role_arn
  kubernetes_groups = [var.kubernetes_group]
}

resource "aws_eks_access_policy_association" "view" {
  for_each = var.clusters

  cluster_name  = each.value
  policy_arn    = "arn:${data.aws_partition.current.partition}:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
  principal_arn = aws_eks_access_entry.reader[each.key].principal_arn

  access_scope {
    type = "cluster"
  }
}
