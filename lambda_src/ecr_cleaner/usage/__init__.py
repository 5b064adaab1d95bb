"""Which images are in use, and by which consumers. Collects; knows nothing of rules."""
