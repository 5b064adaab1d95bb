"""Every source: each module of `ecr_cleaner.usage.sources` has one or several.

To add a consumer, add a file there.
"""

import hashlib
from collections.abc import Iterable, Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from ecr_cleaner.usage import sources as usage_sources
from ecr_cleaner.usage.source import INDISPENSABLE, Source


def _found() -> Iterator[Source]:
    for module in iter_modules(usage_sources.__path__, f"{usage_sources.__name__}."):
        yield from import_module(module.name).SOURCES


SOURCES: Final[tuple[Source, ...]] = tuple(sorted(_found(), key=lambda source: source.name))
"""By name."""

EXCLUDABLE: Final = frozenset(source.name for source in SOURCES if source.gap == f"source:{source.name}")
"""What ``source:<name>`` in ``accepted_gaps`` may name."""


def names_sha256(sources: Iterable[Source]) -> str:
    """Of the names of sources: what was made with others does not fit."""
    return hashlib.sha256(",".join(source.name for source in sources).encode()).hexdigest()


NAMES_SHA256: Final = names_sha256(SOURCES)
"""Checksum of all their names: Terraform computes the same of the sources whose permissions it grants."""

NEEDED_ANYWAY: Final = frozenset(
    permission
    for source in SOURCES
    if source.name in INDISPENSABLE
    for permission in source.permissions
    if permission.startswith(f"{source.service}:")
)
"""What indispensable sources ask their own services: to exclude another source that is denied it too mends nothing."""
