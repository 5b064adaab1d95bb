variable "accepted_gaps" {
  type        = map(string)
  description = "What you leave unprotected on purpose: <kind>:<name> = the reason. Every run lists it. Kinds: source:<name> (a source that is not asked), eks:<cluster ARN> or eks:* (pods of clusters), custom_resources:<cluster ARN> (kinds of objects that the function may not list there), and other_accounts:<repositories>, pull_through_cache:<repositories>, delete_replication:<repositories> (repositories that other accounts may pull from, that are under a pull-through cache rule, or whose deletions are replicated; globs), region:<name> and account:<id> (nothing there is looked at), unreadable:<ARN> (what is encrypted with a KMS key that the function may not use), usage:<ARN of a consumer> (what it names that is wider than one image)."
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for gap in keys(var.accepted_gaps) : can(regex("^(source|eks|custom_resources|other_accounts|pull_through_cache|delete_replication|region|account|unreadable|usage):", gap))
    ])
    error_message = format("The keys of accepted_gaps must be <kind>:<name>, where the kind is one of source, eks, custom_resources, other_accounts, pull_through_cache, delete_replication, region, account, unreadable and usage, got %s.", jsonencode([
      for gap in keys(var.accepted_gaps) : gap if !can(regex("^(source|eks|custom_resources|other_accounts|pull_through_cache|delete_replication|region|account|unreadable|usage):", gap))
    ]))
  }

  validation {
    condition = alltrue([
      for gap in keys(var.accepted_gaps) : contains([for source in local.usage_sources : source.gap], gap) if startswith(gap, "source:")
    ])
    error_message = format("accepted_gaps may name the sources %s, got %s.",
      join(", ", [for source in local.usage_sources : source.gap if startswith(source.gap, "source:")]),
      jsonencode([for gap in keys(var.accepted_gaps) : gap if startswith(gap, "source:") && !contains([for source in local.usage_sources : source.gap], gap)])
    )
  }

  validation {
    condition = alltrue([
      for gap in keys(var.accepted_gaps) : can(regex("^eks:(\\*|arn:aws(?:-[a-z]+)*:eks:[a-z]{2,}(?:-[a-z]+)+-[0-9]+:[0-9]{12}:cluster/[A-Za-z0-9][A-Za-z0-9_-]{0,99})$", gap)) if startswith(gap, "eks:")
    ])
    error_message = format("accepted_gaps may name clusters as eks:* or eks:<ARN of an EKS cluster>, got %s.", jsonencode([
      for gap in keys(var.accepted_gaps) : gap if startswith(gap, "eks:")
    ]))
  }

  validation {
    condition = alltrue([
      for gap in keys(var.accepted_gaps) : can(regex("^region:[a-z]{2,}(?:-[a-z]+)+-[0-9]+$", gap)) && gap != "region:${local.region}" if startswith(gap, "region:")
    ])
    error_message = format("accepted_gaps may name other regions than ${local.region}, which is the registry's own, as region:<name>, got %s.", jsonencode([
      for gap in keys(var.accepted_gaps) : gap if startswith(gap, "region:")
    ]))
  }

  validation {
    condition = alltrue([
      for gap in keys(var.accepted_gaps) : can(regex("^account:[0-9]{12}$", gap)) && gap != "account:${local.account_id}" if startswith(gap, "account:")
    ])
    error_message = format("accepted_gaps may name other accounts than ${local.account_id}, which is the registry's own, as account:<12 digits>, got %s.", jsonencode([
      for gap in keys(var.accepted_gaps) : gap if startswith(gap, "account:")
    ]))
  }

  validation {
    condition = alltrue([
      for gap in keys(var.accepted_gaps) : can(regex("^custom_resources:arn:aws(?:-[a-z]+)*:eks:[a-z]{2,}(?:-[a-z]+)+-[0-9]+:[0-9]{12}:cluster/[A-Za-z0-9][A-Za-z0-9_-]{0,99}$", gap)) if startswith(gap, "custom_resources:")
    ])
    error_message = format("accepted_gaps may name clusters as custom_resources:<ARN of an EKS cluster>, got %s.", jsonencode([
      for gap in keys(var.accepted_gaps) : gap if startswith(gap, "custom_resources:")
    ]))
  }

  # Terraform and the function have the same expression of an ARN; \x22 is a quotation mark.
  validation {
    condition = alltrue([
      for gap in keys(var.accepted_gaps) : can(regex("^[a-z]+:arn:aws(?:-[a-z]+)*:[a-z0-9-]+:[a-z]{2,}(?:-[a-z]+)+-[0-9]+:[0-9]{12}:[^\\x00-\\x20\\x7f*?\\x22<>{}\\[\\]\\\\^`|~]{1,1000}$", gap)) if can(regex("^(unreadable|usage):", gap))
    ])
    error_message = format("accepted_gaps may name what cannot be read, and consumers, by their whole ARNs with region and account, as unreadable:<ARN> and usage:<ARN>, got %s.", jsonencode([
      for gap in keys(var.accepted_gaps) : gap if can(regex("^(unreadable|usage):", gap))
    ]))
  }

  # A glob that no name can fit would accept nothing, unnoticed.
  validation {
    condition = alltrue([
      for gap in keys(var.accepted_gaps) : can(regex("^[a-z_]+:[a-z0-9._/*?-]+$", gap)) if can(regex("^(other_accounts|pull_through_cache|delete_replication):", gap))
    ])
    error_message = format("accepted_gaps may name repositories by globs of lower-case letters, digits, . _ - / and the signs * (any characters, / too) and ? (any one), got %s.", jsonencode([
      for gap in keys(var.accepted_gaps) : gap if can(regex("^(other_accounts|pull_through_cache|delete_replication):", gap)) && !can(regex("^[a-z_]+:[a-z0-9._/*?-]+$", gap))
    ]))
  }

  validation {
    condition = alltrue([for reason in values(var.accepted_gaps) : can(regex("\\S", reason))])
    error_message = format("Each of accepted_gaps must say why it is accepted, got no reason for %s.", jsonencode([
      for gap, reason in var.accepted_gaps : gap if !can(regex("\\S", reason))
    ]))
  }
}

variable "accounts" {
  type        = list(string)
  description = "Ids of other accounts in which images of this registry may be in use: the function looks there too, by the role reader_role_name that modules/usage-reader makes. Repositories from which other accounts may pull are cleaned only if each of these is looked at. See organization for all at once."
  default     = []
  nullable    = false

  validation {
    condition = alltrue([for id in var.accounts : try(can(regex("^[0-9]{12}$", id)), false)])
    error_message = format("accounts must be ids of AWS accounts, of 12 digits, got %s.", jsonencode([
      for id in var.accounts : id if !try(can(regex("^[0-9]{12}$", id)), false)
    ]))
  }

  validation {
    condition     = length(distinct(var.accounts)) == length(var.accounts)
    error_message = "accounts must name each account once, got ${jsonencode(var.accounts)}."
  }

  validation {
    condition     = !contains(var.accounts, local.account_id)
    error_message = "accounts must not name ${local.account_id}, the registry's own account, which is always looked at, got ${jsonencode(var.accounts)}."
  }
}

variable "alarm_actions" {
  type        = list(string)
  description = "ARNs that are notified when an alarm is raised, for example an SNS topic. See ok_actions for when it is over."
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alarm_actions : can(regex("^arn:[^:]+:[^:]+:[^:]*:[^:]*:.+$", arn))])
    error_message = "alarm_actions must be ARNs, got ${jsonencode(var.alarm_actions)}."
  }

  validation {
    condition     = length(var.alarm_actions) <= 5
    error_message = "alarm_actions may be five, because CloudWatch takes no more, got ${length(var.alarm_actions)}."
  }

  # What CloudWatch takes for alarms of both kinds that are no instance's (PutMetricAlarm, PutCompositeAlarm), and it calls
  # nothing in another region.
  validation {
    condition = alltrue([
      for arn in var.alarm_actions : can(regex("^arn:${local.partition}:((sns|lambda|ssm|aiops):${local.region}|ssm-incidents):", arn)) if startswith(arn, "arn:")
    ])
    error_message = "alarm_actions must be what a CloudWatch alarm of ${local.partition} and ${local.region} can start, such as an SNS topic or a Lambda function there, got ${jsonencode(var.alarm_actions)}."
  }
}

variable "api_rate_share" {
  type        = number
  description = "Percent of the request rates that AWS publishes for its APIs which a run takes, in each account and region. What is left is for everybody else: deployments, pipelines, consoles. More shortens runs of large accounts."
  default     = 50
  nullable    = false

  validation {
    condition     = var.api_rate_share >= 10 && var.api_rate_share <= 100 && floor(var.api_rate_share) == var.api_rate_share
    error_message = "api_rate_share must be a whole number from 10 to 100, got ${var.api_rate_share}."
  }
}

variable "architecture" {
  type        = string
  description = "Processor architecture of the function and of the image that is built for it: arm64 or x86_64. An image named in image_uri must match."
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64, got \"${var.architecture}\"."
  }
}

variable "base_image" {
  type        = string
  description = "Base of the image that is built: one of AWS's Python images for Lambda, or one with the same layout. Name it by digest to pin it."
  default     = "public.ecr.aws/lambda/python:3.13"
  nullable    = false

  validation {
    condition     = can(regex("^([A-Za-z0-9.-]+(:[0-9]+)?/)?[a-z0-9]+(([._/]|__|-+)[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$", var.base_image))
    error_message = "base_image must be an image reference, [host/]name[:tag][@sha256:<64 hex digits>], got \"${var.base_image}\"."
  }
}

variable "bucket_name" {
  type        = string
  description = "Existing bucket in the function's region for history, journal, plans, reports and settings. It should be private, encrypted and versioned; several instances and accounts may share it. null: the module makes one. Set create_bucket = false if the name comes from a resource."
  default     = null

  validation {
    condition     = var.bucket_name == null || can(regex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", var.bucket_name)) && !can(regex("[.][.]|^[0-9.]+$", var.bucket_name))
    error_message = "bucket_name must be 3 to 63 lower-case letters, digits, single dots and hyphens, and no IP address, got \"${coalesce(var.bucket_name, "null")}\"."
  }
}

variable "bucket_region" {
  type        = string
  description = "Region of the bucket in bucket_name, if you share it: another one than the function's is then refused, before S3 does it at the apply. null: not compared."
  default     = null

  validation {
    condition     = var.bucket_region == null || can(regex("^[a-z]{2,}(-[a-z]+)+-[0-9]+$", var.bucket_region))
    error_message = "bucket_region must be a region such as eu-west-1, got \"${coalesce(var.bucket_region, "null")}\"."
  }
}

variable "build_image" {
  type        = bool
  description = "Whether the module builds the function's image. null: unless image_uri is set. Set false if image_uri comes from a resource, because Terraform must know it before an apply."
  default     = null

  validation {
    condition     = var.build_image == null || var.build_image == (var.image_uri == null)
    error_message = "build_image = true builds the image and build_image = false needs one in image_uri, got build_image = ${coalesce(var.build_image, false)} and image_uri = \"${coalesce(var.image_uri, "null")}\"."
  }
}

variable "container_tool" {
  type        = string
  description = "Docker-compatible command that builds and pushes the image: a name or a path, or a command with its first arguments (\"sudo docker\"). Not needed with image_uri."
  default     = "docker"
  nullable    = false

  validation {
    condition     = trimspace(var.container_tool) != "" && !strcontains(var.container_tool, "\n")
    error_message = "container_tool must be a command on one line, got ${jsonencode(var.container_tool)}."
  }
}

variable "create" {
  type        = bool
  description = "Whether the module creates anything. With false every output is null."
  default     = true
  nullable    = false
}

variable "create_bucket" {
  type        = bool
  description = "Whether the module makes a bucket. null: with history_enabled, unless bucket_name is set. Set false if bucket_name comes from a resource, because Terraform must know it before an apply."
  default     = null

  validation {
    condition     = var.create_bucket == null || var.create_bucket == (var.bucket_name == null)
    error_message = "create_bucket = true makes a bucket and create_bucket = false needs one in bucket_name, got create_bucket = ${coalesce(var.create_bucket, false)} and bucket_name = \"${coalesce(var.bucket_name, "null")}\"."
  }
}

variable "dashboard_enabled" {
  type        = bool
  description = "Whether there is a CloudWatch dashboard of the runs: images, bytes, removals, failures, sources, alarms. Needs metrics_enabled."
  default     = false
  nullable    = false

  validation {
    condition     = !var.dashboard_enabled || var.metrics_enabled
    error_message = "dashboard_enabled needs metrics_enabled, got metrics_enabled = false."
  }
}

variable "default_keep_days" {
  type        = number
  description = "Age limit: images pushed at most this many days ago stay, unless all rules that select them say fewer days. A repository's tag BoxCleanerKeepDays replaces it."
  default     = 30
  nullable    = false

  validation {
    condition     = var.default_keep_days >= 1 && var.default_keep_days <= 99999 && floor(var.default_keep_days) == var.default_keep_days
    error_message = "default_keep_days must be a whole number from 1 to 99999, got ${var.default_keep_days}."
  }

  validation {
    condition     = var.default_keep_days >= var.minimum_keep_days
    error_message = "default_keep_days must be at least minimum_keep_days, which is ${var.minimum_keep_days}, got ${var.default_keep_days}."
  }
}

variable "delete_archived_after_days" {
  type        = number
  description = "Days in ECR's archive after which an image that is still unused is deleted, whoever archived it; at least 90, because AWS bills for 90. null: archived images are kept."
  default     = null

  validation {
    condition     = var.delete_archived_after_days == null || try(var.delete_archived_after_days >= 90 && var.delete_archived_after_days <= 99999 && floor(var.delete_archived_after_days) == var.delete_archived_after_days, false)
    error_message = "delete_archived_after_days must be a whole number from 90 to 99999 or null, got ${coalesce(var.delete_archived_after_days, "null")}."
  }
}

variable "dry_run" {
  type        = bool
  description = "Whether runs only report what would be removed. While true, the role is denied to remove anything."
  default     = true
  nullable    = false
}

variable "environment_variables" {
  type        = map(string)
  description = "Further environment variables of the function, for example of a proxy. They configure nothing of the module: DRY_RUN, DEFAULT_KEEP_DAYS, ECR_CLEANER_* and AWS_* are refused."
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for name in keys(var.environment_variables) : !can(regex("^(DRY_RUN|DEFAULT_KEEP_DAYS|ECR_CLEANER_.*|AWS_.*|LAMBDA_.*)$", upper(name)))
    ])
    error_message = format("environment_variables must not name DRY_RUN, DEFAULT_KEEP_DAYS or ECR_CLEANER_*, which follow from other inputs that a plan checks, nor AWS_* and LAMBDA_*, which are Lambda's own or would point the function at another account, region or endpoint; got %s.", jsonencode([
      for name in keys(var.environment_variables) : name if can(regex("^(DRY_RUN|DEFAULT_KEEP_DAYS|ECR_CLEANER_.*|AWS_.*|LAMBDA_.*)$", upper(name)))
    ]))
  }

  validation {
    condition     = alltrue([for name in keys(var.environment_variables) : can(regex("^[A-Za-z][A-Za-z0-9_]+$", name))])
    error_message = "environment_variables must have names of at least two letters, digits and underscores that begin with a letter, got ${jsonencode(keys(var.environment_variables))}."
  }

  # In base64 three bytes are four characters.
  validation {
    condition     = length(base64encode(join("", flatten([for name, value in var.environment_variables : [name, value]])))) <= 1200
    error_message = "environment_variables must have at most 900 bytes, names and values together, because Lambda's whole environment is 4 KB."
  }
}

variable "event_bus_name" {
  type        = string
  description = "EventBridge bus of this account and region, such as default, on which each run puts an event. null: no events."
  default     = null

  validation {
    condition     = var.event_bus_name == null || can(regex("^[A-Za-z0-9._-]{1,256}$", var.event_bus_name))
    error_message = "event_bus_name must be the name (not the ARN) of an event bus: 1 to 256 letters, digits, dots, hyphens and underscores, got \"${coalesce(var.event_bus_name, "null")}\"."
  }
}

variable "force_destroy_bucket" {
  type        = bool
  description = "Whether terraform destroy also deletes the module's own bucket while it contains anything, such as history and reports."
  default     = false
  nullable    = false
}

variable "grace_days" {
  type        = number
  description = "Days for which every run has to find an image unneeded before it goes, so that nothing goes in the first run that finds it so: until then a report shows it. 0: it goes at once. Needs the history."
  default     = 1
  nullable    = false

  validation {
    condition     = var.grace_days >= 0 && var.grace_days <= 30 && floor(var.grace_days) == var.grace_days
    error_message = "grace_days must be a whole number from 0 to 30, got ${var.grace_days}."
  }
}

variable "history_enabled" {
  type        = bool
  description = "Whether runs record in a bucket who used which image. Without it grace_days, keep_recently_used_days and max_usage_drop_percent have no effect, and every run says so."
  default     = true
  nullable    = false
}

variable "iam_role_name" {
  type        = string
  description = "Name of the function's role. null: the input name and the region."
  default     = null

  validation {
    condition     = var.iam_role_name == null || can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", var.iam_role_name))
    error_message = "iam_role_name must be 1 to 64 letters, digits and _ + = , . @ -, got \"${coalesce(var.iam_role_name, "null")}\"."
  }

  validation {
    condition     = try(lower(var.iam_role_name) != "${var.name}-scheduler-${local.region}", true)
    error_message = "iam_role_name must not be the name of the schedule's role, got \"${coalesce(var.iam_role_name, "null")}\"."
  }
}

variable "iam_role_path" {
  type        = string
  description = "IAM path of both roles and of the policies, such as /service/."
  default     = "/"
  nullable    = false

  validation {
    condition     = can(regex("^/([!-~]*/)?$", var.iam_role_path)) && length(var.iam_role_path) <= 512 && !strcontains(var.iam_role_path, "//")
    error_message = "iam_role_path must be / or begin and end with one, without blanks and at most 512 characters long, got \"${var.iam_role_path}\"."
  }
}

variable "image_uri" {
  type        = string
  description = "Image of the function in a private ECR repository of the function's region, by tag or digest. If set, nothing is built and no container tool is needed."
  default     = null

  validation {
    condition     = var.image_uri == null || can(regex("^[0-9]{12}\\.dkr[.-]ecr\\.[a-z0-9-]+\\.[a-z0-9.-]+/[a-z0-9]+([._/-]+[a-z0-9]+)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$", var.image_uri))
    error_message = "image_uri must be <account>.dkr.ecr.<region>.<domain>/<repository> followed by :<tag> or @sha256:<digest>, got \"${coalesce(var.image_uri, "null")}\"."
  }

  validation {
    condition     = var.image_uri == null || can(regex("/[^:@]+[:@]", var.image_uri))
    error_message = "image_uri must name a tag or a digest, got \"${coalesce(var.image_uri, "null")}\"."
  }
}

variable "journal_retention_days" {
  type        = number
  description = "Days that the module's own bucket keeps the journal: what is needed to push a removed image again. In a bucket of your own, expire journal/ by lifecycle rules."
  default     = 180
  nullable    = false

  validation {
    condition     = var.journal_retention_days >= 1 && var.journal_retention_days <= 99999 && floor(var.journal_retention_days) == var.journal_retention_days
    error_message = "journal_retention_days must be a whole number from 1 to 99999, got ${var.journal_retention_days}."
  }
}

variable "keep_recently_used_days" {
  type        = number
  description = "An image that was in use within this many days is kept, and so is one that in that time lost a tag which a consumer names: it may be rolled back to. 0: not kept for this reason. Needs the history."
  default     = 7
  nullable    = false

  validation {
    condition     = var.keep_recently_used_days >= 0 && var.keep_recently_used_days <= 99999 && floor(var.keep_recently_used_days) == var.keep_recently_used_days
    error_message = "keep_recently_used_days must be a whole number from 0 to 99999, got ${var.keep_recently_used_days}."
  }
}

variable "kms_key_arn" {
  type        = string
  description = "Customer managed key for the function's environment, log group, failure queue, notification topic, bucket and built image. Its key policy must let CloudWatch Logs use it; the module gives its own roles what they need."
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:[^:]+:kms:[^:]+:[0-9]{12}:key/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$", var.kms_key_arn))
    error_message = "kms_key_arn must be the ARN of a KMS key (not of an alias), got \"${coalesce(var.kms_key_arn, "null")}\"."
  }

  validation {
    condition     = try(startswith(var.kms_key_arn, "arn:${local.partition}:kms:${local.region}:"), true)
    error_message = "kms_key_arn must be a key of ${local.partition} and of the function's own region ${local.region}, got \"${coalesce(var.kms_key_arn, "null")}\"."
  }
}

variable "log_level" {
  type        = string
  description = "Least severe log lines that are kept: TRACE, DEBUG, INFO, WARN, ERROR or FATAL. DEBUG adds a line for every kept image; above INFO removed images are not named."
  default     = "INFO"
  nullable    = false

  validation {
    condition     = contains(["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"], var.log_level)
    error_message = "log_level must be TRACE, DEBUG, INFO, WARN, ERROR or FATAL, got \"${var.log_level}\"."
  }
}

variable "log_retention_days" {
  type        = number
  description = "Days that log lines are kept: a number that CloudWatch Logs accepts, or 0 for ever."
  default     = 90
  nullable    = false

  validation {
    condition     = contains([0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be one of CloudWatch's (0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653), got ${var.log_retention_days}."
  }
}

variable "max_continuations" {
  type        = number
  description = "How many times a night goes on by itself if time ran out: each time usages are looked for anew, and what is left is evaluated. Needs the state machine, see state_machine. 0: the next night goes on."
  default     = 3
  nullable    = false

  validation {
    condition     = var.max_continuations >= 0 && var.max_continuations <= 8 && floor(var.max_continuations) == var.max_continuations
    error_message = "max_continuations must be a whole number from 0 to 8, got ${var.max_continuations}."
  }
}

variable "max_removal_percent_per_repository" {
  type        = number
  description = "Percent of a repository's images that may be old and unused. Over it, none of them is removed and the run fails: an alarm against mistakes. null: no limit."
  default     = null

  validation {
    condition     = var.max_removal_percent_per_repository == null || try(var.max_removal_percent_per_repository >= 1 && var.max_removal_percent_per_repository <= 100 && floor(var.max_removal_percent_per_repository) == var.max_removal_percent_per_repository, false)
    error_message = "max_removal_percent_per_repository must be null or a whole number from 1 to 100, got ${jsonencode(var.max_removal_percent_per_repository)}."
  }
}

variable "max_removal_percent_per_run" {
  type        = number
  description = "Percent of the images of all opted-in repositories that may be old and unused. Over it, nothing is removed and the run fails: an alarm against mistakes. null: no limit."
  default     = null

  validation {
    condition     = var.max_removal_percent_per_run == null || try(var.max_removal_percent_per_run >= 1 && var.max_removal_percent_per_run <= 100 && floor(var.max_removal_percent_per_run) == var.max_removal_percent_per_run, false)
    error_message = "max_removal_percent_per_run must be null or a whole number from 1 to 100, got ${jsonencode(var.max_removal_percent_per_run)}."
  }
}

variable "max_removals_per_repository" {
  type        = number
  description = "Images that one run may remove from a repository. The oldest go first, images that belong together in one run; the rest waits for later runs. null: no limit."
  default     = null

  validation {
    condition     = var.max_removals_per_repository == null || try(var.max_removals_per_repository >= 1 && floor(var.max_removals_per_repository) == var.max_removals_per_repository, false)
    error_message = "max_removals_per_repository must be null or a whole number of at least 1, got ${jsonencode(var.max_removals_per_repository)}."
  }
}

variable "max_removals_per_run" {
  type        = number
  description = "Images that one run may remove from all repositories together. The oldest go first, images that belong together in one run; the rest waits for later runs. null: no limit."
  default     = null

  validation {
    condition     = var.max_removals_per_run == null || try(var.max_removals_per_run >= 1 && floor(var.max_removals_per_run) == var.max_removals_per_run, false)
    error_message = "max_removals_per_run must be null or a whole number of at least 1, got ${jsonencode(var.max_removals_per_run)}."
  }
}

variable "max_usage_drop_percent" {
  type        = number
  description = "Percent by which the number of different images that a source, or one list of used images, finds in use may drop from one complete run to the next. If it drops by more, and by at least 5 images, nothing is removed until a person confirms the drop. What only runs (tasks, jobs, builds) does not count. null: not compared. Needs the history. Terraform must know it before an apply."
  default     = 50

  validation {
    condition     = var.max_usage_drop_percent == null || try(var.max_usage_drop_percent >= 0 && var.max_usage_drop_percent <= 100 && floor(var.max_usage_drop_percent) == var.max_usage_drop_percent, false)
    error_message = "max_usage_drop_percent must be null or a whole number from 0 to 100, got ${jsonencode(var.max_usage_drop_percent)}."
  }
}

variable "memory_size" {
  type        = number
  description = "Memory of the function in MB. Its processor time grows with it."
  default     = 1024
  nullable    = false

  validation {
    condition     = var.memory_size >= 256 && var.memory_size <= 10240 && floor(var.memory_size) == var.memory_size
    error_message = "memory_size must be a whole number of MB from 256 to 10240, got ${var.memory_size}."
  }
}

variable "metrics_enabled" {
  type        = bool
  description = "Whether each run writes CloudWatch metrics by a line in its log. Without them there is no alarm for the tripwire and no dashboard."
  default     = true
  nullable    = false
}

variable "metrics_namespace" {
  type        = string
  description = "CloudWatch namespace of the metrics."
  default     = "ECRCleaner"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9._/#-][A-Za-z0-9._/#:-]{0,254}$", var.metrics_namespace)) && !startswith(var.metrics_namespace, "AWS/")
    error_message = "metrics_namespace must be 1 to 255 letters, digits and . _ / # : - without a colon or AWS/ at its beginning, got \"${var.metrics_namespace}\"."
  }
}

variable "minimum_keep_days" {
  type        = number
  description = "Lower bound of every age limit: default_keep_days and rules may not be below it, and a smaller number in a repository's tag BoxCleanerKeepDays is raised to it."
  default     = 1
  nullable    = false

  validation {
    condition     = var.minimum_keep_days >= 1 && var.minimum_keep_days <= 99999 && floor(var.minimum_keep_days) == var.minimum_keep_days
    error_message = "minimum_keep_days must be a whole number from 1 to 99999, got ${var.minimum_keep_days}."
  }
}

variable "name" {
  type        = string
  description = "Name of the function, and beginning of every other name. Names of IAM roles and policies also contain the region."
  default     = "ecr-cleaner"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name)) && length(var.name) >= 2 && length(var.name) <= 36
    error_message = "name must be 2 to 36 lower-case letters, digits and single hyphens and begin with a letter, got \"${var.name}\"."
  }

  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
  validation {
    condition     = !can(regex("^(sthree-|amzn-s3-demo-)", var.name))
    error_message = "name must not begin with sthree- or amzn-s3-demo-, because the bucket begins with it and S3 keeps these names to itself, got \"${var.name}\"."
  }
}

variable "notification_topic_arn" {
  type        = string
  description = "Existing standard SNS topic of this region on which a summary of runs is published for people. null: none, unless notifications_enabled."
  default     = null

  validation {
    condition     = var.notification_topic_arn == null || can(regex("^arn:[^:]+:sns:[^:]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$", var.notification_topic_arn))
    error_message = "notification_topic_arn must be the ARN of a standard SNS topic (not FIFO), got \"${coalesce(var.notification_topic_arn, "null")}\"."
  }
}

variable "notifications_enabled" {
  type        = bool
  description = "Whether the module makes an SNS topic and publishes a summary of runs on it for people; subscribe them to the output notification_topic_arn. Not together with the input notification_topic_arn."
  default     = false
  nullable    = false

  validation {
    condition     = !(var.notifications_enabled && var.notification_topic_arn != null)
    error_message = "notifications_enabled makes a topic and notification_topic_arn names one: set one of them, got both."
  }
}

variable "notify_on" {
  type        = string
  description = "Runs of which a summary is published: always; removals (something was removed, or in a dry run would be, or there are problems); problems."
  default     = "removals"
  nullable    = false

  validation {
    condition     = contains(["always", "problems", "removals"], var.notify_on)
    error_message = "notify_on must be always, problems or removals, got \"${var.notify_on}\"."
  }
}

variable "ok_actions" {
  type        = list(string)
  description = "ARNs that are notified when an alarm that stays until it is mended is over (not-run, undelivered, degraded), for example the topic of alarm_actions. They are told once after the first apply too."
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.ok_actions : can(regex("^arn:[^:]+:[^:]+:[^:]*:[^:]*:.+$", arn))])
    error_message = "ok_actions must be ARNs, got ${jsonencode(var.ok_actions)}."
  }

  validation {
    condition     = length(var.ok_actions) <= 5
    error_message = "ok_actions may be five, because CloudWatch takes no more, got ${length(var.ok_actions)}."
  }

  # Of what may be told of an alarm, only these take that it is over (PutCompositeAlarm).
  validation {
    condition = alltrue([
      for arn in var.ok_actions : can(regex("^arn:${local.partition}:(sns|lambda):${local.region}:", arn)) if startswith(arn, "arn:")
    ])
    error_message = "ok_actions must be what a CloudWatch alarm of ${local.partition} and ${local.region} can tell that it is over, an SNS topic or a Lambda function there, got ${jsonencode(var.ok_actions)}."
  }
}

variable "organization" {
  # Of an object of a type, members that it lacks would vanish.
  type        = any
  description = "{}: images may be in use in every account of this account's organization, and the function looks there by the role reader_role_name; see modules/usage-reader-stackset. AWS Organizations tells the accounts at each run. The account must be the organization's management account or a delegated administrator. null: in no account but those in accounts."
  default     = null

  validation {
    condition     = try(length(keys(var.organization)) == 0, var.organization == null)
    error_message = format("organization must be {} or null, got %s.", try(join(", ", [for name in keys(var.organization) : "the unknown member ${name}"]), jsonencode(var.organization)))
  }
}

variable "package_index_url" {
  type        = string
  description = "Package index from which the build installs Python packages, instead of pip's own: where the public one cannot be reached. Packages are checked by hash. Without credentials, because it stands in Terraform's state."
  default     = null

  validation {
    condition     = var.package_index_url == null || can(regex("^https?://[A-Za-z0-9._:/~%-]+$", var.package_index_url))
    error_message = "package_index_url must be https://<host>/<path> without credentials, got ${var.package_index_url == null ? "null" : jsonencode(replace(var.package_index_url, "/\\/\\/.*@/", "//…@"))}."
  }
}

variable "permissions_boundary_arn" {
  type        = string
  description = "Permissions boundary of both roles."
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[^:]+:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of an IAM policy, got \"${coalesce(var.permissions_boundary_arn, "null")}\"."
  }

  validation {
    condition     = try(can(regex("^arn:${local.partition}:iam::(${local.account_id}|aws):", var.permissions_boundary_arn)), true) || var.permissions_boundary_arn == null
    error_message = "permissions_boundary_arn must be a policy of this account (${local.account_id}) or of AWS, in the partition ${local.partition}, got \"${coalesce(var.permissions_boundary_arn, "null")}\"."
  }
}

variable "plan_expiry_hours" {
  type        = number
  description = "Hours after which a plan that waits for approval expires."
  default     = 72
  nullable    = false

  validation {
    condition     = var.plan_expiry_hours >= 1 && var.plan_expiry_hours <= 720 && floor(var.plan_expiry_hours) == var.plan_expiry_hours
    error_message = "plan_expiry_hours must be a whole number from 1 to 720, got ${var.plan_expiry_hours}."
  }
}

variable "protected_images" {
  type        = set(string)
  description = "Images that are always kept, by tag, digest or both, with the registry's host or without, such as shop/api:live. shop/api:* is every image of that repository; a name alone means its tag latest."
  default     = []
  nullable    = false

  validation {
    condition = alltrue([
      for name in var.protected_images :
      can(regex("^([0-9]{12}\\.dkr[.-]ecr(-fips)?\\.[a-z0-9-]+\\.[a-z0-9][a-z0-9.-]*/)?[a-z0-9]+(([._/]|__|-+)[a-z0-9]+)*(:\\*|(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?)$", name))
      && (can(regex("^[0-9]{12}\\.dkr[.-]ecr(-fips)?\\.[a-z0-9-]+\\.[a-z0-9][a-z0-9.-]*/", name)) || !can(regex("dkr[.-]ecr", name)))
    ])
    error_message = "protected_images must be repository[:tag][@sha256:<64 hex digits>] or repository:*, with <account>.dkr.ecr.<region>.<domain>/ before it or without, got ${jsonencode(var.protected_images)}."
  }
}

variable "reader_role_name" {
  type        = string
  description = "Name of the role that the function assumes in each of accounts, or in each account of the organization."
  default     = "ecr-cleaner-reader"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", var.reader_role_name))
    error_message = "reader_role_name must be 1 to 64 letters, digits and _ + = , . @ -, without a path, got \"${var.reader_role_name}\"."
  }
}

variable "rebuild" {
  type        = string
  description = "Any text, such as a month: a change builds the image anew, with what base_image names then. null: an image is built anew only when what it is built of changes."
  default     = null
}

variable "regions" {
  type        = set(string)
  description = "Regions of the account in which images may be in use, the function's own among them. null: every region that the account can use, as Account Management lists them at each run."
  default     = null

  validation {
    condition     = try(alltrue([for region in var.regions : can(regex("^[a-z]{2,}(?:-[a-z]+)+-[0-9]+$", region))]), true)
    error_message = "regions must be names of regions such as eu-west-1, got ${jsonencode(var.regions)}."
  }

  validation {
    condition     = try(contains(var.regions, local.region), true)
    error_message = "regions must name the function's own region ${local.region} too, where the registry is, got ${jsonencode(var.regions)}."
  }
}

variable "removal_mode" {
  type        = string
  description = "How images are removed: delete, or archive, which moves them into ECR's archive storage class, from which nothing can pull; ecr-cleaner restore brings them back. archive needs the history."
  default     = "delete"
  nullable    = false

  validation {
    condition     = contains(["archive", "delete"], var.removal_mode)
    error_message = "removal_mode must be archive or delete, got \"${var.removal_mode}\"."
  }

  validation {
    condition     = var.removal_mode != "archive" || var.history_enabled
    error_message = "removal_mode = \"archive\" needs the history, got history_enabled = false: what an archived index lists is known from there alone."
  }
}

variable "report_retention_days" {
  type        = number
  description = "Days that the module's own bucket keeps reports, or 0 for ever. In a bucket of your own, expire them by lifecycle rules."
  default     = 365
  nullable    = false

  validation {
    condition     = var.report_retention_days >= 0 && var.report_retention_days <= 99999 && floor(var.report_retention_days) == var.report_retention_days
    error_message = "report_retention_days must be a whole number from 0 to 99999, got ${var.report_retention_days}."
  }
}

variable "report_unmanaged_repositories" {
  type        = bool
  description = "Whether every run also reads the repositories that did not opt in, for its findings: their storage, and usages of their missing or archived images. It takes a call for every 1,000 images, and lets the role list all repositories; nothing in them is ever removed."
  default     = false
  nullable    = false
}

variable "reports_enabled" {
  type        = bool
  description = "Whether every run stores a report in the bucket, as JSON and as an HTML page. Without a bucket there are none."
  default     = true
  nullable    = false
}

variable "require_approval" {
  type        = bool
  description = "Whether a person approves each removal. With dry_run = false a scheduled run then only writes a plan; images are removed after someone submits its id."
  default     = false
  nullable    = false
}

variable "reserved_concurrent_executions" {
  type        = number
  description = "Reserved concurrency of the function: -1 reserves none, 0 prevents every run. Two runs never work at the same time, whatever it is."
  default     = -1
  nullable    = false

  validation {
    condition     = var.reserved_concurrent_executions >= -1 && floor(var.reserved_concurrent_executions) == var.reserved_concurrent_executions
    error_message = "reserved_concurrent_executions must be a whole number of at least -1, got ${var.reserved_concurrent_executions}."
  }
}

variable "retention_rules" {
  # Converted to objects of a type, rules would lose members that it lacks, and a misspelled one would keep nothing.
  type        = any
  description = "What keeps images of some repositories instead of the defaults: list(object). Each names repositories = list(string), globs on whole names. It may select some of their images by tags and except_tags = list(string), globs also with classes such as [0-9], by untagged = bool, and by artifact_types = list(string), globs. It says keep_days, keep_newest or keep_pulled_within_days = number, or keep = true. An image goes only if each of the rules that select it lets it go. Unknown members are refused."
  default     = []
  nullable    = false

  validation {
    condition     = can([for rule in var.retention_rules : keys(rule)]) && can(regex("^\\[", jsonencode(var.retention_rules)))
    error_message = "retention_rules must be a list of objects, such as [{ repositories = [\"*\"], keep_newest = 10 }], got ${jsonencode(var.retention_rules)}."
  }

  validation {
    condition = alltrue(flatten([
      for rule in try([for rule in var.retention_rules : merge(rule)], []) : [
        for name in keys(rule) : contains(["repositories", "tags", "except_tags", "untagged", "artifact_types", "keep_days", "keep_newest", "keep_pulled_within_days", "keep"], name)
      ]
    ]))
    error_message = format("A rule of retention_rules may have repositories, tags, except_tags, untagged, artifact_types, keep_days, keep_newest, keep_pulled_within_days and keep, got %s.", join(", ", flatten([
      for i, rule in try([for rule in var.retention_rules : merge(rule)], []) : [
        for name in keys(rule) : format("retention_rules[%d].%s%s", i, name, lookup({
          keep_days_untagged = " (instead, write a rule with untagged = true and keep_days)"
          keep_tags          = " (instead, write a rule with these tags and keep = true)"
          remove_artifacts   = " (instead, write a rule with artifact_types, such as [\"*\"], and keep_days)"
        }, name, "")) if !contains(["repositories", "tags", "except_tags", "untagged", "artifact_types", "keep_days", "keep_newest", "keep_pulled_within_days", "keep"], name)
      ]
    ])))
  }

  validation {
    condition = alltrue(flatten([
      for rule in try([for rule in var.retention_rules : merge(rule)], []) : [
        for name in ["repositories", "tags", "except_tags", "artifact_types"] : name != "repositories" && try(rule[name], null) == null || can(regex("^\\[[^]]", jsonencode(try(rule[name], null))))
      ]
    ]))
    error_message = format("Every one of retention_rules must name its repositories, and each of repositories, tags, except_tags and artifact_types must be a list of at least one string, got %s.", join(", ", flatten([
      for i, rule in try([for rule in var.retention_rules : merge(rule)], []) : [
        for name in ["repositories", "tags", "except_tags", "artifact_types"] : "retention_rules[${i}].${name} = ${jsonencode(try(rule[name], null))}"
        if !(name != "repositories" && try(rule[name], null) == null || can(regex("^\\[[^]]", jsonencode(try(rule[name], null)))))
      ]
    ])))
  }

  # A glob that no name can fit would let its rule hold nowhere, or keep nothing, unnoticed.
  validation {
    condition = alltrue(flatten([
      for rule in try([for rule in var.retention_rules : merge(rule)], []) : [
        for name, pattern in { repositories = "^[a-z0-9._/*?-]+$", tags = "^([A-Za-z0-9._*?-]|\\[!?([A-Za-z0-9._]|[0-9]-[0-9]|[A-Z]-[A-Z]|[a-z]-[a-z])+\\])+$", except_tags = "^([A-Za-z0-9._*?-]|\\[!?([A-Za-z0-9._]|[0-9]-[0-9]|[A-Z]-[A-Z]|[a-z]-[a-z])+\\])+$", artifact_types = "^([A-Za-z0-9._+/*?-]|\\[!?([A-Za-z0-9._]|[0-9]-[0-9]|[A-Z]-[A-Z]|[a-z]-[a-z])+\\])+$" } : [
          for glob in try([for each in rule[name] : each], []) : try(can(regex(pattern, glob)) && jsonencode(glob) == jsonencode(tostring(glob)) && alltrue([for class in regexall("\\[[^]]*\\]", glob) : can(regexall(replace(class, "[!", "[^"), ""))]), false)
        ]
      ]
    ]))
    error_message = format("The globs in retention_rules may hold lower-case letters, digits, . _ - / (repositories), letters, digits, . _ - (tags, except_tags), letters, digits, . _ + - / (artifact_types), the signs * (any characters, / too) and ? (any one), and but for repositories classes such as [0-9], [a-z], [._] and [!0-9], got %s.", join(", ", flatten([
      for i, rule in try([for rule in var.retention_rules : merge(rule)], []) : [
        for name, pattern in { repositories = "^[a-z0-9._/*?-]+$", tags = "^([A-Za-z0-9._*?-]|\\[!?([A-Za-z0-9._]|[0-9]-[0-9]|[A-Z]-[A-Z]|[a-z]-[a-z])+\\])+$", except_tags = "^([A-Za-z0-9._*?-]|\\[!?([A-Za-z0-9._]|[0-9]-[0-9]|[A-Z]-[A-Z]|[a-z]-[a-z])+\\])+$", artifact_types = "^([A-Za-z0-9._+/*?-]|\\[!?([A-Za-z0-9._]|[0-9]-[0-9]|[A-Z]-[A-Z]|[a-z]-[a-z])+\\])+$" } : [
          for glob in try([for each in rule[name] : each], []) : "${jsonencode(glob)} in retention_rules[${i}].${name}"
          if !try(can(regex(pattern, glob)) && jsonencode(glob) == jsonencode(tostring(glob)) && alltrue([for class in regexall("\\[[^]]*\\]", glob) : can(regexall(replace(class, "[!", "[^"), ""))]), false)
        ]
      ]
    ])))
  }

  validation {
    condition = alltrue(flatten([
      for rule in try([for rule in var.retention_rules : merge(rule)], []) : [
        for name in ["keep_days", "keep_newest", "keep_pulled_within_days"] : can(regex("^(null|[1-9][0-9]{0,4})$", jsonencode(try(rule[name], null))))
      ]
    ]))
    error_message = format("The numbers in retention_rules must be whole and from 1 to 99999, got %s.", join(", ", flatten([
      for i, rule in try([for rule in var.retention_rules : merge(rule)], []) : [
        for name in ["keep_days", "keep_newest", "keep_pulled_within_days"] :
        "retention_rules[${i}].${name} = ${jsonencode(try(rule[name], null))}" if !can(regex("^(null|[1-9][0-9]{0,4})$", jsonencode(try(rule[name], null))))
      ]
    ])))
  }

  validation {
    condition = alltrue(flatten([
      for rule in try([for rule in var.retention_rules : merge(rule)], []) : [
        for name in ["untagged", "keep"] : contains(["true", "false", "null"], jsonencode(try(rule[name], null)))
      ]
    ]))
    error_message = format("untagged and keep in retention_rules must be true or false, got %s.", join(", ", flatten([
      for i, rule in try([for rule in var.retention_rules : merge(rule)], []) : [
        for name in ["untagged", "keep"] : "retention_rules[${i}].${name} = ${jsonencode(try(rule[name], null))}"
        if !contains(["true", "false", "null"], jsonencode(try(rule[name], null)))
      ]
    ])))
  }

  validation {
    condition = alltrue([
      for rule in try([for rule in var.retention_rules : merge(rule)], []) : try(rule.keep_days >= var.minimum_keep_days, true)
    ])
    error_message = format("keep_days in retention_rules must be at least minimum_keep_days, which is ${var.minimum_keep_days}, got %s.", join(", ", [
      for i, rule in try([for rule in var.retention_rules : merge(rule)], []) :
      "retention_rules[${i}].keep_days = ${rule.keep_days}" if !try(rule.keep_days >= var.minimum_keep_days, true)
    ]))
  }

  validation {
    condition = alltrue(flatten([
      for rule in try([for rule in var.retention_rules : merge(rule)], []) : [
        for problem, is_there in {
          "keep = true must stand alone: it keeps for ever"                                                             = try(rule.keep, null) == true && length([for name in ["keep_days", "keep_newest", "keep_pulled_within_days"] : name if try(rule[name], null) != null]) > 0
          "it must say one of keep_days, keep_newest, keep_pulled_within_days, or keep = true"                          = try(rule.keep, null) != true && length([for name in ["keep_days", "keep_newest", "keep_pulled_within_days"] : name if try(rule[name], null) != null]) == 0
          "untagged = true must not be beside except_tags without tags: add tags = [\"*\"] to select tagged images too" = try(rule.untagged, null) == true && try(rule.except_tags, null) != null && try(rule.tags, null) == null
          "except_tags must leave tags for the rule: * excepts all of them"                                             = try(contains(rule.except_tags, "*"), false)
          "artifact_types must not name a type of container images, which it never selects"                             = try(anytrue([for type in ["application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"] : contains(rule.artifact_types, type)]), false)
        } : !is_there
      ]
    ]))
    error_message = format("What some of retention_rules say cannot be meant: %s.", join(", ", flatten([
      for i, rule in try([for rule in var.retention_rules : merge(rule)], []) : [
        for problem, is_there in {
          "keep = true must stand alone: it keeps for ever"                                                             = try(rule.keep, null) == true && length([for name in ["keep_days", "keep_newest", "keep_pulled_within_days"] : name if try(rule[name], null) != null]) > 0
          "it must say one of keep_days, keep_newest, keep_pulled_within_days, or keep = true"                          = try(rule.keep, null) != true && length([for name in ["keep_days", "keep_newest", "keep_pulled_within_days"] : name if try(rule[name], null) != null]) == 0
          "untagged = true must not be beside except_tags without tags: add tags = [\"*\"] to select tagged images too" = try(rule.untagged, null) == true && try(rule.except_tags, null) != null && try(rule.tags, null) == null
          "except_tags must leave tags for the rule: * excepts all of them"                                             = try(contains(rule.except_tags, "*"), false)
          "artifact_types must not name a type of container images, which it never selects"                             = try(anytrue([for type in ["application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"] : contains(rule.artifact_types, type)]), false)
        } : "retention_rules[${i}]: ${problem}" if is_there
      ]
    ])))
  }
}

variable "savings_tag_key" {
  type        = string
  description = "Key of a tag of your repositories, such as \"team\": reports then sum storage and savings by its values too. null: by repository alone."
  default     = null

  validation {
    condition     = var.savings_tag_key == null || can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]{1,128}$", var.savings_tag_key))
    error_message = "savings_tag_key must be the key of a tag: 1 to 128 letters, digits, spaces and _ . : / = + - @, got ${jsonencode(var.savings_tag_key)}."
  }
}

variable "schedule_enabled" {
  type        = bool
  description = "Whether the schedule starts the function."
  default     = true
  nullable    = false
}

variable "schedule_expression" {
  type        = string
  description = "When the function starts, in EventBridge Scheduler's syntax: cron(minutes hours day-of-month month day-of-week year) or rate(number unit). If that is less than daily, there is no alarm for a missing run. Terraform must know it before an apply."
  default     = "cron(0 0 * * ? *)"
  nullable    = false

  validation {
    condition     = can(regex("^(cron\\(([^ ()]+ ){5}[^ ()]+\\)|rate\\([1-9][0-9]* (minute|minutes|hour|hours|day|days)\\))$", var.schedule_expression)) && length(var.schedule_expression) <= 256
    error_message = "schedule_expression must be cron(<six fields>) or rate(<number> <minutes, hours or days>) of at most 256 characters (at(...) would start only once), got \"${var.schedule_expression}\"."
  }

  validation {
    condition     = try((regex("^rate\\((.*) ", var.schedule_expression)[0] == "1") == can(regex("[a-z]{2}[^s]\\)$", var.schedule_expression)), true)
    error_message = "schedule_expression must have the unit minute, hour or day after 1, and minutes, hours or days after every other number, got \"${var.schedule_expression}\"."
  }

  validation {
    condition     = try(length([for day in regex("^cron\\([^ ]+ [^ ]+ ([^ ]+) [^ ]+ ([^ ]+) ", var.schedule_expression) : day if day == "?"]) == 1, true)
    error_message = "schedule_expression must have ? as exactly one of its third and fifth field, the day of month and the day of week, got \"${var.schedule_expression}\"."
  }

  validation {
    condition = alltrue([
      for i, field in try(split(" ", regex("^cron\\((.*)\\)$", var.schedule_expression)[0]), []) : can(regex(local.cron_patterns[i], field)) if i < 6
    ])
    error_message = format("schedule_expression must have %s: \"${var.schedule_expression}\".", join("; ", [
      for i, field in try(split(" ", regex("^cron\\((.*)\\)$", var.schedule_expression)[0]), []) :
      "as ${local.cron_fields[i].name} ${local.cron_fields[i].takes}, got ${field}" if i < 6 && !can(regex(local.cron_patterns[i], field))
    ]))
  }
}

variable "schedule_timezone" {
  type        = string
  description = "Time zone of the schedule, a name of the IANA database."
  default     = "UTC"
  nullable    = false

  validation {
    condition = contains(local.time_zones, var.schedule_timezone)
    error_message = format("schedule_timezone must be a name of the IANA time zone database, such as Europe/Berlin, got \"${var.schedule_timezone}\"; that begins like %s.", jsonencode([
      for zone in local.time_zones : zone if startswith(lower(zone), lower(substr(var.schedule_timezone, 0, length(dirname(var.schedule_timezone)) + 3)))
    ]))
  }
}

variable "state_machine" {
  type        = bool
  description = "Whether a state machine runs each night in several invocations of the function, so that a large account is not bound by the 15 minutes of one. There always is one with accounts or organization. Needs a bucket."
  default     = false
  nullable    = false
}

variable "storage_price_per_gb_month" {
  type        = number
  description = "US dollars that ECR storage costs in your region for a GB and month. Used in reports."
  default     = 0.1
  nullable    = false

  validation {
    condition     = var.storage_price_per_gb_month >= 0 && var.storage_price_per_gb_month <= 1000
    error_message = "storage_price_per_gb_month must be a number from 0 to 1000, got ${var.storage_price_per_gb_month}."
  }
}

variable "tags" {
  type        = map(string)
  description = "Tags of everything that the module creates."
  default     = {}
  nullable    = false

  validation {
    condition     = length([for key in keys(var.tags) : key if contains(["boxcleanerenabled", "boxcleanerkeepdays"], lower(key))]) == 0
    error_message = "tags must not hold BoxCleanerEnabled or BoxCleanerKeepDays in any spelling, because the module's own repository is never cleaned, got ${jsonencode(keys(var.tags))}."
  }

  # What every service takes of them: IAM, whose keys do not differ by case alone, is the strictest one. The repository has a
  # tag more.
  validation {
    condition     = length(var.tags) <= 49 && length(distinct([for key in keys(var.tags) : lower(key)])) == length(var.tags)
    error_message = "tags must be at most 49, with keys that differ in more than upper and lower case, got ${jsonencode(keys(var.tags))}."
  }

  validation {
    condition = alltrue([
      for key, value in var.tags :
      can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]{1,128}$", key)) && can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]{0,256}$", value)) && !startswith(lower(key), "aws:")
    ])
    error_message = format("tags must have keys of 1 to 128 and values of at most 256 letters, digits, spaces and _ . : / = + - @, and no key may begin with aws:, got %s.", jsonencode({
      for key, value in var.tags : key => value
      if !can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]{1,128}$", key)) || !can(regex("^[\\p{L}\\p{Z}\\p{N}_.:/=+@-]{0,256}$", value)) || startswith(lower(key), "aws:")
    }))
  }
}

variable "task_definition_revisions" {
  type        = string
  description = "How many of the newest active revisions of each family of ECS task definitions count as in use although nothing names them: a whole number from 1 to 100, or all."
  default     = "1"
  nullable    = false

  validation {
    condition     = can(regex("^([1-9][0-9]?|100|all)$", var.task_definition_revisions))
    error_message = "task_definition_revisions must be a whole number from 1 to 100, or all, got \"${var.task_definition_revisions}\"."
  }
}

variable "used_images_max_age_hours" {
  type        = number
  description = "Hours after which a list of used images is out of date. An older one stops every removal."
  default     = 24
  nullable    = false

  validation {
    condition     = var.used_images_max_age_hours >= 1 && var.used_images_max_age_hours <= 99999 && floor(var.used_images_max_age_hours) == var.used_images_max_age_hours
    error_message = "used_images_max_age_hours must be a whole number from 1 to 99999, got ${var.used_images_max_age_hours}."
  }
}

variable "used_images_uri" {
  type        = string
  description = "Where lists of used images are, such as s3://bucket/inventories/: every object *.json under it is a JSON array of references to images in use. eks/<region>/<cluster>.json is the list of an EKS cluster, which is then not read itself."
  default     = null

  validation {
    condition     = var.used_images_uri == null || can(regex("^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/([A-Za-z0-9._=-]+/)+$", var.used_images_uri))
    error_message = "used_images_uri must be s3://<bucket>/<prefix>/ with a prefix of letters, digits, . _ = - and slashes that ends in a slash, got \"${coalesce(var.used_images_uri, "null")}\"."
  }

  validation {
    condition     = try(length(regex("^s3://[^/]*/(.*)$", var.used_images_uri)[0]) <= 200, true)
    error_message = "used_images_uri must have a prefix of at most 200 characters, got ${try(length(regex("^s3://[^/]*/(.*)$", var.used_images_uri)[0]), 0)}."
  }
}

variable "vpc_security_group_ids" {
  type        = list(string)
  description = "Security groups of the function; only together with vpc_subnet_ids."
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.vpc_security_group_ids : can(regex("^sg-[0-9a-f]{8,17}$", id))]) && length(var.vpc_security_group_ids) <= 5
    error_message = "vpc_security_group_ids must be at most five (Lambda's limit) ids like sg-0123456789abcdef0, got ${jsonencode(var.vpc_security_group_ids)}."
  }

  validation {
    condition     = (length(var.vpc_security_group_ids) == 0) == (length(var.vpc_subnet_ids) == 0)
    error_message = "vpc_subnet_ids and vpc_security_group_ids must be given together, got ${jsonencode(var.vpc_subnet_ids)} and ${jsonencode(var.vpc_security_group_ids)}."
  }
}

variable "vpc_subnet_ids" {
  type        = list(string)
  description = "Subnets of the function. They must reach the AWS APIs through a NAT gateway or endpoints. Without subnets the function needs no network of yours."
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for id in var.vpc_subnet_ids : can(regex("^subnet-[0-9a-f]{8,17}$", id))]) && length(var.vpc_subnet_ids) <= 16
    error_message = "vpc_subnet_ids must be at most 16 (Lambda's limit) ids like subnet-0123456789abcdef0, got ${jsonencode(var.vpc_subnet_ids)}."
  }
}
