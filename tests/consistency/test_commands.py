"""What pages tell people to type exists: commands, options, inputs, outputs, alarms, log lines."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import botocore.session
import click
import pytest
from botocore import xform_name

from ecr_cleaner import cli
from ecr_cleaner.cli.exit_codes import ExitCode
from ecr_cleaner.model.finding import FindingKind
from ecr_cleaner.model.plan import Reason, RemovalStatus
from ecr_cleaner.model.result import RepositoryResult, RepositoryStatus, RunResult
from ecr_cleaner.model.rules import RetentionRule
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.model.scan import SourceStatus
from ecr_cleaner.report.summary import repository_json, run_json
from ecr_cleaner.settings.schema import (
    Notifications,
    SettingsDocument,
    SettingsObject,
    SettingsPointer,
    Storage,
    UsedImagesLocation,
)
from ecr_cleaner.usage.catalog import SOURCES
from tests.consistency.markdown import Page, codes
from tests.consistency.test_pages import PAGES, every_page
from tools import declared
from tools.declared import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

GLOBAL_OPTIONS: Final = {"--cli-binary-format", "--cli-read-timeout", "--output", "--profile", "--query", "--region"}
"""Of the AWS command line, besides those of each operation."""

OF_THE_COMMAND_LINE: Final = {"cp", "get-login-password", "tail"}
"""What the AWS command line makes itself from an operation of another name."""

FIRST_STEPS: Final = Page(ROOT / "docs" / "first-steps.md")
DOCUMENTS: Final = [page for page in PAGES if page.path.parent == ROOT / "docs" or page.path.name == "README.md"]

OTHER_NAMES: Final = {"BoxCleanerEnabled", "age_days", "aws_ecr_authorization_token", "ecr_cleaner", "lambda_src"} | {
    "slowest_in"
}
"""A tag, a member of log lines, a data source of Terraform, the logger, a folder; another member of log lines."""


def lines(page: Page) -> Iterator[str]:
    """What stands in code, fenced or not, with broken lines made whole."""
    for code in page.code:
        yield from re.sub(r"\\\n\s*", "", code.text).splitlines()
    yield from codes(page.prose)


def typed(page: Page, program: str) -> Iterator[str]:
    """What follows the name of a program, to the end of that command."""
    for line in lines(page):
        for match in re.finditer(rf"(?:^|[$(] ?|^\$ ){program} (?P<rest>[^#|)]*)", line):
            yield match["rest"].split("$(")[0]


@every_page
def test_our_own_commands_exist(page: Page) -> None:
    """With the options that are named, each at the command it is named with."""
    for rest in typed(page, "ecr-cleaner"):
        name = rest.split()[0]
        assert name in cli.main.commands, rest
        known = {o for p in cli.main.commands[name].params if isinstance(p, click.Option) for o in p.opts}
        assert set(re.findall(r"(?<!\S)--[a-z-]+", rest)) <= {*known, "--help"}, rest


@every_page
def test_commands_of_aws_exist(page: Page) -> None:
    """As far as the service models say: the operation, and its options."""
    session = botocore.session.get_session()
    for rest in typed(page, "aws"):
        service, operation, *_ = rest.split()
        if service in {"configure", "sso"} or operation in OF_THE_COMMAND_LINE:
            continue
        model = session.get_service_model(service)
        found = {xform_name(name, "-"): name for name in model.operation_names}
        assert operation in found, rest
        shape: Any = model.operation_model(found[operation]).input_shape
        options = {f"--{xform_name(member, '-')}" for member in shape.members}
        assert set(re.findall(r"(?<!\S)--[a-z-]+", rest)) <= options | GLOBAL_OPTIONS, rest


@every_page
def test_modules_are_given_inputs_they_have(page: Page) -> None:
    """In every example."""
    for code in page.code:
        if code.language != "hcl":
            continue
        for block in declared.blocks(code.text).get("module", ()):
            for name, arguments in block.items():
                if name != "__comments__":
                    given = {key for key in arguments if not key.startswith("__")}
                    assert given <= {"source", "version", "providers", *declared.variables()}, given


@every_page
def test_outputs_exist(page: Page) -> None:
    """Those of the module that a configuration hands on, and those that Terraform prints."""
    text = "\n".join(lines(page))
    beside = page.path.parent / "main.tf"
    own = set(re.findall(r'output "(\w+)"', text + (beside.read_text() if beside.exists() else "")))
    assert set(re.findall(r"terraform output (?:-raw )?(\w+)", text)) <= own
    # What begins with aws_ is a resource, in Terraform's own words.
    assert set(re.findall(r"module\.ecr_cleaner\.(?!aws_)(\w+)", text)) <= set(declared.outputs())


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.path.relative_to(ROOT)))
def test_names_in_code_exist(page: Page) -> None:
    """Each word with a value, and each alone that looks like an input, a setting, a source, or a member of a result."""
    named = {match[1] for code in codes(page.prose) if (match := re.fullmatch(r"(\w+) = \S+", code))}
    named |= {code for code in codes(page.prose) if re.fullmatch(r"[a-z]+(_[a-z]+)+", code)}
    assert named <= names() | OTHER_NAMES


@cache
def names() -> set[str]:
    """Of inputs, outputs, settings, sources, whatever results hold, and the values in them."""
    summary = run_json(RunResult("id", dry_run=True, region="nowhere"))
    schemas = [json.loads(path.read_text()) for path in ROOT.glob("docs/*.schema.json")]
    members = {name for schema in schemas for name in _properties(schema)} | {
        *summary,
        *repository_json(RepositoryResult("")),
    }
    kinds = (Reason, RunStatus, RepositoryStatus, RemovalStatus, FindingKind, SourceStatus)
    values = {value.value for kind in kinds for value in kind}
    settings = {
        *SettingsDocument.model_fields,
        *RetentionRule.model_fields,
        *SettingsObject.model_fields,
        *UsedImagesLocation.model_fields,
    }
    settings |= {*Notifications.model_fields, *SettingsPointer.model_fields, *Storage.model_fields}
    return (
        {*declared.variables(), *declared.outputs(), *(source.name for source in SOURCES)} | members | values | settings
    )


def _properties(schema: Any) -> Iterator[str]:
    match schema:
        case dict():
            yield from schema.get("properties", ())
            for inner in schema.values():
                yield from _properties(inner)
        case list():
            for inner in schema:
                yield from _properties(inner)


def test_the_first_steps_turn_removal_on_and_the_schedule_off() -> None:
    """With the inputs for it."""
    named = {match[1] for code in codes(FIRST_STEPS.prose) if (match := re.fullmatch(r"(\w+) = \S+", code))}
    assert {"dry_run", "schedule_enabled"} <= named


def test_the_first_steps_name_alarms_and_messages_that_there_are() -> None:
    """The alarms are those of the module, and what people search the log for is what it says."""
    blocks = re.findall(r'^resource "aws_cloudwatch_.*?^\}', (ROOT / "alarms.tf").read_text(), re.MULTILINE | re.DOTALL)
    alarms = [
        name
        for block in blocks
        if "alarm_actions" in block
        for name in re.findall(r'alarm_name += "\$\{var\.name\}-([\w-]+)"', block)
    ]
    assert [codes(row[0])[0] for row in FIRST_STEPS.table("Alarm").rows] == [f"ecr-cleaner-{a}" for a in alarms]
    written = "".join(path.read_text() for path in (ROOT / "lambda_src/ecr_cleaner").rglob("*.py"))
    patterns = re.findall(r"--filter-pattern '\"(.*?)\"'", FIRST_STEPS.text)
    said = [codes(row[0])[0] for row in FIRST_STEPS.table("It says").rows]
    assert patterns
    for words in [*patterns, *(part for text in said for part in text.split(" … "))]:
        assert words in written, words


def test_every_exit_code_is_explained(pages: dict[str, Page]) -> None:
    """By its one meaning."""
    documented = [tuple(row) for row in pages["cli"].table("Exit code").rows]
    assert documented == [(str(code.value), code.meaning) for code in ExitCode]
