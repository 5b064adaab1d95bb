"""Whether consumers get their images, asked of those of which everything else is known.

What a Lambda function is made of never changes, and whether Lambda finds it may. That only matters if an earlier run
removed it (`ecr_cleaner.decision.pull_failures`), so only then is it asked, and never taken from what was known before.
"""

from typing import Any, Final

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.errors import CleanerError, OutOfTimeError
from ecr_cleaner.model.usage import Usage

_IMAGE_DELETED: Final = "ImageDeleted"

REASONS: Final = ("StateReasonCode", "LastUpdateStatusReasonCode")
"""Of a function that cannot start, and of one that could not be updated; ListFunctions returns neither, so in other
accounts nobody learns of it."""


_GONE: Final = "ResourceNotFoundException"


def failure_of(configuration: dict[str, Any]) -> str:
    """Lambda's reason code if it did not find the image; else empty."""
    for member in REASONS:
        if configuration.get(member) == _IMAGE_DELETED:
            return f"{member} {_IMAGE_DELETED}"
    return ""


def ask(clients: AwsClients, usage: Usage) -> str:
    """What AWS says now of a consumer that was not asked.

    Args:
        clients: Of the run.
        usage: Of the consumer: a version of a Lambda function, in the form ``<name>:<version>``.

    Returns:
        Why it did not get its image; empty if it did, or is gone. If it cannot be asked, that: it may fail.

    Raises:
        OutOfTimeError: No time is left for the call.
    """
    if usage.target is None:
        return usage.failure
    name, _, number = usage.unasked.partition(":")
    try:
        there = clients.for_target(usage.target)
        answer = there.client("lambda").get_function(FunctionName=name, Qualifier=number)
        return failure_of(responses.member(answer, "Configuration", "GetFunction"))
    except OutOfTimeError:
        raise
    except (CleanerError, *errors.AwsError) as error:
        if errors.code_of(error) == _GONE:
            return ""
        return f"it is not known whether it works: {errors.sentence(error)}"
