"""The soak in two minutes; `make soak` runs for longer."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from soak.report import report
from soak.run import Plan, soak

SECONDS = 120.0


@pytest.mark.timeout(4 * SECONDS)
async def test_nothing_is_lost_gets_stuck_or_is_left_behind(tmp_path: Path) -> None:
    plan = Plan(seed=secrets.randbelow(1 << 32), seconds=SECONDS)
    print(f"make soak SECONDS={SECONDS:g} SEED={plan.seed}")
    done = await soak(plan, tmp_path)
    print(report(done))
    assert done.ledger.failures == []
