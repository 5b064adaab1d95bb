# The module in every mode in which its role differs; what a test plans to read the policies.

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
  for_each = var.sources

  name                   = replace(each.key, "_", "-")
  image_uri              = var.image_uri
  dry_run                = false
  acknowledged_unscanned = ["eks"]
  disabled_usage_sources = setsubtract(var.sources, [each.key])
}

module "built" {
  source  = "../.."
  name    = "built"
  dry_run = false
}

variable "image_uri" {
  type = string
}

variable "sources" {
  type        = set(string)
  description = "Every source of usages that can be disabled."
}
