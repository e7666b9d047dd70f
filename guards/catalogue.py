"""Every guard, by area."""

from __future__ import annotations

from guards.attacks import (
    bodies,
    client,
    dashboard,
    heads,
    names,
    proxying,
    sign_in,
    ssh,
    strangers,
)

AREAS = (
    names.AREA,
    sign_in.AREA,
    dashboard.AREA,
    strangers.AREA,
    ssh.AREA,
    heads.AREA,
    bodies.AREA,
    proxying.AREA,
    client.AREA,
)
