"""One module for each command of the command line.

Each defines ``command``, a `click.Command`. It may raise the errors of `ecr_cleaner.errors`
and `ecr_cleaner.aws.AwsError` hold: the command line tells it in one line and ends with exit code 1.
"""
