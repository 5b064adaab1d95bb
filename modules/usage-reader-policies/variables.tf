# Held against their rules where they are told: in the two modules that call this one.

variable "account_id" {
  type        = string
  description = "Id of the account that is read."
  nullable    = false
}

variable "additional_principal_arns" {
  type        = set(string)
  description = "ARNs of people's roles and users who may assume the role too."
  nullable    = false
}

variable "cleaner_role_arn" {
  type        = string
  description = "ARN of the function's role."
  nullable    = false
}

variable "organization_id" {
  type        = string
  description = "Id of the organization that the function's account must belong to; null: of any or none."
}

variable "partition" {
  type        = string
  description = "Partition of the account that is read."
  nullable    = false
}
