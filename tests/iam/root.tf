# The module in every mode in which its role differs; what a test plans to read the policies.

provider "aws" {
  region = "us-east-1"
}

module "dry" {
  source           = "../.."
  name             = "dry"
  image_uri        = var.image_uri
  protected_images = var.protected_images
  used_images_uri  = var.used_images_uri

  event_bus_name        = "default"
  notifications_enabled = true
  notify_on             = "always"
}

module "real" {
  source           = "../.."
  name             = "real"
  image_uri        = var.image_uri
  dry_run          = false
  protected_images = var.protected_images
  used_images_uri  = var.used_images_uri

  event_bus_name        = "default"
  notifications_enabled = true
  notify_on             = "always"
  grace_days            = 0
}

# Where a person approves: the same function proposes and carries out.
module "approval" {
  source           = "../.."
  name             = "approval"
  image_uri        = var.image_uri
  require_approval = true
  dry_run          = false
  protected_images = var.protected_images
  used_images_uri  = var.used_images_uri
  grace_days       = 0
}

module "archive" {
  source                     = "../.."
  name                       = "archive"
  image_uri                  = var.image_uri
  dry_run                    = false
  protected_images           = var.protected_images
  used_images_uri            = var.used_images_uri
  removal_mode               = "archive"
  delete_archived_after_days = 90
  grace_days                 = 0
}

# Nothing is ever deleted.
module "keep" {
  source       = "../.."
  name         = "keep"
  image_uri    = var.image_uri
  dry_run      = false
  removal_mode = "archive"
  grace_days   = 0
}

# With one source of usages alone: it needs everything that it allows, also what others allow as well.
module "only" {
  source   = "../.."
  for_each = var.sources

  name             = replace(each.key, "_", "-")
  image_uri        = var.image_uri
  dry_run          = false
  accepted_gaps    = merge({ "eks:*" = "known" }, { for source in setsubtract(var.sources, [each.key]) : "source:${source}" => "known" })
  protected_images = var.protected_images
  used_images_uri  = var.used_images_uri
  history_enabled  = false
}

# Other accounts, listed and of the organization.
module "accounts" {
  source          = "../.."
  name            = "accounts"
  image_uri       = var.image_uri
  accounts        = ["222233334444", "333344445555"]
  bucket_name     = "shared-bucket"
  history_enabled = false
}

module "organization" {
  source           = "../.."
  name             = "organization"
  image_uri        = var.image_uri
  organization     = {}
  reader_role_name = "registry-reader"
  bucket_name      = "shared-bucket"
  history_enabled  = false
}

module "built" {
  source  = "../.."
  name    = "built"
  dry_run = false
}

variable "protected_images" {
  type = set(string)
}

variable "image_uri" {
  type = string
}

variable "used_images_uri" {
  type = string
}

variable "sources" {
  type        = set(string)
  description = "Every source of usages that accepted_gaps may name."
}
