"""What is asked of Lambda for the settings of a deployed function."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ecr_cleaner.aws import errors
from ecr_cleaner.cli import known_settings
from ecr_cleaner.errors import CleanerError, IncompleteAnswerError

if TYPE_CHECKING:
    from tests.aws_calls.script import Script

ARN = "arn:aws:lambda:us-east-1:123456789012:function:ecr-cleaner"
TOLD = {"DRY_RUN": "false", "DEFAULT_KEEP_DAYS": "9", "ECR_CLEANER_SETTINGS": '{"schema_version":1}'}


def test_one_call_by_the_functions_name(script: Script) -> None:
    """GetFunctionConfiguration, which needs no permission to the function's code."""
    answer = {"FunctionArn": ARN, "Environment": {"Variables": TOLD}}
    script.answer("lambda", "get_function_configuration", answer, FunctionName="ecr-cleaner")
    known = known_settings.of_function(script.aws, "ecr-cleaner")
    assert (known.source, known.name, known.value.default_keep_days) == ("function", "ecr-cleaner", 9)
    bound = (known.binding.account, known.binding.region, known.binding.function)
    assert bound == ("123456789012", "us-east-1", "ecr-cleaner")


def test_a_plan_is_bound_to_the_function_whatever_it_is_called(script: Script) -> None:
    """By the name in its ARN, even if an alias is named."""
    answer = {"FunctionArn": f"{ARN}:live", "Environment": {"Variables": TOLD}}
    script.answer("lambda", "get_function_configuration", answer, FunctionName=f"{ARN}:live")
    assert known_settings.of_function(script.aws, f"{ARN}:live").binding.function == "ecr-cleaner"


def test_an_answer_without_an_arn_is_incomplete(script: Script) -> None:
    """No plan may be bound to half a function."""
    script.answer("lambda", "get_function_configuration", {"Environment": {"Variables": TOLD}}, FunctionName="f")
    with pytest.raises(IncompleteAnswerError, match="FunctionArn"):
        known_settings.of_function(script.aws, "f")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ({}, "function f is not an ecr-cleaner: its environment has no ECR_CLEANER_SETTINGS"),
        ({"Environment": {}}, "function f is not an ecr-cleaner: its environment has no ECR_CLEANER_SETTINGS"),
        (
            {"Environment": {"Error": {"ErrorCode": "AccessDeniedException", "Message": "not kms:Decrypt"}}},
            "the environment of function f cannot be read: AccessDeniedException: not kms:Decrypt",
        ),
    ],
)
def test_an_environment_that_says_nothing(script: Script, answer: dict[str, Any], message: str) -> None:
    """Of another function, or under a key that the caller may not use."""
    script.answer("lambda", "get_function_configuration", answer, FunctionName="f")
    with pytest.raises(CleanerError) as error:
        known_settings.of_function(script.aws, "f")
    assert str(error.value) == message


def test_no_such_function(script: Script) -> None:
    """Told in the caller's words."""
    script.refuse("lambda", "get_function_configuration", "ResourceNotFoundException", FunctionName="f")
    with pytest.raises(CleanerError, match=r"^there is no function f in us-east-1$"):
        known_settings.of_function(script.aws, "f")


def test_a_function_that_may_not_be_read(script: Script) -> None:
    """Is AWS's error; the command line makes a sentence of it."""
    script.refuse("lambda", "get_function_configuration", "AccessDeniedException", FunctionName="f")
    with pytest.raises(errors.AwsError):
        known_settings.of_function(script.aws, "f")
