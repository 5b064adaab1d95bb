"""The provider is found wherever it may lie, once, and nothing of the caller's shell decides what Terraform does."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tools import provider_mirror, terraform
from tools.provider_mirror import PROVIDER, ProviderMirror, mirrors
from tools.terraform import Terraform, ToolError, cleaned

if TYPE_CHECKING:
    from collections.abc import Callable

PLATFORM = "linux_amd64"

# A terraform command that installs from the mirror its configuration names, or by itself if OWN_SOURCE is set.
FAKE = """\
#!/bin/sh
echo "$@ [${TF_CLI_CONFIG_FILE-}]" >>"$FAKE_LOG"
if [ "$1" = version ]; then
  echo '{"terraform_version": "'"${FAKE_VERSION:-1.11.4}"'", "platform": "linux_amd64"}'
  exit
fi
source=${OWN_SOURCE-}
if [ -n "${TF_CLI_CONFIG_FILE-}" ]; then source=$(sed -n 's/.*path *= "\\(.*\\)"/\\1/p' "$TF_CLI_CONFIG_FILE"); fi
if [ ! -d "$source/usable" ]; then printf 'Error: no provider here\\n\\nTo see which'; exit 1; fi
target=.terraform/providers/registry.terraform.io/hashicorp/aws/6.0.0/linux_amd64
mkdir -p "$target"
echo provider >"$target/terraform-provider-aws_v6.0.0"
"""


def unpacked(folder: Path, platform: str = PLATFORM) -> Path:
    """Makes an unpacked mirror; `bin` says to the fake command that it is a good one."""
    target = folder / PROVIDER / "6.0.0" / platform
    target.mkdir(parents=True)
    (target / "terraform-provider-aws_v6.0.0_x5").touch()
    (folder / "usable").mkdir()
    return folder


def packed(folder: Path) -> Path:
    """Makes a packed mirror."""
    target = folder / PROVIDER
    target.mkdir(parents=True)
    (target / f"terraform-provider-aws_6.0.0_{PLATFORM}.zip").touch()
    (folder / "usable").mkdir()
    return folder


@dataclass(slots=True)
class Machine:
    """A machine with the fake command."""

    root: Path
    environment: dict[str, str]

    def mirror(self, *places: Path) -> ProviderMirror:
        """The object under test, searching in some places."""
        found = Terraform.find(self.environment)
        return ProviderMirror(found, self.environment, self.root / "cache", places)

    @property
    def inits(self) -> list[str]:
        """The configuration that each ``terraform init`` ran with."""
        lines = (self.root / "log").read_text().splitlines()
        return [line.partition("[")[2].rstrip("]") for line in lines if line.startswith("init")]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine whose only program is the fake command."""
    command = tmp_path / "bin" / "terraform"
    command.parent.mkdir()
    command.write_text(FAKE)
    command.chmod(0o755)
    path = f"{command.parent}:/usr/bin:/bin"
    return Machine(tmp_path, {"PATH": path, "FAKE_LOG": str(tmp_path / "log"), "HOME": str(tmp_path)})


@pytest.mark.parametrize("layout", [unpacked, packed])
@pytest.mark.parametrize("below", [".", "a", "a/b/c"])
def test_mirrors_are_found_in_both_layouts_to_a_small_depth(
    tmp_path: Path, layout: Callable[[Path], Path], below: str
) -> None:
    """Both layouts that Terraform documents, at most three levels beneath a customary place."""
    made = layout(tmp_path / "opt" / below)
    assert list(mirrors(tmp_path / "opt", PLATFORM)) == [made]


def test_what_is_no_mirror_for_this_machine_is_not_found(tmp_path: Path) -> None:
    """Another platform's provider, too deep a folder, a missing place and an empty one are passed over."""
    unpacked(tmp_path / "other", "darwin_arm64")
    unpacked(tmp_path / "deep" / "1" / "2" / "3" / "4")
    (tmp_path / "empty" / PROVIDER).mkdir(parents=True)
    (tmp_path / "file").touch()
    assert list(mirrors(tmp_path, PLATFORM)) == []
    assert list(mirrors(tmp_path / "missing", PLATFORM)) == []


def test_terraform_itself_is_asked_first(machine: Machine, tmp_path: Path) -> None:
    """Where the registry or an implied mirror serves, nothing is searched."""
    machine.environment["OWN_SOURCE"] = str(unpacked(tmp_path / "registry"))
    environment = machine.mirror(tmp_path / "never looked at").ensure()
    assert machine.inits == [""]
    assert environment["TF_CLI_CONFIG_FILE"] == str(machine.mirror().configuration)


def test_a_customary_place_is_used_when_terraform_finds_nothing(machine: Machine, tmp_path: Path) -> None:
    """And the configuration that is then offered names the folder of this checkout, not that place."""
    unpacked(tmp_path / "opt" / "plugins")
    mirror = machine.mirror(tmp_path / "nothing", tmp_path / "opt")
    mirror.ensure()
    assert machine.inits == ["", str(mirror.folder / "found.tfrc")]
    assert f'path    = "{mirror.folder}/.terraform/providers"' in mirror.configuration.read_text()
    assert "direct" not in mirror.configuration.read_text()


def test_the_provider_is_fetched_once(machine: Machine, tmp_path: Path) -> None:
    """Later calls start no Terraform, until what they offer has gone."""
    unpacked(tmp_path / "opt")
    mirror = machine.mirror(tmp_path / "opt")
    mirror.ensure()
    mirror.ensure()
    assert len(machine.inits) == 2
    for file in mirror.folder.glob(".terraform/providers/*/*/*/*/*/*"):
        file.unlink()
    mirror.ensure()
    assert len(machine.inits) == 4


@pytest.mark.parametrize(("exists", "expected"), [(True, "mine.tfrc"), (False, "")])
def test_the_callers_configuration_counts_if_it_exists(machine: Machine, *, exists: bool, expected: str) -> None:
    """A ``TF_CLI_CONFIG_FILE`` that names nothing is dropped: Terraform would only warn and look nowhere else."""
    configuration = machine.root / "mine.tfrc"
    machine.environment["TF_CLI_CONFIG_FILE"] = str(configuration)
    machine.environment["OWN_SOURCE"] = str(unpacked(machine.root / "registry"))
    if exists:
        configuration.write_text(f'path = "{machine.root}/registry"\n')
    machine.mirror().ensure()
    assert [Path(used).name for used in machine.inits] == [expected]


def test_no_place_at_all_is_an_error_that_lists_the_places(machine: Machine, tmp_path: Path) -> None:
    """With Terraform's own reason for each."""
    (tmp_path / "opt").mkdir()
    with pytest.raises(ToolError, match=r"(?s)no provider here.*/opt.*TF_CLI_CONFIG_FILE"):
        machine.mirror(tmp_path / "opt").ensure()


def test_another_constraint_lies_in_another_folder(machine: Machine) -> None:
    """So that CI's runs with the oldest and the newest provider do not mix."""
    usual = machine.mirror().folder
    machine.environment["ECR_CLEANER_AWS_PROVIDER"] = "5.100.0"
    assert machine.mirror().folder not in {usual, usual.parent}
    assert machine.mirror().folder.name == "aws_5.100.0"


def test_nothing_of_aws_or_terraform_is_inherited() -> None:
    """Neither credentials nor variables nor arguments; the log is the one thing a developer may want."""
    inherited = {"AWS_PROFILE": "prod", "AWS_ENDPOINT_URL_S3": "x", "TF_VAR_dry_run": "false", "TF_CLI_ARGS": "-x"}
    assert cleaned(inherited | {"TF_LOG": "debug", "PATH": "/bin"}) == {
        "TF_LOG": "debug",
        "PATH": "/bin",
        "GOGC": "400",
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
    }


@pytest.mark.parametrize("version", ["1.8.5", "0.15.0", "nonsense"])
def test_an_old_or_broken_terraform_is_refused(machine: Machine, version: str) -> None:
    """Before anything is tried with it."""
    machine.environment["FAKE_VERSION"] = version
    with pytest.raises(ToolError, match=re.escape(version)):
        Terraform.find(machine.environment)


def test_no_terraform_is_said_plainly(tmp_path: Path) -> None:
    """With the version that is needed."""
    with pytest.raises(ToolError, match=r"Terraform 1\.9 or newer is needed, and PATH has none"):
        Terraform.find({"PATH": str(tmp_path)})


@pytest.mark.parametrize("version", ["1.9.0", "1.12.0-beta1", "2.0.0"])
def test_a_new_terraform_is_used(machine: Machine, version: str) -> None:
    """Pre-releases count as their release."""
    machine.environment["FAKE_VERSION"] = version
    assert Terraform.find(machine.environment).platform == PLATFORM


def test_the_tools_ask_for_what_the_module_asks_for() -> None:
    """One rule in two languages."""
    versions = (terraform.ROOT / "versions.tf").read_text()
    assert f'"{provider_mirror.CONSTRAINT}"' in versions
    assert re.search(rf'required_version = ">= {terraform.OLDEST[0]}\.{terraform.OLDEST[1]}"', versions)
