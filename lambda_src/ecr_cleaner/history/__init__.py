"""What earlier runs saw of each repository, kept in S3."""
