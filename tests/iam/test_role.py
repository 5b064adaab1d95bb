"""The role may do what whole runs do, and nothing else; only exactly the right tag lets it remove anything."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.fake_aws.ecs_state import Ecs
from tests.iam.conftest import RUN
from tests.iam.simulator import ACCOUNT, Request, decide
from tests.integration import accounts, under_way
from tests.integration.past import Past
from tools.generate import READER_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tests.fake_aws import Sandbox
    from tests.fake_aws.recorder import Call
    from tests.iam.conftest import Rendered
    from tests.integration.runner import Runner

pytestmark = pytest.mark.terraform

COMPANY: Final = Path(__file__).parents[1] / "fake_aws" / "scenarios" / "company.yaml"
REPOSITORY: Final = "arn:aws:ecr:us-east-1:123456789012:repository/"
REMOVE: Final = "ecr:BatchDeleteImage"
ARCHIVE: Final = "ecr:UpdateImageStorageClass"
OTHER: Final = "222233334444"
REMOVALS: Final = (REMOVE, ARCHIVE)
OPTED_IN: Final = {"BoxCleanerEnabled": "true"}
WHOLE: Final = ("approval", "dry", "real", "archive", "only apprunner")
"""Modes in which whole runs are made."""
NOT_CALLED_BY_A_RUN: Final = {
    "ecr:ListPullTimeUpdateExclusions": "only where other accounts may pull, and all of them were looked at",
    "ec2:DescribeRegions": "asked only where Account Management has no endpoint",
    "sqs:SendMessage": "Lambda itself writes a failed run into the queue, with the function's role",
}
"""Allowed although no run asks for it, and why. An entry that is called or not allowed any more fails."""

UNKNOWN_TO_IAM: Final = dict.fromkeys(
    ("lambda:ListRuntimeVersions", "lambda:ListRuntimes"),
    "AWS's service model has it, the Service Authorization Reference that the simulator reads not yet",
)
"""Allowed by names that are inferred, and why nothing decides over them. An entry that is known by now fails."""

WITH_THE_TAG: Final = {
    "ecr:BatchDeleteImage": "ExplicitlyDenied",
    "ecr:UpdateImageStorageClass": "ExplicitlyDenied",
    "ecr:BatchGetImage": "ImplicitlyDenied",
    "ecr:DescribeImages": "ImplicitlyDenied",
    "ecr:GetLifecyclePolicy": "ImplicitlyDenied",
    "ecr:GetRepositoryPolicy": "ImplicitlyDenied",
}
"""What takes a repository that opted in, and how it is denied on any other one."""

NOT_OPTED_IN: Final[dict[str, dict[str, str]]] = {
    "no tags": {},
    "tag missing": {"team": "shop"},
    "True": {"BoxCleanerEnabled": "True"},
    "TRUE": {"BoxCleanerEnabled": "TRUE"},
    "blank": {"BoxCleanerEnabled": "true "},
    "empty": {"BoxCleanerEnabled": ""},
    "wildcard": {"BoxCleanerEnabled": "*"},
    "false": {"BoxCleanerEnabled": "false"},
}


@pytest.fixture(scope="module")
def recorded() -> dict[str, list[Call]]:
    """By mode, the calls of whole runs; filled by `calls`."""
    return {}


@pytest.fixture
def calls(run: Runner, sandbox: Sandbox, rendered: Rendered, recorded: dict[str, list[Call]]) -> dict[str, list[Call]]:
    """The calls of whole runs over two accounts, with exactly the environment that Terraform gives the function.

    With one source alone one whole run is made; those with another one would differ from it in what the sources ask,
    and in the lock.
    """
    if recorded:
        return recorded
    for mode in WHOLE:
        environment = rendered.environment[mode]
        recorded[mode] = [*_company(run, sandbox, environment), *_consumers(run, sandbox, environment)]
    of_every_run = [call for call in recorded["only apprunner"] if call.service != "apprunner"]
    table = _lock_table(rendered.environment["only apprunner"])
    for mode in set(RUN) - set(WHOLE):
        own = _lock_table(rendered.environment[mode])
        locked = [
            replace(call, resources=tuple(r.replace(table, own) for r in call.resources)) for call in of_every_run
        ]
        recorded[mode] = [*locked, *_usages(run, sandbox, rendered.environment[mode])]
    return recorded


def _lock_table(environment: dict[str, str]) -> str:
    table: str = json.loads(environment["ECR_CLEANER_SETTINGS"])["lock_table"]
    return table


def _company(run: Runner, sandbox: Sandbox, environment: dict[str, str]) -> Iterator[Call]:
    sandbox.reset()
    sandbox.seed(COMPANY)
    # Somewhere else something runs that only an inventory tells of: none at all would stop the run.
    place = accounts.SETTINGS["used_images"]
    sandbox.seed(
        {"s3": {place["bucket"]: {f"{place['prefix']}nomad.json": {"json": ["nginx:1.29"], "modified": "1h"}}}}
    )
    yield from _run(run, sandbox, environment)


def _consumers(run: Runner, sandbox: Sandbox, environment: dict[str, str]) -> Iterator[Call]:
    sandbox.reset()
    accounts.seed(sandbox)
    _delete_task_definition(sandbox)
    yield from _run(run, sandbox, environment)


def _usages(run: Runner, sandbox: Sandbox, environment: dict[str, str]) -> list[Call]:
    sandbox.reset()
    accounts.seed(sandbox)
    _delete_task_definition(sandbox)
    # The account's own has a list of used images, and so is not described.
    sandbox.seed({"eks": {"served": {"read": []}}})
    sandbox.clear_calls()
    run.usages(environment)
    return sandbox.calls


def _delete_task_definition(sandbox: Sandbox) -> None:
    """Leaves behind what named it, so that each source that reads task definitions asks whether one is gone.

    Another one goes after its family was listed.
    """
    name, vanishing, image = "deleted:1", "vanishing:1", {"image": "{registry}/app:service"}
    task = {"task_definition": name, "status": "STOPPED"}
    target = {"task_definition": name}
    machine = under_way.machine(TaskDefinition=name)
    sandbox.seed(
        {
            "ecs": {"task_definitions": {name: image, vanishing: image}, "clusters": {"prod": {"tasks": [task]}}},
            "events": {"rules": {"dead": {"schedule": "rate(1 day)", "targets": [target]}}},
            "pipes": {"pipes": {"dead": target}},
            "stepfunctions": {"machines": {"dead": {"definition": machine, "executions": {"e": {}}}}},
            "tables": under_way.naming(name),
        }
    )
    definitions = sandbox.state.store("us-east-1", Ecs).task_definitions
    del definitions[name]
    sandbox.after("ecs", "ListTaskDefinitionFamilies", lambda _: definitions.pop(vanishing))


def _run(run: Runner, sandbox: Sandbox, environment: dict[str, str]) -> list[Call]:
    settings = json.loads(environment["ECR_CLEANER_SETTINGS"])
    sandbox.client("dynamodb").create_table(
        TableName=settings["lock_table"],
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    )
    if settings["notifications"]:
        sandbox.client("sns").create_topic(Name=settings["notifications"]["topic_arn"].rpartition(":")[2])
    if settings["storage"]:
        Past(sandbox, {name: settings["storage"][name] for name in ("bucket", "prefix")})
    # Opted in by mistake: the function's own image.
    own = settings["own_repository"]
    sandbox.repository(own, tags=OPTED_IN)
    sandbox.push(own, tags=["v0"], pushed="400d")
    # Long in the archive, and not needed there either.
    sandbox.repository("attic", tags=OPTED_IN)
    sandbox.push("attic", tags=["v0"], pushed="400d", status="ARCHIVED", archived="100d")
    sandbox.clear_calls()
    outcome = run(environment=environment)
    if settings["require_approval"]:
        assert (outcome.status, outcome.gone) == ("completed", {})
        event = {"schema_version": 1, "action": "apply", "plan": outcome.told["plan"]["id"]}
        outcome = run(environment=environment, event=event)
    assert (outcome.status, outcome.causes) == ("completed", "")
    assert bool(outcome.gone) is (environment["DRY_RUN"] == "false")
    assert own not in outcome.gone
    return sandbox.calls


def as_requests(mode: str, calls: Iterable[Call]) -> list[Request]:
    """Every recorded call, once for each resource it names, with the tags that its repository had; without doubles.

    Nor those that only a later simulator can decide over.
    """
    asked = {
        (call.action, resource, tuple(sorted(call.tags.items())), _prefix(call), _event(call))
        for call in calls
        if call.action not in UNKNOWN_TO_IAM
        for resource in call.resources
    }
    return [
        Request(mode, action, resource, dict(tags), prefix, event)
        for action, resource, tags, prefix, event in sorted(asked, key=lambda one: (*one[:3], one[3] or "", one[4]))
    ]


def _prefix(call: Call) -> str | None:
    return call.parameters.get("Prefix") if call.operation.startswith("ListObjects") else None


def _event(call: Call) -> tuple[tuple[str, str], ...]:
    """Source and type of every event that a call puts."""
    return tuple((entry["Source"], entry["DetailType"]) for entry in call.parameters.get("Entries", []))


def differing(rendered: Rendered, requests: Sequence[Request], expected: Sequence[str]) -> list[tuple[Request, str]]:
    """The requests that the simulator decides otherwise, and how."""
    decided = zip(requests, decide(rendered.policies, requests), expected, strict=True)
    return [(request, result) for request, result, wanted in decided if result != wanted]


@pytest.mark.parametrize("mode", RUN)
def test_what_runs_call_is_what_the_role_allows(rendered: Rendered, calls: dict[str, list[Call]], mode: str) -> None:
    """In both directions, apart from listed exceptions with a reason."""
    called = {call.action for call in calls[mode]}
    assert called - rendered.allowed(mode) == set(), "called, but not allowed"
    allowed = rendered.allowed(mode)
    assert allowed - called == NOT_CALLED_BY_A_RUN.keys() & allowed, "allowed, but not called"
    assert NOT_CALLED_BY_A_RUN.keys() <= rendered.allowed("real"), "an exception that nothing needs"


@pytest.mark.parametrize("mode", RUN)
def test_every_call_is_allowed_on_the_resource_it_names(
    rendered: Rendered, calls: dict[str, list[Call]], mode: str
) -> None:
    """By the simulator, with the ARN and the repository's tags that the call had."""
    requests = as_requests(mode, calls[mode])
    exceptions = {*NOT_CALLED_BY_A_RUN, *UNKNOWN_TO_IAM}
    assert {request.action for request in requests} == rendered.allowed(mode) - exceptions
    assert differing(rendered, requests, ["Allowed"] * len(requests)) == []


def test_the_role_in_another_account_may_ask_what_sources_ask(rendered: Rendered, calls: dict[str, list[Call]]) -> None:
    """By the simulator, with the ARNs of the calls as they would be there; and in no other account."""
    text = READER_FILE.read_text().replace("{partition}", "aws").replace("{account}", OTHER)
    reader = {"reader": json.loads(text)}
    actions = {action for statement in reader["reader"]["Statement"] for action in statement["Action"]}
    there = [
        replace(one, resource=one.resource.replace(ACCOUNT, OTHER), owner=OTHER)
        for one in as_requests("reader", calls["real"])
        if one.action in actions
    ]
    only_there = actions - rendered.allowed("real")
    assert {one.action for one in there} == actions - {*NOT_CALLED_BY_A_RUN, *UNKNOWN_TO_IAM} - only_there
    assert only_there == {"lambda:ListTags"}, "tests/integration has the calls that are made only in other accounts"
    role = f"arn:aws:iam::{OTHER}:role/ecr-cleaner-reader"
    decided = decide(reader, there, principal=role)
    assert [one for one, result in zip(there, decided, strict=True) if result != "Allowed"] == []
    (everywhere,) = (one["Action"] for one in reader["reader"]["Statement"] if one["Resource"] == ["*"])
    narrow = [one for one in there if one.action not in everywhere and OTHER in one.resource]
    assert len(narrow) > 50
    elsewhere = [replace(one, resource=one.resource.replace(OTHER, ACCOUNT)) for one in narrow]
    decided = decide(reader, elsewhere, principal=role)
    assert [one for one, result in zip(elsewhere, decided, strict=True) if result != "ImplicitlyDenied"] == []


@pytest.mark.parametrize("action", UNKNOWN_TO_IAM)
def test_what_the_simulator_does_not_know_it_refuses(rendered: Rendered, action: str) -> None:
    """So that an exception does not outlive its reason."""
    assert action in rendered.allowed("real")
    with pytest.raises(AssertionError, match=r"invalid\.action"):
        decide(rendered.policies, [Request("real", action)])


@pytest.mark.parametrize("tags", NOT_OPTED_IN.values(), ids=NOT_OPTED_IN)
@pytest.mark.parametrize("mode", ["dry", "real", "archive"])
def test_no_call_reaches_into_a_repository_without_exactly_the_tag(
    rendered: Rendered, calls: dict[str, list[Call]], mode: str, tags: dict[str, str]
) -> None:
    """The same calls, had the repository not opted in: neither read nor removed; everything else is as before."""
    requests = [
        replace(request, tags=tags) if request.resource.startswith(REPOSITORY) else request
        for request in as_requests(mode, calls[mode])
    ]
    without = {"dry": {*REMOVALS}, "real": {ARCHIVE}, "archive": set()}[mode]
    assert {request.action for request in requests} >= set(WITH_THE_TAG) - without
    expected = [WITH_THE_TAG.get(request.action, "Allowed") for request in requests]
    assert differing(rendered, requests, expected) == []


@pytest.mark.parametrize("mode", ["real", "archive"])
def test_in_a_dry_run_every_removal_is_denied(rendered: Rendered, calls: dict[str, list[Call]], mode: str) -> None:
    """The calls of a real run with the role of a dry one: it could do all of it but remove."""
    # Lock, topic and history are each instance's own.
    own = {json.loads(rendered.environment[mode]["ECR_CLEANER_SETTINGS"])["storage"]["bucket"]}
    shared = [c for c in calls[mode] if c.service not in {"dynamodb", "sns"} and c.parameters.get("Bucket") not in own]
    requests = as_requests("dry", shared)
    assert {"s3:GetObject", "s3:ListBucket"} <= {request.action for request in requests}
    expected = ["ExplicitlyDenied" if request.action in REMOVALS else "Allowed" for request in requests]
    assert expected.count("ExplicitlyDenied") > 5
    assert differing(rendered, requests, expected) == []


@pytest.mark.parametrize(
    ("mode", "own"),
    [
        ("dry", "platform/cleaner"),
        ("real", "platform/cleaner"),
        ("archive", "platform/cleaner"),
        ("built", "built"),
    ],
)
def test_the_functions_own_image_is_out_of_reach(rendered: Rendered, mode: str, own: str) -> None:
    """Also if its repository opted in by mistake, be it given to the module or made by it."""
    requests = [
        Request(mode, action, REPOSITORY + name, OPTED_IN)
        for action in REMOVALS
        for name in (own, f"{own}-other", f"other/{own}")
    ]
    others = {
        REMOVE: "ExplicitlyDenied" if mode == "dry" else "Allowed",
        ARCHIVE: "Allowed" if mode == "archive" else "ExplicitlyDenied",
    }
    expected = [result for action in REMOVALS for result in ("ExplicitlyDenied", others[action], others[action])]
    assert differing(rendered, requests, expected) == []


def test_each_way_of_removing_is_denied_where_it_is_not_the_chosen_one(rendered: Rendered) -> None:
    """Explicitly, so that a repository's own policy cannot allow it either."""
    chosen = {"dry": (), "real": (REMOVE,), "archive": REMOVALS, "keep": (ARCHIVE,)}
    asked = [(mode, action) for mode in chosen for action in REMOVALS]
    requests = [Request(mode, action, REPOSITORY + "app", OPTED_IN) for mode, action in asked]
    expected = ["Allowed" if action in chosen[mode] else "ExplicitlyDenied" for mode, action in asked]
    assert differing(rendered, requests, expected) == []


@pytest.mark.parametrize(
    "arn",
    ["arn:aws:ecr:eu-west-1:123456789012:repository/app", "arn:aws:ecr:us-east-1:210987654321:repository/app"],
    ids=["region", "account"],
)
def test_another_region_or_account_is_out_of_reach(rendered: Rendered, arn: str) -> None:
    """However its repositories are tagged."""
    requests = [
        Request(mode, action, arn, OPTED_IN) for mode in ("real", "built", "archive") for action in WITH_THE_TAG
    ]
    walled = {(mode, ARCHIVE) for mode in ("real", "built")}
    expected = ["ExplicitlyDenied" if (r.policy, r.action) in walled else "ImplicitlyDenied" for r in requests]
    assert differing(rendered, requests, expected) == []


def test_no_run_asks_for_what_is_denied(rendered: Rendered, calls: dict[str, list[Call]]) -> None:
    """A dry run does not even try to remove."""
    for mode in RUN:
        chosen = {"dry": set(), "archive": {*REMOVALS}}.get(mode, {REMOVE})
        denied = rendered.denied(mode) - chosen
        assert denied.isdisjoint({call.action for call in calls[mode]})


@pytest.mark.parametrize(
    ("tags", "simulated"),
    [
        ({"boxcleanerenabled": "true"}, "Allowed"),
        ({"BOXCLEANERENABLED": "true"}, "Allowed"),
        ({"BoxCleanerEnabled": "true", "boxcleanerenabled": "true"}, "Allowed"),
        ({"BoxCleanerEnabled": "true", "boxcleanerenabled": "false"}, "ExplicitlyDenied"),
        ({"BoxCleanerEnabled": "false", "boxcleanerenabled": "true"}, "Allowed"),
        ({"boxcleanerenabled": "true", "BoxCleanerEnabled": "false"}, "ExplicitlyDenied"),
    ],
    ids=[
        "other case",
        "upper case",
        "both cases",
        "both cases, only the exact one true",
        "both cases, only the other one true",
        "both cases, only the other one true and first",
    ],
)
def test_the_function_demands_the_exact_key_because_the_role_cannot(
    run: Runner, sandbox: Sandbox, rendered: Rendered, tags: dict[str, str], simulated: str
) -> None:
    """IAM compares names of tags without case, and of two it is not said which one counts: the function does not ask.

    In the simulator the last one counts, so the role alone would let a repository go that says ``false`` itself.
    """
    assert decide(rendered.policies, [Request("real", REMOVE, REPOSITORY + "app", tags)]) == [simulated]
    sandbox.repository("app", tags=tags)
    sandbox.push("app", tags=["v1"], pushed="400d")
    run.opted_in("control")
    sandbox.push("control", tags=["v1"], pushed="400d")
    sandbox.clear_calls()
    outcome = run()
    assert set(outcome.gone) == {"control"}
    assert {c.operation for c in sandbox.calls if c.parameters.get("repositoryName") == "app"} == set()
    # Whoever did opt in exactly is told by a failed run; the others by a note.
    fails = tags.get("BoxCleanerEnabled") == "true"
    assert outcome.status == ("failed" if fails else "completed")
    assert any("repository app: tag " in sentence for sentence in outcome.told["causes" if fails else "notes"])


def test_the_role_can_neither_opt_a_repository_in_nor_change_or_delete_one(rendered: Rendered) -> None:
    """Explicitly, so that a repository's own policy cannot allow it either."""
    actions = [
        "ecr:DeleteLifecyclePolicy",
        "ecr:DeleteRepository",
        "ecr:DeleteRepositoryPolicy",
        "ecr:PutImage",
        "ecr:PutImageTagMutability",
        "ecr:PutLifecyclePolicy",
        "ecr:SetRepositoryPolicy",
        "ecr:TagResource",
        "ecr:UntagResource",
    ]
    requests = [Request(mode, a, REPOSITORY + "app", OPTED_IN) for mode in rendered.policies for a in actions]
    assert differing(rendered, requests, ["ExplicitlyDenied"] * len(requests)) == []


def test_the_role_can_write_nothing_but_what_is_its_own(rendered: Rendered) -> None:
    """Everything else that it is allowed reads; the only managed policy is the one for logging."""
    written = {
        a
        for a in rendered.allowed("real")
        if not a.partition(":")[2].startswith(("BatchGet", "Describe", "Get", "List", "Search"))
    }
    own = {
        "dynamodb:DeleteItem",
        "dynamodb:PutItem",
        "events:PutEvents",
        "s3:PutObject",
        "sns:Publish",
        "sqs:SendMessage",
    }
    assert written == {REMOVE, *own}
    resources = {
        "dynamodb:DeleteItem": "arn:aws:dynamodb:us-east-1:123456789012:table/another-lock",
        "dynamodb:PutItem": "arn:aws:dynamodb:us-east-1:123456789012:table/another-lock",
        "s3:PutObject": "arn:aws:s3:::another-bucket/ecr-cleaner/123456789012/us-east-1/real/marker.json",
        "sns:Publish": "arn:aws:sns:us-east-1:123456789012:another-topic",
        "sqs:SendMessage": "arn:aws:sqs:us-east-1:123456789012:another-queue",
    }
    requests = [Request("real", action, resource) for action, resource in resources.items()]
    assert differing(rendered, requests, ["ImplicitlyDenied"] * len(requests)) == []
    logging = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    assert rendered.attached == {mode: {logging} for mode in rendered.policies}


BUS: Final = "arn:aws:events:us-east-1:123456789012:event-bus/default"
OWN_EVENT: Final = ("ecr-cleaner", "ECR Cleaner Run")
PUT: Final[dict[str, tuple[Request, str]]] = {
    "its own": (Request("real", "events:PutEvents", BUS, events=(OWN_EVENT,)), "Allowed"),
    "of another source": (
        Request("real", "events:PutEvents", BUS, events=(("shop", OWN_EVENT[1]),)),
        "ImplicitlyDenied",
    ),
    "of another type": (
        Request("real", "events:PutEvents", BUS, events=((OWN_EVENT[0], "Order"),)),
        "ImplicitlyDenied",
    ),
    "another one beside its own": (
        Request("real", "events:PutEvents", BUS, events=(OWN_EVENT, ("shop", "Order"))),
        "ImplicitlyDenied",
    ),
    "on another bus": (
        Request("real", "events:PutEvents", BUS.replace("default", "orders"), events=(OWN_EVENT,)),
        "ImplicitlyDenied",
    ),
    "without a bus of its own": (
        Request("built", "events:PutEvents", BUS, events=(OWN_EVENT,)),
        "ImplicitlyDenied",
    ),
}


def test_the_role_puts_events_of_runs_and_no_others(rendered: Rendered) -> None:
    """Nobody can take its events for somebody else's, or use it to make such."""
    requests = [request for request, _ in PUT.values()]
    assert differing(rendered, requests, [result for _, result in PUT.values()]) == []


HISTORY: Final = "arn:aws:s3:::real-123456789012-useast1/ecr-cleaner/123456789012/us-east-1/real/"
OBJECTS: Final[dict[str, tuple[Request, str]]] = {
    "an object": (Request("real", "s3:DeleteObject", f"{HISTORY}history/1/state.json"), "ExplicitlyDenied"),
    "a version": (Request("real", "s3:DeleteObjectVersion", f"{HISTORY}marker.json"), "ExplicitlyDenied"),
    "versioning": (
        Request("real", "s3:PutBucketVersioning", "arn:aws:s3:::real-123456789012-useast1"),
        "ExplicitlyDenied",
    ),
    "expiry": (
        Request("real", "s3:PutLifecycleConfiguration", "arn:aws:s3:::real-123456789012-useast1"),
        "ExplicitlyDenied",
    ),
    "a page of the journal": (Request("real", "s3:PutObject", f"{HISTORY}journal/2026-01-01/run/a/b.gz"), "Allowed"),
    "a page of it in a dry run": (
        Request("dry", "s3:PutObject", f"{HISTORY.replace('real', 'dry')}journal/2026-01-01/run/a/b.gz"),
        "ImplicitlyDenied",
    ),
    "a page of it going": (Request("real", "s3:DeleteObject", f"{HISTORY}journal/1/run/a/b.gz"), "ExplicitlyDenied"),
    "the settings": (Request("real", "s3:PutObject", f"{HISTORY}settings.json"), "ImplicitlyDenied"),
    "another instance's": (
        Request("real", "s3:PutObject", HISTORY.replace("/real/", "/other/") + "marker.json"),
        "ImplicitlyDenied",
    ),
    "another instance's past": (
        Request("real", "s3:GetObject", HISTORY.replace("/real/", "/other/") + "marker.json"),
        "ImplicitlyDenied",
    ),
    "what there is": (Request("real", "s3:ListBucket", "arn:aws:s3:::real-123456789012-useast1"), "ImplicitlyDenied"),
    "its own": (Request("real", "s3:PutObject", f"{HISTORY}history/1/repositories/a/b.json"), "Allowed"),
    "facts": (Request("real", "s3:PutObject", f"{HISTORY}facts/123456789012/us-east-1/a.json"), "Allowed"),
    "facts in a dry run": (
        Request("dry", "s3:PutObject", f"{HISTORY.replace('real', 'dry')}facts/123456789012/us-east-1/a.json"),
        "Allowed",
    ),
    "facts going": (
        Request("real", "s3:DeleteObject", f"{HISTORY}facts/123456789012/us-east-1/a.json"),
        "ExplicitlyDenied",
    ),
    "another instance's facts": (
        Request("real", "s3:PutObject", HISTORY.replace("/real/", "/other/") + "facts/123456789012/us-east-1/a.json"),
        "ImplicitlyDenied",
    ),
}


PLANS: Final = HISTORY.replace("real", "approval") + "plans/"
ABOUT_PLANS: Final[dict[str, tuple[Request, str]]] = {
    "a plan": (Request("approval", "s3:PutObject", f"{PLANS}0.json"), "Allowed"),
    "a mark": (Request("approval", "s3:PutObject", f"{PLANS}0.applied.json"), "Allowed"),
    "taking one away": (Request("approval", "s3:DeleteObject", f"{PLANS}0.applied.json"), "ExplicitlyDenied"),
    "listing them": (
        Request("approval", "s3:ListBucket", PLANS.partition("/")[0], prefix=PLANS.partition("/")[2]),
        "ImplicitlyDenied",
    ),
    "another instance's": (
        Request("approval", "s3:PutObject", PLANS.replace("/approval/", "/other/") + "0.json"),
        "ImplicitlyDenied",
    ),
    "without approval": (Request("real", "s3:PutObject", f"{HISTORY}plans/0.json"), "ImplicitlyDenied"),
    "in a dry run": (
        Request("dry", "s3:PutObject", f"{HISTORY.replace('real', 'dry')}plans/0.json"),
        "ImplicitlyDenied",
    ),
}


def test_the_role_writes_plans_where_a_person_approves_and_nowhere_else(rendered: Rendered) -> None:
    """And takes none away, nor the mark that one was carried out."""
    requests = [request for request, _ in ABOUT_PLANS.values()]
    assert differing(rendered, requests, [result for _, result in ABOUT_PLANS.values()]) == []


def test_the_role_cannot_make_the_history_forget(rendered: Rendered) -> None:
    """It adds to its own, and neither deletes, lists, nor writes what Terraform writes."""
    requests = [request for request, _ in OBJECTS.values()]
    assert differing(rendered, requests, [result for _, result in OBJECTS.values()]) == []


LISTS: Final = "arn:aws:s3:::lists"
LISTED: Final[dict[str, tuple[Request, str]]] = {
    "an inventory": (Request("real", "s3:GetObject", f"{LISTS}/inventories/eks/us-east-1/shop.json"), "Allowed"),
    "inventories": (Request("real", "s3:ListBucket", LISTS, prefix="inventories/"), "Allowed"),
    "beside them": (Request("real", "s3:GetObject", f"{LISTS}/other/stale.json"), "ImplicitlyDenied"),
    "of like name": (Request("real", "s3:GetObject", f"{LISTS}/inventories-old/a.json"), "ImplicitlyDenied"),
    "the whole bucket": (Request("real", "s3:ListBucket", LISTS), "ImplicitlyDenied"),
    "without a prefix": (Request("real", "s3:ListBucket", LISTS, prefix=""), "ImplicitlyDenied"),
    "another prefix": (Request("real", "s3:ListBucket", LISTS, prefix="other/"), "ImplicitlyDenied"),
    "another bucket": (Request("real", "s3:ListBucket", f"{LISTS}-2", prefix="inventories/"), "ImplicitlyDenied"),
    "writing one": (Request("real", "s3:PutObject", f"{LISTS}/inventories/nomad.json"), "ImplicitlyDenied"),
    "deleting one": (Request("real", "s3:DeleteObject", f"{LISTS}/inventories/nomad.json"), "ExplicitlyDenied"),
    "of a role without the source": (
        Request("only lambda", "s3:ListBucket", LISTS, prefix="inventories/"),
        "ImplicitlyDenied",
    ),
}


def test_inventories_are_read_and_nothing_beside_them(rendered: Rendered) -> None:
    """The bucket is somebody's: only the prefix that was named is listed and read, and nothing in it is changed."""
    requests = [request for request, _ in LISTED.values()]
    assert differing(rendered, requests, [result for _, result in LISTED.values()]) == []
