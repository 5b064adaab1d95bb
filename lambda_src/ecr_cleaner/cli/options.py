"""Options that several commands share: each decorator adds some and hands their meaning over as one value."""

from __future__ import annotations

import re
from functools import wraps
from typing import TYPE_CHECKING, Any, Final

import click

from ecr_cleaner.cli.session import Connection
from ecr_cleaner.settings import DEFAULT_KEEP_DAYS, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Command = Callable[..., Any]
    Option = Callable[[Command], Command]


def connection(command: Command) -> Command:
    """``--region`` and ``--profile``, handed over as ``connection``, a `Connection`."""

    @wraps(command)
    def with_connection(*words: Any, region: str | None, profile: str | None, **others: Any) -> Any:
        return command(*words, connection=Connection(region, profile), **others)

    return _all_of(
        with_connection,
        [
            click.option("--region", help="Region to look at; default: that of the AWS configuration."),
            click.option("--profile", help="Profile of the AWS configuration."),
        ],
    )


def settings(command: Command) -> Command:
    """What the function reads from its environment, as options; handed over as ``settings``."""

    @wraps(command)
    def with_settings(*words: Any, **options: Any) -> Any:
        given = {name: options.pop(name) for name in _SETTINGS}
        return command(*words, settings=_read(**given), **options)

    return _all_of(with_settings, _SETTINGS.values())


_SETTINGS: Final[dict[str, Option]] = {
    "keep_days": click.option(
        "--keep-days",
        type=click.IntRange(1, 99_999),
        default=DEFAULT_KEEP_DAYS,
        show_default=True,
        help="Age limit of repositories without the tag BoxCleanerKeepDays.",
    ),
    "disabled": click.option(
        "--disable-source",
        "disabled",
        multiple=True,
        metavar="NAME",
        help="As in disabled_usage_sources; may be repeated.",
    ),
    "acknowledged": click.option(
        "--acknowledge",
        "acknowledged",
        multiple=True,
        metavar="NAME",
        help="As in acknowledged_unscanned; may be repeated.",
    ),
    "extra_references": click.option(
        "--extra-reference",
        "extra_references",
        multiple=True,
        metavar="IMAGE",
        help="As in extra_references; may be repeated.",
    ),
    "inventory_uri": click.option("--inventory-uri", metavar="URI", help="As in inventory_uri."),
    "inventory_max_age_hours": click.option(
        "--inventory-max-age-hours",
        type=click.IntRange(1, 99_999),
        default=24,
        show_default=True,
        help="As in inventory_max_age_hours.",
    ),
}


def _all_of(command: Command, options: Iterable[Option]) -> Command:
    for option in reversed(list(options)):
        command = option(command)
    return command


def _read(  # noqa: PLR0913 - the options of the command line
    *,
    keep_days: int,
    disabled: tuple[str, ...],
    acknowledged: tuple[str, ...],
    extra_references: tuple[str, ...],
    inventory_uri: str | None,
    inventory_max_age_hours: int,
) -> Settings:
    try:
        return Settings.model_validate(
            {
                "dry_run": True,
                "default_keep_days": keep_days,
                "disabled_usage_sources": frozenset(disabled),
                "acknowledged_unscanned": frozenset(acknowledged),
                "extra_references": frozenset(extra_references),
                "inventories": _place(inventory_uri, inventory_max_age_hours),
            }
        )
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _place(uri: str | None, max_age_hours: int) -> dict[str, Any] | None:
    if uri is None:
        return None
    match = re.fullmatch(r"s3://(?P<bucket>[^/]+)/(?P<prefix>.+/)", uri)
    if match is None:
        message = f"{uri!r} is no place of inventories: write s3://bucket/prefix/"
        raise ValueError(message)
    return {**match.groupdict(), "max_age_hours": max_age_hours}
