"""Removes old, unused images from the Amazon ECR repositories that opted in.

The way of the data, one direction (see CONTRIBUTING.md for the map)::

    settings -> inventory -> usage -> resolve -> judge -> guard -> remove -> report
"""

__version__ = "0.1.0"
