variable "clusters" {
  type        = set(string)
  description = "Names of the EKS clusters that the role may read."
  nullable    = false

  validation {
    condition     = alltrue([for name in var.clusters : can(regex("^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$", name))])
    error_message = "clusters must be names of EKS clusters, got ${jsonencode(var.clusters)}."
  }
}

variable "kubernetes_group" {
  type        = string
  description = "Group that the role gets in each cluster: the ClusterRole that `ecr-cleaner kubernetes-role` prints is bound to it."
  default     = "ecr-cleaner"
  nullable    = false

  # EKS refuses groups of Kubernetes itself: one of them could make the reader an administrator.
  validation {
    condition     = can(regex("^[A-Za-z0-9][A-Za-z0-9:._-]{0,62}$", var.kubernetes_group)) && !startswith(var.kubernetes_group, "system:")
    error_message = "kubernetes_group must be a name of at most 63 characters that does not begin with system:, got ${var.kubernetes_group}."
  }
}

variable "role_arn" {
  type        = string
  description = "ARN of the function's role: the output role_arn of the module."
  nullable    = false

  validation {
    condition     = can(regex("^arn:aws(?:-[a-z]+)*:iam::[0-9]{12}:role/.+$", var.role_arn))
    error_message = "role_arn must be the ARN of an IAM role, got ${var.role_arn}."
  }
}
