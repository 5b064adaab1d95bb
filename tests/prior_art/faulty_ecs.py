"""Rules of cleaners that look at ECS and Lambda, restated: EM, IM, MH, PU, TR, PX. Wrong, like `faulty`."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from tests.prior_art.faulty import Account, Seen

CONTAINER_CONFIGS: Final = frozenset(
    {"application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json"}
)

# EM


@dataclass(frozen=True, slots=True)
class Scan:
    """What a configuration names.

    Attributes:
        clusters: Globs on names.
        families: Globs on families of task definitions; the five newest revisions of each count.
        functions: Whether Lambda is asked.
    """

    clusters: Sequence[str] = ("*",)
    families: Sequence[str] = ()
    functions: bool = True


def generated(account: Account) -> Scan:
    """EM-3: the names of the day on which the configuration was made."""
    clusters = sorted({_name(service["clusterArn"]) for service in account.services})
    families = sorted({_name(arn).partition(":")[0] for arn in account.definitions})
    return Scan(clusters, families, functions=bool(account.functions))


def texts_scanned(account: Account, scan: Scan, newest: int = 5) -> set[str]:
    """EM-3, EM-4, EM-5: deployments of the named clusters, newest revisions of the named families, and of a function.

    Tasks, which the tool reads rightly, are left out.
    """
    deployed = [
        deployment["taskDefinition"]
        for service in account.services
        if _fits(_name(service["clusterArn"]), scan.clusters)
        for deployment in service.get("deployments", ())
    ]
    revisions: dict[str, list[str]] = defaultdict(list)
    for arn in sorted(account.definitions, key=lambda arn: int(arn.rpartition(":")[2])):
        revisions[_name(arn).partition(":")[0]].append(arn)
    of_families = [arn for family, arns in revisions.items() if _fits(family, scan.families) for arn in arns[-newest:]]
    numbers = sorted(int(version) for version, _ in account.functions if version.isdigit())
    versions = {"$LATEST", *map(str, numbers[-newest:])} if scan.functions else set()
    return {
        *(image for arn in [*deployed, *of_families] for image in account.definitions[arn]),
        *(code["ImageUri"] for version, code in account.functions if version in versions),
    }


def _name(arn: str) -> str:
    return arn.rpartition("/")[2]


def _fits(name: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)


def lost_by_texts(images: Iterable[Seen], texts: AbstractSet[str], keep_days: int = 30) -> set[str]:
    """EM-1, EM-2: the old images that no text names, letter by letter, by the one host there is and tag or digest."""
    return {
        image.digest
        for image in images
        if image.age_days > keep_days
        and texts.isdisjoint(
            {*(f"{image.repository}:{tag}" for tag in image.tags), f"{image.repository}@{image.digest}"}
        )
    }


def page_of(keep: int) -> dict[str, int]:
    """EM-5: how many are to be kept is how many are asked for at once."""
    return {"maxResults": keep}


def children_first(indexes: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
    """EM-6: the ids of one call: what an index lists, then the index."""
    return [{"imageDigest": digest} for index, children in indexes.items() for digest in (*children, index)]


def aged_out(images: Iterable[Seen], in_use: AbstractSet[str], keep_days: int = 30) -> set[str]:
    """EM-7: whatever has the config of a container image is judged by its own age; nothing else is looked at."""
    return {
        image.digest
        for image in images
        if image.config in CONTAINER_CONFIGS and image.age_days > keep_days and image.digest not in in_use
    }


def listed_by(manifests: Iterable[str | None]) -> set[str]:
    """EM-8: what indexes list; one that is no manifest is passed over."""
    found: set[str] = set()
    for manifest in manifests:
        try:
            found.update(entry["digest"] for entry in json.loads(manifest or "")["manifests"])
        except (ValueError, KeyError):
            continue
    return found


def carried_out(plan: AbstractSet[str], present: Iterable[Seen]) -> set[str]:
    """EM-9: the plan as it was made, however long ago."""
    return {image.digest for image in present if image.digest in plan}


def shown(plan: AbstractSet[str]) -> str:
    """EM-9: what a person is asked to agree to."""
    return f"{len(plan)} images"


# IM


def beyond_newest(images: Iterable[Seen], keep: int) -> set[str]:
    """IM-1: how many are too many is right, which ones is not."""
    newest_first = sorted(images, key=lambda image: image.age_days)
    return {image.digest for image in newest_first[: max(0, len(newest_first) - keep)]}


def keeps_latest(tags: Sequence[str], *, protect: bool) -> bool:
    """IM-2: the wrong way round."""
    return not protect and "latest" in tags


def asks_kubernetes(*, dry_run: bool) -> bool:
    """IM-3: what decides is whether it matters."""
    return dry_run


def first_page(answer: Mapping[str, Any], member: str) -> list[Any]:
    """IM-4, SG-2: a listing is one answer, whether or not it has a token for the rest."""
    return list(answer[member])


def sources_without(excluded: Any) -> set[str]:
    """IM-4: what is excluded is a list, and is taken for a set."""
    asked: set[str] = {"ecs", "lambda", "eks"} - excluded
    return asked


def untagged_of_any_age(images: Iterable[Seen]) -> set[str]:
    """IM-5: no tag, no use."""
    return {image.digest for image in images if not image.tags}


def logged(credentials: Mapping[str, str]) -> str:
    """IM-5: what one connects with is worth a line."""
    return f"connecting with {dict(credentials)}"


def exit_status(errors: Sequence[str]) -> int:
    """IM-5, MH-4, PX-2, GC-2: errors are for the log."""
    del errors
    return 0


# MH


def deletes_always(told: object) -> bool:
    """MH-1: nobody can ask for a dry run."""
    del told
    return True


def one_call(images: Iterable[Seen]) -> list[dict[str, str]]:
    """MH-2: the ids of the one call that deletes."""
    return [{"imageDigest": image.digest} for image in images]


def tasks_of(clusters: Iterable[str], ask: Callable[..., Mapping[str, Any]]) -> list[str]:
    """MH-3, MH-4: the token of a cluster's last page but one goes on to the next, and its error is only logged."""
    found: list[str] = []
    token: dict[str, str] = {}
    for cluster in clusters:
        while True:
            try:
                answer = ask(cluster=cluster, maxResults=1, **token)
            except ClientError:
                break
            found += answer["taskArns"]
            if "nextToken" not in answer:
                break
            token = {"nextToken": answer["nextToken"]}
    return found


# PU, TR


def first_definition(account: Account) -> set[str]:
    """PU-1: the first answer is the whole answer."""
    return set(next(iter(account.definitions.values())))


def pages(ask: Callable[[Any], Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """PU-2: what is absent is undefined, and undefined is not null."""
    undefined: Final = "undefined"
    token: Any = undefined
    while token is not None:
        answer = ask(None if token == undefined else token)
        yield answer
        token = answer.get("nextToken", undefined)


def lost_by_first_tag(images: Iterable[Seen], texts: AbstractSet[str], keep_days: int = 30) -> set[str]:
    """PU-3, KN-1, TC-1: the old images whose first tag nobody names."""
    return {
        image.digest
        for image in images
        if image.age_days > keep_days and image.tags and f"{image.repository}:{image.tags[0]}" not in texts
    }


def settled(errors: Sequence[str]) -> bool:
    """PU-4: only success ends the wait."""
    return not errors


def loaded(methods: Sequence[str]) -> list[str]:
    """TR-1: each method gets a twin; a release that brought one of that name is not expected.

    Raises:
        TypeError: There is one.
    """
    twins = [f"{method}Async" for method in methods]
    if taken := sorted(set(twins) & set(methods)):
        message = f"{taken} exists already"
        raise TypeError(message)
    return twins


def listed_images(answer: Mapping[str, Any]) -> list[Any]:
    """TR-2: a member of another call's answer."""
    return list(answer.get("images", ()))
