"""Images that the settings name as in use; no AWS service is called."""

from collections.abc import Iterator
from typing import Final

from ecr_cleaner.model.usage import Usage
from ecr_cleaner.reference import listed
from ecr_cleaner.usage.source import Source, SourceContext

_NAME: Final = "protected_images"


def collect(context: SourceContext) -> Iterator[Usage]:
    """The references of the settings, which were validated when they were loaded."""
    for text in sorted(context.settings.protected_images):
        reference = listed(text)
        if reference is None:
            continue
        if reference.region is not None and reference.region != context.aws.region:
            context.notes.append(f"protected image {text} names a registry of another region: it protects nothing here")
        yield Usage(reference, _NAME, _NAME)


SOURCES: Final = (
    Source(
        name=_NAME,
        title="Images that you name in `protected_images`",
        protects="What each reference names: an image, or with `repository:*` every image of a repository",
        service=None,
        grants=(),
        fields=(),
        collect=collect,
        home_only=True,
    ),
)
