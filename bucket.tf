# Where the function remembers who used what, writes down what it removes, where its reports are kept, and where settings lie
# that outgrow its environment.

locals {
  # What decides how many of a resource there are must be known before an apply, and a bucket's name may not be.
  owns_bucket    = var.create_bucket != null ? var.create_bucket : var.history_enabled && var.bucket_name == null
  creates_bucket = var.create && local.owns_bucket
  has_bucket     = var.create_bucket != null || var.history_enabled ? true : var.bucket_name != null

  # Globally unique and at most 63 characters long, whatever name and region are. It has a name too where nothing is made.
  bucket = local.owns_bucket ? "${var.name}-${local.account_id}-${replace(local.region, "-", "")}" : var.bucket_name

  bucket_arn = !local.has_bucket ? null : "arn:${local.partition}:s3:::${local.bucket}"

  # Several instances, and several accounts, may share one bucket of their region.
  bucket_prefix = "ecr-cleaner/${local.account_id}/${local.region}/${var.name}/"

  # What goes is written down wherever there is a bucket, also without a history. Plans lie there if a person has to
  # approve them.
  storage = !local.has_bucket ? null : {
    bucket  = local.bucket
    prefix  = local.bucket_prefix
    history = var.history_enabled
    journal = true
    reports = var.reports_enabled
  }
}

resource "aws_s3_bucket" "history" {
  # checkov:skip=CKV_AWS_18:Access logs need another bucket; who wants them names a bucket of their own
  # checkov:skip=CKV_AWS_144:What it holds is about one region; who wants a replica names a bucket of their own
  # checkov:skip=CKV2_AWS_62:Only the function writes here, and it tells of its runs by itself

  count = local.creates_bucket ? 1 : 0

  bucket        = local.bucket
  force_destroy = var.force_destroy_bucket
  tags          = var.tags
}

resource "aws_s3_bucket_public_access_block" "history" {
  count = local.creates_bucket ? 1 : 0

  bucket                  = aws_s3_bucket.history[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "history" {
  count = local.creates_bucket ? 1 : 0

  bucket = aws_s3_bucket.history[0].id

  rule {
    bucket_key_enabled = var.kms_key_arn != null

    apply_server_side_encryption_by_default {
      sse_algorithm     = var.kms_key_arn == null ? "AES256" : "aws:kms"
      kms_master_key_id = var.kms_key_arn
    }
  }
}

resource "aws_s3_bucket_versioning" "history" {
  count = local.creates_bucket ? 1 : 0

  bucket = aws_s3_bucket.history[0].id

  versioning_configuration {
    status = "Enabled"
  }
}

# Every run writes each object anew: a month of versions is enough to bring one back. What a rule with days expires
# takes the markers of what is deleted with it.
resource "aws_s3_bucket_lifecycle_configuration" "history" {
  count = local.creates_bucket ? 1 : 0

  bucket = aws_s3_bucket.history[0].id

  rule {
    id     = "forget-old-versions"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  rule {
    id     = "forget-old-journal"
    status = "Enabled"

    filter {
      prefix = "${local.bucket_prefix}journal/"
    }

    expiration {
      days = var.journal_retention_days
    }
  }

  rule {
    id     = "forget-old-reports"
    status = var.report_retention_days == 0 ? "Disabled" : "Enabled"

    filter {
      prefix = "${local.bucket_prefix}reports/"
    }

    expiration {
      days = max(var.report_retention_days, 1)
    }
  }

  # Written each night in which anything of it is used, and read anew without it.
  rule {
    id     = "forget-old-facts"
    status = "Enabled"

    filter {
      prefix = "${local.bucket_prefix}facts/"
    }

    expiration {
      days = 30
    }

    noncurrent_version_expiration {
      noncurrent_days = 1
    }
  }

  # What invocations of a night leave to each other.
  rule {
    id     = "forget-old-runs"
    status = "Enabled"

    filter {
      prefix = "${local.bucket_prefix}runs/"
    }

    expiration {
      days = 7
    }

    noncurrent_version_expiration {
      noncurrent_days = 7
    }
  }

  # A plan is long expired by then; what was approved and carried out can be looked up for a year.
  rule {
    id     = "forget-old-plans"
    status = "Enabled"

    filter {
      prefix = "${local.bucket_prefix}plans/"
    }

    expiration {
      days = 365
    }
  }

  depends_on = [aws_s3_bucket_versioning.history]
}

resource "aws_s3_bucket_policy" "history" {
  count = local.creates_bucket ? 1 : 0

  bucket = aws_s3_bucket.history[0].id
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:*"]
        Resource  = [local.bucket_arn, "${local.bucket_arn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },
      # What is read there is not asked for again, and says who uses what, so nobody else may say what it is. The ARN of whoever assumed the role
      # is the role's (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html).
      {
        Sid       = "FactsAndRunsOnlyByFunction"
        Effect    = "Deny"
        Principal = "*"
        Action    = ["s3:PutObject"]
        Resource  = [for name in ["facts", "runs"] : "${local.bucket_arn}/${local.bucket_prefix}${name}/*"]
        Condition = { ArnNotEquals = { "aws:PrincipalArn" = local.function_role_arn } }
      },
    ]
  })

  # One change of a bucket's policy and public access at a time.
  depends_on = [aws_s3_bucket_public_access_block.history]
}

# Tells a first run from a lost history. The first run writes into it that one has begun; from then on whatever is
# missing is an error. Replacing it is how a person says that a history is to begin anew.
resource "aws_s3_object" "marker" {
  count = var.create && var.history_enabled ? 1 : 0

  bucket       = local.bucket
  key          = "${local.bucket_prefix}marker.json"
  content_type = "application/json"
  content      = jsonencode({ schema_version = 1, state = "new" })

  # The function writes the object without tags, and tags are no business of a marker.
  override_provider {
    default_tags {
      tags = {}
    }
  }

  lifecycle {
    # What the function wrote stays, also when a later version of the module would write something else.
    ignore_changes = [content, content_type]
  }

  # An object is kept as its bucket is when the object is written.
  depends_on = [
    aws_s3_bucket.history,
    aws_s3_bucket_server_side_encryption_configuration.history,
    aws_s3_bucket_versioning.history,
  ]
}

resource "aws_s3_object" "settings" {
  count = var.create && local.has_bucket ? 1 : 0

  bucket       = local.bucket
  key          = local.settings_object.key
  content_type = "application/json"
  content      = local.settings_json

  override_provider {
    default_tags {
      tags = {}
    }
  }

  depends_on = [
    aws_s3_bucket.history,
    aws_s3_bucket_server_side_encryption_configuration.history,
    aws_s3_bucket_versioning.history,
  ]
}

# Refuses a destroy of the module's own bucket before anything else is gone. By itself S3 would refuse it as well, but last of
# all: the marker's versions would be deleted by then, and the history with it, to which nothing else leads.
resource "terraform_data" "keeps_bucket" {
  count = local.creates_bucket ? 1 : 0

  # When it goes only the state is left to say what is to be done; understood by sh and by cmd.
  input = {
    command = var.force_destroy_bucket ? "exit 0" : "echo The bucket ${local.bucket} keeps history, journal and reports, so nothing was destroyed. To delete it too, apply force_destroy_bucket = true first. && exit 1"
  }

  # Another name is another bucket.
  triggers_replace = local.bucket

  provisioner "local-exec" {
    when    = destroy
    command = self.input.command
  }

  # Terraform destroys in the opposite order: all that nothing else depends on.
  depends_on = [
    aws_cloudwatch_composite_alarm.not_run,
    aws_cloudwatch_dashboard.cleaner,
    aws_cloudwatch_metric_alarm.failed,
    aws_cloudwatch_metric_alarm.tripwire,
    aws_cloudwatch_metric_alarm.undelivered,
    aws_dynamodb_table.lock,
    aws_lambda_function_event_invoke_config.cleaner,
    aws_s3_bucket_lifecycle_configuration.history,
    aws_s3_bucket_policy.history,
    aws_s3_bucket_public_access_block.history,
    aws_s3_bucket_server_side_encryption_configuration.history,
    aws_s3_bucket_versioning.history,
    aws_scheduler_schedule.cleaner,
    aws_sfn_state_machine.cleaner,
    aws_sns_topic_policy.runs,
  ]
}
