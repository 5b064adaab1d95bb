"""Lambda functions: the images of every published version and ``$LATEST``, and what variables of any function name.

Lambda pulls the image of an idle function from ECR again, and the function fails if the image is gone
(https://docs.aws.amazon.com/lambda/latest/dg/images-create.html), so every version counts.
"""

import re
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from ecr_cleaner.aws import responses
from ecr_cleaner.errors import SourceError
from ecr_cleaner.model.usage import Usage
from ecr_cleaner.reference import anywhere
from ecr_cleaner.usage.each import each
from ecr_cleaner.usage.found import like, usages_of_texts
from ecr_cleaner.usage.responses import listed_again
from ecr_cleaner.usage.source import Grant, RequiredField, Source, SourceContext, arn_of, usages_of
from ecr_cleaner.usage.texts.free_text import FreeText
from ecr_cleaner.usage.texts.search import Grammar

_NAME: Final = "lambda"
_HEX: Final = re.compile(r"[0-9a-f]{64}")

_LISTED: Final = FreeText("lambda", "ListFunctions", "Functions[]", Grammar.VARIABLES)
_GOT: Final = FreeText(
    "lambda", "GetFunction", "", Grammar.VARIABLES, images=("Code.ImageUri", "Code.ResolvedImageUri")
)

_IMAGE_DELETED: Final = "ImageDeleted"
_REASONS: Final = ("StateReasonCode", "LastUpdateStatusReasonCode")
"""Of a function that cannot start, and of one that could not be updated; ListFunctions returns neither."""


def collect(context: SourceContext) -> Iterator[Usage]:
    """The image of every version, by the digest Lambda resolved and by the name it was given.

    Yields:
        Usages of the kind ``configured``.

    Raises:
        SourceError: Lambda names no image of a version.
    """
    client = context.aws.client("lambda")
    noted: set[str] = set()
    listing = partial(context.paged, "lambda", "ListFunctions", "Functions", FunctionVersion="ALL", MaxItems=50)
    with listed_again(lambda: map(_key, listing())) as missing:

        def read(_: SourceContext, version: dict[str, Any]) -> Iterator[Usage]:
            is_image = version.get("PackageType", "Zip") == "Image"  # absent means Zip
            name, number = _key(version)
            usage = like(_NAME, f"lambda function {name}, version {number}")
            yield from usages_of_texts(_LISTED, version, client, usage)
            noted.update(_refused(name, version))
            if is_image:
                yield from missing.unless_gone(_key(version), partial(_usages, client, version, noted))

        yield from each(context, read, listing())
    context.notes.extend(sorted(noted))


def _key(version: dict[str, Any]) -> tuple[str, str]:
    """Name of the function, and number of the version."""
    name = responses.member(version, "FunctionName", "ListFunctions")
    return name, responses.member(version, "Version", "ListFunctions")


def _usages(client: Any, version: dict[str, Any], noted: set[str]) -> Iterator[Usage]:
    name, number = _key(version)
    consumer = f"lambda function {name}, version {number}"
    # Of an image, CodeSha256 is its digest in hexadecimal; of a zip file it would be base64.
    code = version.get("CodeSha256", "")
    known = _HEX.fullmatch(code) is not None
    if known:
        yield Usage(anywhere(f"sha256:{code}"), _NAME, consumer)
    answer = client.get_function(FunctionName=name, Qualifier=number)
    yield from usages_of_texts(_GOT, answer, client, like(_NAME, consumer))
    configuration = answer.get("Configuration", {})
    failure = _failure(configuration)
    noted.update(_refused(name, configuration))
    location = responses.member(answer, "Code", "GetFunction")
    texts = [location[key] for key in ("ImageUri", "ResolvedImageUri") if location.get(key)]
    if not known and "@sha256:" not in (location.get("ResolvedImageUri") or ""):
        message = f"{consumer} is an image, but Lambda does not say which digest: its tag may have moved since"
        raise SourceError(message)
    for text in texts:
        yield from usages_of(text, source=_NAME, consumer=consumer, failure=failure)


def _refused(name: str, configuration: dict[str, Any]) -> set[str]:
    """What to tell if Lambda may not decrypt the variables; an image is known all the same."""
    refused = configuration.get("Environment", {}).get("Error", {}).get("ErrorCode")
    # Versions share the key, so one sentence is enough.
    sentence = (
        f"the environment variables of lambda function {name} cannot be read ({refused}): to mend this, let the"
        " role of ecr-cleaner use kms:Decrypt in the policy of their key"
    )
    return {sentence} if refused else set()


def _failure(configuration: dict[str, Any]) -> str:
    """Lambda's reason code if it did not find the image; else empty."""
    for member in _REASONS:
        if configuration.get(member) == _IMAGE_DELETED:
            return f"{member} {_IMAGE_DELETED}"
    return ""


SOURCES: Final = (
    Source(
        name=_NAME,
        title="Lambda functions",
        protects="Every published version and `$LATEST` of an image: the resolved digest and the name; images that"
        " variables of any function name",
        service="lambda",
        grants=(
            Grant("ListLambdaFunctions", ("lambda:ListFunctions",)),
            Grant("ReadLambdaFunctions", ("lambda:GetFunction",), arn_of("lambda", "function:*")),
        ),
        fields=(
            RequiredField("lambda", "ListFunctions", "Functions[].PackageType"),
            RequiredField("lambda", "ListFunctions", "Functions[].CodeSha256"),
            RequiredField("lambda", "ListFunctions", "Functions[].Environment.Variables{}"),
            *(RequiredField("lambda", "GetFunction", f"Configuration.{member}") for member in _REASONS),
            RequiredField("lambda", "GetFunction", "Configuration.Environment.Error.ErrorCode"),
            RequiredField("lambda", "GetFunction", "Code.ImageUri"),
            RequiredField("lambda", "GetFunction", "Code.ResolvedImageUri"),
        ),
        collect=collect,
        texts=(_LISTED, _GOT),
    ),
)
