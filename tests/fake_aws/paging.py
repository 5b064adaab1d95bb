"""Pages the way AWS makes them: the token is a cursor, never an offset.

A token names the last item that was given out, so what is removed between two pages moves nothing out of sight, and
it is bound to the question: with other filters it is refused.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import heapq
import json
from typing import TYPE_CHECKING, Any, TypeVar

from .aws import invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .aws import Request

T = TypeVar("T")


def page(
    request: Request,
    items: Iterable[T],
    key: Callable[[T], Any],
    *,
    size: int,
    token: str = "nextToken",  # noqa: S107 - a name
    limit: str = "maxResults",
    largest: int | None = None,
) -> tuple[list[T], str | None]:
    """Cut one page out of `items`, in the order of their unique `key` (a string, or a tuple of strings).

    Args:
        request: The request, with its token and its limit.
        items: Everything there is to list.
        key: Total order; it must be JSON-native.
        size: Items a page holds when the request does not say.
        token: Name of the input member that holds the token.
        limit: Name of the input member that holds the limit.
        largest: The greatest limit a request may ask for; `size` if not given.

    Returns:
        The items of this page and the token of the next, or None at the end.

    Raises:
        AwsError: The limit is out of its range, or the token is none of this question's.
    """
    largest = largest or size
    wanted = request.get(limit, size)
    if not isinstance(wanted, int) or not 1 <= wanted <= largest:
        raise invalid(request, f"Invalid parameter at '{limit}': must be between 1 and {largest}, got {wanted!r}.")
    if request.page_cap is not None:
        wanted = min(wanted, request.page_cap)
    question = _question(request, {token, limit})
    last = _open(request, request.get(token), question)
    rest = [item for item in items if last is None or _comparable(key(item)) > last]
    shown = heapq.nsmallest(wanted, rest, key=lambda item: _comparable(key(item)))
    # A page that may hold nothing goes on, also where there is nothing: whoever lists has to ask again to know it.
    if len(rest) <= wanted and wanted:
        return shown, None
    cursor = _comparable(key(shown[-1])) if shown else last or ()
    return shown, _close(cursor, question)


def _comparable(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _question(request: Request, without: set[str]) -> str:
    asked = {name: value for name, value in request.parameters.items() if name not in without}
    text = json.dumps([request.service, request.operation, request.region, asked], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _close(cursor: tuple[Any, ...], question: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([question, cursor]).encode()).decode()


def _open(request: Request, token: Any, question: str) -> tuple[Any, ...] | None:
    if token is None:
        return None
    try:
        asked, cursor = json.loads(base64.urlsafe_b64decode(str(token)))
    except (ValueError, TypeError, binascii.Error) as error:
        raise invalid(request, "Invalid parameter: the pagination token is not valid.") from error
    if asked != question:
        raise invalid(request, "Invalid parameter: the pagination token belongs to another request.")
    return tuple(cursor)
