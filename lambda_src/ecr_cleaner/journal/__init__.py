"""What was removed, with what it takes to push it again, kept in S3."""
