"""Texts as people write them: which images they need, and which they must not keep."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from ecr_cleaner.model.usage import Reference, ReferenceScope
from ecr_cleaner.usage.texts.search import Grammar, search
from tests.builders import ACCOUNT, HOST, REGION, digest

if TYPE_CHECKING:
    from collections.abc import Callable

H: Final = HOST
ANY: Final = "$AWS_ACCOUNT_ID.dkr.ecr.$AWS_DEFAULT_REGION.amazonaws.com"
X: Final = digest("x")
SECRET: Final = "S3cr3tS3cr3t"


def is_covered(reference: Reference, name: str) -> bool:
    """Whether a reference protects an image of the tests' registry, e.g. ``app:v1`` or ``app@sha256:…``."""
    if reference.account is not None and (reference.account, reference.region) != (ACCOUNT, REGION):
        return False
    repository, _, wanted = name.partition("@" if "@" in name else ":")
    if reference.breadth is not ReferenceScope.IMAGE:
        return reference.covers(repository)
    there = reference.digest if "@" in name else reference.effective_tag if reference.digest is None else None
    return (reference.repository, there) == (repository, wanted)


def check(grammar: Grammar, value: Any, needs: str, others: str = "zz:v9") -> None:
    """What a value needs stays, and others are not kept."""
    found = search(value, grammar).references
    kept = [name for name in [*needs.split(), *others.split()] if any(is_covered(one, name) for one in found)]
    assert kept == needs.split(), [one.text for one in found]


def build(*commands: str, **variables: str) -> str:
    """A build specification."""
    env = "".join(f"    {name}: {value}\n" for name, value in variables.items())
    lines = "".join(f"      - {command}\n" for command in commands)
    return f"version: 0.2\nenv:\n  variables:\n{env}phases:\n  build:\n    commands:\n{lines}"


BUILDS: Final[list[tuple[str, str, str]]] = [
    # Caches, bases and copies of every tool.
    (
        build(
            f"docker buildx build --push --cache-to type=registry,ref={H}/cache:$B,mode=max"
            f" --cache-from type=registry,ref={H}/cache:$B -t {H}/web:$T ."
        ),
        "cache:v9",
        "web:v9",
    ),
    (build(f"docker build --cache-from {H}/web:latest,{H}/web:main -t {H}/web:$T ."), "web:latest web:main", "web:v9"),
    (build(f"docker buildx build --build-context a=docker-image://{H}/base:$V -t {H}/web:$T ."), "base:v9", "web:v9"),
    (build(f"/kaniko/executor --destination={H}/web:$T --cache=true --cache-repo={H}/cache"), "cache:v9", "web:v9"),
    (build(f"skopeo sync --src docker --dest docker {H}/base:$V {H}/mirror"), "base:v9", "mirror:v9"),
    (build(f"c=$(buildah from {H}/base:$V)", f"buildah push {H}/web:$T"), "base:v9", "web:v9"),
    (build(f"pack build {H}/web:$T --publish --builder {H}/builder:$B"), "builder:v9", "api:v9"),
    (build(f"docker pull {H}/hub/library/node:$V"), "hub/library/node:v9", "web:v9"),
    # What a build writes for others to read.
    (build(f"docker push {H}/web:$T", f"printf '%s' {H}/web:$T > image.txt"), "", "web:v9"),
    (build(f'sed -i "s#<IMAGE>#{H}/web:$T#g" task.json'), "web:v9", "api:v9"),
    (build(f"aws lambda update-function-code --function-name x --image-uri {H}/web:$T"), "web:v9", "api:v9"),
    (build(f"docker push {H}/web:$T", f"aws ssm put-parameter --name x --value {H}/web:$T"), "", "web:v9"),
    (build(f'ssh h "docker pull {H}/web:$T && docker run {H}/web:$T"'), "web:v9", "api:v9"),
    (f"- |\n  ssh h <<'EOF'\n  docker pull {H}/web:$T\n  EOF\n", "web:v9", "api:v9"),
    (f'- |\n  cat > t.json <<EOF\n  {{"containers":[{{"image":"{H}/web:$T"}}]}}\n  EOF\n', "web:v9", "api:v9"),
    (f"- |\n  cat > x <<EOF\n  FROM {ANY}/base:1.2\n  EOF\n- docker build -t {ANY}/web:$T .", "base:1.2", "web:v9"),
    # Loops, arrays, functions.
    (build(f"for s in web api; do docker build -t {H}/$s:$T $s && docker push {H}/$s:$T; done"), "", "web:v9 api:v9"),
    (build(f"for s in web api; do docker pull {H}/$s:$T; done"), "web:v9 api:v9", ""),
    (build(f"I=({H}/a:$T {H}/b:$T)", 'for i in "${I[@]}"; do docker pull $i; done'), "a:v9 b:v9", "c:v9"),
    (build(f"M[web]={H}/web:$T", "docker pull ${M[web]}"), "web:v9", "c:v9"),
    (build(f"case $X in a) docker pull {H}/web:$T;; esac"), "web:v9", "api:v9"),
    # Account look-ups, and names that are joined across lines.
    (build("A=$(aws sts x)", "R=${A}.dkr.ecr.$G.amazonaws.com/web", "docker push $R:$T"), "", "web:v9"),
    (build("A=$(aws sts x)", "R=$A.dkr.ecr.$G.amazonaws.com/web", "docker pull $R:a || true"), "web:a", "web:v9"),
    (build(f"A={ACCOUNT}", "U=$A.dkr.ecr.$R.amazonaws.com", "docker pull $U/web:v1"), "web:v1", "api:v1"),
    (build(f"R={H}", "N=web", "I=$R/$N", "docker pull $I:stable"), "web:stable", ""),
    (build(f"I={H}", "I+=/web", "docker pull $I:$T"), "web:v9", ""),
    # A host that a command prints may be followed by a name.
    (build(f'I=$(printf "%s/web:%s" {H} $T)', "docker pull $I"), "web:v9", ""),
    (build(f"E={H}", 'docker pull $(printf "%s/web:%s" $E $T)'), "web:v9", ""),
    (build(f'printf -v I "%s/web:%s" {H} $T', "docker pull $I"), "web:v9", ""),
    (build(f"docker pull $(echo {H})/web:$T"), "web:v9", ""),
    (build(f"O=$(aws ecr get-login-password | docker login -u AWS --password-stdin {H})"), "", "web:v9"),
    # Variables, in any letters; and in the shells of Windows.
    (build("docker pull $ecrHost/web:v1", ecrHost=f'"{H}"'), "web:v1", "web:v9"),
    (build("docker pull $ecr/web:$T", ecr=H), "web:v9", "api:v9"),
    (build("docker push $repo:$T", repo=f"{H}/web"), "", "web:v9"),
    (build(f'$ecr = "{H}"', 'docker pull "$Ecr/web:$tag"'), "web:v9", "api:v9"),
    (build(f'$repo = "{H}/web"', 'docker push "${repo}:$tag"'), "", "web:v9"),
    (build(f'$repo = "{H}/web:$tag"', "./deploy.ps1"), "web:v9", "api:v9"),
    (build('docker pull "$Env:ecr/web:v1"', ECR=H), "web:v1", "api:v9"),
    (build(f'$env:ECR = "{H}"', 'docker pull "${env:ECR}/web:$env:TAG"'), "web:v9", "api:v9"),
    (build('docker push "$env:ECR/web:$env:TAG"', ECR=H), "", "web:v9"),
    (build(f"set ECR={H}", "docker pull %ECR%/web:%T%"), "web:v9", "api:v9"),
    (build("docker push %A%.dkr.ecr.%R%.amazonaws.com/%N%:%T%"), "", "web:v9"),
    (build("docker pull %A%.dkr.ecr.%R%.amazonaws.com/web:%T%"), "web:v9", "api:v9"),
    (build(f"env={H}/web", "docker pull $env:v1"), "web:v1", "api:v1"),
    # What a program reads from a variable that no command of the text reads.
    (build(f"IMAGE={H}/web:$T docker compose up -d"), "web:v9", "api:v9"),
    (build(f"IMAGE={H}/web:$T docker compose push", f"I={H}/web:$T docker-compose build"), "", "web:v9"),
    (build(f"export IMAGE={H}/web:$T", "envsubst < k8s.yml | kubectl apply -f -"), "web:v9", "api:v9"),
    (build(f"export TF_VAR_image={H}/web:$T", "terraform apply -auto-approve"), "web:v9", "api:v9"),
    (build(f"docker push {H}/web:$T", f"export IMAGE={H}/web:$T", "envsubst < a > b"), "", "web:v9"),
    (build(f"export IMAGE={H}/web:$T", "docker build -t $IMAGE .", "docker push $IMAGE"), "", "web:v9"),
    (build(f"export IMAGE={H}/web", "make push"), "", "web:v9"),
    (build(f"IMAGE={H}/web:$T", "make push"), "", "web:v9"),
    (build(f"export BASE={H}/base", "docker build --build-arg BASE -t x ."), "base:v9", "web:v9"),
    # Forms of YAML.
    (f'- "docker pull\n   {H}/web:$T"\n', "web:v9", "api:v9"),
    (f'commands: [\n  "docker push {H}/web:$T",\n  "docker run {H}/api:$T"\n]\n', "api:v9", "web:v9"),
    (f"- |2-\n    docker run {H}/api:$T\n", "api:v9", "web:v9"),
    (f"build-list:\n- env:\n    image: {H}/a:$V\nx:\n  image:\n  - {H}/b:v1\n  - {H}/c", "a:v9 b:v1 c:v9", "b:v9"),
    (f"x:\n  commands:\n    - docker push {H}/web:$T\n  finally:\n    - docker run {H}/n:$V\n", "n:v9", "web:v9"),
    (json.dumps({"env": {"variables": {"repo": f"{H}/web"}}, "commands": ["docker push $repo:$T"]}), "", "web:v9"),
    (json.dumps({"env": {"variables": {"repo": f"{H}/web"}}, "commands": ["docker run $repo:$T"]}), "web:v9", "a:v9"),
    (json.dumps({"commands": [f"docker run {H}/a:v1"]}).replace("/", "\\u002f"), "a:v1", "a:v9"),
    (f"docker run {H}/web:#{{Source.CommitId}}", "web:v9", "api:v9"),
    (f"docker push {H}/web:#{{Source.CommitId}}", "", "web:v9"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "needs", "others"), BUILDS)
def test_a_build(text: str, needs: str, others: str) -> None:
    """Build specifications of real life, commands of pipelines."""
    check(Grammar.BUILD, text, needs, others)


def test_a_build_reads_the_variables_of_its_project() -> None:
    """They stand beside the text."""
    variables = [{"name": "REPOSITORY_URI", "value": f"{H}/web", "type": "PLAINTEXT"}]
    commands = build("docker pull $REPOSITORY_URI:latest || true", "docker push $REPOSITORY_URI:$T")
    check(Grammar.BUILD, [variables, commands], "web:latest", "web:v9")


def call(**arguments: Any) -> str:
    """A state machine with one call."""
    return json.dumps({"StartAt": "A", "States": {"A": {"Type": "Task", "Arguments": arguments, "End": True}}})


DEFINITIONS: Final[list[tuple[Any, str, str]]] = [
    # JSONata and JSONPath.
    (call(Image=f"{{% '{H}/web:' & $states.input.tag %}}"), "web:v9", "api:v9"),
    (call(Image=f"{{% '{H}' & '/web:' & $tag %}}"), "web:v9", ""),
    (call(Image=f"{{% '{H}/web:v1' %}}"), "web:v1", "web:v9"),
    (call(Image=f"{{% $x ? '{H}/web:v1' : '{H}/api:v2' %}}"), "web:v1 api:v2", "web:v9 api:v9"),
    (call(Image=f"{{% $join(['{H}/web', $tag], ':') %}}"), "web:v9", ""),
    (call(Image=f"{{% $replace('{H}/web:TAG', 'TAG', $t) %}}"), "web:v9", "api:v9"),
    (call(**{"Image.$": f"States.Format('{H}/web:{{}}', $.tag)"}), "web:v9", "api:v9"),
    (call(**{"Image.$": "States.Format('{}.dkr.ecr.{}.amazonaws.com/web:{}', $.a, $.r, $.t)"}), "web:v9", "api:v9"),
    (call(**{"Image.$": f"States.ArrayGetItem(States.Array('{H}/a:v1','{H}/b:v2'),$.i)"}), "a:v1 b:v2", "a:v9"),
    (call(**{"Image.$": f"States.Format('{{}}-x {{}}', '{H}/a:v1', '{H}/b:v2')"}), "a:v1 a:v1-x b:v2", "c:v1"),
    (f"States.Format('{{}}-x', States.ArrayGetItem(States.Array('{H}/a:v1','{H}/b:v1'),0))", "a:v1-x b:v1-x", "c:v9"),
    (f"'{{}}-x'.format(lower('{H}/a:v1'))", "a:v1 a:v1-x", "b:v9"),
    (f"format('):{{}}-x', '{H}/a:v1')", "a:v1 a:v1-x", "b:v9"),
    (f"'%s-x' % ('{H}/a:v1')", "a:v1 a:v1-x", "b:v9"),
    (f"format('{{}}', x); image('{H}/a:v1');", "a:v1", "a:v9"),
    (call(Environment=json.dumps({"buildspecOverride": f"docker pull {H}/a:v1\n"})), "a:v1", "a:v9"),
    # Templates of EventBridge, Pipes, Scheduler.
    ({"InputTemplate": f'{{"image":"{H}/web:<t>"}}'}, "web:v9", "api:v9"),
    ({"InputTemplate": '{"image":"<acct>.dkr.ecr.<region>.amazonaws.com/web:<t>"}'}, "web:v9", "api:v9"),
    ({"InputTemplate": f'{{"image":"{H}/web:<$.body.tag>"}}'}, "web:v9", "api:v9"),
    ({"Input": f'{{"Image":"{H}/web:<aws.scheduler.attempt-number>"}}'}, "web:v9", "api:v9"),
    ({"Input": f'{{"Code":{{"ImageUri":"{H}/fn@{X}"}}}}'}, f"fn@{X}", "fn:v9"),
    # Other templates and languages.
    ("{{ account }}.dkr.ecr.{{ region }}.amazonaws.com/web:{{ tag }}", "web:v9", "api:v9"),
    ("{{ .Values.account }}.dkr.ecr.{{ .Values.region }}.amazonaws.com/web:v1", "web:v1", "web:v9"),
    ('f"{account}.dkr.ecr.{region}.amazonaws.com/web:{tag}"', "web:v9", "api:v9"),
    ('"#{acct}.dkr.ecr.#{reg}.amazonaws.com/web:#{tag}"', "web:v9", "api:v9"),
    ('account + ".dkr.ecr." + region + ".amazonaws.com/web:v1"', "web:v1", ""),
    ('{"Fn::Sub":"${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/web:${Tag}"}', "web:v9", "api:v9"),
    ("FROM {{{ imagebuilder:parentImage }}}\nCOPY --from=" + H + "/tools:v1 /a /b\nRUN x", "tools:v1", "tools:v9"),
    (f"Manifests:\n- URI: docker:{H}/a@{X}\n  Run: docker run {H}/b:{{configuration:/tag}}\n", f"a@{X} b:v9", "a:v9"),
    (f"<x image='{H}/a:v1'/>", "a:v1", "a:v9"),
    (f"{{% set image = '{H}/a:v1' %}}", "a:v1", "a:v9"),
    (f'{{"images":"{H}/a:v1,{H}/b:v1"}}', "a:v1 b:v1", "a:v9"),
    # JSON in JSON, and other ways to write the same.
    (json.dumps({"a": json.dumps({"b": json.dumps({"i": f"{H}/a:v1"})})}), "a:v1", "a:v9"),
    (json.dumps({"a": json.dumps({"b": f"{H}/a:v1"}).replace("/", "\\/")}), "a:v1", "a:v9"),
    (f"[x](https://{H}/a:v1)", "a:v1", "b:v9"),
    (f"https://x/?image={H}%2Fa%3Av1", "a:v1", ""),
    (f"镜像{H}/a:v1。部署🚀{H}/b:v1🚀", "a:v1 b:v1", "c:v9"),
    (f"{H}/a:v1\0", "a:v1", "b:v9"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "needs", "others"), DEFINITIONS)
def test_a_definition(value: Any, needs: str, others: str) -> None:
    """State machines, inputs, templates, recipes."""
    check(Grammar.UNKNOWN, value, needs, others)


def env(**variables: str) -> dict[str, Any]:
    """Variables of a container."""
    return {"environment": [{"name": name, "value": value} for name, value in variables.items()]}


WORKLOADS: Final[list[tuple[Any, str, str]]] = [
    # Members of what runs that are no variables.
    ({"dockerLabels": {"image": f"{H}/web:v1"}, "links": [H]}, "web:v1", "web:v9"),
    ({"logConfiguration": {"options": {"sidecar": f"{H}/fluent:v1"}}}, "fluent:v1", "fluent:v9"),
    ({"proxyConfiguration": {"properties": [{"name": "Image", "value": f"{H}/envoy:v1"}]}}, "envoy:v1", "envoy:v9"),
    ({"nodeRangeProperties": [{"container": {"command": ["run", "--image", f"{H}/a:v1"]}}]}, "a:v1", "a:v9"),
    ({"podProperties": {"metadata": {"annotations": {"inject": f"{H}/side:v2"}}}}, "side:v2", "side:v9"),
    ({"HyperParameters": {"image_uri": f'"{H}/a:v1"'}}, "a:v1", "a:v9"),
    # Names that stand in several variables, or in lines of one.
    (env(REPO=f"{H}/web", IMAGE_VERSION="1.2"), "web:1.2", "web:v9"),
    (env(CONFIG=f"runner:\n  repository: {H}/web\n  tag: v1\n"), "web:v1", "web:v9"),
    (env(CONFIG=f'[runners.docker]\nimage = "{H}/web:v1"'), "web:v1", "web:v9"),
    (env(DOTENV=f"export REPO={H}/web\nexport TAG='v1'\n"), "web:v1", "web:v9"),
    (env(REGISTRY=H, IMAGE="$REGISTRY/web:v1"), "web:v1", "web:v9"),
    (env(REPO=f"{H}/web", T="v1") | {"command": ["sh", "-c", "docker run $REPO:$T"]}, "web:v1", "web:v9"),
    ({"env": [{"name": "REGISTRY", "value": H}], "args": ["--image=$(REGISTRY)/web:v1"]}, "web:v1", "web:v9"),
    ({"Environment": {"REGISTRY": H}, "ContainerEntrypoint": ["run", "${REGISTRY}/web:v1"]}, "web:v1", "web:v9"),
    (env(I="${IMG:-" + H + "/web:v1}"), "web:v1", "web:v9"),
    (env(I=f"web={H}/a:v1,api={H}/b:v2;{H}/c:v3|{H}/d:v4 $X"), "a:v1 b:v2 c:v3 d:v4", "a:v9"),
    # Other ways to write the same.
    (env(I=f"https://x/?image={H}%2Fa%3Av1&x=1"), "a:v1", "a:v9"),
    (env(I=f"x = '{H}\\u002fa:v1'"), "a:v1", "a:v9"),
    (env(I=f'{{"x":"{{\\"i\\":\\"{H}\\\\/a:v1\\"}}"}}'), "a:v1", "a:v9"),
    ({"command": ["sh", "-c", f"docker run {H}/\\\n  a:v1"]}, "a:v1", "a:v9"),
    ({"command": ["sh", "-c", f"docker run '{H}/a':v1; docker run \"{H}\"/b:v1"]}, "a:v1 b:v1", "a:v9"),
    (env(I=f"use {H}/a:v1. (Or {H}/b:v1)."), "a:v1 b:v1", "a:v9"),
    (env(I=f"镜像{H}/a:v1。\u200b{H}/b:v1\u200b"), "a:v1 b:v1", "a:v9"),
    (env(I=f"{H}/a:v1@{X}"), f"a@{X}", "a:v9"),
    # What nobody reads: limits.
    (env(I=base64.b64encode(f"{H}/a:v1".encode()).decode()), "", "a:v1"),
    (env(REGISTRY=H, IMAGE="web:v1"), "", "web:v1"),
]  # fmt: skip


@pytest.mark.parametrize(("value", "needs", "others"), WORKLOADS)
def test_a_workload(value: Any, needs: str, others: str) -> None:
    """Variables, labels, options, arguments."""
    check(Grammar.VARIABLES, value, needs, others)


HOSTS: Final = [
    f"{ACCOUNT}.dkr-ecr.{REGION}.on.aws",
    f"{ACCOUNT}.dkr.ecr-fips.{REGION}.amazonaws.com",
    f"{ACCOUNT}.dkr-ecr-fips.{REGION}.on.aws",
    f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com.cn",
    H.upper(),
    f"{H}:443",
    f"{H}.",
    f"https://{H}",
    f"oci://{H}",
    f"AWS:pw@{H}",
    f"proxy.corp:5000/{H}",
]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    ("grammar", "value"),
    [
        (Grammar.VARIABLES, lambda image: {"I": image}),
        (Grammar.UNKNOWN, lambda image: f"'{image}'"),
        (Grammar.BUILD, lambda image: f"- docker run {image}"),
    ],
)
def test_every_host_of_the_registry(host: str, grammar: Grammar, value: Callable[[str], Any]) -> None:
    """With whatever stands before and behind it."""
    check(grammar, value(f"{host}/a:v1"), "a:v1", "a:v9")


@pytest.mark.parametrize(
    ("grammar", "value"),
    [
        *((Grammar.BUILD, text) for text, *_ in BUILDS),
        *((Grammar.UNKNOWN, value) for value, *_ in DEFINITIONS),
        *((Grammar.VARIABLES, value) for value, *_ in WORKLOADS),
    ],
)
def test_no_secret_beside_them_gets_into_a_reference(grammar: Grammar, value: Any) -> None:
    """A user before the host, a query behind the name, words and variables around."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    for before, after in ((f"AWS:{SECRET}@", ""), (f"-p {SECRET} ", ""), ("", f"?x={SECRET}"), ("", f"\nP={SECRET}")):
        planted = text.replace(H, before + H) + after
        for one in search([planted, {"PASSWORD": SECRET, "SHARED_SECRET": SECRET}], grammar).references:
            assert SECRET not in repr(one)
