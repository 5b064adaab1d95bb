"""One module for each command of the command line, or for a few that belong together.

Each defines ``command``, a `click.Command` with the name that people type. It may raise whatever `ecr_cleaner.errors`
and `ecr_cleaner.aws.AwsError` hold: the command line tells it in one line and ends with exit code 1.
"""
