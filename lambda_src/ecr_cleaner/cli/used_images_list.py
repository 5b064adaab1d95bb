"""Writes a list of used images for a registry in another account or region: what consumers here use of it."""

import json
import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

import click

from ecr_cleaner import compose
from ecr_cleaner.cli.session import Connection
from ecr_cleaner.decision import denials, wide_usages
from ecr_cleaner.errors import CleanerError
from ecr_cleaner.findings.wide_usages import remedy
from ecr_cleaner.model.usage import Reference, ReferenceScope, ScanTarget, Usage
from ecr_cleaner.reference import EVERY_IMAGE
from ecr_cleaner.settings.loader import Settings
from ecr_cleaner.usage.sources.used_images import MAX_BYTES

_REGISTRY: Final = re.compile(r"(?P<account>[0-9]{12})/(?P<region>[a-z]{2,4}(?:-[a-z]+)+-[0-9]+)")
_BEYOND: Final = frozenset({ReferenceScope.PREFIX, ReferenceScope.REGISTRY})


def registry(_context: click.Context, _parameter: click.Parameter, value: str | None) -> ScanTarget | None:
    """Parse ``ACCOUNT/REGION``; the callback of an option.

    Raises:
        click.BadParameter: It is not that.
    """
    if value is None:
        return None
    match = _REGISTRY.fullmatch(value)
    if match is None:
        message = f"{value!r} is not ACCOUNT/REGION, such as 123456789012/eu-west-1"
        raise click.BadParameter(message)
    return ScanTarget(match["account"], match["region"])


def references(connection: Connection, settings: Settings, there: ScanTarget, now: datetime) -> list[str]:
    """What consumers here use of a registry, as a list of used images names it; sorted, without doubles.

    What names no registry is in it too: to keep one image too many there is the cheap mistake.

    Args:
        connection: Account and region of the consumers.
        settings: Accepted gaps.
        there: The registry.
        now: Time before the first call.

    Raises:
        AwsError: The account of the consumers could not be found out.
        CleanerError: A source failed, or consumers may use more of the registry than a list can name.
    """
    connection.clients.account_id = connection.check()
    scanner = compose.usage_scanner(connection.clients, settings, "usage", lambda: now, read_only=True)
    scan = scanner.scan(now)
    if failed := [*denials.failed_sources(scan.failures), *filter(None, [scan.others.problem])]:
        message = "no list was written, because what is not in it is not protected: " + "; ".join(failed)
        raise CleanerError(message)
    usages = [one for one in scan.usages if may_mean(one.reference, there)]
    if beyond := list(_not_listable(usages)):
        message = "no list was written, because it cannot name what these use: " + "; ".join(beyond)
        raise CleanerError(message)
    return sorted({listed(one.reference) for one in usages})


def may_mean(reference: Reference, there: ScanTarget) -> bool:
    """Whether a reference names a registry, or may: it names none."""
    if reference.names_nothing:
        return False
    return reference.account is None or (reference.account, reference.region) == (there.account_id, there.region)


def listed(reference: Reference) -> str:
    """A reference as a list of used images has it; what reads the list makes the same reference of it."""
    if reference.repository is None:
        return str(reference.digest)
    host = f"{reference.text.partition('/')[0]}/" if reference.account is not None else ""
    if reference.breadth is ReferenceScope.REPOSITORY:
        return f"{host}{reference.repository}{EVERY_IMAGE}"
    tag = f":{reference.tag}" if reference.tag else ""
    digest = f"@{reference.digest}" if reference.digest else ""
    return f"{host}{reference.repository}{tag}{digest}"


def _not_listable(usages: Iterable[Usage]) -> Iterable[str]:
    """Consumers that may use repositories which nobody can list; one sentence each."""
    beyond = [one for one in usages if one.reference.breadth in _BEYOND]
    for _, wide in sorted(wide_usages.by_consumer(beyond).items()):
        names = ", ".join(sorted({one.reference.text for one in wide}))
        yield f"{wide[0].consumer} uses {names}: {remedy(wide)}"


def document(names: list[str]) -> str:
    """The list as a JSON array.

    Raises:
        CleanerError: It is larger than what reads it accepts.
    """
    text = json.dumps(names, indent=0) + "\n"
    if len(text.encode()) > MAX_BYTES:
        message = f"no list was written: it has more than {MAX_BYTES} bytes"
        raise CleanerError(message)
    return text
