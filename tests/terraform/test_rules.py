"""``retention_rules`` is of any type: Terraform's validations refuse and accept what the function's settings do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.unit.settings.rules import ACCEPTED, MINIMUM, REFUSED, SOME
from tools.terraform import ROOT, Terraform

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(600)]

INPUTS = ("minimum_keep_days", "retention_rules")


def declared(name: str) -> str:
    """An input as variables.tf declares it."""
    text = (ROOT / "variables.tf").read_text()
    start = text.index(f'variable "{name}" {{')
    return text[start : text.index("\n}\n", start) + 3]


def told(terraform: Terraform, environment: dict[str, str], folder: Path) -> list[tuple[str, str]]:
    """Where a plan finds something wrong, and what."""
    for command in (["init", "-backend=false"], ["plan", "-json", "-input=false"]):
        answer = terraform.run(*command, folder=folder, environment=environment)
    lines = [json.loads(line) for line in answer.stdout.splitlines()]
    found = [line["diagnostic"] for line in lines if line["type"] == "diagnostic"]
    return [(each["range"]["filename"] if "range" in each else "", each["detail"]) for each in found]


def refused(terraform: Terraform, environment: dict[str, str], folder: Path, cases: list[Any]) -> list[int]:
    """Which of many values one plan refuses: each is the input of a module of its own."""
    (folder / "rules").mkdir(parents=True)
    (folder / "rules" / "main.tf").write_text("\n".join(map(declared, INPUTS)))
    for number, rules in enumerate(cases):
        call = {"source": "./rules", "minimum_keep_days": MINIMUM, "retention_rules": rules}
        (folder / f"case_{number}.tf.json").write_text(json.dumps({"module": {f"case_{number}": call}}))
    files = {file for file, _ in told(terraform, environment, folder)}
    return sorted(int(file.removeprefix("case_").removesuffix(".tf.json")) for file in files)


def test_terraform_says_of_each_rule_what_the_settings_say(
    terraform: Terraform, terraform_environment: dict[str, str], tmp_path: Path
) -> None:
    """What the function would refuse at night is refused at plan; null is as if it were not written."""
    selectors = ("tags", "except_tags", "artifact_types")
    wrong = [SOME | rule for rule, name, _ in REFUSED if name not in selectors or rule[name] is not None]
    # The lower bound is another input, with which Terraform compares later: only what is good so far comes so far.
    below = [rule for rule in wrong if rule.get("keep_days") == MINIMUM - 1]
    cases: list[Any] = [[SOME, rule] for rule in wrong if rule not in below]
    cases += ["x", 5, {"a": SOME}, SOME, ["x"], [[SOME]], [None]]
    good = [*ACCEPTED, SOME | dict.fromkeys(selectors)]
    for number, some in enumerate((cases, [[SOME, rule] for rule in below])):
        found = refused(terraform, terraform_environment, tmp_path / str(number), [*some, good])
        assert found == list(range(len(some)))
        assert some


def test_all_problems_are_told_with_rule_member_and_value(
    terraform: Terraform, terraform_environment: dict[str, str], tmp_path: Path
) -> None:
    """At once; an unknown member with the known ones, and with what says what it seems to mean."""
    rules = [
        SOME,
        {"repositories": "*", "tags": ["v*", 5, "[9-0]"], "keep_tags": ["x"], "keep_dayz": 3, "keep_days": "9"},
        {
            "repositories": ["A"],
            "except_tags": ["*"],
            "artifact_types": [],
            "keep_days": 6,
            "keep": True,
            "untagged": 1,
        },
        {"repositories": ["*"], "except_tags": ["a"], "untagged": True},
    ]
    (tmp_path / "main.tf").write_text("\n".join(map(declared, INPUTS)))
    values = {"minimum_keep_days": MINIMUM, "retention_rules": rules}
    (tmp_path / "terraform.tfvars.json").write_text(json.dumps(values))
    text = "\n".join(detail for _, detail in told(terraform, terraform_environment, tmp_path))
    for part in (
        (
            "A rule of retention_rules may have repositories, tags, except_tags, untagged, artifact_types, keep_days,"
            " keep_newest, keep_pulled_within_days and keep, got retention_rules[1].keep_dayz,"
            " retention_rules[1].keep_tags (instead, write a rule with these tags and keep = true)."
        ),
        'at least one string, got retention_rules[1].repositories = "*", retention_rules[2].artifact_types = [].',
        '5 in retention_rules[1].tags, "[9-0]" in retention_rules[1].tags, "A" in retention_rules[2].repositories.',
        'from 1 to 99999, got retention_rules[1].keep_days = "9".',
        "must be true or false, got retention_rules[2].untagged = 1.",
        f"at least minimum_keep_days, which is {MINIMUM}, got retention_rules[2].keep_days = 6.",
        "retention_rules[2]: except_tags must leave tags for the rule",
        "retention_rules[2]: keep = true must stand alone",
        "retention_rules[3]: it must say one of keep_days, keep_newest, keep_pulled_within_days, or keep = true",
        "retention_rules[3]: untagged = true must not be beside except_tags without tags",
    ):
        assert part in text
