# The module in every mode in which its role differs; what a test plans to read the policies.

locals {
  sources = toset(["apprunner", "ecs", "eventbridge", "lambda", "scheduler"])
}

provider "aws" {
  region = "us-east-1"
}

module "dry" {
  source    = "../.."
  name      = "dry"
  image_uri = var.image_uri
}

module "real" {
  source    = "../.."
  name      = "real"
  image_uri = var.image_uri
  dry_run   = false
}

# With one source of usages alone: it needs everything that it allows, also what others allow as well.
module "only" {
  source   = "../.."
  for_each = local.sources

  name                   = each.key
  image_uri              = var.image_uri
  dry_run                = false
  acknowledged_unscanned = ["eks"]
  disabled_usage_sources = setsubtract(local.sources, [each.key])
}

module "built" {
  source  = "../.."
  name    = "built"
  dry_run = false
}

variable "image_uri" {
  type = string
}
