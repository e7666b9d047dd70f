"""What an auditor finds in our SSH, who knows what has become weak since."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.daemon import Daemon
from support.ports import LOOPBACK
from support.processes import BIN, run

Report = dict[str, Any]

OFFERS = ("kex", "key", "enc", "mac")

ONLY_BEFORE_QUANTUM_COMPUTERS = "does not provide protection against post-quantum attacks"


@pytest.fixture(scope="module")
def report(daemon: Daemon) -> Report:
    """What the auditor says of a new server.

    The rate at which connections are taken is left out: it matters for key exchanges by modular
    exponentiation, none of which is offered, and other tests hold the limits that there are.
    """
    options = ["--json", "--skip-rate-test", "--port", str(daemon.ssh)]
    found: Report = json.loads(run(BIN / "ssh-audit", *options, LOOPBACK, status=None))
    return found


def notes(report: Report, level: str) -> dict[str, object]:
    """Return what was noted of each algorithm at that level."""
    offered = [algorithm for kind in OFFERS for algorithm in report[kind]]
    listed = {offer["algorithm"]: offer["notes"] for offer in offered}
    return {name: found[level] for name, found in listed.items() if level in found}


def test_it_sees_everything_that_is_offered(report: Report) -> None:
    assert all(report[kind] for kind in OFFERS)
    assert [offer["algorithm"] for offer in report["key"]] == [
        "ssh-ed25519",
        "rsa-sha2-256",
        "rsa-sha2-512",
    ]
    assert "kex-strict-s-v00@openssh.com" in [offer["algorithm"] for offer in report["kex"]]


def test_it_finds_no_failure(report: Report) -> None:
    assert notes(report, "fail") == {}
    assert report["cves"] == []
    assert report["recommendations"] == {}
    assert report["additional_notes"] == []


def test_it_warns_of_the_exchange_that_older_clients_need_and_of_nothing_else(
    report: Report,
) -> None:
    assert notes(report, "warn") == {
        "curve25519-sha256": [ONLY_BEFORE_QUANTUM_COMPUTERS],
        "curve25519-sha256@libssh.org": [ONLY_BEFORE_QUANTUM_COMPUTERS],
    }
