"""Clean Rooms ML: the images of model algorithms, of trained models and of inference jobs."""

from functools import partial
from typing import Final

from ecr_cleaner.usage.declarative import Call, Chain, source
from ecr_cleaner.usage.images import Images
from ecr_cleaner.usage.source import Grant, arn_of
from ecr_cleaner.usage.texts.search import Grammar

# botocore's metadata has no regions of Clean Rooms ML; those of Clean Rooms stand for them.
_MEMBERSHIPS: Final = Call(
    "ListMemberships",
    items="membershipSummaries[]",
    params={"status": "ACTIVE"},
    service="cleanrooms",
)


_call: Final = partial(Call, service="cleanroomsml")

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
                _call(
                    "ListTrainedModels",
                    items="trainedModels[]",
                    params_from={"membershipIdentifier": "id"},
                ),
                _call(
                    "ListTrainedModelVersions",
                    items="trainedModels[]",
                    params_from={"membershipIdentifier": "membershipIdentifier", "trainedModelArn": "trainedModelArn"},
                ),
                _call(
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
                ),
            ),
        ),
        Chain(
            "clean rooms inference job {name}",
            (
                _MEMBERSHIPS,
                _call(
                    "ListTrainedModelInferenceJobs",
                    items="trainedModelInferenceJobs[]",
                    params_from={"membershipIdentifier": "id"},
                ),
                _call(
                    "GetTrainedModelInferenceJob",
                    required_member="trainedModelInferenceJobArn",
                    params_from={
                        "membershipIdentifier": "membershipIdentifier",
                        "trainedModelInferenceJobArn": "trainedModelInferenceJobArn",
                    },
                    digests=("inferenceContainerImageDigest",),
                ),
            ),
        ),
        Chain(
            "clean rooms model algorithm {name}",
            (
                _call("ListConfiguredModelAlgorithms", items="configuredModelAlgorithms[]"),
                _call(
                    "GetConfiguredModelAlgorithm",
                    required_member="configuredModelAlgorithmArn",
                    params_from={"configuredModelAlgorithmArn": "configuredModelAlgorithmArn"},
                    images=(Images("trainingContainerConfig.imageUri"), Images("inferenceContainerConfig.imageUri")),
                    grammar=Grammar.VARIABLES,
                ),
            ),
        ),
    ),
)
