"""How ECR is read: what is asked, page by page, and what an answer must have."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ReadTimeoutError

from ecr_cleaner.aws.errors import AwsError, code_of
from ecr_cleaner.errors import IncompleteAnswerError, RepositoryError
from ecr_cleaner.model.image import INDEX_MEDIA_TYPES, Image
from ecr_cleaner.model.pull_access import PullScope, PullScopeKind
from ecr_cleaner.model.repository import Repository, SkipReason
from ecr_cleaner.model.result import RepositoryOutcome, RepositoryStatus
from ecr_cleaner.model.rules import RetentionRule
from ecr_cleaner.registry import config, images, opt_in, repositories
from ecr_cleaner.registry.pull_access import RegistryFacts
from ecr_cleaner.settings.loader import Settings
from tests.aws_calls.script import by_digest, detail
from tests.builders import ACCOUNT, NOW, digest, image, repository

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_cleaner.registry.images import IndexLists
    from tests.aws_calls.script import Script

APP = repository("app")
FACTS = RegistryFacts(ACCOUNT)
ENABLED = {"BoxCleanerEnabled": "true"}
OTHER_ROOT = "arn:aws:iam::999999999999:root"
EVERYBODY = PullScope("*", "from any account", "let the policy name principals of this account alone", is_registry=True)
ANY = {"imageStatus": "ANY"}


def policy(principal: str) -> str:
    """A policy that lets somebody pull."""
    return json.dumps({"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "ecr:BatchGetImage"}]})


# The registry as a whole


def registry(script: Script, rules: list[dict[str, Any]], *, own_policy: str | None = None) -> RegistryFacts:
    """The facts of a registry without pull-through caches."""
    answer = {"registryId": ACCOUNT, "replicationConfiguration": {"rules": rules}}
    script.answer("ecr", "describe_registry", answer)
    if own_policy is None:
        script.refuse("ecr", "get_registry_policy", "RegistryPolicyNotFoundException")
    else:
        script.answer("ecr", "get_registry_policy", {"registryId": ACCOUNT, "policyText": own_policy})
    script.answer("ecr", "describe_pull_through_cache_rules", {"pullThroughCacheRules": []}, maxResults=1000)
    return config.registry_facts(script.aws)


def replication(*filters: str, deletes: bool | None) -> dict[str, Any]:
    """A replication rule; `deletes` None: as older registries have it, without the member."""
    rule: dict[str, Any] = {"destinations": [{"region": "eu-west-1", "registryId": ACCOUNT}]}
    if filters:
        rule["repositoryFilters"] = [{"filter": prefix, "filterType": "PREFIX_MATCH"} for prefix in filters]
    return rule if deletes is None else rule | {"deleteReplication": {"enabled": deletes}}


def test_a_plain_registry_has_no_special_facts(script: Script) -> None:
    """No replication, no cache, no policy."""
    assert registry(script, []) == RegistryFacts(ACCOUNT)


def test_replication_that_repeats_deletions_is_noted_by_prefix(script: Script) -> None:
    """Rules without it do not matter; a rule without filters holds for every repository."""
    rules = [
        replication("a/", deletes=None),
        replication("b/", deletes=False),
        replication("c/", "d/", deletes=True),
        replication(deletes=True),
    ]
    assert registry(script, rules).delete_replication_prefixes == ("c/", "d/", "")


def test_a_replication_filter_of_an_unknown_kind_matches_everything(script: Script) -> None:
    """A kind of filter that comes later cannot be evaluated here: every repository may be meant."""
    rule = replication("prod", deletes=True)
    rule["repositoryFilters"][0]["filterType"] = "WILDCARD_MATCH"
    assert registry(script, [rule]).delete_replication_prefixes == ("",)


def test_who_may_pull_by_the_registrys_own_policy_is_noted(script: Script) -> None:
    """The registry's policy holds for every repository."""
    assert registry(script, [], own_policy=policy("*")).pull_scopes == (EVERYBODY,)


def test_a_registry_policy_that_is_none_ends_the_run(script: Script) -> None:
    """Who may pull is then unknown for every repository."""
    with pytest.raises(RepositoryError, match="the registry's policy"):
        registry(script, [], own_policy="nonsense")


def asked_about_caches(script: Script) -> None:
    """Everything that comes before the question for pull-through caches."""
    script.answer("ecr", "describe_registry", {"registryId": ACCOUNT, "replicationConfiguration": {"rules": []}})
    script.refuse("ecr", "get_registry_policy", "RegistryPolicyNotFoundException")


def test_pull_through_cache_rules_are_read_page_by_page(script: Script) -> None:
    """A rule of the second page counts like one of the first."""
    asked_about_caches(script)
    method = "describe_pull_through_cache_rules"
    rules = [[{"ecrRepositoryPrefix": prefix}] for prefix in ("hub", "ROOT")]
    script.answer("ecr", method, {"pullThroughCacheRules": rules[0], "nextToken": "2"}, maxResults=1000)
    script.answer("ecr", method, {"pullThroughCacheRules": rules[1]}, maxResults=1000, nextToken="2")
    assert config.registry_facts(script.aws).pull_through_prefixes == ("hub", "ROOT")


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        ({}, "registryId"),
        ({"registryId": ACCOUNT}, "replicationConfiguration"),
        ({"registryId": ACCOUNT, "replicationConfiguration": {}}, "rules"),
    ],
)
def test_a_registry_answer_that_lacks_a_member_is_no_answer(
    script: Script, answer: dict[str, Any], missing: str
) -> None:
    """An answer that was cut short does not say that nothing is replicated."""
    script.cut_short("ecr", "describe_registry", answer)
    with pytest.raises(IncompleteAnswerError, match=missing):
        config.registry_facts(script.aws)


@pytest.mark.parametrize("page", [{}, {"pullThroughCacheRules": [{}]}])
def test_a_page_of_cache_rules_that_lacks_a_member_is_no_answer(script: Script, page: dict[str, Any]) -> None:
    """A page without rules, and a rule without its prefix."""
    asked_about_caches(script)
    script.cut_short("ecr", "describe_pull_through_cache_rules", page, maxResults=1000)
    with pytest.raises(IncompleteAnswerError, match="DescribePullThroughCacheRules"):
        config.registry_facts(script.aws)


def test_a_denied_registry_policy_ends_the_run(script: Script) -> None:
    """Denied is not absent."""
    script.answer("ecr", "describe_registry", {"registryId": ACCOUNT, "replicationConfiguration": {"rules": []}})
    script.refuse("ecr", "get_registry_policy", "AccessDeniedException")
    with pytest.raises(AwsError, match="AccessDenied"):
        config.registry_facts(script.aws)


def test_a_model_that_does_not_know_delete_replication_is_refused(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older botocore drops the member in silence and would read a dangerous rule as a harmless one."""
    shape = script.aws.client("ecr").meta.service_model.shape_for("ReplicationRule")
    monkeypatch.delitem(shape.members, "deleteReplication")
    model = script.aws.client("ecr").meta.service_model
    monkeypatch.setattr(model, "shape_for", lambda _: shape)
    with pytest.raises(RepositoryError, match=r"1\.44\.4"):
        config.registry_facts(script.aws)


# Which repositories opted in


def test_repositories_are_read_page_by_page(script: Script) -> None:
    """A thousand a page, until no token follows."""
    pages = [[{"repositoryName": name, "repositoryArn": f"arn:{name}"}] for name in ("aa", "bb/cc")]
    script.answer("ecr", "describe_repositories", {"repositories": pages[0], "nextToken": "2"}, maxResults=1000)
    script.answer("ecr", "describe_repositories", {"repositories": pages[1]}, maxResults=1000, nextToken="2")
    assert list(repositories.repository_names(script.aws)) == [("aa", "arn:aa"), ("bb/cc", "arn:bb/cc")]


@pytest.mark.parametrize(
    "page",
    [{}, {"repositories": [{"repositoryArn": "arn:aa"}]}, {"repositories": [{"repositoryName": "aa"}]}],
)
def test_a_repository_without_name_or_arn_is_no_answer(script: Script, page: dict[str, Any]) -> None:
    """Neither is a page without repositories."""
    script.answer("ecr", "describe_repositories", page, maxResults=1000)
    with pytest.raises(IncompleteAnswerError, match="DescribeRepositories"):
        list(repositories.repository_names(script.aws))


def tagged(script: Script, tags: Mapping[str, str]) -> None:
    """Answer the question for the tags of app."""
    listed = [{"Key": key, "Value": value} for key, value in tags.items()]
    script.answer("ecr", "list_tags_for_resource", {"tags": listed}, resourceArn=APP.arn)


def no_policy(script: Script) -> None:
    """The repository has no policy of its own."""
    script.refuse("ecr", "get_repository_policy", "RepositoryPolicyNotFoundException", repositoryName="app")


def looked_at(script: Script, facts: RegistryFacts = FACTS, **told: Any) -> object:
    """What becomes of the repository app."""
    return opt_in.opted_in(script.aws, APP.name, APP.arn, Settings.model_validate(told), facts)


def test_the_exact_tag_opts_in_with_the_default_age(script: Script) -> None:
    """BoxCleanerEnabled = true is all that it takes."""
    tagged(script, ENABLED | {"team": "shop"})
    no_policy(script)
    assert looked_at(script, default_keep_days=45) == repository("app", 45)


@pytest.mark.parametrize("days", ["1", "7", "99999"])
def test_the_repositorys_own_tag_sets_its_age(script: Script, days: str) -> None:
    """BoxCleanerKeepDays overrides the default in both directions."""
    tagged(script, ENABLED | {"BoxCleanerKeepDays": days})
    no_policy(script)
    found = looked_at(script)
    assert found == repository("app", int(days), tag=days)


RULES = (
    RetentionRule(repositories=("shop/*",), keep_days=90),
    RetentionRule(repositories=("b*", "a*"), keep_days=60),
    RetentionRule(repositories=("*",), tags=("v*",), keep_days=9),
)


@pytest.mark.parametrize(
    ("tags", "ages"),
    [({}, (30, 60, 9)), ({"BoxCleanerKeepDays": "45"}, (45, 45, 9)), ({"BoxCleanerKeepDays": "2"}, (5, 5, 9))],
)
def test_the_rules_that_name_it_come_with_the_repository(
    script: Script, tags: dict[str, str], ages: tuple[int, int, int]
) -> None:
    """With their numbers; its own tag overrides the default and those without a selector, but not the minimum."""
    tagged(script, ENABLED | tags)
    no_policy(script)
    found = looked_at(script, retention_rules=RULES, minimum_keep_days=5)
    assert isinstance(found, Repository)
    assert found.retention.keep_days == ages[0]
    assert [(held.number, held.rule, held.keep_days) for held in found.retention.rules] == [
        (1, RULES[1], ages[1]),
        (2, RULES[2], ages[2]),
    ]


@pytest.mark.parametrize(("days", "held", "raised"), [("6", 7, True), ("7", 7, False), ("8", 8, False)])
def test_a_tag_below_the_minimum_is_raised_and_said(script: Script, days: str, held: int, *, raised: bool) -> None:
    """The team that tags may not go below what the owner of the registry allows; that is no failure."""
    tagged(script, ENABLED | {"BoxCleanerKeepDays": days})
    no_policy(script)
    found = looked_at(script, minimum_keep_days=7)
    assert isinstance(found, Repository)
    assert replace(found, notes=()) == repository("app", held, tag=days)
    note = "tag BoxCleanerKeepDays = 6 is below minimum_keep_days = 7: 7 days hold"
    assert found.notes == ((note,) if raised else ())


@pytest.mark.parametrize("days", ["90d", "-1", "0", "", " 30", "+30", "1e2", "030", "30.0", str(10**9)])
def test_an_age_that_is_not_understood_stops_the_repository(script: Script, days: str) -> None:
    """It never falls back to the default, which may be smaller than what was meant."""
    tagged(script, ENABLED | {"BoxCleanerKeepDays": days})
    problem = f"tag BoxCleanerKeepDays must be a whole number of days from 1 to 99999, got {days!r}"
    assert looked_at(script) == RepositoryOutcome(RepositoryStatus.MISCONFIGURED, problem)


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {"BoxCleanerEnabled": "false"},
        {"BoxCleanerEnabled": "no"},
        {"boxcleanerenabled": "false"},
        {"BoxCleanerKeepDays": "5"},
        {"Box-Cleaner-Enabled": "false"},
        {"team": "true"},
    ],
)
def test_other_tags_do_not_opt_in(script: Script, tags: dict[str, str]) -> None:
    """Nothing is asked about such a repository, and nothing is said of it."""
    tagged(script, tags)
    assert looked_at(script) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("BoxCleanerEnabled", "True"),
        ("BoxCleanerEnabled", "TRUE"),
        ("BoxCleanerEnabled", " true"),
        ("boxcleanerenabled", "true"),
        ("BOXCLEANERENABLED", "True"),
    ],
)
def test_a_near_miss_is_mentioned_but_does_not_opt_in(script: Script, key: str, value: str) -> None:
    """Somebody meant it: they are told what is missing, and the run does not fail."""
    tagged(script, {key: value})
    problem = f"tag {key!r} = {value!r} does not opt in: only BoxCleanerEnabled = true does"
    assert looked_at(script) == problem


@pytest.mark.parametrize(
    "variant",
    [
        {"boxcleanerenabled": "false"},
        {"boxCleanerEnabled": "true"},
        {"boxcleanerkeepdays": "90"},
        {"boxcleanerkeepdays": "90", "BoxCleanerKeepDays": "30"},
    ],
)
def test_a_second_tag_that_differs_in_case_stops_the_repository(script: Script, variant: dict[str, str]) -> None:
    """IAM compares names of tags without case, so nobody knows which one it reads."""
    tagged(script, ENABLED | variant)
    found = looked_at(script)
    assert isinstance(found, RepositoryOutcome)
    assert found.status is RepositoryStatus.MISCONFIGURED
    assert f"tag {next(iter(variant))!r} differs from" in found.detail


def test_a_repository_that_was_deleted_meanwhile_is_passed_over(script: Script) -> None:
    """Between the listing and the question for its tags."""
    script.refuse("ecr", "list_tags_for_resource", "RepositoryNotFoundException", resourceArn=APP.arn)
    assert looked_at(script) is None


def test_denied_tags_are_an_error(script: Script) -> None:
    """Denied is not "did not opt in"."""
    script.refuse("ecr", "list_tags_for_resource", "AccessDeniedException", resourceArn=APP.arn)
    with pytest.raises(AwsError):
        looked_at(script)


@pytest.mark.parametrize("answer", [{}, {"tags": [{"Key": "BoxCleanerEnabled"}]}, {"tags": [{"Value": "true"}]}])
def test_tags_that_lack_a_member_are_no_answer(script: Script, answer: dict[str, Any]) -> None:
    """Missing tags do not say that nothing keeps the repository."""
    script.cut_short("ecr", "list_tags_for_resource", answer, resourceArn=APP.arn)
    with pytest.raises(IncompleteAnswerError, match="ListTagsForResource"):
        looked_at(script)


def test_the_functions_own_repository_is_never_looked_at(script: Script) -> None:
    """Not even its tags: whoever opts it in by mistake loses nothing."""
    assert looked_at(script, own_repository="app") is None


# Which repositories are left alone


@pytest.mark.parametrize(
    ("facts", "reason", "words"),
    [
        (
            RegistryFacts(ACCOUNT, delete_replication_prefixes=("ap",)),
            SkipReason.DELETE_REPLICATION,
            "prefix 'ap' repeats deletions elsewhere; to mend this, let no rule that covers it repeat deletions",
        ),
        (
            RegistryFacts(ACCOUNT, delete_replication_prefixes=("",)),
            SkipReason.DELETE_REPLICATION,
            "every repository repeats deletions",
        ),
        (
            RegistryFacts(ACCOUNT, pull_through_prefixes=("ROOT",)),
            SkipReason.PULL_THROUGH_CACHE,
            "pull-through cache 'ROOT'; to mend this, remove the rule if nothing is pulled through it any more",
        ),
    ],
)
def test_who_cannot_be_seen_is_a_reason_to_skip(
    script: Script, facts: RegistryFacts, reason: SkipReason, words: str
) -> None:
    """Each with the name of the setting that includes the repository."""
    tagged(script, ENABLED)
    found = looked_at(script, facts)
    assert isinstance(found, RepositoryOutcome)
    assert (found.status, found.setting) == (RepositoryStatus.SKIPPED, f"{reason.value}:app")
    assert words in found.detail


@pytest.mark.parametrize(
    "facts",
    [
        RegistryFacts(ACCOUNT, delete_replication_prefixes=("ap",)),
        RegistryFacts(ACCOUNT, pull_through_prefixes=("ROOT",)),
        RegistryFacts(ACCOUNT, pull_scopes=(EVERYBODY,)),
    ],
)
@pytest.mark.parametrize("glob", ["*", "a*", "app", "?pp"])
def test_an_accepted_gap_includes_the_repository(script: Script, facts: RegistryFacts, glob: str) -> None:
    """All three are the decision of a person, who then is not asked for the policy either."""
    tagged(script, ENABLED)
    kinds = ("other_accounts", "pull_through_cache", "delete_replication")
    assert looked_at(script, facts, accepted_gaps={f"{kind}:{glob}": "known" for kind in kinds}) == APP


@pytest.mark.parametrize(
    "gaps",
    [
        ("eks:*", "other_accounts:*", "pull_through_cache:*"),
        ("delete_replication:shop/*", "delete_replication:ap", "delete_replication:app/*"),
    ],
)
def test_an_accepted_gap_includes_only_what_it_names(script: Script, gaps: tuple[str, ...]) -> None:
    """Kubernetes is another matter than replication, and another repository than this one."""
    tagged(script, ENABLED)
    facts = RegistryFacts(ACCOUNT, delete_replication_prefixes=("",))
    found = looked_at(script, facts, accepted_gaps=dict.fromkeys(gaps, "known"))
    assert isinstance(found, RepositoryOutcome)
    assert found.setting == "delete_replication:app"


def test_a_policy_that_admits_others_says_whom(script: Script) -> None:
    """What the registry's and the repository's own policy say comes together; after the scan it is asked for."""
    tagged(script, ENABLED)
    script.answer("ecr", "get_repository_policy", {"policyText": policy("*")}, repositoryName="app")
    of_registry = PullScope(OTHER_ROOT, kind=PullScopeKind.ACCOUNT, id="999999999999", is_registry=True)
    found = looked_at(script, RegistryFacts(ACCOUNT, pull_scopes=(of_registry,)))
    held = replace(APP.retention, keep_pulled_within_days=7)
    assert found == replace(APP, retention=held, pull_scopes=(replace(EVERYBODY, is_registry=False), of_registry))


def test_without_recent_use_a_pull_keeps_nothing_either(script: Script) -> None:
    """Of what others may pull: 0 days are none."""
    tagged(script, ENABLED)
    script.answer("ecr", "get_repository_policy", {"policyText": policy("*")}, repositoryName="app")
    found = looked_at(script, keep_recently_used_days=0)
    assert isinstance(found, Repository)
    assert found.retention.keep_pulled_within_days is None


def test_a_policy_for_the_account_itself_changes_nothing(script: Script) -> None:
    """The repository is cleaned."""
    tagged(script, ENABLED)
    own = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "ecr:*"}})
    script.answer("ecr", "get_repository_policy", {"policyText": own}, repositoryName="app")
    assert looked_at(script) == APP


def test_a_denied_policy_is_an_error(script: Script) -> None:
    """Denied is not absent."""
    tagged(script, ENABLED)
    script.refuse("ecr", "get_repository_policy", "AccessDeniedException", repositoryName="app")
    with pytest.raises(AwsError):
        looked_at(script)


def test_a_policy_answer_without_policy_is_no_answer(script: Script) -> None:
    """ECR has an error for absent policies."""
    tagged(script, ENABLED)
    script.answer("ecr", "get_repository_policy", {"repositoryName": "app"}, repositoryName="app")
    with pytest.raises(IncompleteAnswerError, match="policyText"):
        looked_at(script)


# What lies in a repository


def test_images_are_read_page_by_page_archived_ones_included(script: Script) -> None:
    """A thousand a page, of every status: ECR hides the archived ones unless asked."""
    first = image("first", tags=["v2", "v1"], pulled="2d", size=7)
    second = image("second", active=False, subject="first", artifact_type="application/vnd.example.sbom")
    asked = {"repositoryName": "app", "filter": ANY, "maxResults": 1000}
    script.answer("ecr", "describe_images", {"imageDetails": [detail(first)], "nextToken": "2"}, **asked)
    script.answer("ecr", "describe_images", {"imageDetails": [detail(second)]}, **asked, nextToken="2")
    assert list(images.images(script.aws, "app")) == [first, second]
    assert first.tags == ("v1", "v2")


def test_an_image_of_which_ecr_says_little(script: Script) -> None:
    """Only digest and push time are always there."""
    told = {"imageDigest": digest("app"), "imagePushedAt": NOW}
    script.answer("ecr", "describe_images", {"imageDetails": [told]}, repositoryName="app", filter=ANY, maxResults=1000)
    assert list(images.images(script.aws, "app")) == [Image("app", digest("app"), NOW)]


@pytest.mark.parametrize(("activated", "counts"), [(timedelta(days=-3), True), (timedelta(days=-50), False)])
def test_an_image_restored_from_the_archive_counts_as_pushed_then(
    script: Script, activated: timedelta, *, counts: bool
) -> None:
    """As for ECR's lifecycle policies; the later moment holds."""
    told = image(pushed="40d")
    answer = {"imageDetails": [detail(told, lastActivatedAt=NOW + activated)]}
    script.answer("ecr", "describe_images", answer, repositoryName="app", filter=ANY, maxResults=1000)
    (found,) = images.images(script.aws, "app")
    restored = replace(told, pushed_at=NOW + activated, uploaded_at=told.pushed_at)
    assert found == (restored if counts else told)


@pytest.mark.parametrize("status", ["ARCHIVED", "ACTIVATING"])
def test_what_cannot_be_pulled_is_not_active(script: Script, status: str) -> None:
    """Archived, or on its way back."""
    answer = {"imageDetails": [detail(image(), imageStatus=status)]}
    script.answer("ecr", "describe_images", answer, repositoryName="app", filter=ANY, maxResults=1000)
    (found,) = images.images(script.aws, "app")
    assert not found.active


@pytest.mark.parametrize("missing", ["imageDigest", "imagePushedAt", "imageDetails"])
def test_an_image_without_digest_or_push_time_is_no_answer(script: Script, missing: str) -> None:
    """Nothing can be decided about it, and a page that lacks its images is not an empty one."""
    told = {name: value for name, value in detail(image()).items() if name != missing}
    answer = {} if missing == "imageDetails" else {"imageDetails": [told]}
    script.answer("ecr", "describe_images", answer, repositoryName="app", filter=ANY, maxResults=1000)
    with pytest.raises(IncompleteAnswerError, match=missing):
        list(images.images(script.aws, "app"))


# Looking again


def described(script: Script, names: list[str], gone: set[str]) -> None:
    """Answer for images by digest as ECR does: one that is missing fails the whole call."""
    asked = {"repositoryName": "app", "imageIds": by_digest(map(digest, names))}
    if gone & set(names):
        script.refuse("ecr", "describe_images", "ImageNotFoundException", **asked)
    else:
        script.answer("ecr", "describe_images", {"imageDetails": [detail(image(name)) for name in names]}, **asked)


def test_images_are_looked_at_again_by_digest(script: Script) -> None:
    """One call for up to a hundred."""
    described(script, ["a", "b"], set())
    found = images.describe(script.aws, "app", [digest("a"), digest("b")])
    assert found == {digest("a"): image("a"), digest("b"): image("b")}


def test_looking_at_nothing_asks_nothing(script: Script) -> None:
    """A call without ids would describe the whole repository."""
    assert images.describe(script.aws, "app", []) == {}


def test_missing_images_are_found_by_halving(script: Script) -> None:
    """ECR fails the whole call for one missing image and does not say which."""
    gone = {"c"}
    for names in (["a", "b", "c", "d"], ["a", "b"], ["c", "d"], ["c"], ["d"]):
        described(script, names, gone)
    found = images.describe(script.aws, "app", map(digest, ["a", "b", "c", "d"]))
    assert set(found) == {digest("a"), digest("b"), digest("d")}


def test_more_than_a_hundred_are_looked_at_in_several_calls(script: Script) -> None:
    """A hundred ids are the most that ECR takes."""
    names = [str(number) for number in range(250)]
    for batch in (names[:100], names[100:200], names[200:]):
        described(script, batch, set())
    assert set(images.describe(script.aws, "app", map(digest, names))) == set(map(digest, names))


def test_in_a_deleted_repository_everything_is_gone(script: Script) -> None:
    """As if each image was missing."""
    asked = {"repositoryName": "app", "imageIds": by_digest([digest("a")])}
    script.refuse("ecr", "describe_images", "RepositoryNotFoundException", **asked)
    assert images.describe(script.aws, "app", [digest("a")]) == {}


def test_a_denied_look_is_an_error(script: Script) -> None:
    """Denied is not gone."""
    asked = {"repositoryName": "app", "imageIds": by_digest([digest("a")])}
    script.refuse("ecr", "describe_images", "AccessDeniedException", **asked)
    with pytest.raises(AwsError) as denied:
        images.describe(script.aws, "app", [digest("a")])
    assert code_of(denied.value) == "AccessDeniedException"


def test_a_look_that_lacks_its_result_is_no_answer(script: Script) -> None:
    """Cut short is not gone."""
    script.answer("ecr", "describe_images", {}, repositoryName="app", imageIds=by_digest([digest("a")]))
    with pytest.raises(IncompleteAnswerError, match="imageDetails"):
        images.describe(script.aws, "app", [digest("a")])


# What indexes list


def manifest(*names: str) -> str:
    """An index that lists some manifests."""
    return json.dumps({"schemaVersion": 2, "manifests": [{"digest": digest(name)} for name in names]})


def read(
    script: Script, indexes: list[Image], texts: Mapping[str, str], failures: Mapping[str, str] | None = None
) -> IndexLists:
    """Read indexes; `texts` and `failures` by name."""
    answer: dict[str, Any] = {
        "images": [{"imageId": {"imageDigest": digest(n)}, "imageManifest": text} for n, text in texts.items()]
    }
    if failures is not None:
        answer["failures"] = [
            {"imageId": {"imageDigest": digest(n)}, "failureCode": code} for n, code in failures.items()
        ]
    script.answer(
        "ecr",
        "batch_get_image",
        answer,
        repositoryName="app",
        imageIds=by_digest(index.digest for index in indexes),
        acceptedMediaTypes=list(INDEX_MEDIA_TYPES),
    )
    return images.children(script.aws, "app", indexes, script.readings)


def test_what_indexes_list_is_read_by_digest(script: Script) -> None:
    """Only indexes are asked for, in both formats."""
    indexes = [image("one", kind="index"), image("two", kind="index")]
    found, unread, _ = read(script, indexes, {"one": manifest("a", "b"), "two": manifest()})
    assert found == {digest("one"): (digest("a"), digest("b")), digest("two"): ()}
    assert unread == ()


@pytest.mark.parametrize("answered", [True, False])
def test_when_indexes_were_read_is_noted(script: Script, *, answered: bool) -> None:
    """Their pull times tell of it, even if the answer got lost; those of others do not."""
    script.readings.clock = lambda: NOW
    index = image("one", kind="index")
    if answered:
        read(script, [index], {"one": manifest("a")})
    else:
        script.break_off("ecr", "BatchGetImage", ReadTimeoutError(endpoint_url="https://ecr"))
        with pytest.raises(ReadTimeoutError):
            images.children(script.aws, "app", [index], script.readings)
    assert script.readings.explain(index, NOW)
    assert not script.readings.explain(image("other", kind="index"), NOW)


def test_without_indexes_nothing_is_read(script: Script) -> None:
    """Reading a manifest counts as a pull."""
    assert images.children(script.aws, "app", [], script.readings) == ({}, (), frozenset())


def test_a_hundred_indexes_are_read_at_a_time(script: Script) -> None:
    """A hundred ids are the most that ECR takes."""
    indexes = [image(str(number), kind="index") for number in range(101)]
    for batch in (indexes[:100], indexes[100:]):
        script.answer(
            "ecr",
            "batch_get_image",
            {"images": [{"imageId": {"imageDigest": i.digest}, "imageManifest": manifest("x")} for i in batch]},
            repositoryName="app",
            imageIds=by_digest(i.digest for i in batch),
            acceptedMediaTypes=list(INDEX_MEDIA_TYPES),
        )
    found, _, _ = images.children(script.aws, "app", indexes, script.readings)
    assert len(found) == 101


def test_a_list_is_proven_by_the_digest_of_the_index(script: Script) -> None:
    """Of another one nobody knows whether it stays as it is."""
    text = manifest("a", "b")
    proven = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
    indexes = [replace(image("one", kind="index"), digest=proven), image("other", kind="index")]
    script.answer(
        "ecr",
        "batch_get_image",
        {"images": [{"imageId": {"imageDigest": one.digest}, "imageManifest": text} for one in indexes]},
        repositoryName="app",
        imageIds=by_digest(one.digest for one in indexes),
        acceptedMediaTypes=list(INDEX_MEDIA_TYPES),
    )
    found = images.children(script.aws, "app", indexes, script.readings)
    assert set(found.children) == {one.digest for one in indexes}
    assert found.proven == {proven}


def test_an_archived_index_is_named_as_unread(script: Script) -> None:
    """ECR does not hand out what is archived; the others are read."""
    indexes = [image("one", kind="index"), image("old", kind="index", active=False)]
    found, unread, _ = read(script, indexes, {"one": manifest("a")}, {"old": "ImageInaccessible"})
    assert set(found) == {digest("one")}
    assert unread == (digest("old"),)


def test_an_archived_index_that_is_handed_out_is_read(script: Script) -> None:
    """Restored meanwhile."""
    found, unread, _ = read(script, [image("old", kind="index", active=False)], {"old": manifest("a")})
    assert (found, unread) == ({digest("old"): (digest("a"),)}, ())


@pytest.mark.parametrize(
    ("failures", "words"),
    [
        ({"index": "ImageNotFound"}, "ImageNotFound"),
        ({"index": "KmsError"}, "KmsError"),
        ({}, "no answer for it"),
        (None, "no answer for it"),
    ],
)
def test_an_index_that_cannot_be_read_stops_the_repository(
    script: Script, failures: dict[str, str] | None, words: str
) -> None:
    """Nobody knows what it needs; a failure in a 200 answer is a failure."""
    with pytest.raises(RepositoryError, match=words):
        read(script, [image("index", kind="index")], {}, failures)


@pytest.mark.parametrize(
    "text",
    [
        *("{", "null", "[]", "{}", '{"manifests": null}', '{"manifests": [{}]}', '{"manifests": {"digest": 1}}'),
        *('{"manifests": 1}', '{"manifests": "ab"}', '{"manifests": [null]}', '{"manifests": [["digest"]]}'),
        *('{"manifests": [{"digest": null}]}', '{"manifests": [{"digest": ["a"]}]}', '{"manifests": [{"digest": ""}]}'),
        *('{"manifests": [{"digest": "a\\ud800"}]}', '{"manifests": [{"digest": "sha256:a\\n"}]}'),
        *('{"manifests": [], "manifests": []}', '{"manifests": [], "Manifests": []}', '{"manifests": [], "x": NaN}'),
        *('{"manifests": [], "x": Infinity}', f'{{"manifests": [], "x": {"9" * 5000}}}', "\ud800", "\ufeff{}"),
        '{"manifests": [], "x": ' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"manifests": [], "x": ' + "[" * 500 + "]" * 500 + "}",
        '{"manifests": [], "x": ' + '{"x":' * 100_000 + "1" + "}" * 100_001,
    ],
    ids=lambda text: text[:40].encode(errors="replace").decode(),
)
def test_an_index_that_lists_nothing_readable_stops_the_repository(script: Script, text: str) -> None:
    """A manifest that was cut short is not one without children."""
    with pytest.raises(RepositoryError, match="is not a list of manifests"):
        read(script, [image("index", kind="index")], {"index": text})


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        ({}, "images"),
        ({"images": [{"imageId": {"imageDigest": digest("index")}}]}, "imageManifest"),
        ({"images": [{"imageManifest": manifest()}]}, "imageId"),
        ({"images": [{"imageManifest": manifest(), "imageId": {"imageTag": "v1"}}]}, "imageDigest"),
    ],
)
def test_a_manifest_answer_that_lacks_a_member_is_no_answer(
    script: Script, answer: dict[str, Any], missing: str
) -> None:
    """Missing children do not say that an index lists nothing."""
    script.answer(
        "ecr",
        "batch_get_image",
        answer,
        repositoryName="app",
        imageIds=by_digest([digest("index")]),
        acceptedMediaTypes=list(INDEX_MEDIA_TYPES),
    )
    with pytest.raises(IncompleteAnswerError, match=missing):
        images.children(script.aws, "app", [image("index", kind="index")], script.readings)
