#!/bin/sh
# Resolves pyproject.toml into the two hashed locks; --upgrade takes newer versions.
# They name no download host, so they hold for whatever index or mirror pip is set to.
set -eu
cd "$(dirname "$0")/.."

compile() {
    .venv/bin/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 \
        --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate \
        --custom-compile-command 'make lock' --extra server --group build "$@"
}

compile --output-file requirements.lock "$@"
compile --output-file requirements-dev.lock --group dev --constraints requirements.lock "$@"
