"""Images that rules, schedules, pipes and state machines start: these name task definitions, not images."""

from collections.abc import Iterator

from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.usage.found import like, usages_of_task_definition
from ecr_cleaner.usage.source import SourceContext
from ecr_cleaner.usage.texts.named import PATH, TASK_DEFINITION, Named


def noted_if_dynamic(context: SourceContext, task_definition: str, namer: str) -> bool:
    """Whether a task definition is only known at each start; if so, a note says it.

    Args:
        context: What the source reads from.
        task_definition: A name as ECS assigns it, or a path or an expression that yields one.
        namer: The resource that names it, as reports name that.
    """
    if TASK_DEFINITION.fullmatch(task_definition):
        return False
    written = task_definition if PATH.fullmatch(task_definition) else "an expression"
    context.notes.append(
        f"{namer} chooses a task definition only when it starts one ({written}): nothing but the source ecs_families"
        " protects its images"
    )
    return True


def scheduled(
    context: SourceContext,
    task_definition: str,
    *,
    source: str,
    namer: str,
    evidence: UsageKind = UsageKind.SCHEDULED,
) -> Iterator[Usage]:
    """The usages of a task definition that a resource will start later.

    Args:
        context: What the source reads from.
        task_definition: ARN, ``family:revision`` or family.
        source: Name of the source.
        namer: The resource that names it, e.g. ``schedule default/nightly``.
        evidence: How it is used.

    Yields:
        A usage for each image. None if the task definition does not exist any more: a note says so, because the
        next start will fail.
    """
    consumer = f"{namer}, task definition {task_definition.rpartition('/')[2]}"
    usages = usages_of_task_definition(context.task_definitions, task_definition, like(source, consumer, evidence))
    if usages is None:
        context.notes.append(f"{namer} names task definition {task_definition}, which does not exist any more")
        return
    yield from usages


def usages_named(  # noqa: PLR0913 - what a usage is made of
    context: SourceContext,
    named: Named,
    *,
    source: str,
    namer: str,
    evidence: UsageKind = UsageKind.SCHEDULED,
    consumer_arn: str = "",
) -> Iterator[Usage]:
    """The usages of everything that a text of a resource names.

    Args:
        context: What the source reads from.
        named: What the text names.
        source: Name of the source.
        namer: The resource that has the text, as reports name it.
        evidence: How it is used.
        consumer_arn: Of the resource, where it has one.
    """
    for reference in named.references:
        yield Usage(reference, source, namer, evidence, consumer_arn=consumer_arn, in_text=True)
    for name in named.task_definitions:
        if _noted_if_elsewhere(context, name, namer) or noted_if_dynamic(context, name, namer):
            continue
        yield from scheduled(context, name, source=source, namer=namer, evidence=evidence)


def _noted_if_elsewhere(context: SourceContext, task_definition: str, namer: str) -> bool:
    """Whether a task definition is one of another account or region, which cannot be read here; a note says it."""
    found = TASK_DEFINITION.fullmatch(task_definition)
    target = context.aws.target
    if found is None or found["account"] is None:
        return False
    if (found["account"], found["region"]) == (target.account_id, target.region):
        return False
    context.notes.append(f"{namer} names task definition {task_definition}, which is not in {target} and is not read")
    return True
