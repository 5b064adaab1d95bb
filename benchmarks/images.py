"""What one repository costs: processor time an image, and memory, with a history and without one.

Runs the real handler as a dry run, in a process of its own for each night: the first one begins the history, the later
ones read it. The images of the repository are generated responses that botocore reads in the process itself; all else
is answered by the sandbox. What a repository of `FEW` images takes is the base: the rows say what each image more
costs. Half of the images are old, a hundredth are indexes, some are in use.

    .venv/bin/python -m benchmarks.images [IMAGES ...]
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from benchmarks.account import run_in_process
from tests.fake_aws import Sandbox
from tests.integration.past import Past

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES: Final = (10_000, 100_000)
FEW: Final = 100
NIGHTS: Final = 3
PAGE: Final = 1000
DAY: Final = 86_400
NAME: Final = "team/app"
SERVICES: Final = 20
MEDIA: Final = {
    "image": "application/vnd.oci.image.manifest.v1+json",
    "index": "application/vnd.oci.image.index.v1+json",
    "config": "application/vnd.oci.image.config.v1+json",
}

_CHILD: Final = """
import json, os, pathlib, time
from botocore import awsrequest, httpsession, parsers
from urllib3.response import HTTPResponse
import io

place = pathlib.Path(os.environ["GENERATED_IMAGES"])
lists = json.loads((place / "lists.json").read_bytes())
send, parse, parsing = httpsession.URLLib3Session.send, parsers.ResponseParser.parse, 0.0

def answer(self, request):
    operation = request.headers.get("X-Amz-Target", b"")
    operation = operation.decode() if isinstance(operation, bytes) else operation
    if operation.endswith(".DescribeImages"):
        body = (place / f"{json.loads(request.body).get('nextToken', '0')}.json").read_bytes()
    elif operation.endswith(".BatchGetImage"):
        digests = [one["imageDigest"] for one in json.loads(request.body)["imageIds"]]
        images = [{"imageId": {"imageDigest": one}, "imageManifest": lists[one]} for one in digests]
        body = json.dumps({"images": images, "failures": []}).encode()
    else:
        return send(self, request)
    headers = {"content-type": "application/x-amz-json-1.1", "content-length": str(len(body))}
    return awsrequest.AWSResponse(request.url, 200, headers, HTTPResponse(io.BytesIO(body), preload_content=False))

def timed(self, *told, **more):
    global parsing
    started = time.thread_time()
    try:
        return parse(self, *told, **more)
    finally:
        parsing += time.thread_time() - started

httpsession.URLLib3Session.send, parsers.ResponseParser.parse = answer, timed
"""


class Cost(NamedTuple):
    """What a night took.

    Attributes:
        processor_seconds: All in.
        parsing_seconds: Of these, in botocore's parsers.
        peak_mib: Memory of the process.
    """

    processor_seconds: float
    parsing_seconds: float
    peak_mib: float


def generate(place: Path, images: int) -> None:
    """Write the responses of DescribeImages for a repository, and the manifests of its indexes."""
    now = int(time.time())
    lists: dict[str, str] = {}
    details: list[dict[str, Any]] = []
    for number in range(images):
        digest = f"sha256:{hashlib.sha256(str(number).encode()).hexdigest()}"
        kind = "index" if number % 100 == 2 else "image"  # noqa: PLR2004 - after the two that it lists
        if kind == "index":
            parts = [{"digest": one["imageDigest"], "mediaType": MEDIA["image"], "size": 1} for one in details[-2:]]
            manifest = json.dumps({"schemaVersion": 2, "mediaType": MEDIA["index"], "manifests": parts})
            digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
            lists[digest] = manifest
        pushed = now - (90 if number % 2 else 5) * DAY - number % DAY
        details.append(
            {
                "registryId": "123456789012",
                "repositoryName": NAME,
                "imageDigest": digest,
                **({} if number % 100 < 2 else {"imageTags": [f"v{number}"]}),  # noqa: PLR2004 - as above
                "imageSizeInBytes": 50_000_000 + number,
                "imagePushedAt": pushed + 0.123,
                "imageManifestMediaType": MEDIA[kind],
                **({} if kind == "index" else {"artifactMediaType": MEDIA["config"]}),
                **({"lastRecordedPullTime": pushed + 60.5} if number % 3 else {}),
                "imageStatus": "ACTIVE",
            }
        )
    for start in range(0, images, PAGE):
        page: dict[str, Any] = {"imageDetails": details[start : start + PAGE]}
        if start + PAGE < images:
            page["nextToken"] = str(start + PAGE)
        (place / f"{start}.json").write_text(json.dumps(page), encoding="utf-8")
    (place / "lists.json").write_text(json.dumps(lists), encoding="utf-8")


def nights(images: int, number: int = NIGHTS) -> Iterator[Cost]:
    """Nights over a repository."""
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), images)
        sandbox.repository(NAME, tags={"BoxCleanerEnabled": "true"})
        past = Past(sandbox)
        names = [f"service-{one}" for one in range(SERVICES)]
        definitions = {f"{one}:1": {"image": f"{{registry}}/{NAME}:v{21 + at}"} for at, one in enumerate(names)}
        services = {one: {"task_definition": f"{one}:1"} for one in names}
        sandbox.seed({"ecs": {"task_definitions": definitions, "clusters": {"prod": {"services": services}}}})
        settings = json.dumps({"schema_version": 1, "storage": {**past.place, "history": True}})
        for night in range(number):
            if night:
                past.passes(days=1)
            told = run_in_process(
                sandbox, _CHILD, "parsing", paced=False, GENERATED_IMAGES=folder, ECR_CLEANER_SETTINGS=settings
            )
            if told["status"] != "completed":
                sys.exit(f"night {night + 1} with {images} images: {told['status']}")
            yield Cost(told["processor_seconds"], told["parsing"], told["peak_mib"])


def main() -> None:
    """Print a row for each size and night."""
    base = list(nights(FEW))
    sys.stdout.write(
        f"{'images':>9} {'night':>5} {'us an image':>12} {'parsing us':>11} {'MiB more':>9} {'peak MiB':>9}\n"
    )
    for images in [int(word) for word in sys.argv[1:]] or SIZES:
        for number, (cost, least) in enumerate(zip(nights(images), base, strict=True), 1):
            each, parsing = ((cost[at] - least[at]) / (images - FEW) * 1e6 for at in (0, 1))
            sys.stdout.write(
                f"{images:>9,} {number:>5} {each:>12.1f} {parsing:>11.1f} {cost.peak_mib - least.peak_mib:>9.0f}"
                f" {cost.peak_mib:>9.0f}\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
