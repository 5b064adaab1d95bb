terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

data "aws_region" "current" {}

module "policies" {
  source = "../usage-reader-policies"

  # CloudFormation knows them in each account.
  account_id                = "$${AWS::AccountId}"
  additional_principal_arns = var.additional_principal_arns
  cleaner_role_arn          = var.cleaner_role_arn
  organization_id           = var.organization_id
  partition                 = "$${AWS::Partition}"
}

locals {
  template = jsonencode({
    AWSTemplateFormatVersion = "2010-09-09"
    Description              = "Lets the ECR cleaner of another account read which images are in use here"
    Resources = {
      Reader = {
        Type = "AWS::IAM::Role"
        Properties = {
          RoleName                 = var.role_name
          Description              = "Lets the ECR cleaner of another account read which images are in use here"
          AssumeRolePolicyDocument = module.policies.trust
          Policies = [{
            PolicyName = "read-usages"
            PolicyDocument = merge(module.policies.policy, {
              Statement = concat(
                [for statement in module.policies.policy.Statement : statement if !strcontains(statement.Resource[0], "$${")],
                [for statement in module.policies.policy.Statement : merge(statement, {
                  Resource = [for resource in statement.Resource : { "Fn::Sub" = resource }]
                }) if strcontains(statement.Resource[0], "$${")],
              )
            })
          }]
          Tags = [for key in sort(keys(var.tags)) : { Key = key, Value = var.tags[key] }]
        }
      }
    }
    Outputs = {
      RoleArn = { Description = "ARN of the role", Value = { "Fn::GetAtt" = ["Reader", "Arn"] } }
    }
  })
}

resource "aws_cloudformation_stack_set" "reader" {
  name             = var.name
  description      = "The role by which the ECR cleaner reads which images are in use"
  permission_model = "SERVICE_MANAGED"
  call_as          = var.call_as
  capabilities     = ["CAPABILITY_NAMED_IAM"]
  template_body    = local.template
  tags             = var.tags

  # An account that joins gets the role by itself, and one that leaves loses it.
  auto_deployment {
    enabled                          = true
    retain_stacks_on_account_removal = false
  }

  # One account that refuses, by a policy of its organizational unit, keeps no other one from its role.
  operation_preferences {
    failure_tolerance_percentage = 100
    max_concurrent_percentage    = 100
  }

  lifecycle {
    ignore_changes = [administration_role_arn] # AWS names one by itself, and the provider would take it away
  }
}

resource "aws_cloudformation_stack_instances" "reader" {
  stack_set_name = aws_cloudformation_stack_set.reader.name
  call_as        = var.call_as

  # IAM has no regions: one stack makes the role for all of them.
  regions = [coalesce(var.stack_region, data.aws_region.current.id)]

  deployment_targets {
    organizational_unit_ids = var.organizational_unit_ids
  }

  operation_preferences {
    failure_tolerance_percentage = 100
    max_concurrent_percentage    = 100
  }
}
