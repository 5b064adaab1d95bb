# What went wrong ends here: failed runs, which the state machine puts here itself, and apart from them starts that the schedule could not deliver, so that an alarm can
# tell the two from each other.

locals {
  queue_name = "${var.name}-failures"
  queue_arn  = "arn:${local.partition}:sqs:${local.region}:${local.account_id}:${local.queue_name}"

  undelivered_queue_name = "${var.name}-undelivered"
  undelivered_queue_arn  = "arn:${local.partition}:sqs:${local.region}:${local.account_id}:${local.undelivered_queue_name}"
}

resource "aws_sqs_queue" "failures" {
  count = var.create ? 1 : 0

  name                      = local.queue_name
  message_retention_seconds = 14 * 24 * 60 * 60
  tags                      = var.tags

  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 3600
}

resource "aws_sqs_queue" "undelivered" {
  count = var.create ? 1 : 0

  name                      = local.undelivered_queue_name
  message_retention_seconds = 14 * 24 * 60 * 60
  tags                      = var.tags

  sqs_managed_sse_enabled           = var.kms_key_arn == null ? true : null
  kms_master_key_id                 = var.kms_key_arn
  kms_data_key_reuse_period_seconds = var.kms_key_arn == null ? null : 3600
}

# No retries: a run that failed says why, and the next night comes anyway. A refused run would only be refused three times.
resource "aws_lambda_function_event_invoke_config" "cleaner" {
  count = var.create ? 1 : 0

  function_name                = aws_lambda_function.cleaner[0].function_name
  maximum_retry_attempts       = 0
  maximum_event_age_in_seconds = 60 * 60

  destination_config {
    on_failure {
      destination = aws_sqs_queue.failures[0].arn
    }
  }
}
