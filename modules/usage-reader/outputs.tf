output "role_arn" {
  description = "ARN of the role; also for modules/eks-access in other regions."
  value       = aws_iam_role.reader.arn
}

output "role_name" {
  description = "Name of the role, for the input reader_role_name of the module."
  value       = aws_iam_role.reader.name
}
