#!/bin/sh
# Starts the demo, and ends with its exit status.
#
# On a terminal it gets a process group of its own there (that is what job control does), so
# that Ctrl-C reaches the demo, which ends cleanly, and not make, which would end with an error.
# Elsewhere it takes this script's place, so that what ends make ends it as well.
set -eu
cd "$(dirname "$0")/.."
scripts/venv.sh requirements.lock
[ -t 0 ] || exec .venv/bin/pgrokd demo
set -m
.venv/bin/pgrokd demo
