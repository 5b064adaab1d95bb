# Keeps two runs apart: a conditional write decides which one works.

locals {
  lock_table     = "${var.name}-lock"
  lock_table_arn = "arn:${local.partition}:dynamodb:${local.region}:${local.account_id}:table/${local.lock_table}"
}

resource "aws_dynamodb_table" "lock" {
  # checkov:skip=CKV_AWS_28:What the table holds is worth nothing after 20 minutes
  # checkov:skip=CKV_AWS_119:It holds a run's id and times, and DynamoDB encrypts them with its own key

  count = var.create ? 1 : 0

  name         = local.lock_table
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"
  tags         = var.tags

  attribute {
    name = "id"
    type = "S"
  }

  ttl {
    attribute_name = "expires_at"
    enabled        = true
  }
}
