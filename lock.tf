# Keeps two runs apart: a conditional write decides which one works.

locals {
  lock_table     = "${var.name}-lock"
  lock_table_arn = "arn:${local.partition}:dynamodb:${local.region}:${local.account_id}:table/${local.lock_table}"
}

resource "aws_dynamodb_table" "lock" {
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
