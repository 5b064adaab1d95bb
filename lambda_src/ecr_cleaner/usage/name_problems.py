"""Pure: what a scan tells of names that could not be read as they stand.

None of them stops a run, and each is a note of its source. One that protects images is a finding as well: a wide usage
where it protects more than an image, which tells what it keeps, and else one of the kind that is made here.
"""

from collections.abc import Iterable
from typing import Final

from ecr_cleaner.model.finding import Finding, FindingKind, Severity
from ecr_cleaner.model.usage import Usage

MOST: Final = 20
"""Sentences of one source, and findings of a scan; of the others only their number is told."""
_REMEDY: Final = "mend it there, or delete what names it"


def notes(usages: Iterable[Usage]) -> tuple[str, ...]:
    """A sentence for each name of one source's usages that could not be read as it stands.

    Args:
        usages: As the source returned them, those that name nothing included.
    """
    sentences = _sentences(usages)
    more = f"and {len(sentences) - MOST} more names that could not be read as they are written"
    return (*(f"{sentence}; {_REMEDY}" for _, sentence in sentences[:MOST]), *([more] if sentences[MOST:] else []))


def findings(usages: Iterable[Usage]) -> tuple[Finding, ...]:
    """A finding for each name that protects an image by its digest alone.

    Args:
        usages: Of a scan.
    """
    sentences = _sentences(usage for usage in usages if not (usage.reference.names_nothing or usage.reference.is_wide))
    told = [_finding(consumer, f"{sentence}; {_REMEDY}") for consumer, sentence in sentences[:MOST]]
    if sentences[MOST:]:
        more = f"{len(sentences) - MOST} more names could not be read as they are written"
        told.append(_finding("registry", f"{more}; the notes of each source have them"))
    return tuple(told)


def _finding(subject: str, detail: str) -> Finding:
    return Finding(FindingKind.UNREADABLE_REFERENCE, Severity.WARNING, subject, detail)


def _sentences(usages: Iterable[Usage]) -> list[tuple[str, str]]:
    """Consumer and sentence, without doubles, in their order."""
    wrong = (usage for usage in usages if usage.problem)
    return list(dict.fromkeys((usage.consumer, f"{usage.consumer}: {usage.problem}") for usage in wrong))
