"""The tables of the pages that follow from the code and from the Terraform files, each as Markdown."""

from __future__ import annotations

import inspect
import json
import re
from typing import TYPE_CHECKING, Any, Final, get_args

from pydantic import BaseModel

from ecr_cleaner.model.finding import RUN_FAILING_KINDS, FindingKind
from ecr_cleaner.report.metrics import METRICS
from ecr_cleaner.report.remedies import WHAT_TO_DO
from ecr_cleaner.settings.schema import SettingsDocument
from ecr_cleaner.usage.catalog import SOURCES
from tools import cost, declared, deployer, explained

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from pydantic.fields import FieldInfo

ORIGINAL: Final = frozenset(
    {
        "apprunner:DescribeService",
        "apprunner:ListServices",
        "ecr:BatchDeleteImage",
        "ecr:DescribeImages",
        "ecr:DescribeRepositories",
        "ecr:ListTagsForResource",
        "ecs:DescribeServices",
        "ecs:DescribeTaskDefinition",
        "ecs:ListClusters",
        "ecs:ListServices",
        "lambda:GetFunction",
        "lambda:ListFunctions",
    }
)
"""The permissions of devopsbox-io/aws-ecr-cleaner."""

_ATTRIBUTE: Final = re.compile(r"^    (\w+): (.*(?:\n {8}.*)*)", re.MULTILINE)


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table of Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" if line[0] != "---" else f"|{'|'.join(line)}|" for line in lines)


def prose(text: str) -> str:
    """Plain text as Markdown: its ``<name>`` is no tag, and its ``*`` emphasises nothing."""
    return re.sub(r"[<*|]", r"\\\g<0>", text)


def inputs() -> str:
    """The module's inputs, a table for each topic."""
    known = declared.variables()
    _same(known, [name for names in explained.TOPICS.values() for name in names])
    parts: list[str] = []
    for topic, names in explained.TOPICS.items():
        rows = [
            (f"`{one.name}`", prose(one.description), f"`{one.type}`", f"`{json.dumps(one.default)}`")
            for one in (known[name] for name in names)
        ]
        parts.append(f"### {topic}\n\n{table(('Input', 'Description', 'Type', 'Default'), rows)}")
    return "\n\n".join(parts)


def outputs() -> str:
    """The module's outputs."""
    rows = ((f"`{name}`", prose(description)) for name, description in declared.outputs().items())
    return table(("Output", "Description"), rows)


def requirements() -> str:
    """The versions that the module needs."""
    terraform, providers = declared.requirements()
    rows = [("terraform", f"`{terraform}`"), *((name, f"`{one['version']}`") for name, one in providers.items())]
    return table(("Needs", "Version"), rows)


def providers() -> str:
    """Where the providers come from."""
    rows = ((name, f"`{one['source']}`") for name, one in declared.requirements()[1].items())
    return table(("Provider", "Source"), rows)


def resources() -> str:
    """What the module creates, and what it reads."""
    created = declared.resources()
    _same([".".join(key) for key in created], explained.RESOURCES)
    rows = [
        (f"`{name}`", f"[{created[kind, label]}](../{created[kind, label]})", explained.RESOURCES[name])
        for (kind, label), name in sorted((key, ".".join(key)) for key in created)
    ]
    rows += [
        (f"`data.{'.'.join(key)}`", f"[{file}](../{file})", "read") for key, file in declared.resources("data").items()
    ]
    return table(("Resource", "File", "Exists"), rows)


def settings() -> str:
    """The keys of the settings that Terraform writes for the function."""
    meanings, known = attributes(SettingsDocument), declared.variables()
    _same(SettingsDocument.model_fields, meanings)
    rows = (
        (f"`{name}`", "The input of that name" if name in known else meanings[name] + _members(field), _default(field))
        for name, field in SettingsDocument.model_fields.items()
    )
    return table(("Key of `ECR_CLEANER_SETTINGS`", "Value", "Default"), rows)


def sources() -> str:
    """What counts as in use, source by source."""
    tried = {"sandbox": "sandbox", "model": "model only"}
    rows = ((f"`{source.name}`", source.title, source.protects, tried[source.proof]) for source in SOURCES)
    return table(("Source", "Consumers", "What protects", "Tried"), rows)


def statements() -> str:
    """What the function's role may do, apart from what the sources need."""
    values = declared.local_values("iam.tf")
    found = dict(declared.statements({name: values[name] for name in values if name != "deny_statements"}))
    _same(found, explained.STATEMENTS)
    rows = ((f"`{sid}`", *_actions(actions), *explained.STATEMENTS[sid]) for sid, actions in found.items())
    return table(("Statement", "Original", "Added", "On", "Why"), rows)


def source_statements() -> str:
    """What the function's role may do to read who uses what."""
    rows = (
        (
            f"`{grant.sid}`",
            f"`{source.name}`",
            *_actions(sorted(set(grant.actions))),
            _on(grant.resource, grant.condition),
        )
        for source in SOURCES
        for grant in source.granted("own")
    )
    return table(("Statement of a source", "Source", "Original", "Added", "On"), rows)


def denials() -> str:
    """What the function's role is denied."""
    found = dict(declared.statements(declared.local_values("iam.tf")["deny_statements"]))
    _same(found, explained.DENIALS)
    rows = ((f"`{sid}`", _codes(actions), explained.DENIALS[sid]) for sid, actions in found.items())
    return table(("Statement", "Denied", "Where and when"), rows)


def schedule_statements() -> str:
    """What the schedule's role may do."""
    policy = declared.resource("schedule.tf", "aws_iam_role_policy", "scheduler")["policy"]
    return _role(policy, explained.SCHEDULE, "Statement")


def machine_statements() -> str:
    """What the state machine's role may do."""
    return _role(declared.local_values("state_machine.tf")["machine_statements"], explained.MACHINE, "Of the machine")


def _role(policy: Any, reasons: Mapping[str, tuple[str, str]], title: str) -> str:
    found = dict(declared.statements([policy, declared.local_values("iam.tf")["key_statements"]]))
    _same(found, reasons)
    rows = ((f"`{sid}`", _codes(actions), *reasons[sid]) for sid, actions in found.items())
    return table((title, "Allowed", "On", "Why"), rows)


def costs() -> str:
    """What a month costs, at three sizes."""
    of_all = [name for kind, name in declared.resources() if kind == "aws_cloudwatch_metric_alarm"]
    counts = [declared.resource("alarms.tf", "aws_cloudwatch_metric_alarm", name)["count"] for name in of_all]
    alarms = sum("looks_at_other_accounts" not in str(count) for count in counts)
    composites = sum(kind == "aws_cloudwatch_composite_alarm" for kind, _ in declared.resources())
    return table(("What", *(size.title for size in cost.SIZES)), cost.rows(len(METRICS), alarms, composites))


def examples() -> str:
    """Which example is for which need, and what it sets of the module's inputs."""
    rows = (
        (
            heading.lstrip("# "),
            f"[{folder.name}]({folder.name})",
            _codes(declared.arguments((folder / "main.tf").read_text(), declared.variables())),
        )
        for folder in sorted((declared.ROOT / "examples").iterdir())
        if folder.is_dir()
        for heading in [(folder / "README.md").read_text().splitlines()[0]]
    )
    return table(("The need", "Example", "Inputs it sets"), rows)


def deploying() -> str:
    """What applying the module takes."""
    rows = ((one.when, _codes([f"{one.prefix}:{one.names()[0]}", *one.names()[1:]]), one.on) for one in deployer.GRANTS)
    return table(("Service", "Actions", "On"), rows)


def findings() -> str:
    """The kinds of finding."""
    _same(list(FindingKind), explained.FINDINGS)
    _same(list(FindingKind), WHAT_TO_DO)
    rows = (
        (
            f"`{kind.value}`",
            explained.FINDINGS[kind],
            WHAT_TO_DO[kind],
            "as a `problem`" if kind in RUN_FAILING_KINDS else "no",
        )
        for kind in FindingKind
    )
    return table(("`kind`", "Meaning", "What to do", "Fails the run"), rows)


PARTS: Final[dict[str, Callable[[], str]]] = {
    "requirements": requirements,
    "providers": providers,
    "resources": resources,
    "inputs": inputs,
    "outputs": outputs,
    "settings": settings,
    "sources": sources,
    "statements": statements,
    "source-statements": source_statements,
    "denials": denials,
    "schedule-statements": schedule_statements,
    "machine-statements": machine_statements,
    "cost": costs,
    "deploying": deploying,
    "examples": examples,
    "findings": findings,
}
"""By the names that the markers in the pages have."""


def attributes(documented: type) -> dict[str, str]:
    """What the docstring of a class says of each attribute."""
    text = inspect.getdoc(documented) or ""
    listed = text.partition("\nAttributes:\n")[2].split("\n\n")[0]
    return {
        name: re.sub(r"\s+", " ", told).replace("``", "`").replace("None", "null")
        for name, told in _ATTRIBUTE.findall(listed)
    }


def _default(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    return f"`{json.dumps(sorted(default) if isinstance(default, frozenset) else default)}`"


def _members(field: FieldInfo) -> str:
    for kind in get_args(field.annotation):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return f" An object of {_codes(kind.model_fields)}."
    return ""


def _on(resource: str, condition: Any) -> str:
    on = "everything" if resource == "*" else f"`{resource}`"
    return ", ".join([on, *(f"`{key}` is `{value}`" for keys in condition.values() for key, value in keys.items())])


def _actions(actions: Iterable[str]) -> Iterator[str]:
    known = list(actions)
    yield _codes(action for action in known if action in ORIGINAL)
    yield _codes(action for action in known if action not in ORIGINAL)


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "\N{EN DASH}"


def _same(found: Collection[str], told: Collection[str]) -> None:
    """Raises LookupError if a table would leave something out, or tell of something that is not there."""
    if sorted(found) != sorted(told):
        raise LookupError(
            f"only in the code: {set(found) - set(told)}; only in tools/explained.py: {set(told) - set(found)}"
        )
