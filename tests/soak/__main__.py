"""The command `python -m soak`: runs one, says what was carried and what went wrong."""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
import tempfile
from pathlib import Path

import uvloop

from soak.report import report
from soak.run import Plan, soak
from support.processes import heed_interrupts


def main() -> int:
    """Return 0 if nothing was lost, got stuck or was left behind."""
    heed_interrupts()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # which leaves nothing running
    plan = _plan()
    print(f"make soak SECONDS={plan.seconds:g} SEED={plan.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="pgrok-soak-") as folder:
        done = uvloop.run(soak(plan, Path(folder)))
    print(report(done))
    if not done.ledger.failures:
        return 0
    print(f"{len(done.ledger.failures)} failures with SEED={plan.seed}:")
    for failure in done.ledger.failures:
        print(f"- {failure}")
    return 1


def _plan() -> Plan:
    parser = argparse.ArgumentParser(prog="python -m soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="of the whole")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32))
    parser.add_argument("--postgres", action="store_true", help="instead of SQLite")
    arguments = parser.parse_args()
    return Plan(**vars(arguments))


if __name__ == "__main__":
    sys.exit(main())
