"""The settings of a look, and where they come from: options, the deployed function, or a copy of its settings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from ecr_cleaner import __version__
from ecr_cleaner.aws import errors, responses, s3
from ecr_cleaner.compose import KNOWN_SOURCES
from ecr_cleaner.errors import CleanerError, SettingsError
from ecr_cleaner.settings.loader import Settings, from_document, from_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ecr_cleaner.aws.client import AwsClients

    Connect = Callable[[], AwsClients]
    """Makes the clients, where settings lie in a bucket."""

_DOCUMENT: Final = "ECR_CLEANER_SETTINGS"
_ENVIRONMENT: Final = frozenset({"DRY_RUN", "DEFAULT_KEEP_DAYS", _DOCUMENT})

Source = Literal["options", "function", "file"]


@dataclass(frozen=True, slots=True)
class KnownSettings:
    """Settings that a person can trace.

    Attributes:
        value: The settings themselves.
        source: Where they come from.
        name: Of the function or the file; None for options.
    """

    value: Settings
    source: Source = "options"
    name: str | None = None

    @property
    def values(self) -> dict[str, Any]:
        """Every setting as JSON-native values, sets in order; not ``dry_run``, because a look always is one."""
        found = self.value.model_dump(exclude={"dry_run"})
        # A set has no order of its own, and equal settings have to have an equal hash.
        found = {name: sorted(one) if isinstance(one, frozenset) else one for name, one in found.items()}
        ordered: dict[str, Any] = json.loads(json.dumps(found, sort_keys=True))
        return ordered

    @property
    def sha256(self) -> str:
        """Equal for equal settings, wherever they come from; a saved plan holds the same."""
        return self.value.sha256

    def as_json(self) -> dict[str, Any]:
        """Source, hash and values as JSON-native values."""
        return {"source": self.source, "name": self.name, "sha256": self.sha256, "values": self.values}

    def __str__(self) -> str:
        """For people, in one line."""
        return f"{' '.join(filter(None, [self.source, self.name]))} (sha256 {self.sha256[:12]})"


def of_function(clients: AwsClients, name: str) -> KnownSettings:
    """What a deployed function reads from its environment, under the caller's credentials.

    Raises:
        AwsError: The function may not be read.
        CleanerError: There is none, or it is no cleaner.
        SettingsError: Its settings are not understood.
    """
    told = _read(lambda: clients, environment_of(clients, name), f"function {name}")
    return KnownSettings(told, "function", name)


def environment_of(clients: AwsClients, name: str) -> dict[str, str]:
    """The environment of a function.

    Raises:
        AwsError: The function may not be read.
        CleanerError: There is no such function, its environment cannot be decrypted, or it is no cleaner's.
    """
    try:
        answer = responses.called(clients.client("lambda"), "GetFunctionConfiguration", FunctionName=name)
    except errors.AwsError as error:
        if errors.code_of(error) != "ResourceNotFoundException":
            raise
        message = f"there is no function {name} in {clients.region}"
        raise CleanerError(message) from None
    environment = answer.get("Environment", {})
    if failure := environment.get("Error"):
        cause = f"{failure.get('ErrorCode')}: {failure.get('Message')}"
        message = f"the environment of function {name} cannot be read: {cause}"
        raise CleanerError(message)
    variables: dict[str, str] = environment.get("Variables", {})
    if _DOCUMENT not in variables:
        message = f"function {name} is no ecr-cleaner: its environment has no {_DOCUMENT}"
        raise CleanerError(message)
    return variables


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of settings in a file.

    Attributes:
        name: Of the file.
        text: The JSON document that Terraform writes; empty if it is the environment.
        environment: The function's environment; None if it is the document.
    """

    name: str
    text: str
    environment: dict[str, str] | None

    def understood(self, connect: Connect, default_keep_days: int) -> KnownSettings:
        """The settings, with an age limit for the document, which does not have one.

        Raises:
            SettingsError: They are not understood.
        """
        if self.environment is None:
            settings = from_document(self.text, self.name, default_keep_days, KNOWN_SOURCES)
            return KnownSettings(settings, "file", self.name)
        return KnownSettings(_read(connect, self.environment, self.name), "file", self.name)


def read_copy(name: str, body: bytes) -> Copy:
    """Tell what a file holds: the document, the environment, or what ``get-function-configuration`` answers.

    Raises:
        SettingsError: None of these.
    """
    try:
        text = body.decode()
        found = json.loads(text)
    except ValueError as error:
        raise SettingsError([f"{name} is not JSON: {error}"]) from None
    if isinstance(found, dict) and isinstance(found.get("Environment"), dict):
        found = found["Environment"].get("Variables")
    if not isinstance(found, dict):
        raise SettingsError([f"{name} is no copy of the settings: it holds no JSON object"])
    if "settings_object" in found:
        return Copy(name, "", {_DOCUMENT: text})
    if not _ENVIRONMENT & set(found):
        return Copy(name, text, None)
    unlike = [f"{name}: {key}: must be a text, got {value!r}" for key, value in found.items() if type(value) is not str]
    if unlike:
        raise SettingsError(unlike)
    return Copy(name, "", found)


def _read(connect: Connect, environment: Mapping[str, str], place: str) -> Settings:
    def fetch(bucket: str, key: str) -> bytes:
        return s3.read(connect(), bucket, key).body

    try:
        return from_environment(environment, KNOWN_SOURCES, fetch)
    except SettingsError as error:
        told = [f"{place}: {problem}" for problem in error.problems]
        # The likeliest reason for what nobody has mistyped.
        raise SettingsError([*told, f"this is ecr-cleaner {__version__}; is {place} of the same version?"]) from None
