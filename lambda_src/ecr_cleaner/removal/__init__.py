"""Removes or archives images in ECR."""
