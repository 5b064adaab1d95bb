"""Terraform and the function mean the same: what one writes, the other reads."""

from __future__ import annotations

import hashlib
import inspect
import json
import re
from typing import Any, get_args

from ecr_cleaner.history import schema
from ecr_cleaner.model.result import NotifyOn
from ecr_cleaner.model.rules import REPOSITORY_GLOB, RetentionRule
from ecr_cleaner.settings import loader
from ecr_cleaner.settings.gaps import ACCOUNT, ARN, CLUSTER_ARN, GAP_KINDS
from ecr_cleaner.settings.schema import (
    Notifications,
    SettingsDocument,
    SettingsObject,
    Storage,
)
from ecr_cleaner.usage.catalog import SOURCES
from tools import declared, generate, reader, tables


def test_the_settings_document_has_the_same_keys() -> None:
    """What Terraform puts into it is what the function knows."""
    assert set(declared.local_values("main.tf")["settings"]) == set(SettingsDocument.model_fields)


def test_the_storage_has_the_same_members() -> None:
    """Bucket, prefix, and what is kept there."""
    written = re.findall(r"(\w+) = ", str(declared.local_values("bucket.tf")["storage"]))
    assert written == list(Storage.model_fields)


def test_rules_have_the_same_members() -> None:
    """Terraform refuses every other one, as the function does; tests/terraform/test_rules.py compares values."""
    known = [
        re.search(r"contains\(\[(.*?)\], name\)", text) for text in declared.variables()["retention_rules"].conditions
    ]
    (members,) = [re.findall(r"\w+", found[1]) for found in known if found]
    assert members == list(RetentionRule.model_fields)


def test_the_settings_document_has_the_same_version() -> None:
    """A change of meaning changes both."""
    version = SettingsDocument.model_fields["schema_version"].default
    assert declared.local_values("main.tf")["settings"]["schema_version"] == version


def test_the_environment_has_the_same_variables() -> None:
    """What Terraform sets is what the function reads."""
    (environment,) = declared.resource("main.tf", "aws_lambda_function", "cleaner")["environment"]
    read = re.findall(r'environment\.get\("(\w+)"', inspect.getsource(loader))
    assert set(re.findall(r"\b([A-Z_]+) = ", str(environment["variables"]))) == set(read)


def test_what_follows_from_the_sources_is_written_anew() -> None:
    """Terraform reads what the sources say: after a change of theirs, `make generate`."""
    assert generate.SOURCES_FILE.read_text() == generate.sources_json()
    assert generate.TIME_ZONES_FILE.read_text() == generate.time_zones()
    assert generate.READER_FILE.read_text() == reader.policy_json()
    assert generate.DEPLOYER_FILE.read_text() == generate.deployer_json()
    assert generate.READ_ONLY_FILE.read_text() == generate.read_only_json()
    for path in generate.pages():
        assert path.read_text() == generate.with_parts(path.read_text()), path


def test_every_generated_part_stands_on_one_page() -> None:
    """What can be written is, and once; an end without its beginning would be left as it is."""
    elsewhere = {".venv", ".cache", "node_modules"}
    texts = [path.read_text() for path in generate.ROOT.glob("**/*.md") if elsewhere.isdisjoint(path.parts)]
    written = [found["name"] for text in texts for found in generate.PART.finditer(text)]
    assert sorted(written) == sorted(tables.PARTS)
    assert sum(text.count("<!--") for text in texts) == 2 * len(written)


def test_people_read_of_ecr_what_the_function_reads() -> None:
    """The policy for the command line has the statements of the role, apart from where they hold."""
    values = declared.local_values("iam.tf")
    registry = [action for _, actions in declared.statements(values["read_statements"]) for action in actions]
    statements = dict(declared.statements(values["repository_statements"]))
    opted_in = [*statements["ReadOptedInRepositories"], *statements["ReadLifecyclePolicies"]]
    regions = [action for _, actions in declared.statements(values["region_statements"]) for action in actions]
    assert sorted(registry) == list(generate.REGISTRY_READS)
    assert sorted(regions) == list(generate.REGION_READS)
    accounts = dict(declared.statements(values["account_statements"]))
    assert accounts["ListAccounts"] == generate.ACCOUNT_READS
    assert sorted(opted_in) == list(generate.REPOSITORY_READS)


def test_the_permissions_fit_into_policies() -> None:
    """Each within IAM's limit even in the longest region, and no more policies than a role may have."""
    told = json.loads(generate.SOURCES_FILE.read_text())
    policies: dict[int, list[dict[str, Any]]] = {}
    for source in told.values():
        policies.setdefault(source["policy"], []).extend(source["statements"])
    assert len(policies) <= generate.POLICIES
    for statements in policies.values():
        document = json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
        for name, value in generate.LONGEST.items():
            document = document.replace(f"{{{name}}}", value)
        assert len(document) <= 6144
        assert "{" not in document.replace('{"', "")


def test_statements_have_ids_of_their_own() -> None:
    """In one role no two statements are called the same."""
    ids = [grant.sid for source in SOURCES for grant in source.grants]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[A-Za-z0-9]+", sid) for sid in ids)


def test_sources_only_read() -> None:
    """What only looks cannot break anything."""
    for source in SOURCES:
        for action in source.permissions:
            assert re.match(r"[a-z0-9-]+:(Describe|List|Get|BatchGet|Search)[A-Z]", action), action


def test_gaps_are_accepted_by_the_same_keys() -> None:
    """Terraform refuses at plan what the function would refuse at night: kinds, sources, clusters and globs."""
    conditions = declared.variables()["accepted_gaps"].conditions
    patterns = [found for text in conditions for found in re.findall(r'regex\("(.*?)", gap\)', text)]
    assert patterns[0] == f"^({'|'.join(GAP_KINDS)}):"
    assert patterns[1].replace("\\\\", "\\") == rf"^eks:(\*|{CLUSTER_ARN})$"
    assert rf"^[a-z]+:{ARN}$" in [pattern.replace("\\\\", "\\") for pattern in patterns]
    assert rf"^[a-z_]+:{REPOSITORY_GLOB}$" in patterns
    assert rf"^account:{ACCOUNT}$" in patterns
    assert {source.gap.partition(":")[0] for source in SOURCES} <= set(GAP_KINDS)
    accepted = SettingsDocument(accepted_gaps={source.gap: "known" for source in SOURCES}).accepted_gaps
    assert set(accepted) == {told["gap"] for told in json.loads(generate.SOURCES_FILE.read_text()).values()}


def test_the_defaults_are_the_same() -> None:
    """A function without Terraform behaves like one with it."""
    inputs = declared.variables()
    assert inputs["default_keep_days"].default == loader.DEFAULT_KEEP_DAYS
    assert inputs["minimum_keep_days"].default == SettingsDocument.model_fields["minimum_keep_days"].default
    assert tuple(inputs["retention_rules"].default) == SettingsDocument.model_fields["retention_rules"].default
    assert inputs["dry_run"].default is loader.Settings.model_fields["dry_run"].default
    shared = set(inputs) & set(SettingsDocument.model_fields)
    assert inputs["accepted_gaps"].default == SettingsDocument().accepted_gaps == {}
    shared -= {"accepted_gaps"}  # made anew for each document
    assert inputs["organization"].default is None  # {} is the other value that it may have
    assert SettingsDocument().organization is False
    shared -= {"organization"}
    assert {"max_removals_per_run", "max_usage_drop_percent", "keep_recently_used_days"} <= shared
    for name in shared:
        default = SettingsDocument.model_fields[name].default
        told = (
            sorted(default)
            if isinstance(default, frozenset)
            else list(default)
            if isinstance(default, tuple)
            else default
        )
        # An input that takes a number or a word is a text.
        assert inputs[name].default in {"string": (told, str(told))}.get(inputs[name].type, (told,)), name


def test_the_pointer_to_long_settings_has_the_same_keys() -> None:
    """Terraform writes where they lie and what they are, and the function reads both."""
    assert set(declared.local_values("main.tf")["settings_object"]) == set(SettingsObject.model_fields)


def test_the_marker_is_understood() -> None:
    """What Terraform makes it of is what the function takes for a history that has not begun."""
    content = str(declared.resource("bucket.tf", "aws_s3_object", "marker")["content"])
    (text,) = re.findall(r"jsonencode\(\{(.*?)\}\)", content)
    made = dict(pair.split(" = ") for pair in text.strip().split(", "))
    assert schema.HistoryNotStarted.model_validate_json(
        json.dumps({key: json.loads(value) for key, value in made.items()})
    )


def test_whoever_is_told_is_told_on_the_same_occasions() -> None:
    """What Terraform lets a person say is what the function understands."""
    (condition,) = declared.variables()["notify_on"].conditions
    assert set(re.findall(r'"(\w+)"', condition)) == set(get_args(NotifyOn))
    written = re.findall(r"(\w+) = ", str(declared.local_values("notifications.tf")["notifications"]))
    assert written == list(Notifications.model_fields)


def test_names_of_topics_buses_and_namespaces_are_read_alike() -> None:
    """Terraform refuses at plan what the function would refuse at night."""
    inputs = declared.variables()
    for name, told in (
        ("event_bus_name", SettingsDocument.model_fields["event_bus_name"]),
        ("metrics_namespace", SettingsDocument.model_fields["metrics_namespace"]),
        ("notification_topic_arn", Notifications.model_fields["topic_arn"]),
    ):
        (pattern,) = (found for text in inputs[name].conditions for found in re.findall(r'regex\("(.*?)", ', text))
        assert f"pattern='{pattern}'" in str(told), name


def test_accounts_and_their_role_are_read_alike() -> None:
    """Terraform refuses at plan what the function would refuse at night."""
    inputs = declared.variables()
    told = SettingsDocument.model_fields["reader_role_name"]
    (pattern,) = re.findall(r'regex\("(.*?)", ', inputs["reader_role_name"].conditions[0])
    assert f"pattern='{pattern}'" in str(told)
    assert f'regex("^{ACCOUNT}$", id)' in inputs["accounts"].conditions[0]


def test_the_size_of_the_settings_is_limited_alike() -> None:
    """Terraform refuses at plan what the function would refuse at night."""
    assert declared.local_values("main.tf")["settings_limit"] == loader.MAX_DOCUMENT_BYTES


def test_terraform_and_the_function_know_the_same_sources() -> None:
    """Terraform takes the names from its file, in order; the function from its modules."""
    names = list(json.loads((declared.ROOT / "usage_sources.json").read_text()))
    told = hashlib.sha256(",".join(sorted(names)).encode()).hexdigest()
    assert SettingsDocument(usage_sources_sha256=told).usage_sources_sha256 == told
    assert set(names) == {source.name for source in SOURCES}
