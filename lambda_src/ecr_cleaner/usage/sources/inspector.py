"""Amazon Inspector: images that its enhanced scanning saw in ECS tasks and EKS pods, in other accounts too.

It only adds usages: an image that Inspector did not see may be in use.
"""

from collections.abc import Iterator
from typing import Final

from ecr_cleaner.aws import responses
from ecr_cleaner.errors import SourceError
from ecr_cleaner.model.usage import Usage, UsageKind
from ecr_cleaner.reference import anywhere, is_digest
from ecr_cleaner.usage.source import Grant, RequiredField, Source, SourceContext

_NAME: Final = "inspector"
_SCANNING: Final = "GetRegistryScanningConfiguration"
_IMAGES: Final = "AWS_ECR_CONTAINER_IMAGE"


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
    for resource in covered:
        # arn:aws:ecr:eu-west-1:123456789012:repository/shop/api/sha256:<64 hex digits>
        name, _, digest = responses.member(resource, "resourceId", "ListCoverage").rpartition("/")
        if not is_digest(digest):
            message = f"ListCoverage names an image without a digest: {resource['resourceId']}"
            raise SourceError(message)
        consumer = f"ecs task or eks pod that inspector sees, of {name.partition(':repository/')[2]}"
        yield Usage(anywhere(digest), _NAME, consumer, UsageKind.RUNNING)


SOURCES: Final = (
    Source(
        name=_NAME,
        title="What Amazon Inspector sees in use",
        protects="Images that enhanced scanning counts in ECS tasks or EKS pods, also of other accounts; "
        "nothing without enhanced scanning",
        service="inspector2",
        grants=(Grant("ReadInspector", ("ecr:GetRegistryScanningConfiguration", "inspector2:ListCoverage")),),
        fields=(
            RequiredField("ecr", _SCANNING, "scanningConfiguration.scanType"),
            RequiredField("inspector2", "ListCoverage", "coveredResources[].resourceId"),
        ),
        collect=collect,
        home_only=True,  # it tells of the images of its own region's registry
    ),
)
