"""Other tools' rules, restated: small, pure, and wrong. Nothing here is used but by the tests beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from collections.abc import Set as AbstractSet


@dataclass(frozen=True, slots=True)
class Seen:
    """An image as a listing shows it.

    Attributes:
        repository: With its host.
        digest: ``sha256:<hex>``.
        tags: All of them.
        age_days: Since the push.
        config: Media type of its config; None for an index.
    """

    repository: str
    digest: str
    tags: tuple[str, ...]
    age_days: float
    config: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """What the APIs answer about one repository and everything that may use it.

    Attributes:
        images: Of the repository.
        services: As DescribeServices shows them.
        tasks: As DescribeTasks shows them, running and stopped.
        definitions: ARN of a task definition to the images it names.
        functions: (version, code) of every version of every Lambda function, as GetFunction shows it.
        apprunner: The image of every App Runner service.
    """

    images: Sequence[Seen]
    services: Sequence[Mapping[str, Any]]
    tasks: Sequence[Mapping[str, Any]]
    definitions: Mapping[str, Sequence[str]]
    functions: Sequence[tuple[str, Mapping[str, str]]]
    apprunner: Sequence[str]


def texts_in_use(account: Account) -> set[str]:
    """DB-3, DB-4: a service's own task definition, a function's newest version, an App Runner service."""
    return {
        # Express services name none.
        *(
            image
            for s in account.services
            if "taskDefinition" in s
            for image in account.definitions[s["taskDefinition"]]
        ),
        *(code["ImageUri"] for version, code in account.functions if version == "$LATEST"),
        *account.apprunner,
    }


def doomed_tags(images: Iterable[Seen], in_use: AbstractSet[str], keep_days: int = 30) -> set[tuple[str, str]]:
    """DB-2, DB-5: (digest, tag) of every tag of an old image where nobody names exactly this text or its digest's."""
    return {
        (image.digest, tag)
        for image in images
        for tag in image.tags
        if image.age_days > keep_days
        and in_use.isdisjoint({f"{image.repository}:{tag}", f"{image.repository}@{image.digest}"})
    }


def deleted_by_tag(doomed: Iterable[tuple[str, str]], images: Iterable[Seen]) -> set[str]:
    """DB-1: what goes when only tags are named and `images` is how things are by then: whatever keeps no tag."""
    tags = {tag for _, tag in doomed}
    return {image.digest for image in images if image.tags and tags.issuperset(image.tags)}


def lost_by_tags(account: Account, keep_days: int = 30) -> set[str]:
    """DB as a whole: the images that lose all their tags, and the old untagged ones that no text names."""
    in_use = texts_in_use(account)
    untagged = {
        image.digest
        for image in account.images
        if not image.tags and image.age_days > keep_days and f"{image.repository}@{image.digest}" not in in_use
    }
    return untagged | deleted_by_tag(doomed_tags(account.images, in_use, keep_days), account.images)


def reported_as_deleted(asked: Sequence[Mapping[str, str]], answer: Mapping[str, Any]) -> list[Mapping[str, str]]:
    """DB-6, EM-6, KC-8: no exception was thrown, so everything that was asked for counts as deleted."""
    del answer
    return list(asked)


def age_limit(text: str, default: int = 30) -> int:
    """DB-7: whatever a number parser takes, and the default for everything else."""
    try:
        return int(text)
    except ValueError:
        return default


def cleaned_until(broken: str, repositories: Iterable[str]) -> list[str]:
    """DB-8: the repositories that are cleaned before one of them throws."""
    cleaned: list[str] = []
    for repository in repositories:
        if repository == broken:
            break
        cleaned.append(repository)
    return cleaned


def calls_by_tag(images: Iterable[Seen]) -> list[dict[str, str]]:
    """DB-8: what each deleting call names: one tag."""
    return [{"imageTag": tag} for image in images for tag in image.tags]


def sources_asked(allowed: Collection[str]) -> list[str]:
    """DB-9: the regions of App Runner are asked of another service first, and a denial ends everything."""
    return ["ecs", "lambda", "apprunner"] if "ssm:GetParametersByPath" in allowed else []


def deletes(variable: str | None) -> bool:
    """AL-1, KC-1, PX-1: a dry run has to be asked for."""
    return (variable or "false").lower() == "false"


def running_digests(account: Account) -> set[str]:
    """AL-2, AL-5: the images whose repository and tag are, letter by letter, what a running task was started from."""
    texts = {
        image
        for task in account.tasks
        if task["lastStatus"] == "RUNNING"
        for image in account.definitions[task["taskDefinitionArn"]]
    }
    return {image.digest for image in account.images for tag in image.tags if f"{image.repository}:{tag}" in texts}


def unprotected(tags: Iterable[str], ignore: str) -> bool:
    """AL-3: one tag that is not protected is enough."""
    return any("latest" not in tag and not re.search(ignore, tag) for tag in tags)


def lost_by_running_tasks(account: Account, keep: int, ignore: str = "^$") -> set[str]:
    """AL as a whole: all untagged images (AL-4), and of the others what is neither new, running nor protected.

    Args:
        account: All that can be known.
        keep: How many of the newest tagged images stay in any case.
        ignore: Pattern of tags that protect.
    """
    running = running_digests(account)
    tagged = sorted((image for image in account.images if image.tags), key=lambda image: image.age_days)
    return {image.digest for image in account.images if not image.tags} | {
        image.digest for image in tagged[keep:] if image.digest not in running and unprotected(image.tags, ignore)
    }


def definitions_read(account: Account) -> list[str]:
    """AL-6: the task definitions that are read: one call for each running task, whatever it was started from."""
    return [task["taskDefinitionArn"] for task in account.tasks if task["lastStatus"] == "RUNNING"]
