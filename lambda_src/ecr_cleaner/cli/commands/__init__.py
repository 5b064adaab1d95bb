"""One module for each command of the command line.

Each defines ``command``, a `click.Command`. It may raise the errors of `ecr_cleaner.errors`
and `ecr_cleaner.aws.errors.AwsError`: the command line reports them in one line, with exit code 1.
"""
