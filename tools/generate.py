"""Writes what follows from the sources of usages: what Terraform reads, a policy for people, the README's tables.

``python -m tools.generate`` writes; a test compares. Adding a source is adding its module, and running this.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "lambda_src"))

from ecr_cleaner.usage.registry import SOURCES  # noqa: E402 - the package is not installed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ecr_cleaner.usage.base import Grant, Source

SOURCES_FILE: Final = ROOT / "usage_sources.json"
READ_ONLY_FILE: Final = ROOT / "docs" / "read-only-policy.json"
README: Final = ROOT / "README.md"

POLICY_CHARACTERS: Final = 6144
"""What a managed policy may hold (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""

POLICIES: Final = 7
"""A role holds ten; one is for logging, one for subnets, and one is left for whoever applies the module."""

REGISTRY_READS: Final = (
    "ecr:DescribePullThroughCacheRules",
    "ecr:DescribeRegistry",
    "ecr:DescribeRepositories",
    "ecr:GetRegistryPolicy",
    "ecr:ListTagsForResource",
)
REPOSITORY_READS: Final = (
    "ecr:BatchGetImage",
    "ecr:DescribeImages",
    "ecr:GetLifecyclePolicy",
    "ecr:GetRepositoryPolicy",
)
"""What `iam.tf` allows the function to read of ECR, of the registry and of what opted in (a test compares)."""

LONGEST: Final = {
    "partition": "aws-us-gov",
    "region": "ap-southeast-99",
    "account": "123456789012",
    "inventory_bucket": 63 * "b",
    "inventory_prefix": 199 * "p" + "/",
}
"""What may stand for the placeholders, as long as it can be."""

_FRAME: Final = len(json.dumps({"Version": "2012-10-17", "Statement": []}))

ORIGINAL: Final = frozenset(
    {
        "apprunner:DescribeService",
        "apprunner:ListServices",
        "ecr:BatchDeleteImage",
        "ecr:DescribeImages",
        "ecr:DescribeRepositories",
        "ecr:ListTagsForResource",
        "ecs:DescribeServices",
        "ecs:DescribeTaskDefinition",
        "ecs:ListClusters",
        "ecs:ListServices",
        "lambda:GetFunction",
        "lambda:ListFunctions",
    }
)
"""The permissions of devopsbox-io/aws-ecr-cleaner."""

SOURCES_HEAD: Final = ("Source", "Consumers", "What protects", "Tried", "Excluded by")
GRANTS_HEAD: Final = ("Statement of a source", "Source", "Original", "Added", "On")


def statement(grant: Grant) -> dict[str, Any]:
    """One statement of a policy, with placeholders in its resource and condition."""
    condition = {"Condition": {test: dict(keys) for test, keys in grant.condition.items()}} if grant.condition else {}
    return {
        "Sid": grant.sid,
        "Effect": "Allow",
        "Action": sorted(set(grant.actions)),
        "Resource": [grant.resource],
        **condition,
    }


def size(statements: Iterable[dict[str, Any]]) -> int:
    """Characters that statements take at most, in the longest partition and region."""
    texts = [json.dumps(one, separators=(",", ":")) for one in statements]
    for name, value in LONGEST.items():
        texts = [text.replace(f"{{{name}}}", value) for text in texts]
    return sum(len(text) + 1 for text in texts)


def numbered(sources: Iterable[Source]) -> Iterator[tuple[Source, int]]:
    """Each source with the number of the policy that holds its statements: filled one after the other.

    Raises:
        ValueError: They do not fit into as many policies as a role may have.
    """
    number, filled = 1, _FRAME
    for source in sources:
        needed = size(map(statement, source.grants))
        if filled + needed > POLICY_CHARACTERS:
            number, filled = number + 1, _FRAME
        if number > POLICIES or filled + needed > POLICY_CHARACTERS:
            raise ValueError(f"the permissions of {source.name} do not fit into {POLICIES} policies")
        filled += needed
        yield source, number


def sources_json() -> str:
    """What Terraform reads: every source with its setting, its policy and its statements."""
    told = {
        source.name: {
            "gap": source.gap,
            "policy": number,
            "statements": [statement(grant) for grant in source.grants],
        }
        for source, number in numbered(SOURCES)
    }
    return json.dumps(told, indent=2) + "\n"


def read_only_json() -> str:
    """A policy for people who look from the command line: every read of a run, in a form that fits one policy.

    Raises:
        ValueError: It does not fit.
    """
    reading = {action for source in SOURCES for grant in source.grants for action in grant.actions}
    # Where inventories lie, and which key is whose, only those who look know.
    usages = sorted(action for action in reading if not action.startswith("s3:"))
    opted_in = {"StringEquals": {"aws:ResourceTag/BoxCleanerEnabled": "true"}}
    statements: list[dict[str, Any]] = [
        {"Sid": "ReadRegistry", "Action": [*REGISTRY_READS], "Resource": "*"},
        {"Sid": "ReadOptedInRepositories", "Action": [*REPOSITORY_READS], "Resource": "*", "Condition": opted_in},
        {"Sid": "ReadUsages", "Action": usages, "Resource": "*"},
        {"Sid": "ReadFunction", "Action": ["lambda:GetFunctionConfiguration"], "Resource": "*"},
        {"Sid": "ReadHistory", "Action": ["s3:GetObject"], "Resource": "arn:*:s3:::*/ecr-cleaner/*"},
    ]
    told = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | one for one in statements]}
    if len(json.dumps(told, separators=(",", ":"))) > POLICY_CHARACTERS:
        raise ValueError("the policy for reading does not fit into one")
    return json.dumps(told, indent=2) + "\n"


def sources_rows() -> Iterator[tuple[str, ...]]:
    """The README's table of what counts as in use."""
    for source in SOURCES:
        tried = {"sandbox": "sandbox", "model": "model only"}[source.proof]
        yield f"`{source.name}`", source.title, source.protects, tried, f"`{source.gap}`"


def grants_rows() -> Iterator[tuple[str, ...]]:
    """The README's table of the permissions that the sources need."""
    for source in SOURCES:
        for grant in source.grants:
            actions = sorted(set(grant.actions))
            original = _codes(action for action in actions if action in ORIGINAL)
            added = _codes(action for action in actions if action not in ORIGINAL)
            on = "everything" if grant.resource == "*" else f"`{grant.resource}`"
            demanded = [f"`{key}` is `{value}`" for keys in grant.condition.values() for key, value in keys.items()]
            yield f"`{grant.sid}`", f"`{source.name}`", original, added, ", ".join([on, *demanded])


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "\N{EN DASH}"


def with_table(page: str, head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A page with the rows of one of its tables replaced.

    Raises:
        LookupError: The page has no such table.
    """
    lines = page.splitlines()
    title = f"| {' | '.join(head)} |"
    if title not in lines:
        raise LookupError(f"no table {title}")
    start = lines.index(title) + 2
    end = next((n for n in range(start, len(lines)) if not lines[n].startswith("|")), len(lines))
    lines[start:end] = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def readme(page: str) -> str:
    """The README with its generated tables."""
    return with_table(with_table(page, SOURCES_HEAD, sources_rows()), GRANTS_HEAD, grants_rows())


def main() -> int:
    """Write the files."""
    SOURCES_FILE.write_text(sources_json())
    READ_ONLY_FILE.write_text(read_only_json())
    README.write_text(readme(README.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
