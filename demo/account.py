"""The account of the demo: the sandbox in a process of its own, seen through boto3 as any AWS account would be."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, Request, build_opener

import boto3
from botocore.config import Config

from tools.processes import byte_code
from tools.stack import CREDENTIALS, NO_OTHER_CREDENTIALS, REGION
from tools.terraform import ROOT, ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tools.processes import Children

COMPANY: Final = Path("tests/fake_aws/scenarios/company.yaml")
OPT_IN: Final = "BoxCleanerEnabled"

_INDEXES: Final = frozenset(
    {"application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"}
)


@dataclass(frozen=True, slots=True)
class Shelf:
    """One repository at one moment.

    Attributes:
        name: Of the repository.
        opted_in: Whether its tag is exactly ``true``.
        images: Digests of its images.
        size: Bytes of all images; layers that images share are counted for each, indexes not at all.
    """

    name: str
    opted_in: bool
    images: frozenset[str]
    size: int


class Account:
    """A running sandbox with the example company in it; as a context manager it ends with the block.

    Attributes:
        endpoint: Its URL.
    """

    def __init__(self, children: Children, environment: Mapping[str, str], *options: str) -> None:
        command = [sys.executable, "-m", "tests.fake_aws", "--scenario", str(COMPANY), *options]
        self._children = children
        self._process = children.start(command, folder=ROOT, environment=environment)
        self.endpoint = self._first_line()

    def _first_line(self) -> str:
        said = []
        for line in self._process.stdout or ():
            said.append(line)
            if line.startswith("{"):
                endpoint: str = json.loads(line)["endpoint"]
                return endpoint
        raise ToolError(f"The sandbox did not start:\n{''.join(said)}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._children.stop(self._process)

    def client(self, service: str) -> Any:
        """A boto3 client of the account, that asks no proxy and reads nobody's configuration."""
        return boto3.client(
            service,
            region_name=REGION,
            endpoint_url=self.endpoint,
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            config=Config(proxies={}),
        )

    def add_image(self, repository: str, tag: str) -> str:
        """Makes a repository with one image, that of the function; returns how Lambda names it."""
        uri: str = self.client("ecr").create_repository(repositoryName=repository)["repository"]["repositoryUri"]
        body = json.dumps({"repository": repository, "tags": [tag]}).encode()
        request = Request(  # noqa: S310 - the sandbox's own address
            f"{self.endpoint}/_sandbox/push", body, {"Content-Type": "application/json"}
        )
        with build_opener(ProxyHandler({})).open(request) as answer:
            answer.read()
        return f"{uri}:{tag}"

    def subscribed(self, topic: str) -> str:
        """Makes a mailbox that receives what is published on a topic: a queue; returns its URL."""
        sqs = self.client("sqs")
        url: str = sqs.create_queue(QueueName="mailbox")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        self.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
        return url

    def mails(self, mailbox: str) -> list[tuple[str, str]]:
        """Subject and text of everything that has come into a mailbox, in order; none of it comes twice."""
        found = self.client("sqs").receive_message(QueueUrl=mailbox, MaxNumberOfMessages=10).get("Messages", [])
        told = [json.loads(message["Body"]) for message in found]
        return [(one["Subject"], one["Message"]) for one in sorted(told, key=lambda one: str(one["Timestamp"]))]

    def fetch(self, uri: str, target: Path) -> Path:
        """Copies an object to a file, whose path it returns."""
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(self.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read())
        return target

    def cluster_hosts(self) -> list[str]:
        """The hosts at which Kubernetes clusters answer."""
        eks = self.client("eks")
        endpoints = (eks.describe_cluster(name=name)["cluster"]["endpoint"] for name in eks.list_clusters()["clusters"])
        return [str(urlsplit(endpoint).hostname) for endpoint in endpoints]

    def shelves(self) -> list[Shelf]:
        """Returns every repository as it is now, by name."""
        ecr = self.client("ecr")
        pages = ecr.get_paginator("describe_repositories").paginate()
        found = [repository for page in pages for repository in page["repositories"]]
        return [self._shelf(ecr, repository) for repository in sorted(found, key=lambda one: one["repositoryName"])]

    def has(self, repository: str, tag: str) -> bool:
        """Whether there is an image."""
        ecr = self.client("ecr")
        try:
            ecr.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
        except ecr.exceptions.ImageNotFoundException:
            return False
        return True

    def _shelf(self, ecr: Any, repository: Mapping[str, str]) -> Shelf:
        name = repository["repositoryName"]
        tags = ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]
        pages = ecr.get_paginator("describe_images").paginate(repositoryName=name, filter={"imageStatus": "ANY"})
        images = [image for page in pages for image in page["imageDetails"]]
        return Shelf(
            name,
            {"Key": OPT_IN, "Value": "true"} in tags,
            frozenset(image["imageDigest"] for image in images),
            sum(image["imageSizeInBytes"] for image in images if image["imageManifestMediaType"] not in _INDEXES),
        )


def own_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment for this process's own children that speak AWS: no credentials but the fake ones."""
    return {**environment, **CREDENTIALS, **NO_OTHER_CREDENTIALS, **byte_code()}
