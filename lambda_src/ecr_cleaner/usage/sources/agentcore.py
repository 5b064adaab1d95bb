"""Bedrock AgentCore: agent runtimes and harnesses that run a container, in all their versions."""

from typing import Final

from ecr_cleaner.usage.declarative import Call, Chain, source
from ecr_cleaner.usage.images import Images
from ecr_cleaner.usage.source import Grant, arn_of
from ecr_cleaner.usage.texts.search import Grammar

_IMAGE: Final = "containerConfiguration.containerUri"

SOURCES: Final = (
    source(
        "agentcore",
        "Bedrock AgentCore agent runtimes and harnesses",
        "The image of every version that AgentCore still lists: sessions start from any of them",
        "bedrock-agentcore-control",
        (
            Grant(
                "ListAgentCore",
                (
                    "bedrock-agentcore:ListAgentRuntimeVersions",
                    "bedrock-agentcore:ListAgentRuntimes",
                    "bedrock-agentcore:ListHarnessVersions",
                    "bedrock-agentcore:ListHarnesses",
                ),
            ),
            Grant(
                "ReadAgentCoreRuntimes",
                ("bedrock-agentcore:GetAgentRuntime",),
                arn_of("bedrock-agentcore", "runtime/*"),
            ),
            Grant(
                "ReadAgentCoreHarnesses",
                ("bedrock-agentcore:GetHarness",),
                arn_of("bedrock-agentcore", "harness/*"),
            ),
        ),
        Chain(
            "bedrock agentcore runtime {agentRuntimeName}:{agentRuntimeVersion}",
            (
                Call("ListAgentRuntimes", items="agentRuntimes[]"),
                Call(
                    "ListAgentRuntimeVersions",
                    items="agentRuntimes[]",
                    params_from={"agentRuntimeId": "agentRuntimeId"},
                ),
                Call(
                    "GetAgentRuntime",
                    required_member="agentRuntimeId",
                    params_from={"agentRuntimeId": "agentRuntimeId", "agentRuntimeVersion": "agentRuntimeVersion"},
                    # Absent on runtimes whose code is a zip file.
                    images=(Images(_IMAGE, at="agentRuntimeArtifact"),),
                    grammar=Grammar.VARIABLES,
                ),
            ),
        ),
        Chain(
            "bedrock agentcore harness {harnessName}:{harnessVersion}",
            (
                Call("ListHarnesses", items="harnesses[]"),
                Call("ListHarnessVersions", items="harnessVersions[]", params_from={"harnessId": "harnessId"}),
                Call(
                    "GetHarness",
                    items="harness",
                    params_from={"harnessId": "harnessId", "harnessVersion": "harnessVersion"},
                    # Absent on harnesses that run in AWS's own image.
                    images=(Images(_IMAGE, at="environmentArtifact"),),
                    grammar=Grammar.VARIABLES,
                ),
            ),
        ),
        # Where botocore's metadata says nothing: https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/agentcore-regions.html
        regions=frozenset(
            {
                *("ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2"),
                *("ap-southeast-5", "ap-southeast-7", "ca-central-1", "eu-central-1", "eu-north-1", "eu-south-1"),
                *("eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2"),
                *("us-gov-west-1", "us-west-1", "us-west-2"),
            }
        ),
    ),
)
