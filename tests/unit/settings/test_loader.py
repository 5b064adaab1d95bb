"""What a run may be told, and that nothing is guessed."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from ecr_cleaner.compose import KNOWN_SOURCES
from ecr_cleaner.decision.limits import Limits
from ecr_cleaner.errors import AbsentError, SettingsError
from ecr_cleaner.model.rules import RetentionRule
from ecr_cleaner.run.context import limits_of
from ecr_cleaner.settings.loader import (
    MAX_DOCUMENT_BYTES,
    Settings,
    for_invocation,
    from_environment,
    refuse_own_account,
    whole_days,
)
from ecr_cleaner.settings.request import ConfirmationRequest, read_request
from ecr_cleaner.settings.schema import Storage
from tests.unit.settings.rules import ACCEPTED, MINIMUM, REFUSED, SOME

if TYPE_CHECKING:
    from collections.abc import Mapping

FOREIGN = re.compile(r"Input should|Field required|Extra inputs|Value error|\[key\]|cannot be understood")
"""Words of the library that reads documents, and what would be said of a rule that has no words of its own."""

NO_WHOLE_DAYS = [
    "90d",
    "-1",
    "0",
    "",
    " 30",
    "30 ",
    "30\n",
    "+30",
    "1e2",
    "30.0",
    "٣",
    "030",
    str(10**9),
    "100000",
    "1_000",
    "true",
    "None",
]


def settings(**document: Any) -> Settings:
    """Settings whose document says this beside its version."""
    return from_environment({"ECR_CLEANER_SETTINGS": json.dumps({"schema_version": 1} | document)}, KNOWN_SOURCES)


def problems(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The problems with an environment that is refused."""
    with pytest.raises(SettingsError) as refused:
        from_environment(environment, KNOWN_SOURCES)
    return refused.value.problems


@pytest.mark.parametrize(
    "text", ["False", "FALSE", "", "0", "no", "off", " false", "false ", "false\n", "true", "flase"]
)
def test_anything_but_false_is_a_dry_run(text: str) -> None:
    """A misspelled DRY_RUN must not remove anything."""
    assert from_environment({"DRY_RUN": text}, KNOWN_SOURCES).dry_run


@pytest.mark.parametrize("text", ["False", "FALSE", "no", "0", "", "false ", "flase"])
def test_a_dry_run_that_was_meant_otherwise_is_told(text: str) -> None:
    """The value is named; it changes neither the hash nor the document of the settings."""
    found = from_environment({"DRY_RUN": text}, KNOWN_SOURCES)
    note = f"DRY_RUN is {text!r}, and that is a dry run: only the exact text false turns removal on"
    assert found.notes == (note,)
    assert found.sha256 == Settings().sha256
    assert "notes" not in found.model_dump()


@pytest.mark.parametrize("environment", [{}, {"DRY_RUN": "true"}, {"DRY_RUN": "True"}, {"DRY_RUN": "false"}])
def test_what_is_meant_as_it_is_needs_no_word(environment: dict[str, str]) -> None:
    """Nothing, true, and false."""
    assert from_environment(environment, KNOWN_SOURCES).notes == ()


def test_only_false_removes() -> None:
    """The exact value turns removal on."""
    assert not from_environment({"DRY_RUN": "false"}, KNOWN_SOURCES).dry_run


def test_an_empty_environment_is_a_dry_run_of_thirty_days() -> None:
    """Without a word from outside the harmless values hold."""
    found = from_environment({}, KNOWN_SOURCES)
    assert found == Settings()
    assert (found.dry_run, found.default_keep_days) == (True, 30)
    assert (found.accepted_gaps, found.gaps_beside_sources) == ({}, ())
    assert (found.lock_table, found.own_repository) == (None, None)
    assert found.task_definition_revisions == 1
    assert (found.minimum_keep_days, found.retention_rules) == (1, ())
    assert (found.accounts, found.organization, found.reader_role_name) == ((), False, "ecr-cleaner-reader")


@pytest.mark.parametrize("text", NO_WHOLE_DAYS)
def test_days_that_are_no_whole_number_are_an_error(text: str) -> None:
    """An age limit is never guessed: a smaller one than meant would remove images."""
    assert whole_days(text) is None
    (problem,) = problems({"DEFAULT_KEEP_DAYS": text, "DRY_RUN": "false"})
    assert problem == f"DEFAULT_KEEP_DAYS must be a whole number of days from 1 to 99999, got {text!r}"


@pytest.mark.parametrize(("text", "days"), [("1", 1), ("30", 30), ("365", 365), ("99999", 99_999)])
def test_whole_days_are_read(text: str, days: int) -> None:
    """From one day to 99,999."""
    assert whole_days(text) == days
    assert from_environment({"DEFAULT_KEEP_DAYS": text}, KNOWN_SOURCES).default_keep_days == days


CLUSTER = "eks:arn:aws:eks:us-east-1:123456789012:cluster/Shop_1-a"
GAPS = {
    "source:ecs": "retired",
    "source:used_images_objects": "nobody keeps any",
    "other_accounts:shop/*": "a partner pulls",
    "pull_through_cache:*": "refetched",
    "delete_replication:a.b_c-d/?": "copies are backups",
    "eks:*": "no pod runs images of this registry",
    CLUSTER: "batch only",
    "account:222233334444": "it closes in May",
    "unreadable:arn:aws-cn:states:cn-north-1:123456789012:stateMachine:payments": "starts no image",
    "usage:arn:aws:lambda:us-east-1:123456789012:function:launcher:$LATEST": "names all, starts one",
}


def test_the_document_is_read() -> None:
    """Everything that Terraform may say arrives."""
    found = settings(
        accepted_gaps=GAPS,
        lock_table="cleaner-lock",
        own_repository="cleaner",
    )
    assert found.accepted_gaps == GAPS
    assert list(found.accepted_gaps) == sorted(GAPS), "whatever order they were told in"
    assert found.gaps_beside_sources == (
        "delete_replication:a.b_c-d/?: copies are backups",
        f"{CLUSTER}: batch only",
        "other_accounts:shop/*: a partner pulls",
        "pull_through_cache:*: refetched",
        "unreadable:arn:aws-cn:states:cn-north-1:123456789012:stateMachine:payments: starts no image",
        "usage:arn:aws:lambda:us-east-1:123456789012:function:launcher:$LATEST: names all, starts one",
    )
    assert (found.lock_table, found.own_repository) == ("cleaner-lock", "cleaner")


@pytest.mark.parametrize("wanted", [1, 2, 100, 10**6, "all"])
def test_revisions_are_a_number_or_all(wanted: int | str) -> None:
    """However many the module's input may allow later."""
    assert settings(task_definition_revisions=wanted).task_definition_revisions == wanted


def test_rules_are_read() -> None:
    """In their order; what a rule leaves out is left out."""
    found = settings(minimum_keep_days=MINIMUM, retention_rules=ACCEPTED).retention_rules
    assert [rule.model_dump(mode="json", exclude_unset=True) for rule in found] == ACCEPTED
    assert found[0] == RetentionRule(
        repositories=("shop/*", "web"),
        tags=("v*", "Prod_?.x-1", "[0-9]*", "[!a-zA-Z._]", "[ab1-3]"),
        except_tags=("*-rc*",),
        untagged=True,
        artifact_types=("application/vnd.buildkit.*", "text/x+[a-z]"),
        keep_days=7,
        keep_newest=10,
        keep_pulled_within_days=14,
    )


@pytest.mark.parametrize(("rule", "place", "value"), REFUSED)
def test_a_rule_that_is_not_understood_is_an_error(rule: dict[str, Any], place: str, value: str) -> None:
    """The message names value, rule and place; a misspelled condition would keep nothing, unnoticed."""
    document = {"schema_version": 1, "minimum_keep_days": MINIMUM, "retention_rules": [SOME, SOME | rule]}
    (problem,) = problems({"ECR_CLEANER_SETTINGS": json.dumps(document)})
    assert problem.startswith(f"ECR_CLEANER_SETTINGS: retention_rules: 1: {place}: ")
    assert problem.endswith(f", got {value}")
    assert not FOREIGN.search(problem)


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("keep_dayz", ""),
        ("keep_days_untagged", "; instead, write a rule with untagged = true and keep_days"),
        ("keep_tags", "; instead, write a rule with these tags and keep = true"),
        ("remove_artifacts", '; instead, write a rule with artifact_types, such as ["*"], and keep_days'),
    ],
)
def test_an_unknown_member_of_a_rule_is_told_with_the_known_ones(name: str, instead: str) -> None:
    """And with what says what it seems to mean; nothing is compatible in silence."""
    rule = {"repositories": ["*"], "keep_days": 90, name: 1}
    (problem,) = problems({"ECR_CLEANER_SETTINGS": json.dumps({"schema_version": 1, "retention_rules": [rule]})})
    assert problem == (
        f"ECR_CLEANER_SETTINGS: retention_rules: 0: {name}: is not known: a rule may have repositories, tags,"
        f" except_tags, untagged, artifact_types, keep_days, keep_newest, keep_pulled_within_days, keep{instead}, got 1"
    )


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (
            {},
            (
                "keep: must be true, or the rule must say one of keep_days, keep_newest, keep_pulled_within_days,"
                " got False"
            ),
        ),
        (
            {"keep": True, "keep_days": 9, "keep_pulled_within_days": 9},
            "keep: must stand alone: it keeps for ever, whatever keep_days and keep_pulled_within_days says, got True",
        ),
        (
            {"except_tags": ["v*"], "untagged": True, "keep": True},
            (
                'untagged: must not be beside except_tags without tags: add tags = ["*"] to select tagged images too,'
                " got True"
            ),
        ),
        ({"keep": True, "tags": []}, "tags: must name at least one tag, got []"),
        ({"keep": True, "artifact_types": []}, "artifact_types: must name at least one type of artifacts, got []"),
        ({"keep": True, "tags": ["[9-0]"]}, "tags: 0: must not have a range that begins after its end, got '[9-0]'"),
        (
            {"keep": True, "except_tags": ["*"]},
            "except_tags: must leave tags for the rule: * excepts all of them, got ['*']",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_reason(said: dict[str, Any], problem: str) -> None:
    """A rule that says nothing, or two things that exclude each other."""
    document = {"schema_version": 1, "retention_rules": [{"repositories": ["*"], **said}]}
    assert problems({"ECR_CLEANER_SETTINGS": json.dumps(document)}) == (
        f"ECR_CLEANER_SETTINGS: retention_rules: 0: {problem}",
    )


def test_all_problems_of_all_rules_are_told() -> None:
    """Those of a member beside those of the whole."""
    rules = [{"repositories": ["A"], "keep_days": 0, "keep": True}, {"repositories": ["*"], "tags": ["a b"]}]
    document = {"schema_version": 1, "retention_rules": rules}
    found = problems({"ECR_CLEANER_SETTINGS": json.dumps(document)})
    assert [": ".join(problem.split(": ")[2:4]) for problem in found] == [
        "0: repositories",
        "0: keep_days",
        "0: keep",
        "1: tags",
        "1: keep",
    ]


def test_no_age_may_be_below_the_minimum() -> None:
    """Nor that of a rule, nor the default; every one of them is told, other problems too."""
    rules = [
        {"repositories": ["*"], "keep_days": 3, "keep_newest": 1},
        {"repositories": ["*"], "untagged": True, "keep_days": 2},
    ]
    document = {"schema_version": 1, "minimum_keep_days": 7, "retention_rules": rules}
    rule = "must be at least minimum_keep_days, which is 7"
    told = (
        f"ECR_CLEANER_SETTINGS: retention_rules: 0: keep_days: {rule}, got 3",
        f"ECR_CLEANER_SETTINGS: retention_rules: 1: keep_days: {rule}, got 2",
    )
    assert problems({"ECR_CLEANER_SETTINGS": json.dumps(document)}) == told
    found = problems({"ECR_CLEANER_SETTINGS": json.dumps(document | {"lock_table": 7})})
    assert set(told) < set(found)
    assert len(found) == 3
    document["retention_rules"] = []
    environment = {"DEFAULT_KEEP_DAYS": "6", "ECR_CLEANER_SETTINGS": json.dumps(document)}
    assert problems(environment) == ("DEFAULT_KEEP_DAYS must be at least minimum_keep_days, which is 7, got '6'",)
    assert from_environment(environment | {"DEFAULT_KEEP_DAYS": "7"}, KNOWN_SOURCES).default_keep_days == 7


@pytest.mark.parametrize("days", [0, -1, 1.5, "1", None, 100_000])
def test_a_minimum_that_is_no_whole_number_is_an_error(days: object) -> None:
    """Nothing is guessed."""
    document = {
        "schema_version": 1,
        "minimum_keep_days": days,
        "retention_rules": [{"repositories": ["*"], "keep_days": 1}],
    }
    (problem,) = problems({"ECR_CLEANER_SETTINGS": json.dumps(document)})
    assert problem.startswith("ECR_CLEANER_SETTINGS: minimum_keep_days: ")


def test_null_means_none() -> None:
    """Terraform writes null where there is no lock and no repository of our own."""
    found = settings(lock_table=None, own_repository=None)
    assert (found.lock_table, found.own_repository) == (None, None)


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({"dry_run": False}, "dry_run"),
        ({"default_keep_days": 1}, "default_keep_days"),
        ({"keep": 1}, "keep"),
        ({"schema_version": 2}, "schema_version"),
        ({"schema_version": "1"}, "schema_version"),
        ({"schema_version": None}, "schema_version"),
        ({"usage_sources_sha256": "0" * 64}, "both have to be of one version"),
        ({"accepted_gaps": {"source:ec2": "known"}}, "must name a source that may be left out after source:, one of"),
        ({"accepted_gaps": {"source:ECS": "known"}}, "got 'source:ECS'"),
        ({"accepted_gaps": {"source:eks": "known"}}, "got 'source:eks'"),
        ({"accepted_gaps": {"source:": "known"}}, "got 'source:'"),
        ({"accepted_gaps": {"ecs": "known"}}, "must be <kind>:<name>, where the kind is one of source, eks, custom_"),
        ({"accepted_gaps": {"Eks:*": "known"}}, "got 'Eks:*'"),
        ({"accepted_gaps": {"account:12345678901": "known"}}, "an account by its 12 digits after account:, such as"),
        ({"accepted_gaps": {"account:*": "known"}}, "got 'account:*'"),
        ({"accepted_gaps": {"account:222233334444": " "}}, "must say why the gap is accepted, got ' '"),
        ({"accepted_gaps": {"": "known"}}, "got ''"),
        ({"accepted_gaps": {"eks": "known"}}, "must name the ARN of an EKS cluster after eks:, or be eks:* for all"),
        ({"accepted_gaps": {"eks:shop": "known"}}, "got 'eks:shop'"),
        ({"accepted_gaps": {f"{CLUSTER}/1": "known"}}, "must name the ARN of an EKS cluster"),
        ({"accepted_gaps": {"eks:arn:aws:eks:us-east-1:123456789012:cluster/*": "known"}}, "must name the ARN of an"),
        (
            {"accepted_gaps": {"other_accounts": "known"}},
            "by a glob after other_accounts:, such as other_accounts:shop/*",
        ),
        ({"accepted_gaps": {"pull_through_cache:Hub/*": "known"}}, "got 'pull_through_cache:Hub/*'"),
        ({"accepted_gaps": {"delete_replication:[a-z]": "known"}}, "got 'delete_replication:[a-z]'"),
        ({"accepted_gaps": {"unreadable:*": "known"}}, "must name the ARN of what cannot be read, with its region"),
        ({"accepted_gaps": {"unreadable:arn:aws:iam::123456789012:role/a": "known"}}, "region and account"),
        ({"accepted_gaps": {"usage:arn:aws:ecs:us-east-1:123456789012:service/a/*": "x"}}, "the ARN of the consumer"),
        ({"accepted_gaps": {"usage:arn:aws:ecs:us-east-1:123456789012:service/a b": "x"}}, "the ARN of the consumer"),
        ({"accepted_gaps": {"usage:arn:aws:ecs:us-east-1:1234:service/a/b": "x"}}, "the ARN of the consumer"),
        ({"accepted_gaps": {"usage:web": "x"}}, "got 'usage:web'"),
        ({"accepted_gaps": {"eks:*": ""}}, "must say why the gap is accepted, got ''"),
        ({"accepted_gaps": {"eks:*": " \n"}}, "must say why the gap is accepted"),
        ({"accepted_gaps": {"eks:*": None}}, "accepted_gaps: eks:*: must be a text"),
        ({"accepted_gaps": {"eks:*": True}}, "accepted_gaps: eks:*: must be a text"),
        ({"accepted_gaps": ["eks:*"]}, "accepted_gaps"),
        ({"accepted_gaps": None}, "accepted_gaps"),
        ({"accounts": "222233334444"}, 'accounts: must be a list of account ids such as ["222233334444"], got'),
        ({"accounts": None}, "accounts: must be a list of account ids"),
        ({"accounts": [222233334444]}, "accounts: must be ids of AWS accounts, of 12 digits, got [222233334444]"),
        ({"accounts": ["222233334444\n"]}, "accounts: must be ids of AWS accounts, of 12 digits, got"),
        ({"accounts": ["٢٢٢٢٣٣٣٣٤٤٤٤"]}, "accounts: must be ids of AWS accounts, of 12 digits, got"),
        ({"organization": {}}, "organization: must be true or false, got {}"),
        ({"organization": None}, "organization: must be true or false, got None"),
        ({"reader_role_name": ""}, "reader_role_name: must match"),
        ({"reader_role_name": "/service/reader"}, "got '/service/reader'"),
        ({"reader_role_name": "a" * 65}, "reader_role_name: must match"),
        ({"reader_role_name": None}, "reader_role_name: must be a text, got None"),
        ({"task_definition_revisions": 0}, "task_definition_revisions"),
        ({"task_definition_revisions": -1}, "task_definition_revisions"),
        ({"task_definition_revisions": "1"}, "task_definition_revisions"),
        ({"task_definition_revisions": "ALL"}, "task_definition_revisions"),
        ({"task_definition_revisions": True}, "task_definition_revisions"),
        ({"task_definition_revisions": 1.5}, "task_definition_revisions"),
        ({"task_definition_revisions": None}, "task_definition_revisions"),
        ({"lock_table": ""}, "lock_table"),
        ({"lock_table": 7}, "lock_table"),
        ({"own_repository": ""}, "own_repository"),
        ({"storage": {"bucket": "shared"}}, "storage: prefix"),
        ({"storage": {"bucket": "shared", "prefix": "/"}}, "storage: prefix"),
        ({"storage": {"bucket": "shared", "prefix": "no-slash"}}, "storage: prefix"),
        ({"storage": {"bucket": "", "prefix": "a/"}}, "storage: bucket"),
        ({"storage": {"bucket": "shared", "prefix": "a/", "key": "b"}}, "storage: key"),
        ({"storage": {"bucket": "shared", "prefix": "a/", "history": "true"}}, "storage: history"),
        ({"storage": {"bucket": "shared", "prefix": "a/", "journal": None}}, "storage: journal"),
        ({"storage": {"bucket": "shared", "prefix": "a/", "reports": 1}}, "storage: reports"),
        ({"storage": "shared"}, "storage"),
        ({"max_continuations": -1}, "max_continuations"),
        ({"max_continuations": 9}, "max_continuations"),
        ({"max_continuations": 1.5}, "max_continuations"),
        ({"max_removals_per_run": 0}, "max_removals_per_run"),
        ({"max_removals_per_repository": -1}, "max_removals_per_repository"),
        ({"max_removal_percent_per_run": 101}, "max_removal_percent_per_run"),
        ({"max_removal_percent_per_repository": 2.5}, "max_removal_percent_per_repository"),
        ({"max_usage_drop_percent": -1}, "max_usage_drop_percent"),
        ({"max_usage_drop_percent": "50"}, "max_usage_drop_percent"),
        ({"delete_archived_after_days": 89}, "delete_archived_after_days"),
        ({"removal_mode": "untag"}, "removal_mode"),
        ({"removal_mode": "archive"}, "removal_mode = archive needs the history"),
        ({"removal_mode": "archive", "storage": {"bucket": "shared", "prefix": "a/"}}, "archive needs the history"),
        ({"grace_days": -1}, "grace_days"),
        ({"grace_days": 31}, "grace_days"),
        ({"grace_days": 1.5}, "grace_days"),
        ({"grace_days": None}, "grace_days"),
        ({"keep_recently_used_days": -1}, "keep_recently_used_days"),
        ({"keep_recently_used_days": None}, "keep_recently_used_days"),
    ],
)
def test_a_document_that_is_not_understood_is_an_error(document: dict[str, Any], named: str) -> None:
    """Unknown keys, unknown words and other types: the message names what is wrong."""
    (problem,) = problems({"ECR_CLEANER_SETTINGS": json.dumps({"schema_version": 1} | document)})
    assert problem.startswith("ECR_CLEANER_SETTINGS: ")
    assert named in problem
    assert not FOREIGN.search(problem)


def test_everything_that_is_wrong_with_accounts_is_told_at_once() -> None:
    """Beside a list that names whom it means, and every account of the organization."""
    document = {"schema_version": 1, "organization": True, "accounts": ["222233334444", "1", "222233334444"]}
    (problem,) = problems({"ECR_CLEANER_SETTINGS": json.dumps(document)})
    assert problem == (
        "ECR_CLEANER_SETTINGS: accounts: must be ids of AWS accounts, of 12 digits; must name each account once;"
        " must be empty with organization, which looks at every account, got ['222233334444', '1', '222233334444']"
    )


def test_other_accounts_are_read() -> None:
    """As Terraform writes them; without a word there are none."""
    found = settings(accounts=["000000000001", "222233334444"], reader_role_name="A+=,.@-_9")
    assert (found.accounts, found.organization) == (("000000000001", "222233334444"), False)
    assert found.reader_role_name == "A+=,.@-_9"
    found = settings(accounts=[], organization=True)
    assert (found.accounts, found.organization, found.reader_role_name) == ((), True, "ecr-cleaner-reader")


def test_the_registrys_own_account_is_no_other_one() -> None:
    """Which one that is, AWS tells; every problem is told."""
    found = settings(accounts=["111122223333", "222233334444"], accepted_gaps={"account:111122223333": "x"})
    refuse_own_account(found, "333344445555")
    with pytest.raises(SettingsError) as refused:
        refuse_own_account(found, "111122223333")
    rule = "must not name 111122223333, the registry's own account, which is always looked at"
    assert refused.value.problems == (
        f"accounts: {rule}, got '111122223333'",
        f"accepted_gaps: {rule}, got 'account:111122223333'",
    )


@pytest.mark.parametrize("text", ["", "{", "null", "[]", '"x"', "schema_version=1", '{"schema_version": 1,}'])
def test_what_is_no_json_object_is_an_error(text: str) -> None:
    """A document that was cut short is not an empty one."""
    (problem,) = problems({"ECR_CLEANER_SETTINGS": text})
    assert re.match(r"ECR_CLEANER_SETTINGS: must be (?:JSON: |an object, got )", problem)
    assert not FOREIGN.search(problem)


def test_a_document_names_its_version() -> None:
    """Who writes a document knows which one it writes."""
    assert problems({"ECR_CLEANER_SETTINGS": "{}"}) == ("ECR_CLEANER_SETTINGS: schema_version: must be 1, got nothing",)


def test_a_document_has_a_largest_size() -> None:
    """Lambda's environment ends at 4 KB; the limit is counted in bytes, not in characters."""
    text = json.dumps({"schema_version": 1})
    fitting = text + " " * (MAX_DOCUMENT_BYTES - len(text))
    assert from_environment({"ECR_CLEANER_SETTINGS": fitting}, KNOWN_SOURCES) == Settings(schema_version=1)
    assert problems({"ECR_CLEANER_SETTINGS": fitting + " "}) == (
        "ECR_CLEANER_SETTINGS must be at most 3000 bytes, got 3001",
    )
    wide = json.dumps({"schema_version": 1, "lock_table": "ä" * 1500}, ensure_ascii=False)
    assert "must be at most 3000 bytes" in problems({"ECR_CLEANER_SETTINGS": wide})[0]


def test_the_past_and_the_limits_are_read() -> None:
    """As Terraform writes them."""
    found = settings(
        storage={"bucket": "shared", "prefix": "ecr-cleaner/1/", "history": True},
        max_removal_percent_per_repository=50,
        max_removal_percent_per_run=25,
        max_removals_per_repository=20,
        max_removals_per_run=100,
        max_continuations=8,
        max_usage_drop_percent=None,
        keep_recently_used_days=0,
        grace_days=30,
    )
    assert found.history == found.storage == Storage(bucket="shared", prefix="ecr-cleaner/1/", history=True)
    assert (found.journal, found.reports, found.plans) == (None, None, None)
    assert (found.max_usage_drop_percent, found.keep_recently_used_days, found.grace_days) == (None, 0, 30)
    assert settings(grace_days=0).grace_days == 0
    assert (found.max_continuations, settings(max_continuations=0).max_continuations) == (8, 0)
    assert limits_of(found) == Limits(20, 50, 100, 25)


def test_without_a_word_the_past_protects_and_nothing_is_limited() -> None:
    """99 % of a neglected repository may rightly be old."""
    assert (Settings().keep_recently_used_days, Settings().max_usage_drop_percent) == (7, 50)
    assert Settings().grace_days == 1
    assert Settings().history is None
    assert limits_of(Settings()).are_off


LONG = json.dumps({"schema_version": 1, "lock_table": "x" * 4000})


def pointer(text: str, **more: Any) -> str:
    """What stands in the environment for a document that lies in a bucket."""
    place = {"bucket": "shared", "key": "a/settings.json", "sha256": hashlib.sha256(text.encode()).hexdigest()}
    return json.dumps({"schema_version": 1, "settings_object": place | more})


def fetch(bucket: str, key: str) -> bytes:
    """Reads the long document."""
    assert (bucket, key) == ("shared", "a/settings.json")
    return LONG.encode()


def test_a_document_that_outgrew_the_environment_is_fetched() -> None:
    """It may be longer than the environment."""
    assert from_environment({"ECR_CLEANER_SETTINGS": pointer(LONG)}, KNOWN_SOURCES, fetch).lock_table == "x" * 4000


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (pointer(LONG, sha256="0" * 64), "is not what Terraform wrote"),
        (pointer(LONG, sha256="x"), "sha256"),
        (pointer(LONG, version="3"), "version"),
        (json.dumps(json.loads(pointer(LONG)) | {"lock_table": "cleaner-lock"}), "lock_table"),
        (json.dumps({"settings_object": json.loads(pointer(LONG))["settings_object"]}), "schema_version"),
    ],
)
def test_a_document_that_is_not_the_one_is_an_error(text: str, named: str) -> None:
    """Neither another version of it, nor a part of it beside it."""
    with pytest.raises(SettingsError) as raised:
        from_environment({"ECR_CLEANER_SETTINGS": text}, KNOWN_SOURCES, fetch)
    (problem,) = raised.value.problems
    assert problem.startswith("settings_object: ")
    assert named in problem


def test_a_document_that_cannot_be_fetched_is_an_error() -> None:
    """Not a document without settings."""

    def fail(*_: str) -> bytes:
        raise AbsentError("s3://shared/a/settings.json does not exist")

    with pytest.raises(SettingsError, match="does not exist"):
        from_environment({"ECR_CLEANER_SETTINGS": pointer(LONG)}, KNOWN_SOURCES, fail)
    with pytest.raises(SettingsError, match="settings_object"):
        from_environment({"ECR_CLEANER_SETTINGS": pointer(LONG)}, KNOWN_SOURCES)


def test_a_fetched_document_is_read_as_strictly() -> None:
    """Wherever it lies."""
    text = json.dumps({"dry_run": False})
    with pytest.raises(SettingsError, match="settings_object: dry_run"):
        from_environment({"ECR_CLEANER_SETTINGS": pointer(text)}, KNOWN_SOURCES, lambda *_: text.encode())
    with pytest.raises(SettingsError, match="settings_object: schema_version"):
        from_environment({"ECR_CLEANER_SETTINGS": pointer("{}")}, KNOWN_SOURCES, lambda *_: b"{}")


def test_all_problems_are_told_at_once() -> None:
    """One failed run tells everything that has to be mended."""
    found = problems(
        {
            "DEFAULT_KEEP_DAYS": "90d",
            "ECR_CLEANER_SETTINGS": json.dumps({"schema_version": 3, "extra": 1, "lock_table": ""}),
        }
    )
    assert len(found) == 4
    for part in ("'90d'", "schema_version", "extra", "lock_table"):
        assert any(part in problem for problem in found), part


def test_settings_cannot_be_changed_later() -> None:
    """Nothing that runs after the validation can loosen what it found."""
    with pytest.raises(ValueError, match="frozen"):
        Settings().dry_run = False  # type: ignore[misc]


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"schema_version": 1},
        {"schema_version": 1, "action": "run"},
        {"schema_version": 1, "action": "run", "dry_run": True},
        {"schema_version": 1, "dry_run": None},
    ],
)
def test_events_that_are_understood(event: object) -> None:
    """Nothing, or a run, or a dry run."""
    assert read_request(event).action == "run"


@pytest.mark.parametrize(
    ("event", "named"),
    [
        (None, "an object"),
        ([], "an object"),
        ("run", "an object"),
        ("{}", "an object"),
        (1, "an object"),
        ({"dry_run": True}, "schema_version"),
        ({"action": "run"}, "schema_version"),
        ({"schema_version": None, "dry_run": True}, "schema_version"),
        ({"schema_version": 2}, "schema_version"),
        ({"schema_version": "1"}, "schema_version"),
        ({"schema_version": 1, "action": "remove"}, "action"),
        ({"schema_version": 1, "action": "plan"}, "action"),
        ({"schema_version": 1, "action": None}, "action"),
        ({"schema_version": 1, "dry_run": False}, "dry_run"),
        ({"schema_version": 1, "dry_run": "true"}, "dry_run"),
        ({"schema_version": 1, "dry_run": "false"}, "dry_run"),
        ({"schema_version": 1, "dry_run": 0}, "dry_run"),
        ({"schema_version": 1, "DRY_RUN": True}, "DRY_RUN"),
        ({"schema_version": 1, "default_keep_days": 1}, "default_keep_days"),
        ({"schema_version": 1, "accepted_gaps": {"source:ecs": "known"}}, "accepted_gaps"),
        ({"schema_version": 1, "action": "confirm_usage_drop"}, "id"),
        ({"schema_version": 1, "action": "confirm_usage_drop", "id": "0123456789AB"}, "id"),
        ({"schema_version": 1, "action": "confirm_usage_drop", "id": "0123456789ab0"}, "id"),
        ({"action": "confirm_usage_drop", "id": "0123456789ab"}, "schema_version"),
        ({"schema_version": 1, "action": "confirm_usage_drop", "id": "0123456789ab", "dry_run": False}, "dry_run"),
        ({"schema_version": 1, "id": "0123456789ab"}, "id"),
        ({"version": "0", "detail-type": "Scheduled Event"}, "detail-type"),
    ],
)
def test_events_that_are_refused(event: object, named: str) -> None:
    """An event that is not understood, or that wants less care, does nothing and says why."""
    with pytest.raises(SettingsError, match=r"^event: ") as refused:
        read_request(event)
    assert named in str(refused.value)
    assert not FOREIGN.search(str(refused.value))


@pytest.mark.parametrize(
    ("told", "event", "dry_run"),
    [
        ("false", {}, False),
        ("false", {"schema_version": 1}, False),
        ("false", {"schema_version": 1, "dry_run": None}, False),
        ("false", {"schema_version": 1, "dry_run": True}, True),
        ("true", {}, True),
        ("true", {"schema_version": 1}, True),
        ("true", {"schema_version": 1, "dry_run": True}, True),
    ],
)
def test_an_event_can_only_tighten(told: str, event: object, *, dry_run: bool) -> None:
    """No event turns a dry run off."""
    environment = {"DRY_RUN": told, "DEFAULT_KEEP_DAYS": "7"}
    before = from_environment(environment, KNOWN_SOURCES)
    after, asked = for_invocation(environment, event, KNOWN_SOURCES)
    assert asked is None
    assert after.dry_run is dry_run
    assert after.model_copy(update={"dry_run": before.dry_run}) == before


def test_a_confirmation_is_no_run() -> None:
    """It carries the id of what it confirms and nothing else, and leaves the settings alone."""
    event = {"schema_version": 1, "action": "confirm_usage_drop", "id": "0123456789ab"}
    told, asked = for_invocation({"DRY_RUN": "false"}, event, KNOWN_SOURCES)
    assert asked == ConfirmationRequest(schema_version=1, action="confirm_usage_drop", id="0123456789ab")
    assert told.dry_run is False
    assert for_invocation({"DRY_RUN": "false"}, {}, KNOWN_SOURCES)[1] is None
