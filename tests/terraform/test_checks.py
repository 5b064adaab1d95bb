"""What Terraform itself can say of the module: its form, whether it is valid, and every ``*.tftest.hcl``.

The examples are not validated here: tests/examples applies them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.terraform.attached import attached
from tools.module_copy import copy_module
from tools.terraform import ROOT, Terraform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.terraform, pytest.mark.timeout(600)]

REFUSED: Final = {
    'schedule_expression = "cron(0 3 * * * *)"': "? as exactly one of its third and fifth field",
    'schedule_expression = "cron(15 12 ? * 0 *)"': "as day of week 1 to 7 or SUN to SAT, with , - * L, or one #",
    'schedule_expression = "cron(0 24 * * ? *)"': "as hours 0 to 23, with , - * /, got 24",
    'schedule_expression = "cron(60 * ? 13 * 99)"': "got 60; as month 1 to 12 or JAN to DEC",
    'schedule_expression = "rate(5 day)"': "minutes, hours or days after every other number",
    'schedule_expression = "at(2030-01-01T00:00:00)"': "(at(...) would start only once)",
    'schedule_timezone = "Europe/Zurih"': 'got "Europe/Zurih"; that begins like ["Europe/Zurich"]',
    'regions = ["Ireland"]': 'must be names of regions such as eu-west-1, got ["Ireland"]',
    'regions = ["eu-west-1"]': "must name the function's own region",
    'schedule_timezone = "CEST"': 'got "CEST"; that begins like []',
}
"""What a plan says of values whose form is right."""

MOCKED: Final = """
mock_provider "aws" {}

variables {
  image_uri = "123456789012.dkr.ecr.us-east-1.amazonaws.com/tools/cleaner:v1"
}

"""

FILES: Final = sorted(path.name for path in (ROOT / "tests").glob("*.tftest.hcl"))


@pytest.fixture(scope="module")
def module(
    terraform: Terraform, terraform_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A copy of the module, initialised together with its tests."""
    folder = tmp_path_factory.mktemp("checks") / "module"
    copy_module(folder)
    answer = terraform.run(
        "init", "-backend=false", "-no-color", "-test-directory=tests", folder=folder, environment=terraform_environment
    )
    assert answer.returncode == 0, answer.stdout
    return folder


@pytest.fixture(scope="module")
def attached_environment(module: Path, terraform_environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """With a provider that runs already."""
    with attached(module, terraform_environment) as environment:
        yield environment


def test_everything_is_written_in_terraforms_own_form(
    terraform: Terraform, terraform_environment: dict[str, str]
) -> None:
    """``make format`` does it."""
    answer = terraform.run("fmt", "-check", "-recursive", "-diff", folder=ROOT, environment=terraform_environment)
    assert answer.returncode == 0, answer.stdout


def test_the_module_is_valid(terraform: Terraform, attached_environment: dict[str, str], module: Path) -> None:
    """Without a caller's values."""
    answer = terraform.run("validate", "-no-color", folder=module, environment=attached_environment)
    assert answer.returncode == 0, answer.stdout


def test_what_is_refused_is_told_with_aws_s_rule(
    terraform: Terraform, attached_environment: dict[str, str], module: Path
) -> None:
    """Terraform's tests see that an input is refused, and not what is said of it."""
    folder = module / "refused"
    folder.mkdir()
    # A file each, because Terraform ends a file with the first run that is refused.
    for number, one in enumerate(REFUSED):
        run = f'run "refused" {{\n  command = plan\n  variables {{\n    {one}\n  }}\n}}\n'
        (folder / f"{number}.tftest.hcl").write_text(MOCKED + run)
    told = terraform.run(
        "test", "-no-color", f"-test-directory={folder.name}", folder=module, environment=attached_environment
    ).stdout
    said = re.sub(r"\s*\n[\s\N{BOX DRAWINGS LIGHT VERTICAL}]*", " ", told)
    assert [one for one, reason in REFUSED.items() if reason not in said] == [], told


@pytest.fixture(scope="module")
def tested(terraform: Terraform, attached_environment: dict[str, str], module: Path) -> str:
    """What Terraform tells of all its tests; in one go, because it reads the provider's schemas first."""
    return terraform.run("test", "-no-color", folder=module, environment=attached_environment).stdout


@pytest.mark.parametrize("name", FILES)
def test_terraforms_own_tests_pass(tested: str, name: str) -> None:
    """File by file; what failed is told in Terraform's words."""
    assert re.search(rf"^tests/{name}\.\.\. pass$", tested, re.MULTILINE), tested
    assert re.search(rf'^tests/{name}\.\.\. in progress\n  run ".+"\.\.\. pass$', tested, re.MULTILINE), (
        "nothing was run"
    )


def test_nothing_failed(tested: str) -> None:
    """In all of them."""
    assert re.search(r"^Success! [1-9]\d+ passed, 0 failed\.$", tested, re.MULTILINE), tested
