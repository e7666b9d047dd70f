#!/bin/sh
# Makes sure that everything is there that the tests run against besides Python packages.
# As root on Debian and its kin it installs what is missing; otherwise it names it and fails.
set -eu
cd "$(dirname "$0")/.."
missing=''
PATH=$PATH:/usr/local/go/bin

has() { command -v "$1" >/dev/null; }
has_postgres() { has initdb || [ -n "$(find /usr/lib/postgresql -name initdb 2>/dev/null)" ]; }
has_go() { has go && go version | grep -qE 'go(1\.2[1-9]|1\.[3-9]|[2-9])'; }
need() { missing="$missing $1"; }

has_postgres || need postgresql
has ssh && has ssh-keyscan || need openssh-client
has chromium || need chromium
has_go || need golang-go
has npm || need npm
has systemd-socket-activate || need systemd
has ip || need iproute2

if [ -n "$missing" ] && [ "$(id -u)" = 0 ] && has apt-get; then
    echo "Installing$missing..." >&2
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of names
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
elif [ -n "$missing" ]; then
    echo "The tests need what these Debian packages hold, and it was not found:$missing." >&2
    echo "Install them, or run 'make test' as root on Debian or Ubuntu, which does so." >&2
    exit 1
fi
if ! has_go; then
    echo "The tests need Go 1.21 or newer, which gets the version in tests/go/go.mod by itself;" >&2
    echo "found $(go version). Install a newer one in /usr/local/go or on PATH." >&2
    exit 1
fi

cd tests/e2e/oidc-provider
[ node_modules/.package-lock.json -nt package-lock.json ] || npm ci --silent --no-fund --no-audit
