"""How responses are read: page by page, and a member that is missing is an error."""

from collections.abc import Iterator
from typing import Any

from botocore.parsers import ResponseParserError

from ecr_cleaner.errors import IncompleteAnswerError


def member(answer: dict[str, Any], path: str, operation: str) -> Any:
    """A member that a full answer always has, with dots before it in structures that it always has as well.

    Raises:
        IncompleteAnswerError: One of them is missing.
    """
    value: Any = answer
    for name in path.split("."):
        if name not in value or value[name] is None:
            raise IncompleteAnswerError(operation, name)
        value = value[name]
    return value


def called(client: Any, operation: str, **parameters: Any) -> dict[str, Any]:
    """Make one call by the operation's name as AWS writes it, e.g. ``GetApplication``.

    Raises:
        AwsError: It failed.
        IncompleteAnswerError: Its answer is not what the protocol says.
    """
    method = getattr(client, _method(client, operation))
    try:
        answer: dict[str, Any] = method(**parameters)
    except (ResponseParserError, KeyError) as error:
        # What botocore lets out where XML ends early, or is the page of a proxy.
        raise IncompleteAnswerError(operation, f"it does not have the expected form: {error}") from error
    return answer


def paged(
    client: Any,
    operation: str,
    result: str,
    *,
    page: str = "nextToken",
    answer_page: str | None = None,
    **parameters: Any,
) -> Iterator[Any]:
    """Every item of a paged listing.

    botocore's paginators read a page that lacks its result as empty; this one does not.

    Args:
        client: A boto3 client.
        operation: As AWS writes it, e.g. ``ListServices``.
        result: The member that holds the items.
        page: The request's member for the page token.
        answer_page: The answer's, if it has another name.
        parameters: Of every request.

    Yields:
        The items, page by page.

    Raises:
        IncompleteAnswerError: A page lacks its result, or hands out the same token for ever.
    """
    seen: set[str] = set()
    while True:
        answer = called(client, operation, **parameters)
        yield from member(answer, result, operation)
        following = answer.get(answer_page or page)
        if not following:
            return
        if following in seen:
            raise IncompleteAnswerError(operation, "it repeats a page token")
        seen.add(following)
        parameters[page] = following


def _method(client: Any, operation: str) -> str:
    for method, name in client.meta.method_to_api_mapping.items():
        if name == operation:
            return str(method)
    raise AttributeError(operation)
