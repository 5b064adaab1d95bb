"""What a run costs, measured; never part of a test."""
