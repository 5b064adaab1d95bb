"""What a build uses: the line decides, and what nobody can decide counts as used."""

from __future__ import annotations

import json
from textwrap import dedent, indent
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecr_cleaner.model.usage import ReferenceScope
from ecr_cleaner.usage.texts.search import Grammar, find, search
from tests.builders import HOST, digest

WEB: Final = f"{HOST}/web"
ANY: Final = "$AWS_ACCOUNT_ID.dkr.ecr.$AWS_DEFAULT_REGION.amazonaws.com"

USER_GUIDE: Final = f"""\
version: 0.2
phases:
  pre_build:
    commands:
      - echo Logging in to Amazon ECR...
      - aws ecr get-login-password --region $AWS_DEFAULT_REGION | docker login --username AWS --password-stdin {ANY}
  build:
    commands:
      - echo Build started on `date`
      - docker build -t $IMAGE_REPO_NAME:$IMAGE_TAG .
      - docker tag $IMAGE_REPO_NAME:$IMAGE_TAG {ANY}/$IMAGE_REPO_NAME:$IMAGE_TAG
  post_build:
    commands:
      - echo Pushing the Docker image {ANY}/$IMAGE_REPO_NAME...
      - docker push {ANY}/$IMAGE_REPO_NAME:$IMAGE_TAG
"""
DEPLOYS: Final = f"""\
version: 0.2
env:
  variables:
    REPOSITORY_URI: "{WEB}"
phases:
  pre_build:
    commands:
      - docker login -u AWS -p $(aws ecr get-login-password) {HOST}
      - COMMIT_HASH=$(echo $CODEBUILD_RESOLVED_SOURCE_VERSION | cut -c 1-7)
      - IMAGE_TAG=build-${{COMMIT_HASH:=none}}
  build:
    commands:
      - docker build -t $REPOSITORY_URI:$IMAGE_TAG \\
          --build-arg A=b .
      - >-
        docker buildx build --push
        -t $REPOSITORY_URI:$IMAGE_TAG-arm64
        .
  post_build:
    commands:
      - |
        docker push $REPOSITORY_URI:$IMAGE_TAG

        docker tag $REPOSITORY_URI:$IMAGE_TAG $REPOSITORY_URI:$BRANCH
        docker push ${{REPOSITORY_URI}}:${{BRANCH}}
      - cosign sign --yes $REPOSITORY_URI:$IMAGE_TAG
      - printf '[{{"name":"web","imageUri":"%s"}}]' $REPOSITORY_URI:$IMAGE_TAG > imagedefinitions.json
artifacts:
  files: imagedefinitions.json
"""


def seen(value: Any) -> list[str]:
    """The normalised texts, with ``H`` for the registry of the tests."""
    return [one.text.replace(HOST, "H") for one in search(value, Grammar.BUILD).references]


def as_json(buildspec: str) -> str:
    """The commands of a build specification in JSON."""
    commands = [line.strip()[2:] for line in buildspec.splitlines() if line.strip().startswith("- ")]
    return json.dumps({"version": 0.2, "phases": {"build": {"commands": commands}}}, indent=1)


@pytest.mark.parametrize(
    "buildspec",
    [
        USER_GUIDE,
        as_json(USER_GUIDE),
        json.loads(as_json(USER_GUIDE)),
        USER_GUIDE.replace("\n", "\r\n"),
        USER_GUIDE.replace(ANY, HOST),
        DEPLOYS,
        DEPLOYS.replace(HOST, ANY),
        f"- aws ecr get-login-password | docker login --username AWS --password-stdin {HOST}\n",
    ],
)
def test_a_build_that_signs_in_tags_and_pushes_uses_nothing(buildspec: Any) -> None:
    """The sample of the CodeBuild user guide, and what it grows into."""
    assert seen(buildspec) == []


@pytest.mark.parametrize(
    "line",
    [
        f"docker push {WEB}",
        f"docker push --all-tags {WEB}",
        f"sudo docker image push {WEB}:$T",
        f"docker tag app:latest {WEB}:$T",
        f"docker build -t {WEB}:$T --tag={WEB}:$U --cache-to type=registry,ref={WEB}:$C -o type=image,name={WEB}:$T .",
        f"podman build -t{WEB}:$T . && podman push {WEB}:$T",
        f"nerdctl push {WEB}:$T; finch push {WEB}:$T",
        f"buildah bud -t {WEB}:$T . && buildah push {WEB}:$T docker://{WEB}:$T",
        f"/kaniko/executor --context . --destination {WEB}:$T --destination={WEB}:$U -d {WEB}:$V",
        f"docker buildx imagetools create -t {WEB}:$T other:v1",
        f"docker manifest annotate {WEB}:$T {WEB}:$T-amd64 --arch amd64 && docker manifest push {WEB}:$T",
        f"crane push image.tar {WEB}:$T && oras push {WEB}:$T x.txt && helm push x.tgz oci://{HOST}/charts",
        f"skopeo copy docker-archive:x.tar docker://{WEB}:$T",
        f"crane auth login {HOST} -u AWS -p x; helm registry login {HOST}; docker logout {HOST}",
        f"docker rmi {WEB}:$T || true",
        f"echo pushing {WEB}:$T; printf '%s' {WEB}",
        f'[ "{WEB}" = "$REPO" ] && test -n "{WEB}"',
        f"export REPO={WEB} OTHER={HOST}/other",
        f"REPO={WEB} make push",
        f"REPO={WEB}; docker push $REPO:$T",
        f"bash -c 'docker push {WEB}:$T'",
        f"docker push '{WEB}:'\"$T\"",
        f'if [ -n "$T" ]; then docker push {WEB}:$T; fi',
        f"commands: [\"docker push {WEB}:$T\", 'docker login {HOST}']",
        f"# docker run {WEB}:$T",
        f"ECR={HOST}; docker push $ECR/$APP:$T",
    ],
)
def test_what_makes_an_image_needs_none(line: str) -> None:
    """Signing in, tagging, pushing, naming what is built, printing, comparing, keeping under a name."""
    assert seen(line) == []
    assert seen({"commands": [line]}) == []


@pytest.mark.parametrize(
    ("line", "used"),
    [
        ("docker pull H/web:$T", "H/web:*"),
        ("docker pull H/web", "H/web:*"),
        ("if ! docker pull H/web:$T; then echo none; fi", "H/web:*"),
        ("docker container run --rm H/web$SUFFIX:v1", "H/web*"),
        ("docker create H/shop/$NAME:v1", "H/shop/*"),
        ("docker run H/$NAME:v1", "H/*"),
        ("docker run H/web:v1@$DIGEST", "H/web:*"),
        ("FROM --platform=linux/amd64 H/base:$T AS build", "H/base:*"),
        ("COPY --from=H/base:$T /a /b", "H/base:*"),
        ("docker build --cache-from H/web:$T -t H/web:$T .", "H/web:*"),
        ("docker build --cache-from=H/cache:$T -t H/web:$T .", "H/cache:*"),
        ("docker build --build-arg BASE=H/base:$T -t H/web:$T .", "H/base:*"),
        ("image: H/web:$T", "H/web:*"),
        ("image: H/web", "H/web:*"),
        ("docker tag H/web:$T other:latest", "H/web:*"),
        ("crane copy H/a:$T H/b:$T", "H/a:*"),
        ("skopeo copy --all docker://H/a:$T docker://H/b:$T", "H/a:*"),
        ("oras cp H/a:$T H/b:$T", "H/a:*"),
        ("docker buildx imagetools create -t H/b:$T H/a:$T", "H/a:*"),
        ("docker manifest create H/b:$T H/a:$T", "H/a:*"),
        ("trivy image H/web:$T", "H/web:*"),
        ("cosign sign H/web:$T", "H/web:*"),
        ("/kaniko/executor --cache-repo H/cache --destination H/web:$T", "H/cache:*"),
        ("kubectl set image deployment/web web=H/web:$T", "H/web:*"),
        ("helm install x oci://H/charts/x", "H/charts/x:*"),
        ("docker compose pull H/web:$T", "H/web:*"),
        ("docker --context push run H/web:$T", "H/web:*"),
        ("./deploy.sh H/web", "H/web:*"),
        ("timeout 60 docker push H/web:$T", "H/web:*"),
        ("echo H/web:$T | xargs docker pull", "H/web:*"),
        ("echo H/web:$T > image.txt", "H/web:*"),
        ('printf \'{"imageUri":"%s"}\' H/web:$T > imagedefinitions.json', "H/web:*"),
        ("docker run $(echo H/web:$T)", "H/web:*"),
        ("docker run `echo H/web:$T`", "H/web:*"),
        ("bash -c 'docker run H/web:$T'", "H/web:*"),
        ('eval "docker pull H/web:$T || true"', "H/web:*"),
        ("read X <<< H/web:$T", "H/web:*"),
        ("docker run H/web:<tag>", "H/web:*"),
        ("docker run H/web:v1-#{Source.Id}", "H/web:*"),
        ("docker run \\\n  H/web:$T", "H/web:*"),
        ("docker run H/we\\\nb:$T", "H/web:*"),
        ("REPO=H/web; docker pull ${REPO}:$T", "H/web:*"),
        ("REPO=H/web; docker pull ${REPO}-base:$T", "H/web-base:*"),
        ("REPO=H/web; docker pull ${REPO%b}x:$T", "H/web*"),
        ("A=H; B=$A/shop; docker pull $B/web:$T", "H/shop/web:*"),
        ("REPO=${REPO:-H/web}; docker pull $REPO:$T", "H/web:*"),
        ("docker pull ${REPO:-H/web}:$T", "H/web:*"),
        ("RUN='docker run H/web:$T'; eval $RUN", "H/web:*"),
        ('"image H/web:$T', "H/web:*"),
    ],
)
def test_an_image_that_is_used_without_a_known_tag_is_the_repository(line: str, used: str) -> None:
    """After what pulls or copies, and wherever nobody can decide."""
    assert seen(line.replace("H", HOST)) == [used]
    assert used in seen({"phases": {"build": {"commands": ["true", line.replace("H", HOST)]}}})


@pytest.mark.parametrize(
    "verb", ["docker pull", "docker push", "docker tag x", "docker build -t", "echo", "#", "x", ""]
)
@pytest.mark.parametrize(
    "account", [HOST, ANY, "$(aws sts get-caller-identity --query Account).dkr.ecr.$R.amazonaws.com"]
)
def test_a_complete_reference_is_a_use_whatever_the_verb(verb: str, account: str) -> None:
    """Account and region may be variables."""
    (reference,) = find(f"{verb} {account}/web:v1", Grammar.BUILD)
    assert (reference.repository, reference.tag, reference.breadth) == ("web", "v1", ReferenceScope.IMAGE)
    assert (reference.account is None) == (account is not HOST)
    (reference,) = find(f"{verb} {account}/web@{digest('x')}", Grammar.BUILD)
    assert reference.digest == digest("x")


def test_a_tag_from_a_variable_is_one_of_several() -> None:
    """The build may be started with another value."""
    text = (
        f"env:\n  variables:\n    TAG: v3\n    REPO: {WEB}\nphases:\n  build:\n    commands:\n      - %s $REPO:$TAG\n"
    )
    assert seen(text % "docker pull") == ["H/web:v3", "H/web:*"]
    assert seen(text % "docker push") == ["H/web:v3"]
    project = [{"name": "repo", "value": WEB}, {"name": "TAG", "value": "v3"}]
    assert seen({"environmentVariables": project, "buildspec": "docker pull $repo:$TAG"}) == ["H/web:v3", "H/web:*"]


@pytest.mark.parametrize(
    ("made", "exempt"),
    [
        (f"docker build -t {WEB}:$T .", True),
        (f"docker build -t {WEB}:$T . && docker push {WEB}:$T", True),
        (f"docker push {WEB}:$T", True),
        (f"docker push {WEB}:$U", False),
        (f"docker push {WEB}:$T\nT=old", False),
        (f"aws ecr describe-images && docker push {WEB}:$T", False),
        (f"docker pull x || docker push {WEB}:$T", False),
        (f"if true; then\ndocker push {WEB}:$T\nfi", False),
        (f"push() {{\ndocker push {WEB}:$T\n}}", False),
        (f"cat <<EOF\ndocker push {WEB}:$T\nEOF", False),
        ("true", False),
    ],
)
def test_what_the_build_has_made_itself_it_does_not_need(made: str, *, exempt: bool) -> None:
    """As long as it certainly has, and under that very name; pulling it is another matter."""
    for use in ("cosign sign", "./deploy.sh", "trivy image", "echo >x"):
        assert (seen(f"{made}\n{use} {WEB}:$T") == []) == exempt, use
        assert seen(f"{use} {WEB}:$T\n{made}") == ["H/web:*"] or "T=old" in made
    for use in ("docker pull", "docker run", "FROM", "image:", "crane copy"):
        assert "H/web:*" in seen(f"{made}\n{use} {WEB}:$T x")


@pytest.mark.parametrize(
    "text",
    [
        "cat <<EOF > values.yaml\nimage: %s:$T\nEOF",
        "cat <<'EOF' > .env\nIMAGE=%s:$T\nEOF\ndocker compose up",
        "cat > Dockerfile <<-EOF\n\tFROM %s:$T\nEOF",
        "image() { echo %s:$T; }\ndocker run $(image)",
        "{\necho %s:$T\n} > image.txt",
        'echo "\n%s:$T\n" > image.txt',
        'echo "image %s:$T\n" > image.txt',
        "helm:\n  repository: %s\n  tag: $T",
        "- name: x\n  uses: %s:$T",
    ],
)
def test_what_goes_into_a_file_may_be_used(text: str) -> None:
    """By whatever reads it."""
    assert "H/web:*" in seen(text % WEB)


USES: Final = st.sampled_from(["docker pull", "docker run --rm", "./x", "image:", "FROM", "crane digest", "a | b"])
NOISE: Final = st.text(alphabet=" \n\t'\"`$(){}[]|&;<>#:-=\\aT,") | st.sampled_from(
    ["docker push x", "T=v1", "if true; then", "fi", "- >", "- |", "    x", "EOF", "cat <<EOF", "'", '"', "`", "$("]
)


@given(st.lists(NOISE, max_size=6), USES, st.lists(NOISE, max_size=6), st.integers(0, 8))
def test_a_use_is_covered_whatever_stands_around_it(before: list[str], use: str, after: list[str], depth: int) -> None:
    """On lines of its own, however the others are to be read."""
    text = "\n".join([*before, "", indent(f"{use} {WEB}:$T", " " * depth), *after])
    found = find(text, Grammar.BUILD)
    assert any((one.repository or "") == "web" or one.breadth is ReferenceScope.PREFIX for one in found), found


@given(st.text() | st.text(alphabet=" \n\t'\"`$(){}[]|&;<>#:-=\\aT,") | st.lists(NOISE).map("\n".join))
def test_no_text_is_an_error(text: str) -> None:
    """Whatever it is; without a registry in it nothing is found."""
    assert find(text, Grammar.BUILD) == ()
    find(f"{text}\n{WEB}:$T", Grammar.BUILD)
    find(dedent(text), Grammar.BUILD)


def test_what_cannot_be_read_counts_as_used() -> None:
    """A line of very many characters, variables with very many values, scripts in scripts in scripts."""
    assert "H/web:*" in seen("docker push " + "x " * 10_000 + f"{WEB}:$T")
    many = "\n".join(f"A={WEB}{number}" for number in range(30))
    assert "*/*" in seen(f"{many}\ndocker run $A:v1")
    assert seen(f"{many}\ndocker push $A:$T") == []
    growing = "\n".join(f"A={WEB}{'$A' * number}" for number in range(9))
    assert seen(f"{growing}\ndocker run $A:v1")
    for count, used in ((10, "H/web:*"), (40, "*/*")):
        chain = "\n".join(f"A{number + 1}=$A{number}" for number in range(count))
        assert used in seen(f"A0={WEB}\n{chain}\ndocker pull $A{count}:$T")
        assert seen(f"A0={WEB}\n{chain}\ndocker push $A{count}:$T") == []
    own = f"REPO={HOST}\nREPO=$REPO/web\ndocker %s $REPO:$T"
    assert (seen(own % "pull"), seen(own % "push")) == (["*/*"], [])
    nested = f"docker run {WEB}:$T"
    for _ in range(8):
        nested = f"sh -c {json.dumps(nested)}"
    assert [one for one in seen(nested) if one.startswith("H/web")]
