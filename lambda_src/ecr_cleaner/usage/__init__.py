"""Finds out which images are in use: sources, the scan of one target, and the merged scan of a run."""
