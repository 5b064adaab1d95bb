"""What never changes at AWS, kept in the bucket, so that it is read once and not every night."""
