"""Every guard, by area."""

from __future__ import annotations

from guards.attacks import (
    bodies,
    client,
    dashboard,
    forwarding,
    heads,
    names,
    sign_in,
    ssh,
    strangers,
    visitors,
)

AREAS = (
    names.AREA,
    sign_in.AREA,
    dashboard.AREA,
    strangers.AREA,
    ssh.AREA,
    heads.AREA,
    bodies.AREA,
    forwarding.AREA,
    visitors.AREA,
    client.AREA,
)
