output "stack_set_id" {
  description = "Id of the stack set."
  value       = aws_cloudformation_stack_set.reader.stack_set_id
}

output "template" {
  description = "The CloudFormation template, for whoever rolls it out by other means, such as the management account's own stack."
  value       = local.template
}
