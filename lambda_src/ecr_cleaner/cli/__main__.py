"""``python -m ecr_cleaner.cli``, where nothing is installed."""

from ecr_cleaner.cli import main

main(prog_name="ecr-cleaner")
