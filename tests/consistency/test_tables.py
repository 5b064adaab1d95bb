"""The tables of the pages say what the code and the Terraform files say."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from typing import TYPE_CHECKING, Any, get_args

import pytest

from ecr_cleaner.decision.rules import MAX_TAGS
from ecr_cleaner.model.finding import FindingKind
from ecr_cleaner.model.plan import Reason, RemovalStatus
from ecr_cleaner.model.result import NotifyOn, RepositoryResult, RepositoryStatus, RunResult
from ecr_cleaner.model.rules import RetentionRule
from ecr_cleaner.model.run_status import RunStatus
from ecr_cleaner.model.scan import SourceOutcome, SourceStatus, UsageScan
from ecr_cleaner.model.usage import ScanTarget
from ecr_cleaner.report import metrics, run_event
from ecr_cleaner.report.summary import repository_json, run_json
from ecr_cleaner.settings.gaps import GAP_KINDS
from ecr_cleaner.settings.schema import SettingsDocument
from ecr_cleaner.usage.catalog import SOURCES
from tests.builders import NOW
from tests.consistency.markdown import codes
from tools import declared, vendor
from tools.tables import ORIGINAL, prose

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.consistency.markdown import Page


def test_every_input_is_described_as_declared(pages: dict[str, Page]) -> None:
    """Names, types, defaults and descriptions are those of variables.tf, each in one table."""
    expected = [
        (f"`{one.name}`", prose(one.description), f"`{one.type}`", f"`{json.dumps(one.default)}`")
        for one in declared.variables().values()
    ]
    tables = [table for table in pages["configuration"].tables() if table.head[0] == "Input"]
    assert {table.head for table in tables} == {("Input", "Description", "Type", "Default")}
    assert sorted(row for table in tables for row in table.rows) == sorted(expected)


def test_inputs_and_outputs_are_declared_in_order() -> None:
    """Alphabetical, so that people find them."""
    assert list(declared.variables()) == sorted(declared.variables())
    assert list(declared.outputs()) == sorted(declared.outputs())


def test_every_output_is_described_as_declared(pages: dict[str, Page]) -> None:
    """Names and descriptions are those of outputs.tf, in its order."""
    expected = [(f"`{name}`", prose(description)) for name, description in declared.outputs().items()]
    assert pages["configuration"].table("Output", "Description").rows == tuple(expected)


def test_every_allowing_statement_is_explained(pages: dict[str, Page]) -> None:
    """Each sid with each action, told apart by whether the original had it, and a reason."""
    values = declared.local_values("iam.tf")
    expected = dict(declared.statements({name: values[name] for name in values if name != "deny_statements"}))
    table = pages["permissions"].table("Statement", "Original", "Added")
    documented = {codes(sid)[0]: (codes(original), codes(added)) for sid, original, added, *_ in table.rows}
    assert documented == {
        sid: ([a for a in actions if a in ORIGINAL], [a for a in actions if a not in ORIGINAL])
        for sid, actions in expected.items()
    }
    assert all(on and why for *_, on, why in table.rows)


def test_every_permission_of_the_original_is_there() -> None:
    """The list that the module promises to have, whole."""
    values = declared.local_values("iam.tf")
    allowed = {
        a
        for name in values
        if name != "deny_statements"
        for _, found in declared.statements(values[name])
        for a in found
    } | {a for source in SOURCES for a in source.permissions}
    assert allowed >= ORIGINAL


def test_every_denying_statement_is_explained(pages: dict[str, Page]) -> None:
    """Each sid with each action."""
    expected = dict(declared.statements(declared.local_values("iam.tf")["deny_statements"]))
    table = pages["permissions"].table("Statement", "Denied")
    assert {codes(sid)[0]: tuple(codes(actions)) for sid, actions, _ in table.rows} == expected


@pytest.mark.parametrize(
    ("title", "policy"),
    [
        ("Statement", declared.resource("schedule.tf", "aws_iam_role_policy", "scheduler")["policy"]),
        ("Of the machine", declared.local_values("state_machine.tf")["machine_statements"]),
    ],
    ids=["schedule", "machine"],
)
def test_a_role_beside_the_functions_is_explained(pages: dict[str, Page], title: str, policy: Any) -> None:
    """Its own statements, and the one it shares with the function's role."""
    expected = dict(declared.statements([policy, declared.local_values("iam.tf")["key_statements"]]))
    table = pages["permissions"].table(title, "Allowed")
    assert {codes(sid)[0]: tuple(codes(actions)) for sid, actions, *_ in table.rows} == expected


def test_the_managed_policies_are_named(pages: dict[str, Page]) -> None:
    """What AWS's own policies allow comes on top."""
    attached = str(declared.resource("iam.tf", "aws_iam_role_policy_attachment", "function")["policy_arn"])
    assert "AWSLambdaVPCAccessExecutionRole" in attached
    for policy in re.findall(r"AWSLambda\w+", attached):
        assert f"`{policy}`" in pages["permissions"].text


@pytest.mark.parametrize(
    ("page", "head", "values"),
    [
        ("how-it-decides", ("Reason",), {reason.value for reason in Reason}),
        ("results", ("`status`",), {status.value for status in RunStatus}),
        ("results", ("`kind`", "Meaning", "What to do"), {kind.value for kind in FindingKind}),
        ("results", ("`repositories[].status`",), {status.value for status in RepositoryStatus}),
        ("operations", ("`notify_on`",), set(get_args(NotifyOn))),
        ("results", ("`removals`",), {status.value for status in RemovalStatus}),
        ("configuration", ("Key of `ECR_CLEANER_SETTINGS`",), set(SettingsDocument.model_fields)),
        ("how-it-decides", ("Member of a rule",), set(RetentionRule.model_fields)),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_every_value_is_explained(pages: dict[str, Page], page: str, head: tuple[str, ...], values: set[str]) -> None:
    """No value that people can meet is left out, and none is made up."""
    documented = [codes(cell)[0] for cell in pages[page].table(*head).column(0)]
    assert sorted(documented) == sorted(values)


def test_every_kind_of_gap_is_explained(pages: dict[str, Page]) -> None:
    """What a key of the input may begin with."""
    documented = [codes(cell)[0].partition(":")[0] for cell in pages["operations"].table("Gap", "Without it").column(0)]
    assert sorted(documented) == sorted(GAP_KINDS)


def test_the_number_of_tags_is_the_rules(pages: dict[str, Page]) -> None:
    """The reason `too_many_tags` says how many are too many."""
    rows = {row[0]: row for row in pages["how-it-decides"].table("Reason").rows}
    assert f"More than {MAX_TAGS} tags" in rows["`too_many_tags`"]


def test_the_example_of_a_summary_has_every_key(pages: dict[str, Page]) -> None:
    """It is what a run says, key by key."""
    (example,) = (told for told in json_examples(pages["results"]) if "run_id" in told)
    expected = run_json(RunResult("id", dry_run=True, region="nowhere"))
    assert list(example) == list(expected)
    assert list(example["totals"]) == list(expected["totals"])
    assert [list(one) for one in example["repositories"]] == [list(repository_json(RepositoryResult("name")))]
    assert {one["source"] for one in example["sources"]} <= {source.name for source in SOURCES}
    outcome = SourceOutcome(ScanTarget("123456789012", "us-east-1"), "ecs", SourceStatus.COMPLETE)
    told = run_json(RunResult("id", dry_run=True, region="nowhere", scan=UsageScan((), (outcome,), NOW)))
    assert all(list(one) == list(told["sources"][0]) for one in example["sources"])


def json_examples(page: Page) -> list[dict[str, Any]]:
    """Every JSON document that a page shows."""
    return [json.loads(code.text) for code in page.code if code.language == "json"]


def test_the_example_of_an_event_pattern_is_met_by_events(pages: dict[str, Page]) -> None:
    """It asks for what the function puts, and for nothing that the schema does not know."""
    (pattern,) = (told for told in json_examples(pages["operations"]) if "detail-type" in told)
    assert (pattern["source"], pattern["detail-type"]) == ([run_event.SOURCE], [run_event.DETAIL_TYPE])
    schema = json.loads((declared.ROOT / "docs/run-event.schema.json").read_text())
    assert set(pattern["detail"]) <= set(schema["properties"])
    assert set(pattern["detail"]["totals"]) <= set(schema["$defs"]["totals"]["required"])
    assert set(pattern["detail"]["status"]) <= {status.value for status in RunStatus}


def test_the_schema_of_events_knows_every_value() -> None:
    """Statuses of runs and repositories, and outcomes of sources, are those of the code."""
    schema = json.loads((declared.ROOT / "docs/run-event.schema.json").read_text())
    assert schema["properties"]["status"]["enum"] == [
        RunStatus.COMPLETED,
        RunStatus.CONTINUED,
        RunStatus.DEGRADED,
        RunStatus.INCOMPLETE,
        RunStatus.REFUSED,
        RunStatus.FAILED,
    ]
    assert set(schema["properties"]["sources"]["properties"]) == {status.value for status in SourceStatus}
    assert set(schema["$defs"]["repository"]["properties"]["status"]["enum"]) == set(RepositoryStatus)


def test_every_metric_is_explained_and_drawn_as_it_is_called(pages: dict[str, Page]) -> None:
    """README, alarm and dashboard use the names that the function writes."""
    table = pages["results"].table("Metric", "Unit", "Meaning")
    documented = {name: unit for row in table.rows for name, unit in _named_units(row)}
    written = metrics.METRICS | metrics.OF_OTHER_ACCOUNTS
    assert documented == written
    for name in ("tripwire", "degraded"):
        assert declared.resource("alarms.tf", "aws_cloudwatch_metric_alarm", name)["metric_name"] in written
    local = declared.local_values("dashboard.tf")
    drawn = {name for graph in [*local["graphs"], *local["account_graphs"]] for name in graph["metrics"]}
    assert {name for name in drawn if not name.startswith("__")} == set(written) - {"Findings"}


def _named_units(row: tuple[str, ...]) -> list[tuple[str, str]]:
    names, units = codes(row[0]), row[1].split(", ")
    return list(zip(names, units * len(names) if len(units) == 1 else units, strict=True))


def test_the_role_puts_the_events_that_the_function_puts() -> None:
    """Source and type of the condition are those of the code."""
    text = str(declared.local_values("iam.tf")["tell_statements"])
    assert f'"events:source" = ["{run_event.SOURCE}"]' in text
    assert f'"events:detail-type" = ["{run_event.DETAIL_TYPE}"]' in text


def test_the_example_of_rules_is_understood(pages: dict[str, Page]) -> None:
    """It names every member, and the function would take it as it stands."""
    (example,) = (
        code.text
        for code in pages["how-it-decides"].code
        if code.language == "hcl" and "retention_rules = [" in code.text
    )
    module = declared.blocks(example)["module"][0]["ecr_cleaner"]
    told = {
        "schema_version": 1,
        "retention_rules": module["retention_rules"],
    }
    document = SettingsDocument.model_validate_json(json.dumps(told), context={})
    assert {name for rule in document.retention_rules for name in rule.model_fields_set} == set(
        RetentionRule.model_fields
    )


def test_every_log_line_is_listed(pages: dict[str, Page]) -> None:
    """The messages are what people search for."""
    documented = [codes(cell)[0] for cell in pages["results"].table("Message").column(0)]
    assert sorted(documented) == sorted(
        {text for file in ("report/log.py", "handler.py", "publish/announce.py") for text in messages(file)}
    )


def messages(file: str) -> Iterator[str]:
    """The texts that a module logs: the first text of each call, and the table that holds the others."""
    for node in ast.walk(ast.parse((declared.ROOT / "lambda_src/ecr_cleaner" / file).read_text())):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="LOGGER")), args=arguments):
                yield from texts(arguments)
            case ast.AnnAssign(target=ast.Name(id="_TEXTS"), value=ast.Dict(values=pairs)):
                for pair in pairs:
                    assert isinstance(pair, ast.Tuple)
                    yield from texts(pair.elts)


def texts(expressions: Iterable[ast.expr]) -> Iterator[str]:
    """Those that are written out."""
    for expression in expressions:
        if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
            yield expression.value


def test_causes_are_quoted_as_the_function_writes_them(pages: dict[str, Page]) -> None:
    """Most of each quotation occurs in the code, three words at a time; the rest is filled in, as names are."""
    written = "\0".join(literals())
    for cell in pages["operations"].table("The cause says").column(0):
        (quoted,) = codes(cell)
        phrases = re.findall(r"(?:(?<= )|^)[a-z]+(?: [a-z]+)+(?=[ ,;)]|$)", re.sub(r"^source \w+ in …: ", "", quoted))
        words = [phrase.split() for phrase in phrases]
        triples = [" ".join(run[n : n + 3]) for run in words for n in range(len(run) - 2)]
        missing = [triple for triple in triples if triple not in written]
        assert len(missing) * 3 <= len(triples), (quoted, missing)


def literals() -> Iterator[str]:
    """Every text in the package, with a mark where something is filled in."""
    for path in (declared.ROOT / "lambda_src/ecr_cleaner").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            match node:
                case ast.JoinedStr(values=parts):
                    yield "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in parts)
                case ast.Constant(value=str(text)):
                    yield text


def test_every_example_is_listed(readme: Page) -> None:
    """Each folder of examples/ has its row, and its own page."""
    folders = sorted(path.name for path in (declared.ROOT / "examples").iterdir() if path.is_dir())
    assert sorted(re.findall(r"\(examples/([\w-]+)\)", "".join(readme.table("Example").column(0)))) == folders
    assert all((declared.ROOT / "examples" / name / "README.md").is_file() for name in folders)


def test_every_library_has_its_reason(pages: dict[str, Page]) -> None:
    """What ships, what the command line adds, what tests and checks need: one line each."""
    documented = [
        name
        for table in pages["limits"].tables()
        if table.head == ("Library", "Why")
        for row in table.rows
        for name in codes(row[0])
    ]
    assert sorted(documented) == sorted(libraries())


def libraries() -> set[str]:
    """The names of everything that is depended on directly."""
    project: dict[str, Any] = tomllib.loads((declared.ROOT / "lambda_src/pyproject.toml").read_text())
    named = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(name for extra in project["project"]["optional-dependencies"].values() for name in extra),
        *(declared.ROOT / "requirements-dev.in").read_text().splitlines(),
        *(declared.ROOT / "requirements-mutation.in").read_text().splitlines(),
        *(declared.ROOT / "requirements-checkov.in").read_text().splitlines(),
    ]
    python = {match[0].lower() for line in named if (match := re.match(r"[A-Za-z][\w-]*", line))}
    node = {
        name
        for folder in ("iam", "report_page")
        for name in json.loads((declared.ROOT / "tests" / folder / "package.json").read_text())["dependencies"]
    }
    return python | node | set(vendor.LOCK) | {"hashicorp/aws"}


def test_the_page_on_security_names_every_way_out() -> None:
    """Whatever the function's role may do but read."""
    values = declared.local_values("iam.tf")
    found = declared.statements({name: values[name] for name in values if name != "deny_statements"})
    actions = {action for _, listed in found for action in listed}
    writes = {one for one in actions if not re.match(r"[a-z0-9-]+:(?:BatchGet|Describe|Get|List|Search)", one)}
    assert writes >= {"ecr:BatchDeleteImage", "s3:PutObject", "sns:Publish"}
    text = (declared.ROOT / "SECURITY.md").read_text()
    assert {one for one in writes if f"`{one}`" not in text} == set()
