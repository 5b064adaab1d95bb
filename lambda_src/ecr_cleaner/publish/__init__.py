"""Sends results out: metrics, event, notification, report."""
