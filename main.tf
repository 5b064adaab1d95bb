# The function and what it is told. Everything it is wired to has a file of its own.

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

# Of this data source `id` is the one attribute that names the region in version 5 and in version 6 of the provider.
data "aws_region" "current" {}

# Where this instance lives, remembered. Under a `depends_on` of the whole module Terraform does not know what a data source
# says until it applies; every name would then be unknown, and bucket, marker and roles would be replaced by themselves.
resource "terraform_data" "place" {
  count = var.create ? 1 : 0

  input = {
    account_id = data.aws_caller_identity.current.account_id
    partition  = data.aws_partition.current.partition
    region     = data.aws_region.current.id
  }

  lifecycle {
    ignore_changes = [input]

    postcondition {
      condition     = self.input.account_id == data.aws_caller_identity.current.account_id && self.input.region == data.aws_region.current.id
      error_message = "This instance was applied in account ${self.input.account_id}, region ${self.input.region}, and its provider is now for ${data.aws_caller_identity.current.account_id}, ${data.aws_region.current.id}: correct the provider, or use another instance of the module there."
    }
  }
}

locals {
  place = one(terraform_data.place[*].input)

  account_id = var.create ? local.place.account_id : data.aws_caller_identity.current.account_id
  partition  = var.create ? local.place.partition : data.aws_partition.current.partition
  region     = var.create ? local.place.region : data.aws_region.current.id

  # ARNs are put together from names, so that every policy is readable in a plan.
  ecr_arn    = "arn:${local.partition}:ecr:${local.region}:${local.account_id}:repository"
  lambda_arn = "arn:${local.partition}:lambda:${local.region}:${local.account_id}:function:${var.name}"

  # The repository of the function's own image, if it lies in this registry: never cleaned, and the role cannot.
  named_image = var.image_uri == null ? null : regex(
    "^(?P<account>[0-9]+)\\.dkr[.-]ecr\\.(?P<region>[a-z0-9-]+)\\.[^/]+/(?P<repository>[^:@]+)", var.image_uri
  )
  own_repository = local.builds_image ? var.name : (
    try(local.named_image.account == local.account_id && local.named_image.region == local.region, false)
    ? local.named_image.repository : null
  )

  used_images_location = var.used_images_uri == null ? null : regex("^s3://(?P<bucket>[^/]+)/(?P<prefix>.+)$", var.used_images_uri)

  # Everything the function needs to know, as one document; ecr_cleaner/settings/schema.py has the same keys (a test compares).
  settings = {
    schema_version                     = 1
    accepted_gaps                      = var.accepted_gaps
    accounts                           = sort(var.accounts)
    api_rate_share                     = var.api_rate_share
    delete_archived_after_days         = var.delete_archived_after_days
    event_bus_name                     = var.event_bus_name
    grace_days                         = var.grace_days
    keep_recently_used_days            = var.keep_recently_used_days
    lock_table                         = local.lock_table
    max_continuations                  = var.max_continuations
    max_removal_percent_per_repository = var.max_removal_percent_per_repository
    max_removal_percent_per_run        = var.max_removal_percent_per_run
    max_removals_per_repository        = var.max_removals_per_repository
    max_removals_per_run               = var.max_removals_per_run
    max_usage_drop_percent             = var.max_usage_drop_percent
    metrics_namespace                  = var.metrics_enabled ? var.metrics_namespace : null
    minimum_keep_days                  = var.minimum_keep_days
    notifications                      = local.notifications
    organization                       = var.organization != null
    own_repository                     = local.own_repository
    plan_expiry_hours                  = var.plan_expiry_hours
    protected_images                   = sort(var.protected_images)
    reader_role_name                   = var.reader_role_name
    regions                            = try(sort(var.regions), "enabled") # the sort of null is none
    removal_mode                       = var.removal_mode
    report_unmanaged_repositories      = var.report_unmanaged_repositories
    require_approval                   = var.require_approval
    # What a rule leaves out is left to the function's defaults.
    retention_rules            = [for rule in var.retention_rules : { for name, value in rule : name => value if value != null }]
    savings_tag_key            = var.savings_tag_key
    storage                    = local.storage
    storage_price_per_gb_month = var.storage_price_per_gb_month
    task_definition_revisions  = try(tonumber(var.task_definition_revisions), var.task_definition_revisions)
    # An image of another version, which image_uri may name, would ask other consumers than the role may.
    usage_sources_sha256 = sha256(join(",", keys(local.usage_sources)))
    used_images = var.used_images_uri == null ? null : {
      bucket        = local.used_images_location.bucket
      prefix        = local.used_images_location.prefix
      max_age_hours = var.used_images_max_age_hours
    }
  }
  settings_json = jsonencode(local.settings)

  # Lambda's whole environment is 4 KB: of a longer document, which lies in the bucket, the hash stands in its place. How long it
  # is may be unknown before an apply, so it always lies in the bucket.
  settings_limit   = 3000
  settings_outgrow = length(local.settings_json) > local.settings_limit && local.has_bucket
  settings_object = {
    bucket = local.bucket
    key    = "${local.bucket_prefix}settings.json"
    sha256 = sha256(local.settings_json)
  }
}

resource "aws_lambda_function" "cleaner" {
  # checkov:skip=CKV_AWS_50:A run is one process that writes its own log, metrics and report
  # checkov:skip=CKV_AWS_116:Failed runs go to the queue by the destination in queue.tf, which tells more than a dead letter queue
  # checkov:skip=CKV_AWS_272:Lambda signs no code in images; the tag is a hash of what is in it

  count = var.create ? 1 : 0

  function_name = var.name
  description   = "Removes old, unused images from the ECR repositories that opted in${var.dry_run ? " (dry run)" : ""}"
  role          = aws_iam_role.function[0].arn
  tags          = var.tags

  package_type  = "Image"
  image_uri     = local.function_image_uri
  architectures = [var.architecture]

  timeout                        = 900
  memory_size                    = var.memory_size
  reserved_concurrent_executions = var.reserved_concurrent_executions
  kms_key_arn                    = var.kms_key_arn

  environment {
    variables = merge(var.environment_variables, {
      DRY_RUN              = tostring(var.dry_run)
      DEFAULT_KEEP_DAYS    = tostring(var.default_keep_days)
      ECR_CLEANER_SETTINGS = local.settings_outgrow ? jsonencode({ schema_version = 1, settings_object = local.settings_object }) : local.settings_json
    })
  }

  logging_config {
    log_format            = "JSON"
    log_group             = aws_cloudwatch_log_group.function[0].name
    application_log_level = var.log_level
    system_log_level      = "INFO"
  }

  dynamic "vpc_config" {
    for_each = length(var.vpc_subnet_ids) > 0 ? [1] : []

    content {
      subnet_ids         = var.vpc_subnet_ids
      security_group_ids = var.vpc_security_group_ids
    }
  }

  lifecycle {
    precondition {
      condition     = length(local.settings_json) <= local.settings_limit || local.settings_outgrow
      error_message = "Without a bucket the function's settings must fit into ${local.settings_limit} bytes, got ${length(local.settings_json)}: set history_enabled or bucket_name, or shorten the lists among the module's inputs."
    }

    precondition {
      condition     = try(split(":", var.notification_topic_arn)[3] == local.region, true)
      error_message = "notification_topic_arn must name a topic in the function's own region ${local.region}, got ${coalesce(var.notification_topic_arn, "null")}."
    }

    precondition {
      condition     = !var.require_approval || local.has_bucket
      error_message = "require_approval = true needs a bucket for the plans: set history_enabled or bucket_name."
    }

    # Not a validation of either: Terraform would tell nothing of the one while the other is wrong.
    precondition {
      condition     = var.organization == null || length(var.accounts) == 0
      error_message = "accounts must be empty with organization, which looks at every account, got ${jsonencode(var.accounts)}. To leave some out, accept them as gaps: account:<id> in accepted_gaps."
    }

    precondition {
      condition     = var.bucket_region == null || var.bucket_region == local.region
      error_message = "bucket_name must name a bucket in the function's own region ${local.region}, because S3 answers for it nowhere else (301 PermanentRedirect), got one in ${coalesce(var.bucket_region, "null")}: use a bucket for each region."
    }

    precondition {
      condition     = local.named_image == null || try(local.named_image.region, "") == local.region
      error_message = "image_uri must name a repository in the function's own region ${local.region}, because Lambda takes images from nowhere else, got ${coalesce(var.image_uri, "null")}."
    }
  }

  # The role must be able to log and Lambda to pull from the first moment on, and the first run finds its marker.
  depends_on = [
    aws_ecr_repository_policy.function,
    aws_iam_role_policy.function,
    aws_iam_role_policy_attachment.function,
    aws_iam_role_policy_attachment.usage,
    aws_s3_object.marker,
    aws_s3_object.settings,
  ]
}

# Made before the function, because Lambda would otherwise make it itself, without retention.
resource "aws_cloudwatch_log_group" "function" {
  # checkov:skip=CKV_AWS_338:The caller says how long; journal and reports have what was removed

  count = var.create ? 1 : 0

  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
  tags              = var.tags
}
