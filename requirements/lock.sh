#!/usr/bin/env bash
# Writes the lock files: exact versions with hashes, for every platform and Python 3.11 or newer, and no index lines.
# Usage: requirements/lock.sh PATH_TO_UV [--upgrade]
set -euo pipefail
cd "$(dirname "$0")/.."
uv=$1
upgrade=${2:-}
compile() { "$uv" pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url --no-header $upgrade "$@"; }
# The tests' lock without some packages (a|b): their lines, and the indented ones of their hashes.
without() { awk -v names="^($1)==" '/^[^ #]/ { dropped = $0 ~ names } !dropped' requirements/dev.txt; }

compile pyproject.toml --extra dev --output-file requirements/dev.txt
compile pyproject.toml --extra local --constraints requirements/dev.txt --output-file requirements/local.txt
compile pyproject.toml --constraints requirements/dev.txt --output-file requirements.txt
compile rekognition_local/requirements.in --no-annotate --constraints requirements/dev.txt --output-file rekognition_local/requirements.txt
# Without annotations: functions with the same dependencies have the same lock, and share what is built from it.
# They have the latest Pillow, which the tests share with python3.11 alone: labelstack/dates.yaml.
for function in handlers/*/requirements.in; do
    compile "$function" --no-annotate --constraints <(without pillow) --output-file "${function%.in}.txt"
done
# A platform that needs other versions, as its file says, has its own lock.
for platform in handlers/*/requirements-*.in; do
    compile "$(dirname "$platform")/requirements.in" --no-annotate --overrides "$platform" \
        --constraints <(without "$(grep -o '^[a-z][a-z0-9-]*' "$platform" | paste -sd '|')") \
        --output-file "${platform%.in}.txt"
done
