"""How responses are read: page by page, and a member that is missing is an error."""

import re
from collections.abc import Iterator
from itertools import product
from typing import Any, Final

from botocore import xform_name
from botocore.parsers import ResponseParserError

from ecr_cleaner.errors import IncompleteAnswerError

_PAGE_TOKEN: Final = re.compile(r"(?!client).*token|(next)?marker", re.IGNORECASE)


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
    method = getattr(client, xform_name(operation))
    try:
        answer: dict[str, Any] = method(**parameters)
    except (ResponseParserError, KeyError) as error:
        # What botocore lets out where XML ends early, or is the page of a proxy.
        raise IncompleteAnswerError(operation, f"it does not have the expected form: {error}") from error
    return answer


def paged(client: Any, operation: str, result: str, **parameters: Any) -> Iterator[Any]:
    """Every item of a listing, page by page where the service model has a page token for it.

    botocore's paginators read a page that lacks its result as empty; this one does not.

    Args:
        client: A boto3 client.
        operation: As AWS writes it, e.g. ``ListServices``.
        result: The member that holds the items.
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
        tokens = page_tokens(client, operation)
        following = answer.get(tokens[1]) if tokens else None
        if tokens is None or not following:
            return
        if following in seen:
            raise IncompleteAnswerError(operation, "it repeats a page token")
        seen.add(following)
        parameters[tokens[0]] = following


def page_tokens(client: Any, operation: str) -> tuple[str, str] | None:
    """Names of an operation's page token in the request and in the response; None if it has no pages.

    They are taken from the service model's members: botocore has no paginator for several listings.

    Raises:
        ValueError: Several members could be the token.
    """
    model = client.meta.service_model.operation_model(operation)
    shapes = (model.input_shape, model.output_shape)
    members = ([name for name in shape.members if _PAGE_TOKEN.fullmatch(name)] if shape else [] for shape in shapes)
    pairs = list(product(*members))
    if len(pairs) > 1:
        message = f"{operation} has several members that could be a page token: {pairs}"
        raise ValueError(message)
    return pairs[0] if pairs else None
