"""How timestamps in responses are read."""

from datetime import UTC, datetime
from typing import Any, Final

import boto3
from botocore.parsers import DEFAULT_TIMESTAMP_PARSER

_NUMBERS: Final = (int, float)


def read_in_utc(session: boto3.Session) -> None:
    """Let the clients that a session makes from here on read numbers, which JSON has for times, as times in UTC.

    botocore gives them the time zone of the machine, and for that takes two thirds of the time of reading a listing.
    """
    parsers = session._session.get_component("response_parser_factory")  # noqa: SLF001 - boto3 does not hand it out
    parsers.set_parser_defaults(timestamp_parser=_moment)


def _moment(value: Any) -> datetime:
    # There may be very many: neither a union that is made for each nor a context manager.
    if isinstance(value, _NUMBERS):
        try:
            return datetime.fromtimestamp(value, UTC)
        except (OverflowError, OSError):
            pass
    return DEFAULT_TIMESTAMP_PARSER(value)  # type: ignore[no-any-return]
