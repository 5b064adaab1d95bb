"""What the function may read in other accounts: the policy of the role in each of them, from the sources' grants.

Both modules of the role read it, so that whichever way the role is rolled out, it may read the same.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from ecr_cleaner.usage.catalog import SOURCES
from ecr_cleaner.usage.regions import GRANTS as REGION_GRANTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_cleaner.usage.source import Grant

INLINE_CHARACTERS: Final = 10240
"""What all inline policies of a role may hold together
(https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)."""


def policy_json() -> str:
    """The policy, with ``{partition}`` and ``{account}`` in its resources: those of the account that it is read in.

    Raises:
        ValueError: It does not fit into one role.
    """
    told = {"Version": "2012-10-17", "Statement": list(statements())}
    text = json.dumps(told, separators=(",", ":"))
    longest = text.replace("{partition}", "aws-us-gov").replace("{account}", "123456789012")
    if len(longest) > INLINE_CHARACTERS:
        raise ValueError(f"the policy for reading other accounts does not fit into a role: {len(longest)}")
    return json.dumps(told, indent=2) + "\n"


def statements() -> Iterator[dict[str, Any]]:
    """One for each resource that the sources read, in every region; what is allowed on everything stands nowhere else.

    Raises:
        ValueError: A source's condition would be lost.
    """
    by_resource: dict[str, tuple[str, set[str]]] = {}
    for grant in _grants():
        if grant.condition:
            raise ValueError(f"{grant.sid} has a condition, which other accounts would not")
        _, actions = by_resource.setdefault(grant.resource.replace("{region}", "*"), (grant.sid, set()))
        actions.update(grant.actions)
    _, everywhere = by_resource["*"]
    for resource, (sid, actions) in sorted(by_resource.items()):
        needed = actions if resource == "*" else actions - everywhere
        if needed:
            yield {
                "Sid": "ListUsages" if resource == "*" else sid,
                "Effect": "Allow",
                "Action": sorted(needed),
                "Resource": [resource],
            }


def _grants() -> Iterator[Grant]:
    """Those of what is looked for in other accounts; lists of used images lie in the registry's own."""
    sources = (source for source in SOURCES if not source.home_only)
    every = [*REGION_GRANTS, *(grant for source in sources for grant in source.granted("other"))]
    return (grant for grant in every if "{inventory_" not in grant.resource)
