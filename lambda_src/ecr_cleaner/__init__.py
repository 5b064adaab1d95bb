"""Removes old, unused images from the Amazon ECR repositories that opted in.

The way of the data, one direction (see CONTRIBUTING.md for the map)::

    settings -> inventory -> usage -> resolve -> judge -> guard -> remove -> report
"""

__version__ = "0.1.0"

DOCUMENTATION = f"https://github.com/your-org/terraform-aws-ecr-cleaner/blob/v{__version__}/docs"
"""Where these pages lie, for whoever reads a mail, a report or an alarm."""
