"""What developers and CI use to work on the project."""
