"""What a person should know of a registry beside the verdicts."""
