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

variable "eks_clusters" {
  type        = set(string)
  description = "Names of the EKS clusters, in the provider's region, whose Kubernetes API the role may read; for other regions use modules/eks-access with the output role_arn."
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for name in var.eks_clusters : can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$", name))])
    error_message = "eks_clusters must be names of EKS clusters, got ${jsonencode(var.eks_clusters)}."
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

variable "permissions_boundary_arn" {
  type        = string
  description = "ARN of the policy that is the role's permissions boundary."
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:aws(?:-[a-z]+)*:iam::([0-9]{12}|aws):policy/.+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn must be the ARN of an IAM policy, got \"${coalesce(var.permissions_boundary_arn, "null")}\"."
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

variable "tags" {
  type        = map(string)
  description = "Tags of the role."
  default     = {}
  nullable    = false
}
