"""Where the journal and the history lie: of a deployed function, or as a person names it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from ecr_cleaner import objects
from ecr_cleaner.errors import CleanerError, SettingsError
from ecr_cleaner.settings import from_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_cleaner.cli.session import Connection

_URI = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(?P<prefix>([^/]+/)+)")


@dataclass(frozen=True, slots=True)
class Places:
    """Where to look.

    Attributes:
        bucket: Where journal and history lie; None: there is none, or nobody named one.
        prefix: Of all keys of the instance; ends with a slash.
    """

    bucket: str | None = None
    prefix: str = ""


def places(command: Callable[..., Any]) -> Callable[..., Any]:
    """``--function`` and ``--journal``, handed over as ``find``, which gives `Places`; stands below `connection`."""

    @wraps(command)
    def with_places(
        *words: Any, connection: Connection, function: str | None, journal: str | None, **others: Any
    ) -> Any:
        if function is not None and journal is not None:
            message = "--function and --journal exclude each other: there is one place"
            raise click.UsageError(message)
        match = None if journal is None else _URI.fullmatch(journal)
        if journal is not None and match is None:
            message = f"{journal!r} is no place of a journal: write s3://bucket/prefix/, the part before journal/"
            raise click.UsageError(message)

        def find() -> Places:
            if match is not None:
                return Places(match["bucket"], match["prefix"])
            return Places() if function is None else of_function(connection, function)

        return command(*words, connection=connection, find=find, **others)

    for option in (
        click.option("--journal", metavar="URI", help="Where it lies: s3://bucket/prefix/, before journal/."),
        click.option("--function", metavar="NAME", help="Read where it lies from this deployed function."),
    ):
        with_places = option(with_places)
    return with_places


def of_function(connection: Connection, name: str) -> Places:
    """Where they lie as the environment of a deployed function says.

    Raises:
        AwsError: Lambda does not answer.
        CleanerError: It is no function of this module.
    """
    clients = connection.clients
    answer = clients.client("lambda").get_function_configuration(FunctionName=name)
    environment = answer.get("Environment", {}).get("Variables", {})
    try:
        told = from_environment(environment, lambda bucket, key: objects.read(clients, bucket, key).body)
    except SettingsError as error:
        message = f"the settings of the function {name} cannot be understood: {error}"
        raise CleanerError(message) from None
    place = told.journal or told.history
    return Places(place.bucket, place.prefix) if place else Places()
