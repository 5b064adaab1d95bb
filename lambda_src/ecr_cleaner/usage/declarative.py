"""Declarative sources: a chain of API calls, and the paths in their responses at which images are named.

The members of an item and the parameters it was requested with are available, by name, to all later calls of the
chain. Tests compare every path with botocore's service model, and so does each scan before its first call.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ecr_cleaner.aws import responses
from ecr_cleaner.aws.response_paths import members, values
from ecr_cleaner.errors import SourceError
from ecr_cleaner.model.usage import Reference, Usage, UsageKind
from ecr_cleaner.usage.each import each
from ecr_cleaner.usage.found import like, read_usages, usages_of_texts
from ecr_cleaner.usage.image_names import read_digest, read_name
from ecr_cleaner.usage.images import Images, named_images
from ecr_cleaner.usage.responses import listed_again
from ecr_cleaner.usage.source import Grant, RequiredField, Source, SourceContext
from ecr_cleaner.usage.texts.free_text import FreeText
from ecr_cleaner.usage.texts.search import Grammar


@dataclass(frozen=True, slots=True)
class Call:
    """One listing or describing operation.

    Attributes:
        operation: As AWS writes it.
        items: Path to the items in the response, its last step with ``[]`` for a listing; empty: the response itself.
        required_member: Where the response itself is the item, a member that a complete one always has.
        params_from: Input member to the name under which an earlier item or request had its value.
        params: Input members that are always the same.
        images: Where an item names images.
        digests: Paths to digests of images that are named nowhere else.
        texts: Paths to texts, bytes or structures that are known to name images: the loaded model must have them. All
            other texts of an item are searched as well.
        builds: Paths to texts of builds.
        variables: Paths to variables of builds or workloads, as in `FreeText`.
        grammar: Of all texts of an item but those of builds.
        references: Builds references from members of an item; `extra_fields` are the paths that it reads.
        extra_fields: See `references`.
        error_fields: Paths that have a value only if the service itself could not read something.
        terminal_states: Terminal states by field. An item in one of them can start nothing more; any other state
            counts as in use.
        optional: Those of `params_from` that not every earlier item has.
        evidence: How the images of this call are used.
        service: botocore's name, where it is not the source's.
    """

    operation: str
    items: str = ""
    required_member: str = ""
    params_from: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    images: tuple[Images, ...] = ()
    digests: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    grammar: Grammar = Grammar.UNKNOWN
    references: Callable[[Any], Iterable[Reference]] | None = None
    extra_fields: tuple[str, ...] = ()
    error_fields: tuple[str, ...] = ()
    terminal_states: Mapping[str, frozenset[str]] = field(default_factory=dict)
    optional: frozenset[str] = frozenset()
    evidence: UsageKind = UsageKind.CONFIGURED
    service: str = ""

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that is read from an item."""
        named = [path for one in self.images for path in one.paths]
        required = filter(None, [self.required_member])
        others = (
            *self.digests,
            *self.texts,
            *self.builds,
            *self.extra_fields,
            *self.error_fields,
            *self.terminal_states,
        )
        return (*named, *others, *required)


@dataclass(frozen=True, slots=True)
class Chain:
    """Calls that lead to one kind of consumer.

    Attributes:
        consumer: What reports call one, e.g. ``lightsail container service {containerServiceName}``; the names are
            those of members of items or requests.
        calls: In order; each is made for every item of the previous one.
        arn: ARN of the consumer where no response has it: IAM's name of the service, and what follows the account,
            e.g. ``codepipeline:{name}``.
    """

    consumer: str
    calls: tuple[Call, ...]
    arn: str = ""

    def texts(self, service: str) -> tuple[FreeText, ...]:
        """How the texts of each call's items are searched; those of a summary stand in full where it is described."""
        summaries = [call for call in self.calls[:-1] if call.items.endswith("[]")]
        return tuple(
            FreeText(
                call.service or service,
                call.operation,
                call.items,
                Grammar.VARIABLES if call in summaries else call.grammar,
                (*(path for one in call.images for path in one.paths), *call.digests),
                call.builds,
                call.variables,
            )
            for call in self.calls
        )


@dataclass(frozen=True, slots=True)
class DeclarativeCollector:
    """Collects the usages of a source's chains.

    Attributes:
        name: Of the source.
        service: botocore's name.
        chains: One after the other.
    """

    name: str
    service: str
    chains: tuple[Chain, ...]

    def __call__(self, context: SourceContext) -> Iterator[Usage]:
        """The usages at the ends of all chains.

        Raises:
            AwsError: A call failed.
            IncompleteAnswerError: A response lacks its items.
            SourceError: A response does not have the shape that the chain expects.
        """
        try:
            for chain in self.chains:
                yield from self._follow(context, chain, 0, {})
        except TypeError as error:
            message = f"a response of {self.service} does not match its service model: {error}"
            raise SourceError(message) from None

    def _follow(self, context: SourceContext, chain: Chain, depth: int, known: Mapping[str, Any]) -> Iterator[Usage]:
        """The usages from the call at a depth to the end of a chain.

        Args:
            context: What the source reads from.
            chain: Which calls.
            depth: Index of the call.
            known: Values by member name, from earlier items and requests.
        """
        call = chain.calls[depth]
        listing = partial(self._listed, context, call, known)
        following = chain.calls[depth + 1 : depth + 2]
        client, texts = context.aws.client(call.service or self.service), chain.texts(self.service)[depth]
        with listed_again(lambda: (_asked(following[0], names) for _, names in listing())) as missing:

            def read(own: SourceContext, listed: tuple[Any, Mapping[str, Any]]) -> Iterator[Usage]:
                item, names = listed
                told = _filled(chain.arn, names).split(":", 1)
                arn = context.arn(*told) if chain.arn else _arn(_params(call, known), names)
                usage = like(self.name, _filled(chain.consumer, names), call.evidence, arn)
                yield from _usages(item, call, usage)
                yield from usages_of_texts(texts, item, client, usage)
                for next_call in following:
                    follow = partial(self._follow, own, chain, depth + 1, names)
                    yield from missing.unless_gone(_asked(next_call, names), follow)

            yield from each(context, read, listing())

    def _listed(
        self, context: SourceContext, call: Call, known: Mapping[str, Any]
    ) -> list[tuple[Any, Mapping[str, Any]]]:
        """The items of a call that are in no terminal state, each with what is known of it by member name."""
        params = _params(call, known)
        service = call.service or self.service

        def read() -> list[Any]:
            # All pages before the first item, so that a resource that is deleted between two pages is noticed.
            return list(_items(context, service, call, params | dict(call.params)))

        arn = _arn(params, known)
        items = (context.readable(arn, read) if arn else read()) or []
        # A member that this item's own shape has must not be taken from an earlier item.
        hidden = members(
            context.aws.client(service).meta.service_model.operation_model(call.operation).output_shape, call.items
        )
        before = {name: value for name, value in {**known, **params}.items() if name not in hidden}
        return [
            (item, before | (item if isinstance(item, dict) else {"": item}))
            for item in items
            if not any(value in over for path, over in call.terminal_states.items() for value in values(item, path))
        ]


def source(  # noqa: PLR0913 - a row, each cell by name
    name: str,
    title: str,
    protects: str,
    service: str,
    grants: tuple[Grant, ...],
    *chains: Chain,
    regions: frozenset[str] = frozenset(),
) -> Source:
    """A source that consists of chains of calls only.

    Args:
        name: As in ``source:<name>`` of ``accepted_gaps``.
        title: What the documentation calls it.
        protects: What of it counts as in use, for the documentation.
        service: botocore's name.
        grants: The IAM actions of all calls.
        chains: The calls.
        regions: As in `Source`.
    """
    return Source(
        name=name,
        title=title,
        protects=protects,
        service=service,
        grants=grants,
        fields=tuple(one for chain in chains for one in fields(service, chain)),
        collect=DeclarativeCollector(name, service, chains),
        texts=tuple(one for chain in chains for one in chain.texts(service)),
        proof="model",
        regions=regions,
    )


def fields(service: str, chain: Chain) -> Iterator[RequiredField]:
    """Every response member that a chain reads, as paths from the response."""
    for call in chain.calls:
        for path in call.paths or ("",):
            yield RequiredField(call.service or service, call.operation, ".".join(filter(None, (call.items, path))))


def _params(call: Call, known: Mapping[str, Any]) -> dict[str, Any]:
    params = {member: known[source] for member, source in call.params_from.items() if known.get(source) is not None}
    if missing := sorted(set(call.params_from) - set(params) - call.optional):
        names = ", ".join(call.params_from[member] for member in missing)
        message = f"{call.operation} cannot be called: no earlier response had {names}"
        raise SourceError(message)
    return params


def _asked(call: Call, known: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    """By what a call asks for an earlier item: two items for which that is the same are the same resource."""
    return tuple(sorted(_params(call, known).items()))


def _filled(template: str, values_by_name: Mapping[str, Any]) -> str:
    """Name or ARN of a consumer; what AWS left out of it is empty."""
    return re.sub(r"\{(\w*)\}", lambda name: str(values_by_name.get(name[1], "")), template).rstrip(" :")


def _arn(params: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """The ARN of what a call is about; empty if no earlier response had one."""
    own = [value for name, value in known.items() if name.lower() == "arn"][::-1]
    arns = (value for value in (*params.values(), *own) if isinstance(value, str) and value.startswith("arn:"))
    return next(arns, "")


def _items(context: SourceContext, service: str, call: Call, params: dict[str, Any]) -> Iterator[Any]:
    top, _, further = call.items.partition(".")
    if top.endswith("[]"):
        for item in context.listed(service, call.operation, top.removesuffix("[]"), **params):
            yield from values(item, further)
        return
    answer = responses.called(context.aws.client(service), call.operation, **params)
    responses.member(answer, top or call.required_member, call.operation)
    yield from values(answer, call.items)


def _usages(item: Any, call: Call, usage: Usage) -> Iterator[Usage]:
    """The usages in an item's image fields, each like the given one."""
    for path in call.error_fields:
        for reason in filter(None, values(item, path)):
            message = f"{call.operation} could not read {usage.consumer}: {reason}"
            raise SourceError(message)
    for text, digest in named_images(item, call.images):
        yield from read_usages(usage, text, read_name(text, digest))
    for path in call.digests:
        for digest in filter(None, values(item, path)):
            yield from read_usages(usage, str(digest), read_digest(str(digest)))
    for reference in call.references(item) if call.references else ():
        yield replace(usage, reference=reference)
