"""Pages from templates; every value in them is escaped."""

from __future__ import annotations

from collections.abc import Mapping

import jinja2
from starlette.responses import HTMLResponse

from pgrok.server.web.times import ago, exact


class Renderer:
    """The templates of this room."""

    def __init__(self) -> None:
        self._environment = jinja2.Environment(
            loader=jinja2.PackageLoader("pgrok.server.web"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {"ago": ago, "exact": exact}

    def page(
        self,
        template: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: object,
    ) -> HTMLResponse:
        """Return the page that `template` makes of `values`."""
        body = self._environment.get_template(template).render(values)
        return HTMLResponse(body, status, headers)

    def message(
        self, headline: str, text: str, status: int, headers: Mapping[str, str] | None = None
    ) -> HTMLResponse:
        """Return a page that says what is and what to do."""
        return self.page(
            "message.html", status=status, headers=headers, headline=headline, text=text
        )
