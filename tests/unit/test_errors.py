"""What errors say to whoever finds them."""

from __future__ import annotations

import json

import pytest

from ecr_cleaner import errors
from ecr_cleaner.errors import (
    CleanerError,
    IncompleteAnswerError,
    RunFailedError,
    SettingsError,
    UnreadableReferenceError,
)
from ecr_cleaner.model.run_status import RunStatus


def test_a_failed_run_is_one_line_of_json() -> None:
    """Queues, alarms and consoles show the message of an error and nothing else of it."""
    error = RunFailedError("run-1", RunStatus.REFUSED, (cause for cause in ["first\nline", 'the "second"']))
    assert "\n" not in str(error)
    assert json.loads(str(error)) == {
        "run_id": "run-1",
        "status": "refused",
        "causes": ["first\nline", 'the "second"'],
    }
    assert (error.status, error.causes) == ("refused", ("first\nline", 'the "second"'))


def test_all_problems_of_the_settings_stand_in_one_message() -> None:
    """One reading mends all."""
    error = SettingsError(problem for problem in ["a is wrong", "b is wrong"])
    assert error.problems == ("a is wrong", "b is wrong")
    assert str(error) == "a is wrong; b is wrong"


def test_an_unreadable_reference_is_quoted() -> None:
    """With the rule that it breaks."""
    error = UnreadableReferenceError("x.dkr.ecr/", "the host is wrong")
    assert error.text == "x.dkr.ecr/"
    assert str(error) == "image reference 'x.dkr.ecr/' looks like Amazon ECR but cannot be read: the host is wrong"


def test_an_incomplete_answer_names_operation_and_member() -> None:
    """Whoever looks for it knows where."""
    error = IncompleteAnswerError("ListServices", "serviceArns")
    assert error.operation == "ListServices"
    assert str(error) == "Incomplete response from ListServices: field 'serviceArns' is missing (possibly truncated)"


@pytest.mark.parametrize("name", sorted(name for name in vars(errors) if name.endswith("Error")))
def test_every_error_hangs_in_the_drawn_tree(name: str) -> None:
    """One base class to catch, and a drawing that is complete."""
    assert issubclass(getattr(errors, name), CleanerError)
    assert errors.__doc__ is not None
    assert name in errors.__doc__
