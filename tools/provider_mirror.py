"""Finds the AWS provider once and offers it to every later ``terraform init`` from a folder beneath .cache/.

Terraform's registry cannot be assumed. So one ``terraform init`` gets the provider from the first place that has
it; from then on Terraform is configured to look nowhere but into the folder where that left it. Later inits then
need no network, and link the provider instead of copying its several hundred megabytes.

Places, in this order:

1. where Terraform would look by itself: the caller's CLI configuration (if ``TF_CLI_CONFIG_FILE`` names a file that
   exists, else the usual one), Terraform's implied mirror folders, the registry;
2. the customary places for optional software, searched to a small depth for a mirror, packed or unpacked.

Run as a command it prints the environment to use, as shell lines.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tools.terraform import ROOT, Terraform, ToolError, cleaned

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PROVIDER: Final = "registry.terraform.io/hashicorp/aws"
CONSTRAINT: Final = ">= 5.100"
"""What versions.tf asks for; a test compares."""
CONSTRAINT_VARIABLE: Final = "ECR_CLEANER_AWS_PROVIDER"
"""Names another constraint, so that CI can run everything with the oldest provider and with the newest."""

_DEPTH: Final = 3
_DOWNLOAD_SECONDS: Final = 600
_NEVER_MIRRORS: Final = frozenset(
    {"doc", "man", "locale", "icons", "zoneinfo", "python3", "perl", "perl5", "node_modules"}
)

_CONFIGURATION: Final = """\
# Made by tools/provider_mirror.py.
disable_checkpoint = true
provider_installation {{
  filesystem_mirror {{
    path    = {path}
    include = ["{provider}"]
  }}
}}
"""


def customary_places(home: Path) -> list[Path]:
    """Returns where administrators and package managers put software that is not part of the system."""
    system = ("/opt", "/usr/local/share", "/usr/share", "/usr/local/lib", "/usr/lib", "/srv", "/var/lib", "/var/cache")
    return [*map(Path, system), home / ".local/share", home / ".cache", home / ".terraform.d"]


def mirrors(place: Path, platform: str, depth: int = _DEPTH) -> Iterator[Path]:
    """Yields the filesystem mirrors at or beneath a folder that hold the provider for a platform.

    Args:
        place: Where to start; it may be missing or unreadable.
        platform: As the registry names it, ``linux_amd64``.
        depth: How many levels beneath `place` a mirror's own folder may lie.
    """
    if _holds_provider(place / PROVIDER, platform):
        yield place
        return
    if depth == 0:
        return
    try:
        with os.scandir(place) as entries:
            found = sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return
    for name in found:
        if name not in _NEVER_MIRRORS:
            yield from mirrors(place / name, platform, depth - 1)


def _holds_provider(folder: Path, platform: str) -> bool:
    """Whether either of the two layouts that Terraform knows has something for the platform."""
    with contextlib.suppress(OSError):
        unpacked = any(folder.glob(f"*/{platform}/terraform-provider-aws*"))
        return unpacked or any(folder.glob(f"terraform-provider-aws_*_{platform}.zip"))
    return False


@dataclass(frozen=True, slots=True)
class ProviderMirror:
    """The provider as this checkout uses it.

    Attributes:
        terraform: The command.
        environment: Of the caller.
        cache: Where the provider and the configuration lie.
        places: Where to search when Terraform itself finds nothing.
    """

    terraform: Terraform
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    cache: Path = ROOT / ".cache" / "terraform"
    places: tuple[Path, ...] = tuple(customary_places(Path.home()))

    @property
    def constraint(self) -> str:
        """Which versions will do."""
        return self.environment.get(CONSTRAINT_VARIABLE) or CONSTRAINT

    @property
    def folder(self) -> Path:
        """Where the provider lies; one folder for each constraint."""
        return self.cache / re.sub(r"[^0-9A-Za-z.]+", "_", f"aws {self.constraint}")

    @property
    def configuration(self) -> Path:
        """The CLI configuration file."""
        return self.folder / "terraformrc"

    def ensure(self) -> dict[str, str]:
        """Gets the provider if it is not there yet.

        Returns:
            The environment for terraform commands: the caller's without anything of AWS's or Terraform's, and with
            the configuration that offers the provider and nothing else.

        Raises:
            ToolError: No place has it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        # Test processes run side by side.
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self._is_there():
                self._get()
        return cleaned(self.environment) | {"TF_CLI_CONFIG_FILE": str(self.configuration)}

    def _is_there(self) -> bool:
        # A link into a mirror that has gone is found by no glob.
        return self.configuration.exists() and _holds_provider(self._providers / PROVIDER, self.terraform.platform)

    @property
    def _providers(self) -> Path:
        return self.folder / ".terraform" / "providers"

    def _get(self) -> None:
        (self.folder / "main.tf").write_text(
            "terraform {\n  required_providers {\n    aws = {\n"
            f'      source  = "hashicorp/aws"\n      version = "{self.constraint}"\n    }}\n  }}\n}}\n'
        )
        tried = [f"Terraform by itself: {_reason(told)}"] if (told := self._init(self._own_environment())) else []
        if tried:
            for mirror in self._customary_mirrors():
                found = self.folder / "found.tfrc"
                _write_configuration(found, mirror)
                told = self._init(cleaned(self.environment) | {"TF_CLI_CONFIG_FILE": str(found)})
                if not told:
                    break
                tried.append(f"{mirror}: {_reason(told)}")
            else:
                raise ToolError(self._nowhere(tried))
        _write_configuration(self.configuration, self._providers)

    def _own_environment(self) -> dict[str, str]:
        """What decides where Terraform looks by itself, short of a configuration file that is not there."""
        kept = cleaned(self.environment)
        for name in ("TF_CLI_CONFIG_FILE", "TF_PLUGIN_CACHE_DIR"):
            value = self.environment.get(name)
            if value and Path(value).exists():
                kept[name] = value
        # One try is enough to learn that there is no registry.
        return {"TF_REGISTRY_DISCOVERY_RETRY": "0", "TF_REGISTRY_CLIENT_TIMEOUT": "10"} | kept

    def _customary_mirrors(self) -> Iterator[Path]:
        for place in self.places:
            yield from mirrors(place, self.terraform.platform)

    def _init(self, environment: dict[str, str]) -> str:
        """Runs ``terraform init``; returns what it said if it failed, else nothing."""
        (self.folder / ".terraform.lock.hcl").unlink(missing_ok=True)
        try:
            arguments = ("init", "-backend=false", "-no-color")
            answer = self.terraform.run(
                *arguments, folder=self.folder, environment=environment, timeout=_DOWNLOAD_SECONDS
            )
        except subprocess.TimeoutExpired:
            return f"no answer within {_DOWNLOAD_SECONDS} seconds"
        return answer.stdout if answer.returncode else ""

    def _nowhere(self, tried: list[str]) -> str:
        lines = "\n".join(f"  - {line}" for line in tried)
        places = ", ".join(map(str, self.places))
        wanted = f"hashicorp/aws {self.constraint} for {self.terraform.platform}"
        return (
            f"No place has the provider {wanted}. Tried:\n{lines}\n"
            f"  - a filesystem mirror in {places}\n"
            "Where the registry cannot be reached, put a mirror (terraform providers mirror) into one of these places, "
            "or name a CLI configuration in TF_CLI_CONFIG_FILE."
        )


def _write_configuration(path: Path, mirror: Path) -> None:
    path.write_text(_CONFIGURATION.format(path=json.dumps(str(mirror)), provider=PROVIDER))


def _reason(told: str) -> str:
    """Shortens Terraform's message to the sentence that says why."""
    _, _, rest = told.partition("Error: ")
    sentence = re.sub(r"\s+", " ", (rest or told).split("\n\nTo see which")[0]).strip()
    return sentence[:400]


def main() -> int:
    """Prints the environment for terraform commands as shell lines."""
    try:
        environment = ProviderMirror(Terraform.find()).ensure()
    except ToolError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(f"export TF_CLI_CONFIG_FILE={shlex.quote(environment['TF_CLI_CONFIG_FILE'])}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
