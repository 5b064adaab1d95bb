"""Terraform and the function mean the same: what one writes, the other reads."""

from __future__ import annotations

import inspect
import json
import re
from typing import TYPE_CHECKING, get_args

import pytest

from ecr_cleaner import documents, settings
from ecr_cleaner.usage import SOURCES
from tests.docs import declared

if TYPE_CHECKING:
    from ecr_cleaner.usage.base import Source


def test_the_settings_document_has_the_same_keys() -> None:
    """What Terraform puts into it is what the function knows."""
    assert set(declared.local_values("main.tf")["settings"]) == set(settings.Document.model_fields)


def test_the_settings_document_has_the_same_version() -> None:
    """A change of meaning changes both."""
    version = settings.Document.model_fields["schema_version"].default
    assert declared.local_values("main.tf")["settings"]["schema_version"] == version


def test_the_environment_has_the_same_variables() -> None:
    """What Terraform sets is what the function reads."""
    (environment,) = declared.resource("main.tf", "aws_lambda_function", "cleaner")["environment"]
    read = re.findall(r'environment\.get\("(\w+)"', inspect.getsource(settings))
    assert {name for name in environment["variables"] if not name.startswith("__")} == set(read)


def test_sources_can_be_disabled_by_their_names() -> None:
    """The input, the settings and the sources list the same names."""
    names = {source.name for source in SOURCES if source.setting == "disabled_usage_sources"}
    assert declared.allowed_values("disabled_usage_sources") == names == set(get_args(settings.SourceName))


def test_unscanned_consumers_can_be_acknowledged_by_their_names() -> None:
    """The input and the settings list the same names, and sources of this kind are among them."""
    names = set(get_args(settings.Unscanned))
    assert declared.allowed_values("acknowledged_unscanned") == names
    assert {source.name for source in SOURCES if source.setting == "acknowledged_unscanned"} <= names


def test_the_defaults_are_the_same() -> None:
    """A function without Terraform behaves like one with it."""
    inputs = declared.variables()
    assert inputs["default_keep_days"].default == settings.DEFAULT_KEEP_DAYS
    assert inputs["dry_run"].default is settings.Settings.model_fields["dry_run"].default
    shared = set(inputs) & set(settings.Document.model_fields)
    assert {"max_removals_per_run", "max_usage_drop_percent", "rollback_days"} <= shared
    for name in shared:
        default = settings.Document.model_fields[name].default
        assert inputs[name].default == (sorted(default) if isinstance(default, frozenset) else default), name


def test_the_pointer_to_long_settings_has_the_same_keys() -> None:
    """Terraform writes where they lie and what they are, and the function reads both."""
    assert set(declared.local_values("main.tf")["settings_object"]) == set(settings.SettingsObject.model_fields)


def test_the_marker_is_understood() -> None:
    """What Terraform makes it of is what the function takes for a history that has not begun."""
    content = str(declared.resource("bucket.tf", "aws_s3_object", "marker")["content"])
    (text,) = re.findall(r"jsonencode\(\{(.*?)\}\)", content)
    made = dict(pair.split(" = ") for pair in text.strip().split(", "))
    assert documents.New.model_validate_json(json.dumps({key: json.loads(value) for key, value in made.items()}))


def test_the_size_of_the_settings_is_limited_alike() -> None:
    """Terraform refuses at plan what the function would refuse at night."""
    assert declared.local_values("main.tf")["settings_limit"] == settings.MAX_DOCUMENT_BYTES


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_source_is_allowed_what_it_needs(source: Source) -> None:
    """The permissions that a source declares are those that Terraform gives for it, no more and no less."""
    given = [
        a
        for _, actions in declared.statements(declared.local_values("iam.tf")["usage_statements"][source.name])
        for a in actions
    ]
    assert sorted(given) == sorted(set(source.permissions))


def test_no_permissions_are_given_for_sources_that_do_not_exist() -> None:
    """A source that is taken out takes its permissions with it."""
    assert set(declared.local_values("iam.tf")["usage_statements"]) == {source.name for source in SOURCES}
