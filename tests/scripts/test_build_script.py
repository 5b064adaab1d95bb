"""scripts/build-image.sh against a fake container tool and a real little registry.

The fake tool notes every call with its environment, speaks like the tool that it is told to be, and pushes with the
credentials that it finds, so that each promise about the token can be checked where it could leak.
"""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.container.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "build-image.sh"
PASSWORD = "a-password-that-must-stay-secret"
TOKEN = base64.b64encode(f"AWS:{PASSWORD}".encode()).decode()
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"

FAKE_TOOL = r"""#!/bin/sh
{
  printf 'call'; for word; do printf '\t%s' "$word"; done; printf '\n'
  env | sed 's/^/env\t/'
  if [ -n "${DOCKER_CONFIG:-}" ]; then printf 'env\tFAKE_LINKS='; ls "$DOCKER_CONFIG" | tr '\n' ' '; printf '\n'; fi
} >>"$FAKE_RECORD"
case "$FAKE_STYLE:$*" in
  podman:--version) echo 'podman version 4.3.1' ;;
  nerdctl:--version) echo 'nerdctl version 2.0.0' ;;
  *:--version) echo 'Docker version 28.2.2, build e6534b4' ;;
  buildx:'buildx version') echo 'github.com/docker/buildx v0.20.0' ;;
  *:'buildx version') echo 'unknown command: docker buildx' >&2; exit 1 ;;
  buildx:'buildx build --help') echo '--provenance --sbom --load' ;;
  buildkit:'build --help') [ "${DOCKER_BUILDKIT:-}" = 1 ] && echo '--secret stringArray' ;;
  nerdctl:'build --help') echo '--provenance --sbom' ;;
  *:'build --help') echo '--platform' ;;
  podman:'info --format '*) echo linux/amd64 ;;
  *:'version --format '*) echo linux/amd64 ;;
  *:version) [ "${FAKE_VERSION:-works}" = works ] || { echo 'Cannot connect to the daemon' >&2; exit 1; } ;;
  *:'context inspect --format '*) echo colima ;;
  *:'image inspect --format '*) echo "${FAKE_BUILT:-linux/amd64}" ;;
  *:'manifest inspect '*) echo "${FAKE_INSPECT:-no such manifest}" >&2; [ "${FAKE_INSPECT:-}" = found ] ;;
  *:build*) echo 'step 1 of 1'; [ "${FAKE_BUILD:-works}" = works ] || { echo "$FAKE_BUILD: no space left"; exit 1; } ;;
  *:push*)
    for image; do :; done
    path=${image#*/}
    auth=$(sed -n 's/.*"auth":"\([^"]*\)".*/\1/p' "${REGISTRY_AUTH_FILE:-$DOCKER_CONFIG/config.json}")
    [ "${FAKE_PUSH:-works}" = fails ] || "$FAKE_CURL" -s -f -X PUT -H "Authorization: Basic $auth" \
      -H 'Content-Type: application/vnd.docker.distribution.manifest.v2+json' --data "$FAKE_STYLE" \
      "http://${image%%/*}/v2/${path%:*}/manifests/${path##*:}" || exit 1
    [ "${FAKE_PUSH:-works}" = works ] || { echo 'tag invalid: it exists and is immutable' >&2; exit 1; }
    ;;
esac
"""


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the fake tool.

    Attributes:
        words: Its arguments.
        env: The environment it saw.
    """

    words: tuple[str, ...]
    env: dict[str, str]


@dataclass(slots=True)
class Machine:
    """A user's machine with the fake tool on it, and the registry.

    Attributes:
        folder: Everything lies in it: ``home``, ``temp``, ``bin``, ``logs``.
        registry: Where the image is asked for and pushed to.
        env: More for the script's environment; overrides the defaults.
    """

    folder: Path
    registry: Registry
    env: dict[str, str] = field(default_factory=dict)

    @property
    def image(self) -> str:
        """The image that is to be built."""
        return f"{self.registry.host}/team/cleaner:0123456789abcdef"

    @property
    def pushed(self) -> list[str]:
        """The tags that the registry has."""
        return self.registry.tags("team/cleaner")

    def build(self, style: str = "buildx", **env: str) -> subprocess.CompletedProcess[str]:
        """Runs the script with the fake tool speaking like `style`."""
        defaults = {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "temp"),
            "IMAGE_URI": self.image,
            "SOURCE_DIR": str(self.folder / "source dir"),
            "PLATFORM": "linux/amd64",
            "BUILD_ARGUMENTS": "BASE_IMAGE=base:1\nWHEEL_MACHINE=x86_64",
            "CONTAINER_TOOL": "docker",
            "REGISTRY_ENDPOINT": self.registry.url,
            "REGISTRY_TOKEN": TOKEN,
            "LOG_DIR": str(self.folder / "logs"),
            "FAKE_STYLE": style,
            "FAKE_RECORD": str(self.folder / "record"),
            "FAKE_CURL": shutil.which("curl") or "curl",
        }
        return subprocess.run(  # the script under test
            ["/bin/sh", str(SCRIPT)],
            env={**defaults, **self.env, **env},
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    @property
    def calls(self) -> list[Call]:
        """Every call of the fake tool, in order."""
        record = self.folder / "record"
        calls: list[Call] = []
        for line in record.read_text().splitlines() if record.exists() else []:
            kind, _, rest = line.partition("\t")
            if kind == "call":
                calls.append(Call(tuple(rest.split("\t")), {}))
            elif kind == "env":
                name, _, value = rest.partition("=")
                calls[-1].env[name] = value
        return calls

    def call(self, *start: str) -> Call:
        """Returns the one call whose arguments begin so; ``--help`` calls do not count."""
        found = [c for c in self.calls if c.words[: len(start)] == start and "--help" not in c.words]
        assert len(found) == 1, [c.words for c in self.calls]
        return found[0]

    def logs(self) -> str:
        """The text of every log."""
        return "".join(path.read_text() for path in (self.folder / "logs").glob("*"))


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A machine with a docker that is logged in elsewhere."""
    for name in ("home/.docker/contexts", "temp", "bin", "source dir"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "home/.docker/config.json").write_text('{"credsStore": "desktop", "currentContext": "colima"}')
    tool = tmp_path / "bin" / "docker"
    tool.write_text(FAKE_TOOL)
    tool.chmod(0o755)
    with Registry(password=PASSWORD) as registry:
        yield Machine(tmp_path, registry)


BUILDS = {
    "buildx": ("buildx", "build", "--load", "--provenance=false", "--sbom=false"),
    "buildkit": ("build",),
    "legacy": ("build", "BUILD_PLATFORM=linux/amd64", "TARGET_PLATFORM=linux/amd64"),
    "podman": ("build", "BUILD_PLATFORM=linux/amd64"),
    "nerdctl": ("build", "--provenance=false", "--sbom=false"),
}


@pytest.mark.parametrize("style", BUILDS)
def test_every_flavour_builds_and_pushes(machine: Machine, style: str) -> None:
    """Each kind of tool is recognised, gets the options it knows, and the image arrives."""
    done = machine.build(style)
    assert done.returncode == 0, done.stderr
    assert f"({style})" in done.stdout
    build = machine.call("buildx", "build") if style == "buildx" else machine.call("build")
    assert set(BUILDS[style]) <= set(build.words)
    assert build.words[-1] == str(machine.folder / "source dir")
    assert ("--platform" in build.words) == (style != "legacy")
    assert {"BASE_IMAGE=base:1", "WHEEL_MACHINE=x86_64", machine.image} <= set(build.words)
    assert machine.pushed == ["0123456789abcdef"]
    assert machine.call("image", "rm").words[-1] == machine.image


@pytest.mark.parametrize(("style", "buildkit"), [("buildkit", "1"), ("legacy", "0")])
def test_the_builder_is_chosen_explicitly(machine: Machine, style: str, buildkit: str) -> None:
    """The client is told which builder to use, so that a default cannot make it ask for a missing plugin."""
    machine.build(style)
    assert machine.call("build").env["DOCKER_BUILDKIT"] == buildkit


def test_the_users_word_on_buildkit_counts(machine: Machine) -> None:
    """Who switched BuildKit off gets the legacy builder."""
    assert "(legacy)" in machine.build("buildx", DOCKER_BUILDKIT="0").stdout


@pytest.mark.parametrize("style", ["buildkit", "legacy", "podman"])
def test_unknown_options_are_not_given(machine: Machine, style: str) -> None:
    """A tool that does not know attestations is not told to leave them out."""
    machine.build(style)
    assert not [word for word in machine.call("build").words if word.startswith(("--provenance", "--sbom"))]


def test_a_tag_that_is_there_is_not_built(machine: Machine) -> None:
    """The registry is asked first, without pulling, and no tool is touched: a failed apply can be repeated."""
    machine.registry.put_manifest("team/cleaner", "0123456789abcdef", MANIFEST_TYPE, b"{}")
    done = machine.build(CONTAINER_TOOL="no-such-tool")
    assert done.returncode == 0, done.stderr
    assert "nothing to build" in done.stdout
    assert machine.calls == []
    assert machine.registry.requests == ["HEAD /v2/team/cleaner/manifests/0123456789abcdef"]


def test_without_curl_the_tool_asks(machine: Machine) -> None:
    """Where there is no curl, the tool's own manifest inspect answers, with our credentials."""
    commands = ("sh", "mktemp", "tr", "sed", "grep", "tail", "cat", "mkdir", "ln", "rm", "env")
    for command in commands:
        (machine.folder / "bin" / command).symlink_to(shutil.which(command) or command)
    done = machine.build(PATH=str(machine.folder / "bin"), FAKE_INSPECT="found")
    assert done.returncode == 0, done.stderr
    assert "nothing to build" in done.stdout
    inspect = machine.call("manifest", "inspect")
    assert inspect.words == ("manifest", "inspect", "--insecure", machine.image)
    assert inspect.env["DOCKER_CONFIG"].startswith(str(machine.folder / "temp"))


def test_a_registry_that_cannot_say_does_not_stop_the_build(machine: Machine) -> None:
    """Not knowing whether the tag is there means building; the push decides."""
    done = machine.build(REGISTRY_TOKEN=base64.b64encode(b"AWS:expired").decode(), FAKE_INSPECT="denied")
    assert machine.call("buildx", "build")
    assert "status 401" in machine.logs()
    assert done.returncode != 0
    assert "12 hours" in done.stderr


def test_a_failed_build_shows_the_end_of_its_log(machine: Machine) -> None:
    """The reason is on the screen, the log's path too, and nothing is pushed."""
    done = machine.build(FAKE_BUILD="fails")
    assert done.returncode == 1
    assert "no space left" in done.stderr
    log = next((machine.folder / "logs").iterdir())
    assert str(log) in done.stdout
    assert str(log) in done.stderr
    assert machine.pushed == []


def test_a_failed_push_fails(machine: Machine) -> None:
    """Without the image in the registry there is no success."""
    done = machine.build(FAKE_PUSH="fails")
    assert done.returncode == 1
    assert "could not be pushed" in done.stderr


def test_losing_the_race_is_success(machine: Machine) -> None:
    """When another apply pushed the tag first, ours is refused as immutable, and all is well."""
    done = machine.build(FAKE_PUSH="loses")
    assert done.returncode == 0, done.stderr
    assert "in the meantime" in done.stdout
    assert machine.pushed == ["0123456789abcdef"]


@pytest.mark.parametrize("style", BUILDS)
def test_the_token_is_nowhere(machine: Machine, style: str) -> None:
    """It is in no argument, no child's environment, no output, no log, and in no file afterwards."""
    curl = machine.folder / "bin" / "curl"
    curl.write_text(f'#!/bin/sh\n{{ echo "$@"; env; }} >>"$FAKE_RECORD.curl"\nexec "{shutil.which("curl")}" "$@"\n')
    curl.chmod(0o755)
    done = machine.build(style)
    assert done.returncode == 0, done.stderr
    files = [path for path in machine.folder.rglob("*") if path.is_file()]
    seen = [done.stdout, done.stderr, *(path.read_text(errors="replace") for path in files)]
    assert (machine.folder / "record.curl").read_text()
    assert not [text for text in seen if TOKEN in text or PASSWORD in text]
    assert list((machine.folder / "temp").iterdir()) == []


@pytest.mark.parametrize("outcome", ["FAKE_BUILD", "FAKE_PUSH"])
def test_nothing_remains_after_a_failure(machine: Machine, outcome: str) -> None:
    """The throw-away configuration goes however the script ends."""
    assert machine.build(**{outcome: "fails"}).returncode == 1
    assert list((machine.folder / "temp").iterdir()) == []


def test_the_users_configuration_is_used_and_untouched(machine: Machine) -> None:
    """The build sees the user's own configuration, the push ours; the user's has not changed by a byte."""
    before = (machine.folder / "home/.docker/config.json").read_bytes()
    machine.build()
    assert "DOCKER_CONFIG" not in machine.call("buildx", "build").env
    push = machine.call("push")
    assert push.env["DOCKER_CONFIG"].startswith(str(machine.folder / "temp"))
    assert push.env["REGISTRY_AUTH_FILE"] == push.env["DOCKER_CONFIG"] + "/config.json"
    assert (machine.folder / "home/.docker/config.json").read_bytes() == before
    assert not [call for call in machine.calls if "login" in call.words]


def test_the_push_goes_to_the_users_engine(machine: Machine) -> None:
    """A context chosen in the user's configuration still counts when that is put aside for the push."""
    machine.build()
    assert machine.call("push").env["DOCKER_CONTEXT"] == "colima"


def test_an_engine_named_in_the_environment_wins(machine: Machine) -> None:
    """DOCKER_HOST goes before contexts, as it does for the client itself."""
    machine.build(DOCKER_HOST="unix:///run/other.sock")
    assert "DOCKER_CONTEXT" not in machine.call("push").env


@pytest.mark.parametrize("env", [{"CONTAINER_TOOL": "no-such-tool"}, {"FAKE_VERSION": "fails"}])
def test_no_usable_tool_names_both_ways_out(machine: Machine, env: dict[str, str]) -> None:
    """A missing tool and an engine that is down both say what to set instead."""
    done = machine.build(**env)
    assert done.returncode == 1
    assert "No usable container tool" in done.stderr
    assert "container_tool" in done.stderr
    assert "image_uri" in done.stderr


def test_a_tool_may_be_a_path_with_spaces(machine: Machine) -> None:
    """The whole value is tried as one executable first."""
    tool = machine.folder / "source dir" / "my tool"
    shutil.copy(machine.folder / "bin" / "docker", tool)
    done = machine.build(CONTAINER_TOOL=str(tool))
    assert done.returncode == 0, done.stderr
    assert machine.pushed


def test_a_tool_may_have_arguments(machine: Machine) -> None:
    """Otherwise it is a command and its arguments, and a star in them is only a star."""
    done = machine.build(CONTAINER_TOOL="env FAKE_NOTE=* docker")
    assert done.returncode == 0, done.stderr
    assert machine.call("push").env["FAKE_NOTE"] == "*"


def test_cross_building_with_the_legacy_builder_names_the_targets_base(machine: Machine) -> None:
    """That builder holds one platform per name, so the target's base image gets a name of its own."""
    done = machine.build("legacy", PLATFORM="linux/arm64", FAKE_BUILT="linux/arm64")
    assert done.returncode == 0, done.stderr
    pulls = [call.words for call in machine.calls if call.words[0] == "pull"]
    assert pulls == [("pull", "--platform", p, "base:1") for p in ("linux/arm64", "linux/amd64")]
    assert machine.call("tag").words == ("tag", "base:1", f"{machine.image}-base")
    assert f"FINAL_IMAGE={machine.image}-base" in machine.call("build").words


def test_an_image_for_another_platform_is_not_pushed(machine: Machine) -> None:
    """A base image without the wanted platform is an error before Lambda finds out."""
    done = machine.build(PLATFORM="linux/arm64")
    assert done.returncode == 1
    assert "base_image has no variant" in done.stderr
    assert machine.pushed == []


@pytest.mark.parametrize("style", BUILDS)
def test_a_base_image_in_the_same_registry_is_pulled_with_the_token(machine: Machine, style: str) -> None:
    """Where there is no public registry; the user's builders, contexts and plugins stay what they are."""
    for name in ("buildx", "cli-plugins"):
        (machine.folder / "home/.docker" / name).mkdir()
    base = f"{machine.registry.host}/base/python:3.13"
    done = machine.build(style, BUILD_ARGUMENTS=f"BASE_IMAGE={base}\nWHEEL_MACHINE=x86_64", PLATFORM="linux/amd64")
    assert done.returncode == 0, done.stderr
    build = machine.call("buildx", "build") if style == "buildx" else machine.call("build")
    assert build.env["DOCKER_CONFIG"].startswith(str(machine.folder / "temp"))
    assert build.env["REGISTRY_AUTH_FILE"] == build.env["DOCKER_CONFIG"] + "/config.json"
    assert build.env["FAKE_LINKS"] == "buildx cli-plugins config.json contexts "


def test_the_legacy_builder_pulls_both_platforms_with_the_token(machine: Machine) -> None:
    """Before it builds."""
    base = f"{machine.registry.host}/base/python:3.13"
    done = machine.build(
        "legacy", BUILD_ARGUMENTS=f"BASE_IMAGE={base}", PLATFORM="linux/arm64", FAKE_BUILT="linux/arm64"
    )
    assert done.returncode == 0, done.stderr
    pulls = [call for call in machine.calls if call.words[0] == "pull"]
    assert len(pulls) == 2
    assert all(call.env["DOCKER_CONFIG"].startswith(str(machine.folder / "temp")) for call in pulls)


@pytest.mark.parametrize("host", ["private.example.com", "127.0.0.1.example.com"])
def test_a_base_image_elsewhere_never_gets_the_token(machine: Machine, host: str) -> None:
    """It is pulled as the user is logged in; where that is not enough, a sentence says what to do."""
    base = f"{host}/base/python:3.13"
    done = machine.build(BUILD_ARGUMENTS=f"BASE_IMAGE={base}", FAKE_BUILD="no basic auth credentials")
    assert "DOCKER_CONFIG" not in machine.call("buildx", "build").env
    assert done.returncode == 1
    assert f"the base image {base} refuses" in done.stderr
    assert "base_image lies in a private registry: log in to it, or set image_uri." in done.stderr


@pytest.mark.parametrize("style", BUILDS)
def test_a_moving_base_image_is_pulled_where_that_is_asked_for(machine: Machine, style: str) -> None:
    """Else this machine's own copy is good enough."""
    machine.build(style, PULL_BASE="yes")
    (asked,) = [call.words for call in machine.calls if "--tag" in call.words]
    assert "--pull" in asked
    (machine.folder / "record").unlink()
    machine.registry.store.tags.clear()
    machine.build(style)
    (plain,) = [call.words for call in machine.calls if "--tag" in call.words]
    assert "--pull" not in plain


def test_what_the_legacy_builder_has_pulled_itself_is_not_pulled_by_its_own_name(machine: Machine) -> None:
    """The name of the target's base image is known on this machine only."""
    machine.build("legacy", PLATFORM="linux/arm64", FAKE_BUILT="linux/arm64", PULL_BASE="yes")
    assert "--pull" not in machine.call("build").words


@pytest.mark.parametrize("endpoint", ["http://registry.example.com", "http://127.0.0.1.example.com:80"])
def test_credentials_never_leave_the_machine_in_clear(machine: Machine, endpoint: str) -> None:
    """Without TLS only a loopback registry is spoken to."""
    host = endpoint.removeprefix("http://")
    done = machine.build(REGISTRY_ENDPOINT=endpoint, IMAGE_URI=f"{host}/cleaner:1")
    assert done.returncode == 1
    assert "Refusing" in done.stderr
    assert machine.calls == []


def test_a_folder_that_cannot_be_written_does_not_matter(machine: Machine) -> None:
    """The log goes to a temporary folder instead, and its path is printed."""
    (machine.folder / "file").touch()
    done = machine.build(LOG_DIR=str(machine.folder / "file" / "logs"))
    assert done.returncode == 0, done.stderr
    log = Path(done.stdout.splitlines()[0].rpartition("log: ")[2])
    assert "Pushing." in log.read_text()
