# Whom the role trusts and what it may read, for the two modules that roll it out.

terraform {
  required_version = ">= 1.9"
}

locals {
  cleaner = regex("^arn:(?P<partition>[^:]+):iam::(?P<account>[0-9]+):role/", var.cleaner_role_arn)

  of_organization = var.organization_id == null ? {} : { StringEquals = { "aws:PrincipalOrgID" = var.organization_id } }

  # The account with a condition, and not the role: a role as principal is stored as its unique id, and one that was made anew
  # by the same name would not be trusted any more.
  trust = {
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "OnlyCleaner"
        Effect    = "Allow"
        Principal = { AWS = ["arn:${local.cleaner.partition}:iam::${local.cleaner.account}:root"] }
        Action    = ["sts:AssumeRole"]
        Condition = merge({ ArnEquals = { "aws:PrincipalArn" = [var.cleaner_role_arn] } }, local.of_organization)
      }],
      length(var.additional_principal_arns) == 0 ? [] : [{
        Sid       = "People"
        Effect    = "Allow"
        Principal = { AWS = sort(distinct([for arn in var.additional_principal_arns : replace(arn, "/:(role|user)/.*$/", ":root")])) }
        Action    = ["sts:AssumeRole"]
        Condition = merge({ ArnLike = { "aws:PrincipalArn" = sort(var.additional_principal_arns) } }, local.of_organization)
      }],
    )
  }

  # Written from ecr_cleaner/usage by `make generate`.
  policy = jsondecode(replace(replace(
    file("${path.module}/policy.json"), "{partition}", var.partition), "{account}", var.account_id
  ))
}

output "policy" {
  description = "What the role may read."
  value       = local.policy
}

output "trust" {
  description = "Who may assume the role."
  value       = local.trust
}
