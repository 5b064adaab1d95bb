"""Clean Rooms ML: the images of model algorithms, of trained models and of inference jobs."""

from typing import Final

from ecr_cleaner.usage.declarative import Call, Chain, Images, source
from ecr_cleaner.usage.source import Grant, arn_of

_SERVICE: Final = "cleanroomsml"

# botocore's metadata has no regions of Clean Rooms ML; those of Clean Rooms stand for them.
_MEMBERSHIPS: Final = Call(
    "ListMemberships",
    items="membershipSummaries[]",
    params={"status": "ACTIVE"},
    service="cleanrooms",
)


def _call(operation: str, items: str, **params_from: str) -> Call:
    return Call(operation, items=items, params_from=params_from, service=_SERVICE, not_found_codes=frozenset())


SOURCES: Final = (
    source(
        "cleanrooms_ml",
        "Clean Rooms ML model algorithms, trained models and inference jobs",
        "The training and the inference image of every algorithm; the digests that models of active memberships were "
        "trained with and inference jobs use",
        "cleanrooms",
        (
            Grant(
                "ListCleanRoomsMl",
                (
                    "cleanrooms-ml:ListConfiguredModelAlgorithms",
                    "cleanrooms-ml:ListTrainedModelInferenceJobs",
                    "cleanrooms-ml:ListTrainedModelVersions",
                    "cleanrooms-ml:ListTrainedModels",
                    "cleanrooms:ListMemberships",
                ),
            ),
            Grant(
                "ReadCleanRoomsMlAlgorithms",
                ("cleanrooms-ml:GetConfiguredModelAlgorithm",),
                arn_of("cleanrooms-ml", "configured-model-algorithm/*"),
            ),
            Grant(
                "ReadCleanRoomsMlModels",
                ("cleanrooms-ml:GetTrainedModel", "cleanrooms-ml:GetTrainedModelInferenceJob"),
                arn_of("cleanrooms-ml", "membership/*"),
            ),
        ),
        Chain(
            "clean rooms trained model {name}",
            (
                _MEMBERSHIPS,
                _call("ListTrainedModels", "trainedModels[]", membershipIdentifier="id"),
                Call(
                    "ListTrainedModelVersions",
                    items="trainedModels[]",
                    params_from={"membershipIdentifier": "membershipIdentifier", "trainedModelArn": "trainedModelArn"},
                    service=_SERVICE,
                ),
                Call(
                    "GetTrainedModel",
                    required_member="trainedModelArn",
                    params_from={
                        "membershipIdentifier": "membershipIdentifier",
                        "trainedModelArn": "trainedModelArn",
                        "versionIdentifier": "versionIdentifier",
                    },
                    # Models from before there were versions have none.
                    optional=frozenset({"versionIdentifier"}),
                    digests=("trainingContainerImageDigest",),
                    service=_SERVICE,
                ),
            ),
        ),
        Chain(
            "clean rooms inference job {name}",
            (
                _MEMBERSHIPS,
                _call("ListTrainedModelInferenceJobs", "trainedModelInferenceJobs[]", membershipIdentifier="id"),
                Call(
                    "GetTrainedModelInferenceJob",
                    required_member="trainedModelInferenceJobArn",
                    params_from={
                        "membershipIdentifier": "membershipIdentifier",
                        "trainedModelInferenceJobArn": "trainedModelInferenceJobArn",
                    },
                    digests=("inferenceContainerImageDigest",),
                    service=_SERVICE,
                ),
            ),
        ),
        Chain(
            "clean rooms model algorithm {name}",
            (
                Call("ListConfiguredModelAlgorithms", items="configuredModelAlgorithms[]", service=_SERVICE),
                Call(
                    "GetConfiguredModelAlgorithm",
                    required_member="configuredModelAlgorithmArn",
                    params_from={"configuredModelAlgorithmArn": "configuredModelAlgorithmArn"},
                    images=(Images("trainingContainerConfig.imageUri"), Images("inferenceContainerConfig.imageUri")),
                    service=_SERVICE,
                ),
            ),
        ),
    ),
)
