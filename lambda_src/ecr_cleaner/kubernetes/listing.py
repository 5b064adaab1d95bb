"""All objects of one kind, page by page, from one snapshot.

https://kubernetes.io/docs/reference/using-api/api-concepts/#retrieving-large-results-sets-in-chunks
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final

from ecr_cleaner.errors import ClusterError
from ecr_cleaner.kubernetes.connection import Connection
from ecr_cleaner.kubernetes.kinds import Kind

PAGE: Final = 500
MOST_STARTS: Final = 4
"""A snapshot that expired (etcd keeps one for five minutes) is begun anew three times."""


class _ExpiredError(Exception):
    """The rest of the list is not of the same snapshot any more."""


def objects(connection: Connection, kind: Kind) -> Iterator[dict[str, Any]]:
    """Every object of a kind in all namespaces; some twice, if the list had to be begun anew.

    No ``resourceVersion`` is sent, which means the most recent data. An expired snapshot is begun anew, and the token
    is not used that the server offers then: between two snapshots objects may be missed.

    Raises:
        ClusterError: There is no full answer, or it is refused.
    """
    for _ in range(MOST_STARTS):
        try:
            yield from _from_the_beginning(connection, kind)
        except _ExpiredError:
            continue
        return
    message = f"GET {kind.path}: its list expired {MOST_STARTS} times before its end was reached"
    raise ClusterError(message, HTTPStatus.GONE)


def _from_the_beginning(connection: Connection, kind: Kind) -> Iterator[dict[str, Any]]:
    query = {"limit": str(PAGE)}
    seen: set[str] = set()
    version = None
    while True:
        items, metadata = _page(connection, kind, query)
        if version not in {None, metadata["resourceVersion"]}:
            raise _ExpiredError
        version = metadata["resourceVersion"]
        yield from items
        following = metadata.get("continue") or ""
        if not following:
            return
        if following in seen:
            message = f"GET {kind.path}: its pages do not end: a token is repeated"
            raise ClusterError(message)
        seen.add(following)
        query["continue"] = following


def _page(connection: Connection, kind: Kind, query: dict[str, str]) -> tuple[list[dict[str, Any]], dict[str, str]]:
    try:
        answer = connection.get(kind.path, query)
    except ClusterError as error:
        if error.status == HTTPStatus.GONE:
            raise _ExpiredError from None
        raise
    items = answer.get("items") if isinstance(answer, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise _incomplete(kind, "items")
    metadata = answer.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("resourceVersion"), str):
        raise _incomplete(kind, "metadata.resourceVersion")
    if not isinstance(metadata.get("continue", ""), str):
        raise _incomplete(kind, "metadata.continue")
    return items, metadata


def _incomplete(kind: Kind, member: str) -> ClusterError:
    return ClusterError(f"GET {kind.path}: the answer is not complete: {member!r} is missing")
