"""The settings of a command, and their origin: options, the deployed function, or a copy of its settings."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from ecr_cleaner import __version__
from ecr_cleaner.approval import plan as approval_plan
from ecr_cleaner.approval.plan import PlanBinding
from ecr_cleaner.aws import errors, responses, s3
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.compose import KNOWN_SOURCES
from ecr_cleaner.errors import CleanerError, SettingsError
from ecr_cleaner.schema import read_json
from ecr_cleaner.settings.loader import Settings, from_document, from_environment

Connect = Callable[[], AwsClients]
"""Creates the clients, for settings in a bucket."""

_DOCUMENT: Final = "ECR_CLEANER_SETTINGS"
_ENVIRONMENT: Final = frozenset({"DRY_RUN", "DEFAULT_KEEP_DAYS", _DOCUMENT})

Source = Literal["options", "function", "file"]


@dataclass(frozen=True, slots=True)
class KnownSettings:
    """Settings with their origin.

    Attributes:
        value: The settings.
        source: Their origin.
        name: Name of the function or the file; None for options.
        arn: ARN of the function; empty for other origins.
    """

    value: Settings
    source: Source = "options"
    name: str | None = None
    arn: str = ""

    @property
    def binding(self) -> PlanBinding:
        """What a plan is bound to that the function carries out with these settings."""
        _, _, _, region, account, _, function, *_ = self.arn.split(":")
        return approval_plan.binding(account, region, function, self.value)

    def as_json(self) -> dict[str, Any]:
        """Origin, hash, and all settings but ``dry_run`` as JSON-native values, sets sorted."""
        values = json.dumps(self.value.model_dump(exclude={"dry_run"}), default=sorted, sort_keys=True)
        return {"source": self.source, "name": self.name, "sha256": self.value.sha256, "values": read_json(values)}

    def __str__(self) -> str:
        """Origin and hash in one line."""
        return f"{' '.join(filter(None, [self.source, self.name]))} (sha256 {self.value.sha256[:12]})"


def of_function(clients: AwsClients, name: str) -> KnownSettings:
    """Settings of a deployed function, read with the operator's credentials.

    Raises:
        AwsError: The function could not be read.
        CleanerError: It does not exist, its environment cannot be decrypted, or it is not an ecr-cleaner.
        SettingsError: Its settings are invalid.
    """
    try:
        response = responses.called(clients.client("lambda"), "GetFunctionConfiguration", FunctionName=name)
    except errors.AwsError as error:
        if errors.code_of(error) != "ResourceNotFoundException":
            raise
        message = f"there is no function {name} in {clients.region}"
        raise CleanerError(message) from None
    environment = response.get("Environment", {})
    if failure := environment.get("Error"):
        cause = f"{failure.get('ErrorCode')}: {failure.get('Message')}"
        message = f"the environment of function {name} cannot be read: {cause}"
        raise CleanerError(message)
    variables = environment.get("Variables", {})
    if _DOCUMENT not in variables:
        message = f"function {name} is not an ecr-cleaner: its environment has no {_DOCUMENT}"
        raise CleanerError(message)
    settings = _read(lambda: clients, variables, f"function {name}")
    arn = responses.member(response, "FunctionArn", "GetFunctionConfiguration")
    return KnownSettings(settings, "function", name, arn)


def of_copy(name: str, content: str | Mapping[str, str], connect: Connect, default_keep_days: int) -> KnownSettings:
    """Settings of a copy in a file.

    Args:
        name: Name of the file.
        content: As `read_copy` returned it.
        connect: Creates the clients.
        default_keep_days: For a document, which does not contain it.

    Raises:
        SettingsError: They are invalid.
    """
    if isinstance(content, str):
        settings = from_document(content, name, default_keep_days, KNOWN_SOURCES)
    else:
        settings = _read(connect, content, name)
    return KnownSettings(settings, "file", name)


def read_copy(name: str, body: bytes) -> str | dict[str, str]:
    """Recognise the content of a file: the document, the environment, or output of ``get-function-configuration``.

    Returns:
        The JSON document that Terraform writes, as text; else the environment variables of the function.

    Raises:
        SettingsError: It is none of these.
    """
    try:
        text = body.decode()
        content = read_json(text)
    except ValueError as error:
        raise SettingsError([f"{name} is not JSON: {error}"]) from None
    if isinstance(content, dict) and isinstance(content.get("Environment"), dict):
        content = content["Environment"].get("Variables")
    if not isinstance(content, dict):
        raise SettingsError([f"{name} is not a copy of the settings: it contains no JSON object"])
    if "settings_object" in content:
        return {_DOCUMENT: text}
    if not _ENVIRONMENT & set(content):
        return text
    problems = [f"{name}: {key}: must be a string, got {val!r}" for key, val in content.items() if type(val) is not str]
    if problems:
        raise SettingsError(problems)
    return content


def _read(connect: Connect, environment: Mapping[str, str], place: str) -> Settings:
    try:
        return from_environment(environment, KNOWN_SOURCES, lambda bucket, key: s3.read(connect(), bucket, key).body)
    except SettingsError as error:
        problems = [f"{place}: {problem}" for problem in error.problems]
        # The most likely cause: Terraform wrote the settings, nobody typed them.
        raise SettingsError(
            [*problems, f"this is ecr-cleaner {__version__}; is {place} of the same version?"]
        ) from None
