"""Usages that cover more than an image: they protect, each is told with what it keeps, and a person may accept it."""

from __future__ import annotations

import gzip
import json
import re
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.settings.gaps import ARN
from tests.fake_aws.aws import ACCOUNT
from tests.integration import accounts
from tests.integration.runner import REGION
from tests.integration.test_telling import TOLD, events, mails
from tests.integration.test_usage_command import usage

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from tests.fake_aws import Sandbox
    from tests.integration.past import Past
    from tests.integration.runner import Outcome, Runner

__all__ = ["usage"]

TRAIN: Final = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:train"
GAP: Final = f"usage:{TRAIN}"
SECRET: Final = "hunter2"


def machine(*images: str) -> dict[str, Any]:
    """A state machine that starts these images."""
    chosen = f"{{% $name & '{SECRET}' %}}"
    states = {
        f"Call{number}": {"Type": "Task", "Arguments": {"Image": image, "TaskDefinition": chosen}, "End": True}
        for number, image in enumerate(images)
    }
    return {"StartAt": "Call0", "States": states}


@pytest.fixture
def trained(run: Runner, sandbox: Sandbox) -> Sandbox:
    """A state machine whose tag is put in at each start, and which names one image of another repository."""
    for name in ("app", "web"):
        run.opted_in(name)
        for tag in ("v1", "v2"):
            sandbox.push(name, id=f"{name}-{tag}", tags=[tag], pushed="90d", size=1000)
        sandbox.push(name, id=f"{name}-young", tags=["v3"], pushed="1d")
    definition = machine("{registry}/app:$Version", "{registry}/web:v1")
    sandbox.seed({"stepfunctions": {"machines": {"train": {"definition": definition}}}})
    return sandbox


DEFINED: Final = {
    "state machine train": TRAIN,
    "sagemaker pipeline weekly": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/weekly",
    "greengrass component": f"arn:aws:greengrass:{REGION}:{ACCOUNT}:components:sensor",
    "codepipeline deploy": f"arn:aws:codepipeline:{REGION}:{ACCOUNT}:deploy",
    "image builder container recipe": f"arn:aws:imagebuilder:{REGION}:{ACCOUNT}:container-recipe/base/1.0.0",
    "omics workflow": f"arn:aws:omics:{REGION}:{ACCOUNT}:workflow/1",
    "omics run 7": f"arn:aws:omics:{REGION}:{ACCOUNT}:run/7",
}
"""How the names of consumers begin whose texts define what is started, and their ARNs."""


def test_whoever_has_texts_has_an_arn_that_can_be_accepted(run: Runner, sandbox: Sandbox) -> None:
    """By the same grammar as the settings have; of versions and executions it is that of what they are of."""
    accounts.seed(sandbox)
    document = {"schema_version": 1} | accounts.SETTINGS
    seen = run.usages({"ECR_CLEANER_SETTINGS": json.dumps(document)})
    for consumer, arn in DEFINED.items():
        named = [one for one in seen if one.consumer.startswith(consumer) and (one.in_text or one.reference.is_wide)]
        assert {one.consumer_arn for one in named} == {arn}, consumer
        assert re.fullmatch(ARN, arn)


def found(outcome: Outcome) -> dict[str, Any]:
    """The one finding on a wide usage."""
    (finding,) = outcome.found("wide_usage").values()
    return finding


def test_it_protects_and_is_told_with_what_it_alone_keeps(run: Runner, trained: Sandbox) -> None:
    """Only what is old and kept by nothing else counts."""
    trained.client("sns").create_topic(Name="runs")
    outcome = run(**TOLD)
    assert (outcome.status, outcome.gone) == ("completed", {"web": run.ids("web-v2")})
    finding = found(outcome)
    size = sum(image.size for image in trained.images("app") if "v3" not in image.tags)
    assert (finding["severity"], finding["subject"], finding["bytes"]) == ("warning", TRAIN, size)
    assert "/app:* (every image of the repository app); it alone keeps 2 images; " in finding["detail"]
    assert finding["detail"].endswith(f'accepted_gaps = {{ "{GAP}" = "<reason>" }}')
    assert (outcome.told["wide_usages"], events(trained)[0]["wide_usages"]) == (1, 1)
    (mail,) = mails(trained)
    assert "Usages wider than an image:\n  - state machine train (" in mail["Message"]
    assert any(vars(line).get("finding") == finding for line in outcome.lines)


@pytest.mark.usefixtures("trained")
def test_accepted_it_keeps_nothing_and_complete_references_stay(run: Runner) -> None:
    """Every run lists it as unprotected, with the number of usages that it took out."""
    outcome = run(accepted_gaps={GAP: "it starts the newest"})
    assert outcome.gone == {"app": run.ids("app-v1", "app-v2"), "web": run.ids("web-v2")}
    assert outcome.found("wide_usage") == {}
    assert outcome.told["wide_usages"] == 0
    (told,) = outcome.told["unprotected"]
    assert told == f"{GAP}: it starts the newest; it took out 1 usages that are wider than an image"
    assert outcome.found("unused_accepted_gap") == {}


def test_an_entry_that_takes_nothing_out_is_told(run: Runner, trained: Sandbox) -> None:
    """The consumer was mended or is gone."""
    trained.seed({"stepfunctions": {"machines": {"train": {"definition": machine("{registry}/app:v1")}}}})
    outcome = run(accepted_gaps={GAP: "known"})
    assert outcome.gone == {"app": run.ids("app-v2"), "web": run.ids("web-v1", "web-v2")}
    assert list(outcome.found("unused_accepted_gap")) == [GAP]


@pytest.mark.usefixtures("trained")
def test_with_a_history_the_number_does_not_fall(night: Callable[..., Outcome]) -> None:
    """What the wide usage kept until yesterday it keeps alone today as well."""
    first, second = night(dry_run=True), night(dry_run=True)
    assert found(first)["detail"] == found(second)["detail"]
    assert "it alone keeps 2 images" in found(second)["detail"]


@pytest.mark.usefixtures("trained")
def test_the_command_lists_it_too(usage: Callable[..., Result]) -> None:
    """As text and as JSON, with the line that mends it first."""
    told = json.loads(usage("--format", "json").output)
    (wide,) = told["wide_usages"]
    assert (wide["consumer"], wide["consumer_arn"]) == ("state machine train", TRAIN)
    (reference,) = wide["references"]
    assert (reference["scope"], reference["covers"]) == ("repository", "every image of the repository app")
    assert reference["reference"].endswith("/app:*")
    assert wide["remedy"].startswith("to mend this, name a complete reference")
    assert GAP in wide["remedy"]
    assert "wide usage: state machine train" in usage().output
    assert json.loads(usage("--format", "json", "--repository", "web").output)["wide_usages"] == []


SECRETS: Final = (
    f"docker login -u AWS -p {SECRET} {{registry}}",
    f"{{registry}}/app:${{X:-{SECRET}}}",
    f"{{registry}}/app:v1?token={SECRET}",
    f"https://AWS:{SECRET}@{{registry}}/app:v1",
    f"{{registry}}/$({SECRET})/app",
    f"{{registry}}/app-${{{SECRET}:-x}}-x:v1",
    f"{SECRET} {{registry}}/web:v1 {SECRET}",
    f'{{registry}}/web:v1","Password":"{SECRET}',
    f"PASSWORD={SECRET}\n{{registry}}/app@$DIGEST#{SECRET}",
    f"{{registry}}${{{SECRET}:-}}",
    f"{SECRET}.dkr.ecr.${{REGION:-}}.amazonaws.com/${{{SECRET}:-}}:{{}}",
)
"""What stands around references in the texts of consumers."""


@pytest.fixture(params=SECRETS)
def planted(request: pytest.FixtureRequest, run: Runner, sandbox: Sandbox) -> Sandbox:
    """An account whose consumers all have the same text with secrets in it."""
    text: str = request.param
    for name in ("app", "web"):
        run.opted_in(name)
        sandbox.push(name, id=f"{name}-old", tags=["v1"], pushed="90d")
        sandbox.push(name, id=f"{name}-unused", tags=["v0"], pushed="90d")
    sandbox.client("sns").create_topic(Name="runs")
    registry = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
    written = text.replace("{registry}", registry)
    sandbox.seed(
        {
            "stepfunctions": {"machines": {"train": {"definition": machine(text)}}},
            "codebuild": {"projects": {"build": {"image": "{registry}/web:v1", "buildspec": written}}},
            "tables": {
                "codepipeline": {
                    "ListPipelines": [{"items": [{"name": "deploy"}]}],
                    "GetPipeline": [
                        {
                            "when": {"name": "deploy"},
                            "answer": {
                                "pipeline": {
                                    "name": "deploy",
                                    "stages": [{"name": "Run", "actions": [_action(text)]}],
                                    "variables": [{"name": "PASSWORD", "defaultValue": text}],
                                }
                            },
                        }
                    ],
                }
            },
        }
    )
    sandbox.client("scheduler").create_schedule(
        Name="weekly",
        ScheduleExpression="rate(7 days)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": "arn:aws:lambda:::x", "RoleArn": "arn:aws:iam::123456789012:role/r", "Input": written},
    )
    return sandbox


def test_nothing_that_stands_around_a_reference_leaves_the_function(
    run: Runner, usage: Callable[..., Result], planted: Sandbox, past: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not in log, result, report, mail, metrics, event, history or journal, and not in what the command shows."""
    storage = {**past.place, "history": True, "journal": True, "reports": True}
    outcome = run(**TOLD, storage=storage)
    asked = ("codebuild", "codepipeline", "scheduler", "stepfunctions")
    assert {outcome.sources[name]["outcome"] for name in asked} == {"complete"}
    assert SECRET not in json.dumps([outcome.summary, outcome.result, outcome.causes])
    assert SECRET not in "\n".join(f"{line.getMessage()} {vars(line)}" for line in outcome.lines)
    assert SECRET not in capsys.readouterr().out
    assert SECRET not in json.dumps([mails(planted), events(planted)])
    contents = past.objects()
    assert any(key.startswith("reports/") for key in contents)
    for key, body in contents.items():
        assert SECRET not in (gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body).decode(), key
    assert SECRET not in usage("--format", "json").output + usage().output


def _action(text: str) -> dict[str, Any]:
    kind = {"category": "Compute", "owner": "AWS", "provider": "Commands", "version": "1"}
    return {"name": "Run", "actionTypeId": kind, "commands": [text]}
