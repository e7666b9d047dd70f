"""What the server is set to: one frozen model, read from `pgrokd.yml` and the environment."""

from __future__ import annotations

from pgrok.server.settings.limits import LifetimeSettings, LimitSettings, TimeoutSettings
from pgrok.server.settings.loading import load
from pgrok.server.settings.models import (
    DatabaseSettings,
    FieldMapping,
    IdentityProviderSettings,
    LogSettings,
    MetricsSettings,
    ProxySettings,
    Settings,
    SSHDSettings,
    TCPSettings,
    WebSettings,
)

__all__ = [
    "DatabaseSettings",
    "FieldMapping",
    "IdentityProviderSettings",
    "LifetimeSettings",
    "LimitSettings",
    "LogSettings",
    "MetricsSettings",
    "ProxySettings",
    "SSHDSettings",
    "Settings",
    "TCPSettings",
    "TimeoutSettings",
    "WebSettings",
    "load",
]
