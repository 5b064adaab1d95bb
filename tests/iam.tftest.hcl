# What the roles may do, word for word.

provider "aws" {
  region                      = "us-east-1"
  access_key                  = "test"
  secret_key                  = "test"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.current
  values = { account_id = "123456789012" }
}

variables {
  image_uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tools/cleaner:v1"
}

run "in_dry_run" {
  command = plan

  assert {
    condition     = !contains(flatten([for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s.Action if s.Effect == "Allow"]), "ecr:BatchDeleteImage")
    error_message = "While dry_run is true nothing allows removal."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if s.Sid == "DenyRemovalInDryRun"] == [{ Sid = "DenyRemovalInDryRun", Effect = "Deny", Action = ["ecr:BatchDeleteImage", "ecr:UpdateImageStorageClass"], Resource = ["*"] }]
    error_message = "While dry_run is true removal is denied altogether."
  }
}

run "with_removal" {
  command = plan

  variables {
    dry_run         = false
    used_images_uri = "s3://shop-inventories/prod/ecr/"
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if s.Effect == "Allow" && contains(s.Action, "ecr:BatchDeleteImage")] == [{
      Sid       = "RemoveImages"
      Effect    = "Allow"
      Action    = ["ecr:BatchDeleteImage"]
      Resource  = ["arn:aws:ecr:us-east-1:123456789012:repository/*"]
      Condition = { StringEquals = { "aws:ResourceAccount" = "123456789012", "aws:ResourceTag/BoxCleanerEnabled" = "true" } }
    }]
    error_message = "Removal is allowed once, and only where the repository opted in."
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if s.Sid == "DenyRemovalUnlessOptedIn"] == [{
      Sid       = "DenyRemovalUnlessOptedIn"
      Effect    = "Deny"
      Action    = ["ecr:BatchDeleteImage", "ecr:UpdateImageStorageClass"]
      Resource  = ["*"]
      Condition = { StringNotEquals = { "aws:ResourceTag/BoxCleanerEnabled" = "true" } }
    }]
    error_message = "Removal is denied where the repository did not opt in."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s.Resource if s.Sid == "DenyRemovalOfOwnImage"] == [["arn:aws:ecr:us-east-1:123456789012:repository/tools/cleaner"]]
    error_message = "Removal is denied where the function's own image lies."
  }

  assert {
    condition     = length([for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if s.Sid == "DenyRemovalInDryRun"]) == 0
    error_message = "The dry run's denial is gone."
  }

  assert {
    condition     = length(setsubtract(["ecr:TagResource", "ecr:UntagResource", "ecr:DeleteRepository", "ecr:SetRepositoryPolicy"], flatten([for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s.Action if s.Sid == "DenyChangingRepositories"]))) == 0
    error_message = "The role cannot opt a repository in, open it, or delete it."
  }

  assert {
    condition     = length(distinct([for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s.Sid])) == length(jsondecode(aws_iam_role_policy.function[0].policy).Statement)
    error_message = "Every statement has an id of its own."
  }

  assert {
    condition     = length(aws_iam_role_policy.function[0].policy) < 10240
    error_message = "An inline policy has at most 10240 characters, got ${length(aws_iam_role_policy.function[0].policy)}."
  }

  assert {
    condition     = alltrue([for p in aws_iam_policy.usage : length(p.policy) <= 6144])
    error_message = "A managed policy has at most 6144 characters, got ${jsonencode([for p in aws_iam_policy.usage : length(p.policy)])}."
  }

  assert {
    condition     = toset(flatten([for p in aws_iam_policy.usage : [for s in jsondecode(p.policy).Statement : s.Sid]])) == toset(flatten([for source in jsondecode(file("usage_sources.json")) : [for s in source.statements : s.Sid]]))
    error_message = "Every statement of every source is in one of the policies."
  }

  assert {
    condition     = !anytrue([for p in aws_iam_policy.usage : can(regex("\\{[a-z]", p.policy))])
    error_message = "No placeholder is left in a resource or a condition."
  }

  assert {
    condition     = contains(flatten([for p in aws_iam_policy.usage : [for s in jsondecode(p.policy).Statement : s.Resource]]), "arn:aws:lambda:*:123456789012:function:*")
    error_message = "Resources are those of this partition and account."
  }

  assert {
    condition     = length([for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if s.Effect == "Allow" && anytrue([for a in s.Action : strcontains(a, "*")])]) == 0
    error_message = "No action is allowed by a wildcard."
  }
}

run "archiving_without_deletion" {
  command = plan

  variables {
    dry_run      = false
    removal_mode = "archive"
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if s.Sid == "ArchiveImages"] == [{
      Sid      = "ArchiveImages"
      Effect   = "Allow"
      Action   = ["ecr:UpdateImageStorageClass"]
      Resource = ["arn:aws:ecr:us-east-1:123456789012:repository/*"]
      Condition = {
        StringEquals = { "aws:ResourceTag/BoxCleanerEnabled" = "true", "aws:ResourceAccount" = "123456789012" }
      }
    }]
    error_message = "Only images of repositories that opted in are archived."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s.Effect if contains(s.Action, "ecr:BatchDeleteImage")] == ["Deny", "Deny", "Deny"] && contains([for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s.Sid], "DenyDeletion")
    error_message = "Nothing is ever deleted."
  }
}

run "archiving_and_deletion_later" {
  command = plan

  variables {
    dry_run                    = false
    removal_mode               = "archive"
    delete_archived_after_days = 90
  }

  assert {
    condition     = length([for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if contains(["ArchiveImages", "RemoveImages"], s.Sid)]) == 2 && length([for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if contains(["DenyArchiving", "DenyDeletion"], s.Sid)]) == 0
    error_message = "Both are allowed."
  }
}

run "archiving_in_a_dry_run" {
  command = plan

  variables {
    removal_mode               = "archive"
    delete_archived_after_days = 90
  }

  assert {
    condition     = length([for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if contains(["ArchiveImages", "RemoveImages"], s.Sid)]) == 0 && [for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s.Action if s.Sid == "DenyRemovalInDryRun"] == [["ecr:BatchDeleteImage", "ecr:UpdateImageStorageClass"]]
    error_message = "Neither is allowed, and both are denied."
  }
}

run "listed_accounts_are_looked_at_by_their_role" {
  command = plan

  variables {
    accounts         = ["333344445555", "222233334444"]
    reader_role_name = "registry-reader"
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if anytrue([for a in s.Action : can(regex("^(sts|organizations):", a))])] == [{
      Sid      = "AssumeReaders"
      Effect   = "Allow"
      Action   = ["sts:AssumeRole"]
      Resource = ["arn:aws:iam::222233334444:role/registry-reader", "arn:aws:iam::333344445555:role/registry-reader"]
    }]
    error_message = "The role in the listed accounts, and nothing else."
  }
}

run "an_organization_is_looked_at_by_the_role_in_each_account" {
  command = plan

  variables {
    organization = {}
  }

  assert {
    condition = jsonencode([for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if anytrue([for a in s.Action : can(regex("^(sts|organizations):", a))])]) == jsonencode([
      {
        Sid       = "AssumeReadersInOrganization"
        Effect    = "Allow"
        Action    = ["sts:AssumeRole"]
        Resource  = ["arn:aws:iam::*:role/ecr-cleaner-reader"]
        Condition = { StringEquals = { "aws:ResourceOrgID" = "$${aws:PrincipalOrgID}" } }
      },
      { Sid = "ListAccounts", Effect = "Allow", Action = ["organizations:DescribeOrganization", "organizations:ListAccounts"], Resource = ["*"] },
    ])
    error_message = "The role in accounts of the same organization, and the list of these."
  }
}

run "without_other_accounts_no_role_is_assumed" {
  command = plan

  assert {
    condition     = !anytrue([for a in flatten([for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s.Action]) : can(regex("^(sts|organizations):", a))])
    error_message = "Nothing of other accounts is allowed."
  }
}

run "more_accounts_than_a_policy_can_name" {
  command = plan

  variables {
    accounts = [for n in range(200) : format("2222%08d", n)]
  }

  expect_failures = [aws_iam_role_policy.function]
}

run "as_many_accounts_as_the_page_promises" {
  command = plan

  variables {
    dry_run          = false
    removal_mode     = "archive"
    require_approval = true
    event_bus_name   = "default"
    kms_key_arn      = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"

    notifications_enabled         = true
    report_unmanaged_repositories = true

    accounts = [for n in range(50) : format("2222%08d", n)]
  }

  assert {
    condition     = length(aws_iam_role_policy.function[0].policy) <= 10240
    error_message = "Got ${length(aws_iam_role_policy.function[0].policy)}."
  }
}

run "other_repositories_are_listed_on_request" {
  command = plan

  variables {
    report_unmanaged_repositories = true
  }

  assert {
    condition = [for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if s.Sid == "ReadUnmanagedRepositories"] == [{
      Sid      = "ReadUnmanagedRepositories"
      Effect   = "Allow"
      Action   = ["ecr:DescribeImages", "ecr:GetLifecyclePolicy"]
      Resource = ["arn:aws:ecr:us-east-1:123456789012:repository/*"]
    }]
    error_message = "Repositories that did not opt in are listed, and nothing else."
  }

  assert {
    condition     = jsondecode(aws_lambda_function.cleaner[0].environment[0].variables.ECR_CLEANER_SETTINGS).report_unmanaged_repositories
    error_message = "The function knows."
  }
}

run "other_repositories_are_left_alone_otherwise" {
  command = plan

  assert {
    condition     = length([for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if s.Sid == "ReadUnmanagedRepositories"]) == 0
    error_message = "Without the request the role cannot list what did not opt in."
  }

  assert {
    condition = alltrue([
      for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : try(s.Condition.StringEquals["aws:ResourceTag/BoxCleanerEnabled"], "") == "true"
      if s.Effect == "Allow" && length(setintersection(s.Action, ["ecr:DescribeImages", "ecr:GetLifecyclePolicy"])) > 0
    ])
    error_message = "Images and lifecycle policies are read where the tag says so."
  }
}

run "inventories_are_read_where_they_lie" {
  command = plan

  variables {
    used_images_uri = "s3://shop-inventories/prod/ecr/"
  }

  assert {
    condition = { for s in flatten([for p in aws_iam_policy.usage : jsondecode(p.policy).Statement]) : s.Sid => jsonencode(s) if strcontains(jsonencode(s.Action), "s3:") } == {
      for s in [
        { Sid = "ListEksInventories", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::shop-inventories"], Condition = { StringEquals = { "s3:prefix" = "prod/ecr/" } } },
        { Sid = "ListInventories", Effect = "Allow", Action = ["s3:ListBucket"], Resource = ["arn:aws:s3:::shop-inventories"], Condition = { StringEquals = { "s3:prefix" = "prod/ecr/" } } },
        { Sid = "ReadInventories", Effect = "Allow", Action = ["s3:GetObject"], Resource = ["arn:aws:s3:::shop-inventories/prod/ecr/*"] },
      ] : s.Sid => jsonencode(s)
    }
    error_message = "Only this prefix is listed, and only what lies under it is read."
  }
}

run "without_inventories_s3_is_out_of_reach" {
  command = plan

  assert {
    condition     = !anytrue([for p in aws_iam_policy.usage : strcontains(p.policy, "s3:")])
    error_message = "What is not asked needs no permission."
  }
}

run "inventories_that_nobody_reads_need_no_permission" {
  command = plan

  variables {
    used_images_uri = "s3://shop-inventories/prod/ecr/"
    accepted_gaps   = { "source:used_images_objects" = "known" }
  }

  assert {
    condition     = !anytrue([for p in aws_iam_policy.usage : strcontains(p.policy, "s3:")])
    error_message = "Not those of the clusters either: what nobody reads lets no cluster pass."
  }
}

run "a_disabled_source_loses_its_permissions" {
  command = plan

  variables {
    accepted_gaps = { "source:lambda" = "known", "source:lambda_runtimes" = "known", "source:scheduler" = "known", "eks:*" = "known" }
  }

  assert {
    condition     = length([for a in flatten([for p in aws_iam_policy.usage : [for s in jsondecode(p.policy).Statement : s.Action]]) : a if can(regex("^(lambda:|scheduler:|eks:ListClusters)", a))]) == 0
    error_message = "What is not asked needs no permission."
  }
}

run "a_cluster_that_is_accepted_takes_no_permission_away" {
  command = plan

  variables {
    accepted_gaps = { "eks:arn:aws:eks:us-east-1:123456789012:cluster/shop" = "known" }
  }

  assert {
    condition     = contains(flatten([for p in aws_iam_policy.usage : [for s in jsondecode(p.policy).Statement : s.Action]]), "eks:ListClusters")
    error_message = "The other clusters are still asked for."
  }
}

run "other_regions_are_read_unless_the_home_region_is_the_only_one" {
  command = plan

  assert {
    condition = alltrue([
      for s in flatten([for policy in aws_iam_policy.usage : jsondecode(policy.policy).Statement]) : !strcontains(jsonencode(s.Resource), "us-east-1") if !strcontains(s.Sid, "Inventor")
    ])
    error_message = "Whatever region there is may be read."
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s.Resource if s.Sid == "ListRegions"] == [["arn:aws:account::123456789012:account"]]
    error_message = "The regions of this account may be listed."
  }

  assert {
    condition     = jsondecode(aws_lambda_function.cleaner[0].environment[0].variables.ECR_CLEANER_SETTINGS).regions == "enabled"
    error_message = "The function asks which regions there are."
  }
}

run "the_home_region_alone" {
  command = plan

  variables {
    regions = ["us-east-1"]
  }

  assert {
    condition = !strcontains(jsonencode([for policy in aws_iam_policy.usage : policy.policy]), ":*:123456789012:") && anytrue([
      for policy in aws_iam_policy.usage : strcontains(policy.policy, ":us-east-1:123456789012:")
    ])
    error_message = "Other regions are out of reach."
  }

  assert {
    condition     = length([for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s if contains(["ListRegions", "DescribeRegions"], s.Sid)]) == 0
    error_message = "Nobody asks which regions there are."
  }

  assert {
    condition     = jsondecode(aws_lambda_function.cleaner[0].environment[0].variables.ECR_CLEANER_SETTINGS).regions == ["us-east-1"]
    error_message = "The function is told the one region."
  }
}

run "own_repository_when_built" {
  command = plan

  override_data {
    target = data.aws_ecr_authorization_token.function
    values = { proxy_endpoint = "https://123456789012.dkr.ecr.us-east-1.amazonaws.com", authorization_token = "dG9rZW4=" }
  }

  variables {
    image_uri = null
    dry_run   = false
  }

  assert {
    condition     = [for s in jsondecode(aws_iam_role_policy.function[0].policy).Statement : s.Resource if s.Sid == "DenyRemovalOfOwnImage"] == [["arn:aws:ecr:us-east-1:123456789012:repository/ecr-cleaner"]]
    error_message = "Removal is denied in the module's own repository."
  }
}

run "trust" {
  command = plan

  assert {
    condition     = jsondecode(aws_iam_role.function[0].assume_role_policy).Statement[0].Principal == { Service = "lambda.amazonaws.com" }
    error_message = "Only Lambda takes the function's role."
  }

  assert {
    condition     = jsondecode(aws_iam_role.scheduler[0].assume_role_policy).Statement[0].Condition.StringEquals == { "aws:SourceAccount" = "123456789012", "aws:SourceArn" = "arn:aws:scheduler:us-east-1:123456789012:schedule-group/ecr-cleaner" }
    error_message = "Scheduler takes its role only for this schedule."
  }

  assert {
    condition = { for s in jsondecode(aws_iam_role_policy.scheduler[0].policy).Statement : s.Action[0] => s.Resource[0] } == {
      "lambda:InvokeFunction" = "arn:aws:lambda:us-east-1:123456789012:function:ecr-cleaner"
      "sqs:SendMessage"       = "arn:aws:sqs:us-east-1:123456789012:ecr-cleaner-undelivered"
    }
    error_message = "The schedule may start this function and report what it could not start, nothing else."
  }
}
