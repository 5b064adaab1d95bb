variable "additional_principal_arns" {
  type        = set(string)
  description = "ARNs of people's IAM roles and users who may assume the role too, to look from a laptop; * in a name stands for any characters, as in arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_Platform_*."
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.additional_principal_arns : can(regex("^arn:aws(?:-[a-z]+)*:iam::[0-9]{12}:(role|user)/[!-#%-~]*[A-Za-z0-9][!-#%-~]*$", arn))])
    error_message = "additional_principal_arns must be ARNs of IAM roles or users, in whose names * stands for any characters, got ${jsonencode(var.additional_principal_arns)}."
  }
}

variable "call_as" {
  type        = string
  description = "SELF in the organization's management account, DELEGATED_ADMIN in an account that administers StackSets for it."
  default     = "SELF"
  nullable    = false

  validation {
    condition     = contains(["DELEGATED_ADMIN", "SELF"], var.call_as)
    error_message = "call_as must be SELF or DELEGATED_ADMIN, got \"${var.call_as}\"."
  }
}

variable "cleaner_role_arn" {
  type        = string
  description = "ARN of the function's role, in the registry's account: the output role_arn of the module. It may not exist yet."
  nullable    = false

  # Neither wildcards, which conditions on ARNs know, nor variables.
  validation {
    condition     = can(regex("^arn:aws(?:-[a-z]+)*:iam::[0-9]{12}:role/[!-#%-)+->@-~]+$", var.cleaner_role_arn))
    error_message = "cleaner_role_arn must be the ARN of an IAM role, the output role_arn of the module, got \"${var.cleaner_role_arn}\"."
  }
}

variable "name" {
  type        = string
  description = "Name of the stack set."
  default     = "ecr-cleaner-reader"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z][A-Za-z0-9-]{0,127}$", var.name))
    error_message = "name must be 1 to 128 letters, digits and hyphens, beginning with a letter, got \"${var.name}\"."
  }
}

variable "organization_id" {
  type        = string
  description = "Id of the organization to which whoever assumes the role must belong, such as o-a1b2c3d4e5. null: not asked."
  default     = null

  validation {
    condition     = var.organization_id == null || can(regex("^o-[a-z0-9]{10,32}$", var.organization_id))
    error_message = "organization_id must be the id of an organization such as o-a1b2c3d4e5, got \"${coalesce(var.organization_id, "null")}\"."
  }
}

variable "organizational_unit_ids" {
  type        = set(string)
  description = "Organizational units in whose accounts the role is made, those below them included: ids such as ou-a1b2-c3d4e5f6, or the root's id such as r-a1b2 for all accounts. The management account is never among them: apply modules/usage-reader there."
  nullable    = false

  validation {
    condition     = length(var.organizational_unit_ids) > 0 && alltrue([for id in var.organizational_unit_ids : can(regex("^(ou-[a-z0-9]{4,32}-[a-z0-9]{8,32}|r-[a-z0-9]{4,32})$", id))])
    error_message = "organizational_unit_ids must be at least one id such as ou-a1b2-c3d4e5f6 or r-a1b2, got ${jsonencode(var.organizational_unit_ids)}."
  }
}

variable "role_name" {
  type        = string
  description = "Name of the role: the input reader_role_name of the module, the same in every account."
  default     = "ecr-cleaner-reader"
  nullable    = false

  validation {
    condition     = can(regex("^[A-Za-z0-9_+=,.@-]{1,64}$", var.role_name))
    error_message = "role_name must be 1 to 64 letters, digits and _ + = , . @ -, got \"${var.role_name}\"."
  }
}

variable "stack_region" {
  type        = string
  description = "Region in which each account's stack lies; every account must have enabled it. null: the provider's own."
  default     = null

  validation {
    condition     = var.stack_region == null || can(regex("^[a-z]{2,}(?:-[a-z]+)+-[0-9]+$", var.stack_region))
    error_message = "stack_region must be the name of a region such as eu-west-1, got \"${coalesce(var.stack_region, "null")}\"."
  }
}

variable "tags" {
  type        = map(string)
  description = "Tags of the stack set, its stacks and the role."
  default     = {}
  nullable    = false
}
