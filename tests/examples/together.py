"""All examples as modules of one root: each is applied as it is written, but for its provider blocks.

A real apply mostly waits until what it made can be used, and every look reads the provider's schemas; so the examples
share these. That every example is a root of its own is seen where each is initialised, and the demo applies one as it
is.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass, field
from typing import Any, Final

from tests.fake_aws.identities import key_of
from tools.stack import REGION, Stack, blocks
from tools.terraform import ROOT

FOLDER: Final = ROOT / "examples"
NAMES: Final = sorted(path.name for path in FOLDER.iterdir() if path.is_dir())
_OVERRIDE: Final = "sandbox_override.tf.json"
_ALIAS: Final = re.compile(r'^\s*alias\s*=\s*"([\w-]+)"', re.MULTILINE)
_SOURCE: Final = re.compile(r'^\s*source\s*=\s*"([^"]+)"', re.MULTILINE)
_ROOT: Final = "../../"
_ACCOUNT: Final = re.compile(r'^\s*allowed_account_ids\s*=\s*\["([0-9]{12})"\]', re.MULTILINE)
_REGION: Final = re.compile(r'^\s*region\s*=\s*"([\w-]+)"', re.MULTILINE)


@dataclass(slots=True)
class Part:
    """An example among the others.

    Attributes:
        variables: Of the example.
        arguments: Of the module that it calls, instead of the example's own.
    """

    variables: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Together(Stack):
    """The root that calls the examples.

    Attributes:
        parts: By the example's name.
    """

    parts: dict[str, Part] = field(default_factory=dict)

    def override(self, **arguments: Any) -> None:
        """Writes the root and every example's copy; takes no arguments, because the parts have them."""
        assert not arguments, arguments
        found: dict[str, dict[str, str]] = {}
        calls: dict[str, Any] = {}
        for name, part in self.parts.items():
            aliases = self._copy(name, part)
            found |= aliases
            calls[name] = {"source": f"./{name}", **part.variables}
            if aliases:
                calls[name]["providers"] = {f"aws.{alias}": f"aws.{alias}" for alias in aliases}
        others = [self._provider(f'alias = "{alias}"') | arguments for alias, arguments in found.items()]
        root = {
            "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
            "provider": {"aws": [self._provider(""), *others]},
            "module": calls,
            "output": {name: {"value": f"${{module.{name}}}"} for name in self.parts},
        }
        (self.folder / "main.tf.json").write_text(json.dumps(root, indent=2))

    def _copy(self, name: str, part: Part) -> dict[str, dict[str, str]]:
        """Copies an example; returns what the providers that it names are told: a region, and keys of an account."""
        folder = self.folder / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        aliases: dict[str, dict[str, str]] = {}
        modules: dict[str, str] = {}
        for path in (FOLDER / name).glob("*.tf"):
            text = path.read_text()
            modules |= {match["name"]: _SOURCE.search(match["body"])[1] for match in blocks("module", text)}  # type: ignore[index]
            for match in blocks("provider", text):
                text = text.replace(match[0], "")
                if alias := _ALIAS.search(match["body"]):
                    region = _REGION.search(match["body"])
                    account = _ACCOUNT.search(match["body"])
                    keys = {"access_key": key_of(account[1])} if account else {}
                    aliases[alias[1]] = {"region": region[1] if region else REGION, **keys}
            (folder / path.name).write_text(text)
        called = {"source": os.path.relpath(self.module, folder), **part.arguments}
        others = {
            source: {"source": os.path.relpath(ROOT / source.removeprefix(_ROOT), folder)}
            for source in modules.values()
        }
        calls = {name: called if source == _ROOT else others[source] for name, source in modules.items()}
        (folder / _OVERRIDE).write_text(json.dumps({"module": calls}))
        if aliases:
            told = ", ".join(f"aws.{alias}" for alias in aliases)
            aws = f'aws = {{\n source = "hashicorp/aws"\n configuration_aliases = [{told}]\n}}'
            (folder / "aliases_override.tf").write_text(f"terraform {{\n required_providers {{\n{aws}\n}}\n}}\n")
        return aliases
