#!/bin/sh
# Runs the tests that send random SSH messages for as many examples as EXAMPLES says (about thirty a
# second), with SEED or one drawn at random: what failed once fails again with the seed that is printed.
set -eu
cd "$(dirname "$0")/.."

export PGROK_FUZZ_EXAMPLES="${EXAMPLES:-10000}"
seed=${SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}

echo "make fuzz EXAMPLES=$PGROK_FUZZ_EXAMPLES SEED=$seed"
exec .venv/bin/pytest --timeout 0 --hypothesis-seed "$seed" \
    tests/integration/sshd/test_fuzz.py tests/integration/client/test_fuzz.py
