"""Amazon Inspector: images that its enhanced scanning saw in ECS tasks and EKS pods, in other accounts too.

It only adds usages: an image that Inspector did not see may be in use.

And it adds doubt: it names the clusters in which images run. One in which nobody looked shows that somebody pulls who
is not seen, so the repositories of these images are skipped (`ecr_cleaner.decision.coverage`). That it names none shows
nothing: it knows of running tasks and pods alone. So a call for clusters that fails is a note, and no failure.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Final

from ecr_cleaner.aws import errors, responses
from ecr_cleaner.errors import CleanerError, OutOfTimeError, SourceError
from ecr_cleaner.model.usage import SeenCluster, Usage, UsageKind
from ecr_cleaner.reference import anywhere, is_digest
from ecr_cleaner.usage.each import each
from ecr_cleaner.usage.source import Grant, RequiredField, Source, SourceContext

_NAME: Final = "inspector"
_SCANNING: Final = "GetRegistryScanningConfiguration"
_CLUSTERS: Final = "GetClustersForImage"
_IMAGES: Final = "AWS_ECR_CONTAINER_IMAGE"

MOST_ASKED: Final = 100
"""Images whose clusters one run asks for: one call each."""


def collect(context: SourceContext) -> Iterator[Usage]:
    """The digest of every image that Inspector counts as in use; none if enhanced scanning is off.

    Yields:
        Usages of the kind ``running``, in any repository: to an organization's administrator Inspector lists the images
        of all accounts.

    Raises:
        SourceError: A covered image has no digest in its id.
    """
    answer = context.aws.client("ecr").get_registry_scanning_configuration()
    if responses.member(answer, "scanningConfiguration.scanType", _SCANNING) != "ENHANCED":
        return
    covered = context.listed(
        "inspector2",
        "ListCoverage",
        "coveredResources",
        maxResults=200,
        filterCriteria={
            "resourceType": [{"comparison": "EQUALS", "value": _IMAGES}],
            "ecrImageInUseCount": [{"lowerInclusive": 1}],
        },
    )
    of_registry = f"arn:{context.aws.partition}:ecr:{context.aws.region}:{context.aws.account_id}:repository/"
    running: dict[str, list[str]] = defaultdict(list)
    for resource in covered:
        # arn:aws:ecr:eu-west-1:123456789012:repository/shop/api/sha256:<64 hex digits>
        name, _, digest = responses.member(resource, "resourceId", "ListCoverage").rpartition("/")
        if not is_digest(digest):
            message = f"ListCoverage names an image without a digest: {resource['resourceId']}"
            raise SourceError(message)
        consumer = f"ecs task or eks pod that inspector sees, of {name.partition(':repository/')[2]}"
        if name.startswith(of_registry):
            running[name.removeprefix(of_registry)].append(f"{name}/{digest}")
        yield Usage(anywhere(digest), _NAME, consumer, UsageKind.RUNNING)
    _see_clusters(context, running)


def _see_clusters(context: SourceContext, running: Mapping[str, Sequence[str]]) -> None:
    """Find out in which clusters images of this registry run, those of each repository in turn.

    Args:
        context: Takes the clusters; and a note if not all of them are known.
        running: ARNs of images by repository.
    """
    turns = zip_longest(*(running[name] for name in sorted(running)))
    images = [arn for turn in turns for arn in turn if arn is not None]
    asked, cause = images[:MOST_ASKED], ""
    if len(asked) < len(images):
        cause = f"it sees {len(images)} images of this registry in use, and only {MOST_ASKED} are asked for"
    try:
        for cluster in each(context, _clusters, asked):
            context.clusters_seen.append(cluster)
    except OutOfTimeError:
        raise
    except (CleanerError, *errors.AwsError) as error:
        cause = errors.sentence(error)
    if cause:
        note = "not every cluster is known that Inspector sees, so one that nobody looked at may not show"
        context.notes.append(f"{note}: {cause}")


def _clusters(context: SourceContext, image: str) -> Iterator[SeenCluster]:
    repository = image.partition(":repository/")[2].rpartition("/")[0]
    asked = {"filter": {"resourceId": image}, "maxResults": 100}
    for found in responses.paged(context.aws.client("inspector2"), _CLUSTERS, "cluster", **asked):
        yield SeenCluster(repository, responses.member(found, "clusterArn", _CLUSTERS))


SOURCES: Final = (
    Source(
        name=_NAME,
        title="What Amazon Inspector sees in use",
        protects="Images that enhanced scanning counts in ECS tasks or EKS pods, also of other accounts; "
        "nothing without enhanced scanning. A cluster that it names, and in which nobody looked, skips the repository",
        service="inspector2",
        grants=(
            Grant(
                "ReadInspector",
                (
                    "ecr:GetRegistryScanningConfiguration",
                    "inspector2:GetClustersForImage",
                    "inspector2:ListCoverage",
                ),
            ),
        ),
        fields=(
            RequiredField("ecr", _SCANNING, "scanningConfiguration.scanType"),
            RequiredField("inspector2", "ListCoverage", "coveredResources[].resourceId"),
            RequiredField("inspector2", _CLUSTERS, "cluster[].clusterArn"),
        ),
        collect=collect,
        home_only=True,  # it tells of the images of its own region's registry
    ),
)
