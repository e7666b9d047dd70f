"""What is noted of everything that goes on, and who may look at it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from pgrok.server.counts import Counts, Present
from pgrok.server.decisions import Decisions
from pgrok.server.readiness import Readiness
from pgrok.server.settings import MetricsSettings
from pgrok.server.web.monitoring import Monitoring


class Observer:
    """One for a daemon; `ask_database` returns if the database answers."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, ask_database: Callable[[], Awaitable[object]]
    ) -> None:
        self.counts = Counts()
        self.decisions = Decisions(loop.call_later)
        self.readiness = Readiness(ask_database)

    def monitoring(
        self, settings: MetricsSettings, look_around: Callable[[], Present]
    ) -> Monitoring:
        """Return what machines may ask; metrics only if the settings want any."""
        token = settings.token.get_secret_value() if settings.token else None
        scrape = None
        if settings.listen or token:
            # Only then is the library for it worth loading.
            from pgrok.server.metrics import Exporter

            scrape = Exporter(self.counts, self.decisions, look_around).scrape
        return Monitoring(self.readiness.problem, self.decisions, scrape, token)
