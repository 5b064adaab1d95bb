"""What the function is configured with and what an invocation asks for, validated once, all problems at once."""
