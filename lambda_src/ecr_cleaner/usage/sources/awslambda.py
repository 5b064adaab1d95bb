"""Lambda functions: the images of every published version and ``$LATEST``, and what variables of any function name.

In other accounts GetFunction is not called, because it hands out where the code of any function can be downloaded. The
listing has everything but the name of the image, which only another digest could make matter, and the function's tags.

Lambda pulls the image of an idle function from ECR again, and the function fails if the image is gone
(https://docs.aws.amazon.com/lambda/latest/dg/images-create.html), so every version counts.

A published version is a snapshot of code and configuration that does not change
(https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html), and whatever changes ``$LATEST`` gives it
another revision id: an update may name the one that it expects to find
(https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html). So a version is asked for once.
Whether it found its image may change: that is asked where it matters, see `ecr_cleaner.usage.states`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.errors import SourceError
from ecr_cleaner.facts.kind import FactKind
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.reference import anywhere
from ecr_cleaner.schema import stored
from ecr_cleaner.usage import states
from ecr_cleaner.usage.each import each
from ecr_cleaner.usage.found import like, searched, searches, usages_of_texts
from ecr_cleaner.usage.responses import listed_again
from ecr_cleaner.usage.source import Grant, RequiredField, Source, SourceContext, arn_of, usages_of
from ecr_cleaner.usage.texts.free_text import FreeText
from ecr_cleaner.usage.texts.search import Grammar, SearchResult

_NAME: Final = "lambda"
_HEX: Final = re.compile(r"[0-9a-f]{64}")

_LISTED: Final = FreeText("lambda", "ListFunctions", "Functions[]", Grammar.VARIABLES)
_GOT: Final = FreeText(
    "lambda", "GetFunction", "", Grammar.VARIABLES, images=("Code.ImageUri", "Code.ResolvedImageUri")
)

_TAGS: Final = FreeText("lambda", "ListTags", "", Grammar.VARIABLES)

_LATEST: Final = "$LATEST"
_UNRESOLVED: Final = "{} is an image, but Lambda does not say which digest: its tag may have moved since"


@stored
@dataclass(frozen=True, slots=True)
class Code:
    """What GetFunction says of a version.

    Attributes:
        images: As it was given, and as Lambda resolved it.
        texts: What its other texts name.
    """

    images: tuple[str, ...]
    texts: tuple[SearchResult, ...] = ()


VERSIONS: Final = FactKind("lambda_versions", _NAME, Code)
"""By ARN, digest, time and revision of the last change: numbers start anew when a function is made again.

Only of a version whose image exists, whose variables could be read, and whose function has no tag with an image in it:
tags change without a revision.
"""


def collect(context: SourceContext) -> Iterator[Usage]:
    """The image of every version, by the digest Lambda resolved and by the name it was given.

    Yields:
        Usages of the kind ``configured``.

    Raises:
        SourceError: Lambda names no image of a version.
    """
    client = context.aws.client("lambda")
    noted: set[str] = set()
    of_image = _of_other_account if context.aws.is_foreign else partial(_usages, noted)
    listing = partial(context.paged, "lambda", "ListFunctions", "Functions", FunctionVersion="ALL", MaxItems=50)
    with listed_again(lambda: map(_key, listing())) as missing:

        def read(own: SourceContext, version: dict[str, Any]) -> Iterator[Usage]:
            is_image = version.get("PackageType", "Zip") == "Image"  # absent means Zip
            name, number = _key(version)
            usage = like(_NAME, f"lambda function {name}, version {number}")
            yield from usages_of_texts(_LISTED, version, client, usage)
            noted.update(_refused(name, version, context.aws.caller))
            if is_image:
                yield from missing.unless_gone(_key(version), partial(of_image, own, version))

        yield from each(context, read, listing())
    context.notes.extend(sorted(noted))


def _key(version: dict[str, Any]) -> tuple[str, str]:
    """Name of the function, and number of the version."""
    name = responses.member(version, "FunctionName", "ListFunctions")
    return name, responses.member(version, "Version", "ListFunctions")


def _resolved(version: dict[str, Any], consumer: str) -> Iterator[Usage]:
    """The usage by the digest in the listing, in whichever repository it lies; none if it is not there."""
    # Of an image, CodeSha256 is its digest in hexadecimal; of a zip file it would be base64.
    code = version.get("CodeSha256", "")
    if _HEX.fullmatch(code) is not None:
        yield Usage(anywhere(f"sha256:{code}"), _NAME, consumer)


def _of_other_account(context: SourceContext, version: dict[str, Any]) -> Iterator[Usage]:
    client = context.aws.client("lambda")
    name, number = _key(version)
    consumer = f"lambda function {name}, version {number}"
    resolved = list(_resolved(version, consumer))
    if not resolved:
        raise SourceError(_UNRESOLVED.format(consumer))
    yield from resolved
    if number == _LATEST:  # all versions have the tags of their function
        arn = responses.member(version, "FunctionArn", "ListFunctions")
        answer = responses.called(client, "ListTags", Resource=arn.removesuffix(f":{_LATEST}"))
        yield from usages_of_texts(_TAGS, answer, client, like(_NAME, consumer))


def _usages(noted: set[str], context: SourceContext, version: dict[str, Any]) -> Iterator[Usage]:
    name, number = _key(version)
    consumer = f"lambda function {name}, version {number}"
    resolved = list(_resolved(version, consumer))
    yield from resolved
    key, facts = _fact_key(version), context.facts(VERSIONS)
    found = facts.known(key) if key is not None and resolved else None
    failure, unasked = "", "" if found is None else f"{name}:{number}"
    if found is None:
        client = context.aws.client("lambda")
        answer = client.get_function(FunctionName=name, Qualifier=number)
        configuration = answer.get("Configuration", {})
        failure = states.failure_of(configuration)
        refused = _refused(name, configuration, context.aws.caller)
        noted.update(refused)
        location = responses.member(answer, "Code", "GetFunction")
        images = tuple(location[one] for one in ("ImageUri", "ResolvedImageUri") if location.get(one))
        if not resolved and "@sha256:" not in (location.get("ResolvedImageUri") or ""):
            raise SourceError(_UNRESOLVED.format(consumer))
        found = Code(images, searches(_GOT, answer, client))
        tagged = any(one.references for one in searches(_GOT, {"Tags": answer.get("Tags", {})}, client))
        is_same = configuration.get("RevisionId") == version.get("RevisionId")
        is_settled = is_same and not (failure or refused or tagged or "TagsError" in answer)
        if key is not None and resolved and is_settled:
            facts.learn(key, found)
    for one in found.texts:
        yield from searched(one, like(_NAME, consumer))
    for text in found.images:
        for usage in usages_of(text, source=_NAME, consumer=consumer, failure=failure):
            yield replace(usage, unasked=unasked)


def _fact_key(version: dict[str, Any]) -> str | None:
    """What tells a version from every other one, also from one that had its number before; None: it cannot be told."""
    told = [version.get(member) for member in ("FunctionArn", "Version", "CodeSha256", "LastModified", "RevisionId")]
    return " ".join(map(str, told)) if all(told) else None


def _refused(name: str, configuration: dict[str, Any], caller: str) -> set[str]:
    """What to tell if Lambda may not decrypt the variables; an image is known all the same."""
    refused = configuration.get("Environment", {}).get("Error", {}).get("ErrorCode")
    # Versions share the key, so one sentence is enough.
    sentence = (
        f"the environment variables of lambda function {name} cannot be read ({refused}): to mend this, let"
        f" {caller} use kms:Decrypt in the policy of their key"
    )
    return {sentence} if refused else set()


SOURCES: Final = (
    Source(
        name=_NAME,
        title="Lambda functions",
        protects="Every published version and `$LATEST` of an image: the resolved digest and the name; images that"
        " variables of any function name",
        service="lambda",
        grants=(
            Grant("ListLambdaFunctions", ("lambda:ListFunctions",)),
            Grant("ReadLambdaFunctions", ("lambda:GetFunction",), arn_of("lambda", "function:*"), accounts="own"),
            Grant("ListLambdaTags", ("lambda:ListTags",), arn_of("lambda", "function:*"), accounts="other"),
        ),
        fields=(
            RequiredField("lambda", "ListFunctions", "Functions[].PackageType"),
            RequiredField("lambda", "ListFunctions", "Functions[].CodeSha256"),
            RequiredField("lambda", "ListFunctions", "Functions[].Environment.Variables{}"),
            *(RequiredField("lambda", "GetFunction", f"Configuration.{member}") for member in states.REASONS),
            RequiredField("lambda", "GetFunction", "Configuration.Environment.Error.ErrorCode"),
            RequiredField("lambda", "GetFunction", "Code.ImageUri"),
            RequiredField("lambda", "GetFunction", "Code.ResolvedImageUri"),
            RequiredField("lambda", "ListTags", "Tags{}"),
        ),
        collect=collect,
        texts=(_LISTED, _GOT, _TAGS),
    ),
)
