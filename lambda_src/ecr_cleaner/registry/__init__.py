"""Reads Amazon ECR: repositories, tags, images, policies."""
