#!/bin/sh
# Builds the function's image and pushes it, unless the registry has its tag already. Called by image.tf.
#
# POSIX sh and no option: every value comes through the environment, so that none is ever parsed as shell code.
#   IMAGE_URI          <registry>/<repository>:<tag>
#   SOURCE_DIR         the build context, lambda_src
#   PLATFORM           linux/arm64 or linux/amd64
#   BUILD_ARGUMENTS    lines of NAME=VALUE, with BASE_IMAGE among them
#   PULL_BASE          not empty: the registry is asked what BASE_IMAGE is now, whatever this machine remembers
#   CONTAINER_TOOL     a docker-compatible command: one executable (a name or a path, spaces allowed), or else a command
#                      followed by arguments, separated by blanks ("sudo docker", "lima nerdctl")
#   REGISTRY_ENDPOINT  the registry's address with its scheme
#   REGISTRY_TOKEN     base64 of user:password
#   LOG_DIR            where the log goes; a temporary folder if that one cannot be written
set -eu
umask 077

: "${IMAGE_URI:?}" "${SOURCE_DIR:?}" "${PLATFORM:?}" "${BUILD_ARGUMENTS:?}" "${CONTAINER_TOOL:?}"
: "${REGISTRY_ENDPOINT:?}" "${REGISTRY_TOKEN:?}" "${LOG_DIR:?}"

# From here on the token is a shell variable: no child process inherits it, and it is only ever written by builtins,
# into a private file or a pipe; it is in no argument list.
token=$REGISTRY_TOKEN
unset REGISTRY_TOKEN

registry=${IMAGE_URI%%/*}
path=${IMAGE_URI#*/}
repository=${path%:*}
tag=${path##*:}
scheme=${REGISTRY_ENDPOINT%%://*}
base_image=$(printf '%s\n' "$BUILD_ARGUMENTS" | sed -n 's/^BASE_IMAGE=//p')

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

mkdir -p "$LOG_DIR" 2>/dev/null || :
[ -d "$LOG_DIR" ] && [ -w "$LOG_DIR" ] || LOG_DIR=$(mktemp -d)
# Named after the image, because two instances of the module can build at the same time.
log=$(cd "$LOG_DIR" && pwd)/$(printf '%.180s-%.12s' "$registry-$repository" "$tag" | tr -c 'A-Za-z0-9._-' '_').log
: >>"$log" # appended to: the log of an earlier build stays readable

say() {
  printf '%s\n' "$*"
  printf '%s\n' "$*" >>"$log"
}

fail() {
  {
    printf '\n'
    printf '%s\n' "$@"
    printf 'Last lines of %s:\n' "$log"
    tail -n 40 "$log" | sed 's/^/  | /'
  } >&2
  exit 1
}

case $scheme:${registry%:*} in
  https:* | http:localhost | http:'[::1]') safe=yes ;;
  http:127.*[!0-9.]*) safe=no ;; # a name that only begins like an address
  http:127.*) safe=yes ;;
  *) safe=no ;;
esac
[ "$safe" = yes ] || fail \
  "Refusing to send credentials to $REGISTRY_ENDPOINT:" \
  "only a registry on this machine may be spoken to without TLS."

# Runs the container tool: the whole value if it names one executable, else its words.
tool() {
  if command -v "$CONTAINER_TOOL" >/dev/null 2>&1; then
    "$CONTAINER_TOOL" "$@"
  else
    set -f
    # shellcheck disable=SC2086  # the words are wanted
    set -- $CONTAINER_TOOL "$@"
    set +f
    "$@"
  fi
}

# ---- The registry ------------------------------------------------------------------------------------------------

# A configuration of our own for everything that needs the token: nothing is logged in, so no keychain is touched, and
# nothing remains. The user's contexts (colima, rootless, remote engines), plugins and builders stay visible through links.
mkdir "$work/config"
printf '{"auths":{"%s":{"auth":"%s"}}}\n' "$registry" "$token" >"$work/config/config.json"
user_config=${DOCKER_CONFIG:-${HOME:-/}/.docker}
for folder in contexts cli-plugins buildx; do
  if [ -d "$user_config/$folder" ]; then
    ln -s "$(cd "$user_config/$folder" && pwd)" "$work/config/$folder"
  fi
done

# Runs the container tool with our configuration instead of the user's. In a subshell, so that nothing leaks.
tool_with_token() (
  if [ -z "${DOCKER_HOST:-}" ] && [ -z "${DOCKER_CONTEXT:-}" ] && [ -d "$work/config/contexts" ]; then
    context=$(tool context inspect --format '{{.Name}}' 2>/dev/null || :)
    if [ -n "$context" ]; then
      DOCKER_CONTEXT=$context
      export DOCKER_CONTEXT
    fi
  fi
  if [ -n "${DOCKER_TLS_VERIFY:-}" ]; then
    DOCKER_CERT_PATH=${DOCKER_CERT_PATH:-$user_config} # by default they lie beside the configuration
    export DOCKER_CERT_PATH
  fi
  DOCKER_CONFIG=$work/config
  REGISTRY_AUTH_FILE=$work/config/config.json # podman's name for it
  export DOCKER_CONFIG REGISTRY_AUTH_FILE
  tool "$@"
)

# Runs the container tool to build: with the token if the base image lies in the registry that the token is for, else as the
# user has it, who may be logged in elsewhere.
tool_with_base() {
  case $base_image in
    "$registry"/*) tool_with_token "$@" ;;
    *) tool "$@" ;;
  esac
}

# Sets `answer` to present, absent, or unknown. HEAD, so that asking is not pulling.
ask_registry() {
  answer=unknown
  if command -v curl >/dev/null 2>&1; then
    status=$(
      {
        printf 'url = "%s://%s/v2/%s/manifests/%s"\n' "$scheme" "$registry" "$repository" "$tag"
        printf 'header = "Authorization: Basic %s"\n' "$token"
        printf 'header = "Accept: application/vnd.docker.distribution.manifest.v2+json"\n'
        printf 'header = "Accept: application/vnd.oci.image.manifest.v1+json"\n'
        printf 'head\nsilent\nshow-error\nmax-time = 60\noutput = "/dev/null"\nwrite-out = "%%{http_code}"\n'
      } | curl --config - 2>>"$log"
    ) || status=000
    case $status in
      200) answer=present ;;
      404) answer=absent ;;
      *) printf 'Asked for the tag, the registry answered with status %s.\n' "$status" >>"$log" ;;
    esac
  fi
  if [ "$answer" = unknown ]; then
    set -- manifest inspect
    [ "$scheme" = https ] || set -- "$@" --insecure
    if tool_with_token "$@" "$IMAGE_URI" >"$work/inspect" 2>&1; then
      answer=present
    elif grep -q -i -E 'no such manifest|manifest unknown|not found' "$work/inspect" && usable_tool; then
      answer=absent
    fi
    cat "$work/inspect" >>"$log"
  fi
}

# ---- The container tool ------------------------------------------------------------------------------------------

usable_tool() {
  tool version >>"$log" 2>&1
}

# Sets `flavour` by asking for abilities, not for version numbers, as wrappers and forks have their own.
find_flavour() {
  case $(tool --version 2>/dev/null | tr '[:upper:]' '[:lower:]') in
    *podman*) flavour=podman ;; # first: it is often installed under the name docker
    *nerdctl* | *finch*) flavour=nerdctl ;;
    *)
      if [ "${DOCKER_BUILDKIT:-1}" = 0 ]; then
        flavour=legacy # the user's own word
      elif tool buildx version >/dev/null 2>&1; then
        flavour=buildx
      elif (export DOCKER_BUILDKIT=1 && tool build --help 2>/dev/null) | grep -q -e '--secret'; then
        flavour=buildkit # clients before 23 bring it themselves
      else
        flavour=legacy # newer clients without the buildx plugin
      fi
      ;;
  esac
}

# Prints the platform that the build stage runs on, for builders that do not know BUILDPLATFORM.
native_platform() {
  case $flavour in
    podman) tool info --format '{{.Host.OS}}/{{.Host.Arch}}' ;;
    *) tool version --format '{{.Server.Os}}/{{.Server.Arch}}' ;;
  esac
}

target_base=

build() {
  case $flavour in
    buildx)
      # The docker exporter: the image lands in the engine's store, whatever driver the user's builder has.
      set -- buildx build --load --progress plain
      ;;
    buildkit)
      DOCKER_BUILDKIT=1
      export DOCKER_BUILDKIT
      set -- build --progress plain
      ;;
    legacy)
      DOCKER_BUILDKIT=0
      export DOCKER_BUILDKIT
      # No --platform here: with it this builder refuses the build stage, which is for another platform.
      native=$(native_platform)
      set -- build --build-arg "BUILD_PLATFORM=$native" --build-arg "TARGET_PLATFORM=$PLATFORM"
      if [ "$native" != "$PLATFORM" ]; then
        # To this builder one name is one image, so the target's variant of the base image gets a name of its own.
        # The native one is pulled last: the usual name goes on meaning what it does on this machine.
        target_base=$IMAGE_URI-base
        tool_with_base pull --platform "$PLATFORM" "$base_image" && tool tag "$base_image" "$target_base" || return 1
        tool_with_base pull --platform "$native" "$base_image" || return 1
        set -- "$@" --build-arg "FINAL_IMAGE=$target_base"
      fi
      ;;
    podman) set -- build --build-arg "BUILD_PLATFORM=$(native_platform)" ;;
    nerdctl) set -- build --progress plain ;;
  esac

  # Attestations turn the image into an index, which Lambda refuses. Builders without the options make none.
  BUILDX_NO_DEFAULT_ATTESTATIONS=1
  export BUILDX_NO_DEFAULT_ATTESTATIONS
  case $flavour in
    buildx) help=$(tool buildx build --help 2>/dev/null || :) ;;
    *) help=$(tool build --help 2>/dev/null || :) ;;
  esac
  for option in --provenance --sbom; do
    case $help in *"$option"*) set -- "$@" "$option=false" ;; esac
  done

  # What was pulled just now is new, and the name that it got here is in no registry.
  [ -z "${PULL_BASE:-}" ] || [ -n "$target_base" ] || set -- "$@" --pull

  while IFS= read -r argument; do
    set -- "$@" --build-arg "$argument"
  done <<END
$BUILD_ARGUMENTS
END
  [ "$flavour" = legacy ] || set -- "$@" --platform "$PLATFORM"
  tool_with_base "$@" --tag "$IMAGE_URI" --file "$SOURCE_DIR/Dockerfile" "$SOURCE_DIR" </dev/null
}

push() {
  set -- push
  [ "$flavour:$scheme" != podman:http ] || set -- "$@" --tls-verify=false
  tool_with_token "$@" "$IMAGE_URI"
}

# ---- The order of things -----------------------------------------------------------------------------------------

say "Image $IMAGE_URI for $PLATFORM, log: $log"

ask_registry
if [ "$answer" = present ]; then
  say "The registry has it already: nothing to build."
  exit 0
fi

usable_tool || fail \
  "No usable container tool: \"$CONTAINER_TOOL version\" fails, so the image cannot be built here." \
  "Either install or start one and name it in container_tool (docker, podman, nerdctl, finch, ...)," \
  "or set image_uri to an image that is already in ECR: then nothing is built and no tool is needed."

find_flavour
say "Building with $CONTAINER_TOOL ($flavour)."
if ! build >>"$log" 2>&1; then
  if tail -n 40 "$log" | grep -q -i -E 'no basic auth credentials|unauthorized|authentication required|authorization failed|403 forbidden|denied'; then
    fail "The image could not be built: the registry of the base image $base_image refuses." \
      "base_image lies in a private registry: log in to it, or set image_uri."
  fi
  fail "The image could not be built."
fi

built=$(tool image inspect --format '{{.Os}}/{{.Architecture}}' "$IMAGE_URI" 2>>"$log" || :)
case $built in
  "$PLATFORM" | '') ;; # not every tool knows the format
  *) fail "The image was built for $built instead of $PLATFORM: base_image has no variant for that platform." ;;
esac

say "Pushing."
if ! push >>"$log" 2>&1; then
  # Tags are immutable: another apply that pushed the same content in the meantime makes ours fail, and that is fine.
  ask_registry
  [ "$answer" = present ] || fail "The image could not be pushed." \
    "The registry's token comes from the plan and lives 12 hours: if the plan is older, plan again."
  say "Another apply has pushed it in the meantime."
fi

# The registry has it; here it would only fill the disk.
tool image rm "$IMAGE_URI" ${target_base:+"$target_base"} >>"$log" 2>&1 || :
say "Done."
