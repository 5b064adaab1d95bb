"""How long nights over a very large account take by AWS's rates, on a virtual clock.

    .venv/bin/python -m benchmarks.virtual [--scale 0.02] [--nights 2]

Runs the real handler with the events of the state machine, each round in three steps, in one process. What there is
very much of is generated where botocore would send a request: repositories, images, services, functions, and the
bucket; all else is answered by the sandbox, in no time. Time passes by

- the processor time of the function, without that of generating answers, as if nobody waited meanwhile: so the times
  are upper bounds;
- what the pacer, botocore's retries and `LATENCY_SECONDS` of each call wait for: whenever no thread computes, the clock
  goes on to the moment at which the first of them need not wait any more.

A call beyond the token buckets of `benchmarks.account` is throttled. There are no indexes, every service was deployed
once, and a later night finds the account as the earlier one left it. With `--scale` the rates stay what they are, so a
small account shows that it works, and only the whole one how long that takes.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from typing import Final

from benchmarks.account import environment_in
from tests.fake_aws import Sandbox
from tests.integration.past import BUCKET, MARKER, NEW, PREFIX

LATENCY_SECONDS: Final = 0.02

_CHILD: Final = '''
import time, threading, queue, concurrent.futures, logging, http.client, socket, ssl, urllib3, heapq, itertools
real_process, real_sleep, lock = time.process_time, time.sleep, threading.Lock()

class Clock:
    """Seconds that were waited, and those of the processor."""
    waited = generating = 0.0
    elsewhere = 0  # calls that another process answers
    waiting, numbers = [], itertools.count()
    def now(self):
        return self.waited + real_process() - self.generating
    def sleep(self, seconds):
        if seconds > 0:
            over = threading.Event()
            with lock:
                heapq.heappush(self.waiting, (self.now() + seconds, next(self.numbers), over))
            over.wait()
    def go_on(self):
        while True:
            before = real_process()
            real_sleep(0.001)
            if self.waiting and not self.elsewhere and real_process() - before < 0.0003:
                with lock:
                    at, _, over = heapq.heappop(self.waiting)
                    self.waited += max(0.0, at - self.now())
                    over.set()

clock, begun = Clock(), time.time()
time.monotonic, time.sleep = clock.now, clock.sleep
threading.Thread(target=clock.go_on, daemon=True).start()
from datetime import UTC, datetime, timedelta
import ecr_cleaner.clock
moment = ecr_cleaner.clock.utc_now = lambda: datetime.fromtimestamp(begun + clock.now(), UTC)

import collections, contextlib, functools, hashlib, io, json, os, pathlib, sys, urllib.parse
from botocore import awsrequest, httpsession
from urllib3.response import HTTPResponse
from ecr_cleaner import handler
from benchmarks.account import BUCKETS
from benchmarks.virtual import LATENCY_SECONDS

ACCOUNT, REGION = "123456789012", "us-east-1"
sizes = json.loads(os.environ["SIZES"])
place = pathlib.Path(os.environ["PLACE"])
REPOSITORIES, IMAGES, REMOVABLE = sizes["repositories"], sizes["images"], sizes["removable"]
SERVICES, FUNCTIONS, VERSIONS = sizes["services"], sizes["functions"], sizes["versions"]
DAY = 86_400
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
ECS = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
USED = -(-(SERVICES + FUNCTIONS * VERSIONS) // REPOSITORIES)  # in each repository, at most
gone = [bytearray(IMAGES) for _ in range(REPOSITORIES)]
calls, throttled = collections.Counter(), collections.Counter()

def manifest(repository, image):
    layers = [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "size": 9_000_000 + layer,
        "digest": f"sha256:{repository:08x}{image:08x}{layer:048x}"} for layer in range(5)]
    config = {"mediaType": CONFIG, "size": 7_000, "digest": f"sha256:{repository:08x}{image:08x}{'f' * 48}"}
    return json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers})

def digest(repository, image):
    return f"sha256:{hashlib.sha256(manifest(repository, image).encode()).hexdigest()}"

@functools.lru_cache(32)
def images_of(repository):
    """The images of a repository by their digests."""
    return {digest(repository, image): image for image in range(IMAGES)}

def name(repository):
    return f"team-{repository % 10}/app-{repository}"

def number(name):
    return int(name.rpartition("-")[2])

def uses(consumer):
    """The image of a service, or of a version of a function."""
    return consumer % REPOSITORIES, consumer // REPOSITORIES

def detail(repository, image, digest):
    # The old ones come first: those in use, then those that nothing needs.
    pushed = begun - (90 if image < USED + REMOVABLE else 1) * DAY - image
    return {"registryId": ACCOUNT, "repositoryName": name(repository), "imageDigest": digest,
        "imageTags": [f"v{image}"], "imageSizeInBytes": 50_000_000, "imagePushedAt": pushed, "imageStatus": "ACTIVE",
        "imageManifestMediaType": MANIFEST, "artifactMediaType": CONFIG}

def page(asked, count, size, one, result, token="nextToken", gives="nextToken"):
    start = int(asked.get(token) or 0)
    more = {gives: str(start + size)} if start + size < count else {}
    return {result: [one(at) for at in range(start, min(start + size, count))], **more}

class Refused(Exception):
    pass

def describe_images(asked):
    repository = number(asked["repositoryName"])
    named = images_of(repository)
    if "imageIds" not in asked:
        there = [one for one, image in named.items() if not gone[repository][image]]
        return page(asked, len(there), 1000, lambda at: detail(repository, named[there[at]], there[at]), "imageDetails")
    wanted = [one["imageDigest"] for one in asked["imageIds"]]
    if any(gone[repository][named[one]] for one in wanted):
        raise Refused("ImageNotFoundException")
    return {"imageDetails": [detail(repository, named[one], one) for one in wanted]}

def batch_get(asked):
    repository = number(asked["repositoryName"])
    wanted = [one["imageDigest"] for one in asked["imageIds"]]
    return {"failures": [], "images": [{"imageId": {"imageDigest": one}, "imageManifestMediaType": MANIFEST,
        "imageManifest": manifest(repository, images_of(repository)[one])} for one in wanted]}

def batch_delete(asked):
    repository = number(asked["repositoryName"])
    for one in asked["imageIds"]:
        image = images_of(repository)[one["imageDigest"]] if "imageDigest" in one else int(one["imageTag"][1:])
        assert image >= USED, f"image {image} is in use"
        assert image < USED + REMOVABLE, f"image {image} is young"
        gone[repository][image] = 1
    return {"failures": [], "imageIds": [
        {"imageDigest": digest(repository, int(one["imageTag"][1:])), **one} if "imageTag" in one else one
        for one in asked["imageIds"]
    ]}

def arn(repository):
    return f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name(repository)}"

def refused(code):
    def refuse(asked):
        raise Refused(code)
    return refuse

OPTED_IN = [{"Key": "BoxCleanerEnabled", "Value": "true"}]

def service(asked):
    at = number(asked.rpartition("/")[2])
    revision = f"{ECS}:service-revision/prod/service-{at}/{at}"
    return {"serviceArn": f"{ECS}:service/prod/service-{at}", "serviceName": f"service-{at}", "status": "ACTIVE",
        "clusterArn": f"{ECS}:cluster/prod", "createdAt": begun - 80 * DAY, "launchType": "FARGATE",
        "taskDefinition": f"{ECS}:task-definition/service-{at}:1", "currentServiceRevisions": [{"arn": revision}],
        "deployments": [{"id": f"ecs-svc/{at}", "status": "PRIMARY", "rolloutState": "COMPLETED",
            "createdAt": begun - 60 * DAY, "updatedAt": begun - 60 * DAY,
            "taskDefinition": f"{ECS}:task-definition/service-{at}:1"}]}

def image_of(at):
    repository, image = uses(at)
    return f"{HOST}/{name(repository)}:v{image}"

def revision(asked):
    at = int(asked.rpartition("/")[2])
    return {"serviceRevisionArn": asked, "taskDefinition": f"{ECS}:task-definition/service-{at}:1",
        "containerImages": [{"containerName": "app", "image": image_of(at), "imageDigest": digest(*uses(at))}]}

def deployments(asked):
    at = number(asked["service"])
    return {"serviceDeployments": [{"serviceDeploymentArn": f"{ECS}:service-deployment/prod/service-{at}/{at}",
        "createdAt": begun - 60 * DAY, "status": "SUCCESSFUL",
        "targetServiceRevisionArn": f"{ECS}:service-revision/prod/service-{at}/{at}"}]}

def task_definition(asked):
    at = number(asked["taskDefinition"].rpartition("/")[2].partition(":")[0])
    return {"taskDefinition": {"taskDefinitionArn": f"{ECS}:task-definition/service-{at}:1", "revision": 1,
        "family": f"service-{at}", "status": "ACTIVE",
        "containerDefinitions": [{"name": "app", "image": image_of(at)}]}}

def version(at):
    function, number = divmod(at, VERSIONS)
    qualifier = str(number or "$LATEST")
    return {"FunctionName": f"function-{function}", "Version": qualifier, "PackageType": "Image",
        "FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:function-{function}:{qualifier}",
        "CodeSha256": digest(*uses(SERVICES + at))[7:], "LastModified": "2026-01-01T00:00:00.000+0000",
        "RevisionId": f"r{at}", "State": "Active"}

def function(path, qualifier):
    at = number(path) * VERSIONS + (0 if qualifier == "$LATEST" else int(qualifier))
    told = version(at)
    repository, image = uses(SERVICES + at)
    return {"Configuration": told, "Code": {"RepositoryType": "ECR", "ImageUri": f"{HOST}/{name(repository)}:v{image}",
        "ResolvedImageUri": f"{HOST}/{name(repository)}@{digest(repository, image)}"}}

ANSWERS = {
    "DescribeRepositories": lambda asked: page(asked, REPOSITORIES, 1000, lambda at: {
        "repositoryArn": arn(at), "repositoryName": name(at), "registryId": ACCOUNT, "createdAt": begun - 99 * DAY,
        "repositoryUri": f"{HOST}/{name(at)}", "imageTagMutability": "MUTABLE"}, "repositories"),
    "DescribeImages": describe_images,
    "BatchDeleteImage": batch_delete,
    "BatchGetImage": batch_get,
    "ListTagsForResource": lambda asked: {"tags": OPTED_IN},
    "GetRepositoryPolicy": refused("RepositoryPolicyNotFoundException"),
    "GetLifecyclePolicy": refused("LifecyclePolicyNotFoundException"),
    "GetResources": lambda asked: page(asked, REPOSITORIES, 100,
        lambda at: {"ResourceARN": arn(at), "Tags": OPTED_IN}, "ResourceTagMappingList", "PaginationToken",
        "PaginationToken"),
    "ListClusters": lambda asked: {"clusterArns": [f"{ECS}:cluster/prod"]},
    "ListServices": lambda asked: page(asked, SERVICES, 100, lambda at: f"{ECS}:service/prod/service-{at}",
        "serviceArns"),
    "DescribeServices": lambda asked: {"services": [*map(service, asked["services"])], "failures": []},
    "ListServiceDeployments": deployments,
    "DescribeServiceRevisions": lambda asked: {
        "serviceRevisions": [*map(revision, asked["serviceRevisionArns"])], "failures": []},
    "DescribeTaskDefinition": task_definition,
    "ListTaskDefinitions": lambda asked: page(asked, SERVICES, 100,
        lambda at: f"{ECS}:task-definition/service-{at}:1", "taskDefinitionArns"),
    "ListTaskDefinitionFamilies": lambda asked: page(asked, SERVICES, 100, lambda at: f"service-{at}", "families"),
    "ListTasks": lambda asked: {"taskArns": []},
    "ListDaemons": lambda asked: {"daemonSummariesList": []},
}
TARGETS = {"AmazonEC2ContainerRegistry": "ecr", "AmazonEC2ContainerServiceV": "ecs",
    "ResourceGroupsTaggingAPI": "resourcegroupstaggingapi"}

def text(value):
    return value.decode() if isinstance(value, bytes) else value or ""

def answered(request, status, body, kind="application/x-amz-json-1.1", **headers):
    headers = {"content-type": kind, "content-length": str(len(body)), **headers}
    return awsrequest.AWSResponse(request.url, status, headers, HTTPResponse(io.BytesIO(body), preload_content=False))

def stored(request, key):
    """One object of the bucket, as a file."""
    file, error = place / hashlib.sha256(key.encode()).hexdigest(), None
    before = file.read_bytes() if file.exists() else None
    etag = None if before is None else f'"{hashlib.md5(before).hexdigest()}"'
    if request.method == "GET":
        error = (404, "NoSuchKey") if before is None else None
        body = before
    elif request.method == "PUT":
        headers = {name.lower(): text(value) for name, value in request.headers.items()}
        wrong = ("if-match" in headers and headers["if-match"] != etag) or ("if-none-match" in headers and etag)
        error = (412, "PreconditionFailed") if wrong else None
        body = request.body or b""
        body = body.read() if hasattr(body, "read") else body
        if error is None:
            file.write_bytes(body)
            etag, body = f'"{hashlib.md5(body).hexdigest()}"', b""
    else:
        raise NotImplementedError(request.method, key)
    if error:
        body = f"<Error><Code>{error[1]}</Code></Error>".encode()
        return answered(request, error[0], body, "application/xml")
    return answered(request, 200, body, "application/octet-stream", ETag=etag)

levels = {}
def is_throttled(service, operation):
    """Whether one of the buckets is empty; else a token is taken."""
    for place, (owner, operations, burst, refill) in enumerate(BUCKETS):
        if owner == service and ("*" in operations or operation in operations):
            level, at = levels.get(place, (burst, clock.now()))
            level = min(burst, level + (clock.now() - at) * refill)
            if level < 1:
                return True
            levels[place] = level - 1, clock.now()
    return False

send = httpsession.URLLib3Session.send
def answer(self, request):
    clock.sleep(LATENCY_SECONDS)
    began = time.thread_time()
    try:
        return made(self, request)
    finally:
        with lock:
            clock.generating += time.thread_time() - began

def made(self, request):
    target, operation = text(request.headers.get("X-Amz-Target")).rpartition(".")[::2]
    url = urllib.parse.urlsplit(request.url)
    path = urllib.parse.unquote(url.path)
    service = next((short for long, short in TARGETS.items() if target.startswith(long)), "")
    asked = dict(urllib.parse.parse_qsl(url.query))
    if path.startswith("/" + os.environ["BUCKET"] + "/"):
        calls[f"s3:{request.method}"] += 1
        return stored(request, path.partition("/")[2])
    if path == "/2015-03-31/functions" or path == "/2015-03-31/functions/":
        service, operation, give = "lambda", "ListFunctions", lambda: page(
            asked, FUNCTIONS * VERSIONS, 50, version, "Functions", "Marker", "NextMarker")
    elif path.startswith("/2015-03-31/functions/function-") and path.count("/") == 3:
        service, operation, give = "lambda", "GetFunction", lambda: function(path, asked["Qualifier"])
    elif service and operation in ANSWERS:
        give = lambda: ANSWERS[operation](json.loads(request.body))
    else:
        calls["others"] += 1
        with lock:
            clock.elsewhere += 1
        try:
            return send(self, request)
        finally:
            with lock:
                clock.elsewhere -= 1
    calls[f"{service}:{operation}"] += 1
    with lock:
        is_late = is_throttled(service, operation)
    if is_late:
        throttled[f"{service}:{operation}"] += 1
        code = "TooManyRequestsException" if service == "lambda" else "ThrottlingException"
        return answered(request, 429 if service == "lambda" else 400, json.dumps({"__type": code}).encode(),
            **{"x-amzn-errortype": code})
    try:
        return answered(request, 200, json.dumps(give()).encode())
    except Refused as error:
        return answered(request, 400, json.dumps({"__type": str(error)}).encode())
httpsession.URLLib3Session.send = answer

logging.getLogger("ecr_cleaner").addHandler(logging.NullHandler())

class Context:
    def __init__(self, run):
        self.aws_request_id, self.ends = run, clock.now() + 900
    def get_remaining_time_in_millis(self):
        return int((self.ends - clock.now()) * 1000)

def peak():
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))

def invoke(label, event):
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # the peak of memory is that of this invocation
    calls.clear(), throttled.clear()
    before, started, processor, there = sum(map(sum, gone)), clock.now(), real_process() - clock.generating, peak()
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            told = handler.handler(event, Context(label), moment)
    except handler.RunFailedError as error:
        told = json.loads(str(error))
    row = [label, told.get("status", "-"), f"{clock.now() - started:.0f}",
        f"{real_process() - clock.generating - processor:.0f}", str(calls.total()), str(throttled.total()),
        str(sum(map(sum, gone)) - before), f"{peak():.0f}"]
    most = ", ".join(f"{name} {count}" for name, count in calls.most_common(8))
    causes = "".join(f"\\n    {cause[:300]}" for cause in told.get("causes", ())[:3])
    sys.stdout.write(f"| {' | '.join(row)} |\\n    {most}{causes}\\n")
    sys.stdout.flush()
    return told

for night in range(1, sizes["nights"] + 1):
    told, label = {"continues": True}, f"night-{night}"
    while told.get("continues"):
        begin = invoke(f"{label} targets", {"schema_version": 1, "action": "targets", "night": label, "request": {}})
        if "items_key" not in begin:
            break
        items = place / hashlib.sha256(f"{os.environ['BUCKET']}/{begin['items_key']}".encode()).hexdigest()
        for item in json.loads(items.read_bytes()):
            invoke(f"{label} scan {begin['round']}", item)
        told = invoke(f"{label} finish {begin['round']}", {"schema_version": 1, "action": "finish", "night": label,
            "round": begin["round"], "request": {}})
    clock.sleep(DAY)
'''


def main() -> None:
    """Print a row for each invocation, and below it its most frequent calls."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.virtual", description=__doc__)
    parser.add_argument("--scale", type=float, default=0.02, help="share of the account")
    parser.add_argument("--nights", type=int, default=2)
    told = parser.parse_args()
    sizes = {
        "repositories": round(2_000 * told.scale),
        "images": 1_000,  # in each repository; as those below
        "removable": 150,
        "services": round(5_000 * told.scale),
        "functions": round(3_000 * told.scale),
        "versions": 5,
        "nights": told.nights,
    }
    storage = {"bucket": BUCKET, "prefix": PREFIX, "history": True, "journal": True, "reports": True}
    settings = {"schema_version": 1, "grace_days": 0, "storage": storage}
    with Sandbox() as sandbox, tempfile.TemporaryDirectory() as place:
        environment = environment_in(sandbox) | {
            "PYTHONPATH": f"lambda_src{os.pathsep}.",
            "DRY_RUN": "false",
            "ECR_CLEANER_SETTINGS": json.dumps(settings),
            "SIZES": json.dumps(sizes),
            "PLACE": place,
            "BUCKET": BUCKET,
        }
        marker = f"import hashlib, os; name = hashlib.sha256({f'{BUCKET}/{MARKER}'!r}.encode()).hexdigest()\n"
        marker += f"open(os.path.join(os.environ['PLACE'], name), 'wb').write({NEW!r})\n"
        columns = ("invocation", "status", "seconds", "of the processor", "calls", "throttled", "removed", "peak MiB")
        sys.stdout.write(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n")
        sys.stdout.flush()
        subprocess.run([sys.executable, "-c", marker + _CHILD], env=environment, check=True)  # noqa: S603 - our own


if __name__ == "__main__":
    main()
