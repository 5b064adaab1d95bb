"""Which repositories to ask for their tags, by the index that AWS keeps of the tags of all services.

One call of ``tag:GetResources`` tells the tags of a hundred repositories. The index is eventually consistent, and AWS
publishes no bound (https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html). So it
only says whom not to ask: whatever is evaluated was asked for its own tags, and a repository that opted in so lately
that the index does not know it yet has to wait for a later run.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.aws.client import AwsClients
from ecr_cleaner.errors import CleanerError, OutOfTimeError
from ecr_cleaner.registry import opt_in

_SERVICE: Final = "resourcegroupstaggingapi"

_PAGE_SIZE: Final = 100
"""Resources that GetResources tells of at most in one call."""


def read(clients: AwsClients) -> dict[str, bool]:
    """ARN of every repository in the index, and whether its tags there opt it in, or almost do.

    Repositories that never had a tag are not in it.

    Raises:
        AwsError: The index cannot be read.
        IncompleteAnswerError: An answer lacks what it must have.
    """
    operation = "GetResources"
    listed = responses.paged(
        clients.client(_SERVICE),
        operation,
        "ResourceTagMappingList",
        ResourceTypeFilters=["ecr:repository"],
        ResourcesPerPage=_PAGE_SIZE,
    )
    return {
        # Of what was tagged once, and is not any more, the index may tell no tags.
        responses.member(one, "ResourceARN", operation): opt_in.is_meant(opt_in.tags_in(one.get("Tags", ()), operation))
        for one in listed
    }


Reader = Callable[[AwsClients], Mapping[str, bool]]


def to_ask(
    clients: AwsClients, found: Sequence[tuple[str, str]], known: Collection[str], index: Reader = read
) -> tuple[Sequence[tuple[str, str]], tuple[str, ...]]:
    """The repositories that have to be asked for their tags.

    All of them where the index cannot be read, or has none of them: it may not have been built yet.

    Args:
        clients: Of the account and region.
        found: Name and ARN of every repository.
        known: Names of those that are asked whatever the index says.
        index: Reads it.

    Returns:
        Names and ARNs, in their order; and a note where the index could not be read.

    Raises:
        OutOfTimeError: There is no time left.
    """
    try:
        meant = index(clients)
    except OutOfTimeError:
        raise
    except (CleanerError, *errors.AwsError) as error:
        note = "the index of tags could not be read, so each repository was asked for its tags"
        return found, (f"{note}: {errors.sentence(error)}",)
    if not any(arn in meant for _, arn in found):
        return found, ()
    return [(name, arn) for name, arn in found if meant.get(arn) or name in known], ()
