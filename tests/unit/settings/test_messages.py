"""Who is told of runs, as settings."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest

from ecr_cleaner.compose import KNOWN_SOURCES
from ecr_cleaner.errors import SettingsError
from ecr_cleaner.settings.loader import Settings, from_environment
from ecr_cleaner.settings.schema import Notifications

TOPIC: Final = "arn:aws-us-gov:sns:us-gov-west-1:123456789012:runs_of-all"


def settings(**document: Any) -> Settings:
    """Settings whose document says this beside its version."""
    return from_environment({"ECR_CLEANER_SETTINGS": json.dumps({"schema_version": 1} | document)}, KNOWN_SOURCES)


def test_without_a_word_there_are_metrics_and_nothing_else() -> None:
    """They cost no permission."""
    assert Settings().metrics_namespace == "ECRCleaner"
    assert (Settings().event_bus_name, Settings().notifications) == (None, None)
    assert settings(metrics_namespace=None).metrics_namespace is None


def test_what_terraform_writes_is_read() -> None:
    """As it stands."""
    told = settings(
        event_bus_name="Platform.runs-1_a",
        metrics_namespace="Platform/ECR#1:a",
        notifications={"topic_arn": TOPIC, "on": "problems"},
    )
    assert (told.event_bus_name, told.metrics_namespace) == ("Platform.runs-1_a", "Platform/ECR#1:a")
    assert told.notifications == Notifications(topic_arn=TOPIC, on="problems")


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"event_bus_name": ""}, "event_bus_name"),
        ({"event_bus_name": "arn:aws:events:us-east-1:123456789012:event-bus/default"}, "event_bus_name"),
        ({"event_bus_name": "default\n"}, "event_bus_name"),
        ({"metrics_namespace": ""}, "metrics_namespace"),
        ({"metrics_namespace": "has blank"}, "metrics_namespace"),
        ({"metrics_namespace": "x" * 256}, "metrics_namespace"),
        ({"notifications": {"topic_arn": TOPIC}}, "notifications: on"),
        ({"notifications": {"topic_arn": TOPIC, "on": "failures"}}, "notifications: on"),
        ({"notifications": {"topic_arn": TOPIC + ".fifo", "on": "always"}}, "notifications: topic_arn"),
        ({"notifications": {"topic_arn": "runs", "on": "always"}}, "notifications: topic_arn"),
        ({"notifications": {"topic_arn": TOPIC, "on": "always", "to": "me"}}, "notifications: to"),
    ],
)
def test_what_cannot_be_meant_is_refused(document: dict[str, Any], place: str) -> None:
    """With place and value."""
    with pytest.raises(SettingsError) as error:
        settings(**document)
    (problem,) = error.value.problems
    assert f"{place}: " in problem
