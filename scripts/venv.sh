#!/bin/sh
# Makes .venv with a Python from 3.11 and installs one hashed lock and the project into it.
# Does nothing when that has been done before. Usage: scripts/venv.sh LOCK
set -eu
cd "$(dirname "$0")/.."
lock=$1
stamp=.venv/installed-$lock

say() { printf '%s\n' "$*" >&2; }

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    for candidate in ${PYTHON:-python3} python3.14 python3.13 python3.12 python3.11; do
        if new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    say "pgrok needs Python 3.11 or newer; found $(python3 --version 2>/dev/null || echo 'no python3')."
    say "Install one (Debian, Ubuntu: apt install python3; macOS: brew install python) or name it:"
    say "    make PYTHON=/path/to/python3.11 ..."
    return 1
}

make_venv() {
    python=$(find_python)
    if ! "$python" -c 'import ensurepip' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        say "$python cannot make virtual environments: its module ensurepip is missing."
        say "Install it (Debian, Ubuntu: apt install python$version-venv) and try again."
        return 1
    fi
    # Behind a link is somebody else's, which --clear would empty.
    [ ! -L .venv ] || rm .venv
    "$python" -m venv --clear .venv
}

# Its commands hold their own path, so a virtual environment that was moved is of no use.
usable() {
    new_enough .venv/bin/python && [ -x .venv/bin/pip ] && grep -qF "$PWD/.venv" .venv/pyvenv.cfg
}

wanted=$(cat "$lock" pyproject.toml | cksum)
if ! usable; then
    make_venv
elif [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ]; then
    exit 0
fi

say "Installing $lock into .venv (this is done once)..."
export PIP_CACHE_DIR="${PIP_CACHE_DIR:-$PWD/.cache/pip}" PIP_DISABLE_PIP_VERSION_CHECK=1
.venv/bin/python -m pip install --quiet --require-hashes --requirement "$lock"
.venv/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable .
printf '%s\n' "$wanted" >"$stamp"
