terraform {
  required_version = ">= 1.9"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
  }
}

provider "aws" {}

variable "image_uri" {
  type        = string
  description = "Image to use instead of building one."
  default     = null
}

variable "name" {
  type        = string
  description = "Name of the function, and beginning of the bucket's."
  default     = "ecr-cleaner"
}

variable "cluster" {
  type        = string
  description = "Cluster that writes its inventory."
  default     = "shop"
}

data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

locals {
  region = data.aws_region.current.id # both versions 5 and 6 of the provider know it
}

resource "aws_s3_bucket" "inventories" {
  bucket        = "${var.name}-inventories-${data.aws_caller_identity.current.account_id}"
  force_destroy = true # A cluster writes its inventory anew within hours.
}

resource "aws_s3_bucket_public_access_block" "inventories" {
  bucket = aws_s3_bucket.inventories.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

# What the cluster may do: write this one object. EKS Pod Identity hands it to the service account of the CronJob.
resource "aws_iam_role" "writer" {
  name = "${var.name}-inventory-${var.cluster}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "EksPodIdentity"
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
    }]
  })
}

resource "aws_iam_role_policy" "writer" {
  name = "write"
  role = aws_iam_role.writer.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "WriteInventory"
      Effect   = "Allow"
      Action   = "s3:PutObject"
      Resource = "${aws_s3_bucket.inventories.arn}/inventories/eks/${local.region}/${var.cluster}.json"
    }]
  })
}

module "ecr_cleaner" {
  source = "../../"

  name      = var.name
  image_uri = var.image_uri

  used_images_uri           = "s3://${aws_s3_bucket.inventories.bucket}/inventories/"
  used_images_max_age_hours = 12
  protected_images          = ["shop/api:rollback", "tools/builder:*"]
}

output "inventory" {
  description = "Where the cluster writes its inventory."
  value       = "s3://${aws_s3_bucket.inventories.bucket}/inventories/eks/${local.region}/${var.cluster}.json"
}

output "writer_role_arn" {
  description = "Role for the service account of the CronJob."
  value       = aws_iam_role.writer.arn
}
