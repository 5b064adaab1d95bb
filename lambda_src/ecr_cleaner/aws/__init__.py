"""How AWS is called: clients, retries, pacing, errors, responses, S3 objects and the lock."""
