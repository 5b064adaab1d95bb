# The role of the function: what it may read, the one thing it may remove, and what it is denied in any case.

locals {
  # Its ARN is known before it is made, for the bucket's policy.
  function_role_name = coalesce(var.iam_role_name, "${var.name}-${local.region}")
  function_role_arn  = "arn:${local.partition}:iam::${local.account_id}:role${var.iam_role_path}${local.function_role_name}"

  opted_in = { StringEquals = { "aws:ResourceTag/BoxCleanerEnabled" = "true" } }

  # Whether anything is deleted at all: with archive only what lies there for long, if anything.
  deletes = var.removal_mode == "delete" || var.delete_archived_after_days != null

  # What reading each source of usages takes; written from ecr_cleaner/usage by `make generate`.
  usage_sources = jsondecode(file("${path.module}/usage_sources.json"))

  # Where usages are read, as ARNs have it.
  other_regions = var.regions == null || length(setsubtract(coalesce(var.regions, []), [local.region])) > 0
  usage_region  = local.other_regions ? "*" : local.region

  # Sources that a person took out: the function does not ask them.
  excluded_sources = [for name, source in local.usage_sources : name if contains(keys(var.accepted_gaps), source.gap)]

  # Where inventories are read; null if nobody keeps any, or nobody is to read them.
  used_images = contains(local.excluded_sources, "used_images_objects") ? null : local.used_images_location

  # One policy would be too long, so each source says in which of several its statements stand.
  usage_statements = {
    for number in distinct([for name, source in local.usage_sources : source.policy if !contains(local.excluded_sources, name)]) : tostring(number) => flatten([
      for name, source in local.usage_sources : [
        for statement in [for one in source.statements : jsonencode(one)] : jsondecode(
          replace(replace(replace(replace(replace(
            statement, "{partition}", local.partition), "{region}", local.usage_region), "{account}", local.account_id
          ), "{inventory_bucket}", try(local.used_images.bucket, "")), "{inventory_prefix}", try(local.used_images.prefix, ""))
        ) if local.used_images != null || !strcontains(statement, "{inventory_")
      ] if source.policy == number && !contains(local.excluded_sources, name)
    ])
  }

  read_statements = [
    {
      Sid      = "ReadRegistry"
      Action   = ["ecr:DescribePullThroughCacheRules", "ecr:DescribeRegistry", "ecr:GetRegistryPolicy"]
      Resource = ["*"]
    },
    { Sid = "ListRepositories", Action = ["ecr:DescribeRepositories"], Resource = ["*"] },
    { Sid = "ReadPullTimeExclusions", Action = ["ecr:ListPullTimeUpdateExclusions"], Resource = ["*"] },
    { Sid = "ReadTagIndex", Action = ["tag:GetResources"], Resource = ["*"] },
    { Sid = "ReadRepositoryTags", Action = ["ecr:ListTagsForResource"], Resource = ["${local.ecr_arn}/*"] },
  ]

  # Which regions there are, unless the settings name them; EC2 is asked where Account Management has no endpoint.
  region_statements = var.regions != null ? [] : [
    {
      Sid      = "ListRegions"
      Action   = ["account:ListRegions"]
      Resource = ["arn:${local.partition}:account::${local.account_id}:account"]
    },
    { Sid = "DescribeRegions", Action = ["ec2:DescribeRegions"], Resource = ["*"] },
  ]

  # Other accounts: the role in each of them, by its ARN, or in whichever account belongs to the own organization.
  account_statements = concat(
    length(var.accounts) == 0 ? [] : [{
      Sid      = "AssumeReaders"
      Action   = ["sts:AssumeRole"]
      Resource = [for id in sort(var.accounts) : "arn:${local.partition}:iam::${id}:role/${var.reader_role_name}"]
    }],
    var.organization == null ? [] : [{
      Sid       = "AssumeReadersInOrganization"
      Action    = ["sts:AssumeRole"]
      Resource  = ["arn:${local.partition}:iam::*:role/${var.reader_role_name}"]
      Condition = { StringEquals = { "aws:ResourceOrgID" = "$${aws:PrincipalOrgID}" } }
    }],
    var.organization == null ? [] : [{
      Sid      = "ListAccounts"
      Action   = ["organizations:DescribeOrganization", "organizations:ListAccounts"]
      Resource = ["*"]
    }],
  )

  # Of repositories that did not opt in: listed for findings, if somebody asks for it, and nothing else.
  unmanaged_repositories_statements = var.report_unmanaged_repositories ? [{
    Sid      = "ReadUnmanagedRepositories"
    Action   = ["ecr:DescribeImages", "ecr:GetLifecyclePolicy"]
    Resource = ["${local.ecr_arn}/*"]
  }] : []

  # Everything that needs the repository to have opted in.
  repository_statements = concat(
    [{
      Sid       = "ReadOptedInRepositories"
      Action    = ["ecr:BatchGetImage", "ecr:DescribeImages", "ecr:GetRepositoryPolicy"]
      Resource  = ["${local.ecr_arn}/*"]
      Condition = local.opted_in
    }],
    [{
      Sid       = "ReadLifecyclePolicies"
      Action    = ["ecr:GetLifecyclePolicy"]
      Resource  = ["${local.ecr_arn}/*"]
      Condition = local.opted_in
    }],
    # Not even allowed while dry_run is true, besides being denied then.
    var.dry_run || !local.deletes ? [] : [{
      Sid      = "RemoveImages"
      Action   = ["ecr:BatchDeleteImage"]
      Resource = ["${local.ecr_arn}/*"]
      Condition = {
        StringEquals = merge(local.opted_in.StringEquals, { "aws:ResourceAccount" = local.account_id })
      }
    }],
    var.dry_run || var.removal_mode != "archive" ? [] : [{
      Sid      = "ArchiveImages"
      Action   = ["ecr:UpdateImageStorageClass"]
      Resource = ["${local.ecr_arn}/*"]
      Condition = {
        StringEquals = merge(local.opted_in.StringEquals, { "aws:ResourceAccount" = local.account_id })
      }
    }],
  )

  write_statements = [
    { Sid = "HoldLock", Action = ["dynamodb:DeleteItem", "dynamodb:PutItem"], Resource = [local.lock_table_arn] },
    { Sid = "ReportFailures", Action = ["sqs:SendMessage"], Resource = [local.queue_arn] },
  ]

  # Telling others how a run ended.
  tell_statements = concat(
    local.topic_arn == null ? [] : [
      { Sid = "PublishNotifications", Action = ["sns:Publish"], Resource = [local.topic_arn] },
    ],
    local.event_bus_arn == null ? [] : [{
      Sid      = "PutRunEvents"
      Action   = ["events:PutEvents"]
      Resource = [local.event_bus_arn]
      # One request may carry several events: all of them have to be such.
      Condition = {
        "ForAllValues:StringEquals" = { "events:source" = ["ecr-cleaner"], "events:detail-type" = ["ECR Cleaner Run"] }
      }
    }],
  )

  # Reading and replacing, never listing or deleting: of what is not there S3 then says that it is denied, and the
  # function reads nothing that may rightly be absent, but for the totals of former runs, which decide nothing, and for
  # facts, which are asked for again, and for scans, which count as failed.
  bucket_statements = concat(
    local.bucket != null ? [merge(local.own_bucket, {
      Sid      = "ReadBucket"
      Action   = ["s3:GetObject"]
      Resource = ["${local.bucket_arn}/${local.bucket_prefix}*"]
    })] : [],
    try(local.storage.history, false) ? [merge(local.own_bucket, {
      Sid      = "WriteHistory"
      Action   = ["s3:PutObject"]
      Resource = ["${local.bucket_arn}/${local.bucket_prefix}history/*", "${local.bucket_arn}/${local.bucket_prefix}marker.json"]
    })] : [],
    local.storage != null ? [merge(local.own_bucket, {
      Sid      = "WriteFacts"
      Action   = ["s3:PutObject"]
      Resource = ["${local.bucket_arn}/${local.bucket_prefix}facts/*"]
    })] : [],
    # What one invocation leaves to the next.
    local.storage != null && local.has_machine ? [merge(local.own_bucket, {
      Sid      = "WriteRuns"
      Action   = ["s3:PutObject"]
      Resource = ["${local.bucket_arn}/${local.bucket_prefix}runs/*"]
    })] : [],
    # Before anything goes; a dry run removes nothing.
    local.storage != null && !var.dry_run ? [merge(local.own_bucket, {
      Sid      = "WriteJournal"
      Action   = ["s3:PutObject"]
      Resource = ["${local.bucket_arn}/${local.bucket_prefix}journal/*"]
    })] : [],
    try(local.storage.reports, false) ? [merge(local.own_bucket, {
      Sid      = "WriteReports"
      Action   = ["s3:PutObject"]
      Resource = ["${local.bucket_arn}/${local.bucket_prefix}reports/*"]
    })] : [],
    # A dry run writes no plan.
    local.storage != null && var.require_approval && !var.dry_run ? [merge(local.own_bucket, {
      Sid      = "WritePlans"
      Action   = ["s3:PutObject"]
      Resource = ["${local.bucket_arn}/${local.bucket_prefix}plans/*"]
    })] : [],
  )

  # Of a bucket that the module made: that one, and nobody's who took its name since. A given one may be another account's.
  own_bucket = {
    for key, value in { Condition = { StringEquals = { "aws:ResourceAccount" = local.account_id } } } : key => value
    if local.creates_bucket
  }

  # For the queue's messages, the topic's, the function's environment, and what lies in the bucket.
  key_statements = var.kms_key_arn == null ? [] : [
    { Sid = "UseKey", Effect = "Allow", Action = ["kms:Decrypt", "kms:GenerateDataKey"], Resource = [var.kms_key_arn] },
  ]

  # Explicit, because a repository's own policy could allow what this role's policy merely does not.
  deny_statements = concat(
    [
      {
        Sid      = "DenyRemovalUnlessOptedIn"
        Effect   = "Deny"
        Action   = ["ecr:BatchDeleteImage", "ecr:UpdateImageStorageClass"]
        Resource = ["*"]
        # Also true where the tag is missing.
        Condition = { StringNotEquals = { "aws:ResourceTag/BoxCleanerEnabled" = "true" } }
      },
      {
        Sid    = "DenyChangingRepositories"
        Effect = "Deny"
        Action = [
          "ecr:DeleteLifecyclePolicy", "ecr:DeleteRepository", "ecr:DeleteRepositoryPolicy", "ecr:PutImage",
          "ecr:PutImageTagMutability", "ecr:PutLifecyclePolicy", "ecr:SetRepositoryPolicy", "ecr:TagResource",
          "ecr:UntagResource",
        ]
        Resource = ["*"]
      },
      {
        Sid    = "DenyChangingBuckets"
        Effect = "Deny"
        Action = [
          "s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:DeleteObject", "s3:DeleteObjectVersion",
          "s3:PutBucketAcl", "s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketVersioning",
          "s3:PutEncryptionConfiguration", "s3:PutLifecycleConfiguration", "s3:PutObjectAcl",
        ]
        Resource = ["*"]
      },
    ],
    local.own_repository == null ? [] : [{
      Sid      = "DenyRemovalOfOwnImage"
      Effect   = "Deny"
      Action   = ["ecr:BatchDeleteImage", "ecr:UpdateImageStorageClass"]
      Resource = ["${local.ecr_arn}/${local.own_repository}"]
    }],
    local.deletes ? [] : [{
      Sid      = "DenyDeletion"
      Effect   = "Deny"
      Action   = ["ecr:BatchDeleteImage"]
      Resource = ["*"]
    }],
    var.removal_mode == "archive" ? [] : [{
      Sid      = "DenyArchiving"
      Effect   = "Deny"
      Action   = ["ecr:UpdateImageStorageClass"]
      Resource = ["*"]
    }],
    var.dry_run ? [{
      Sid      = "DenyRemovalInDryRun"
      Effect   = "Deny"
      Action   = ["ecr:BatchDeleteImage", "ecr:UpdateImageStorageClass"]
      Resource = ["*"]
    }] : [],
  )
}

locals {
  function_policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [for statement in local.read_statements : merge({ Effect = "Allow" }, statement)],
      [for statement in local.region_statements : merge({ Effect = "Allow" }, statement)],
      [for statement in local.account_statements : merge({ Effect = "Allow" }, statement)],
      [for statement in local.unmanaged_repositories_statements : merge({ Effect = "Allow" }, statement)],
      [for statement in local.repository_statements : merge({ Effect = "Allow" }, statement)],
      [for statement in local.write_statements : merge({ Effect = "Allow" }, statement)],
      [for statement in local.tell_statements : merge({ Effect = "Allow" }, statement)],
      [for statement in local.bucket_statements : merge({ Effect = "Allow" }, statement)],
      local.key_statements,
      [for statement in local.deny_statements : statement],
    )
  })
}

resource "aws_iam_role" "function" {
  count = var.create ? 1 : 0

  name                 = local.function_role_name
  path                 = var.iam_role_path
  description          = "Lets the function ${var.name} look for uses of images and remove the unused ones"
  permissions_boundary = var.permissions_boundary_arn
  tags                 = var.tags

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyLambda"
      Effect    = "Allow"
      Principal = { Service = "lambda.amazonaws.com" }
      Action    = "sts:AssumeRole"
    }]
  })
}

resource "aws_iam_role_policy" "function" {
  count = var.create ? 1 : 0

  name = "clean"
  role = aws_iam_role.function[0].id

  policy = local.function_policy

  lifecycle {
    precondition {
      condition     = length(local.function_policy) <= 10240
      error_message = "The policies in a role have at most 10240 characters (IAM's limit), got ${length(local.function_policy)}, with ${length(var.accounts)} accounts: name fewer, or set organization, which needs one line for all of them."
    }
  }
}

resource "aws_iam_policy" "usage" {
  for_each = { for number, statements in local.usage_statements : number => statements if var.create }

  name        = "${var.name}-usage-${each.key}-${local.region}"
  path        = var.iam_role_path
  description = "Lets the function ${var.name} read who uses images (${each.key})"
  tags        = var.tags

  # Where lists of used images are may be unknown before an apply, and with it whether a policy that only reads these says
  # anything; an empty one is not valid.
  policy = length(each.value) > 0 ? jsonencode({ Version = "2012-10-17", Statement = each.value }) : jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Sid = "ReadsNothing", Effect = "Deny", Action = ["ecr:DeleteRepository"], Resource = ["*"] }]
  })
}

resource "aws_iam_role_policy_attachment" "usage" {
  for_each = aws_iam_policy.usage

  role       = aws_iam_role.function[0].name
  policy_arn = each.value.arn
}

# Logging, and with subnets the network interfaces too. One of two, because how many subnets there are may be unknown.
resource "aws_iam_role_policy_attachment" "function" {
  count = var.create ? 1 : 0

  role       = aws_iam_role.function[0].name
  policy_arn = "arn:${local.partition}:iam::aws:policy/service-role/${length(var.vpc_subnet_ids) > 0 ? "AWSLambdaVPCAccessExecutionRole" : "AWSLambdaBasicExecutionRole"}"

  lifecycle {
    create_before_destroy = true # The function logs meanwhile.
  }
}
