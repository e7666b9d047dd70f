"""Real OpenID providers as processes: a Python mock, and the certified one from npm."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page

from support.ports import LOOPBACK, free_port
from support.processes import Process

CERTIFIED = Path(__file__).parent.parent / "e2e" / "oidc-provider"

CLIENT_ID = "pgrok-test"
CLIENT_SECRET = "a-secret-between-two-processes"

SUBJECT = "jane"
EMAIL = "jane.doe@example.com"
CLAIMS = {"sub": SUBJECT, "name": "Jane Doe", "email": EMAIL, "email_verified": True}


class MockProvider:
    """`oidc-provider-mock`: one click signs in."""

    def __init__(self) -> None:
        self.issuer = f"http://localhost:{free_port()}"

    @contextmanager
    def running(self, redirect_uri: str) -> Iterator[Process]:
        """Serve; it takes any redirect URI."""
        port = self.issuer.rpartition(":")[2]
        options = ["--host", LOOPBACK, "--port", port, "--user-claims", json.dumps(CLAIMS)]
        with Process(sys.executable, "-m", "oidc_provider_mock", *options) as process:
            process.wait_for("running on")
            yield process

    def sign_in(self, page: Page) -> None:
        """Fill in the provider's pages."""
        page.get_by_role("button", name=SUBJECT, exact=True).click()


class CertifiedProvider:
    """npm's `oidc-provider`, strict: one client, one redirect URI, PKCE demanded."""

    def __init__(self) -> None:
        self.issuer = f"http://localhost:{free_port()}"

    @contextmanager
    def running(self, redirect_uri: str) -> Iterator[Process]:
        """Serve for the client with that redirect URI."""
        settings = {
            "issuer": self.issuer,
            "client": {
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "redirect_uris": [redirect_uri],
            },
            "claims": CLAIMS,
        }
        script = CERTIFIED / "provider.js"
        with Process("node", script, json.dumps(settings), cwd=CERTIFIED) as process:
            process.wait_for("^listening")
            yield process

    def sign_in(self, page: Page) -> None:
        """Fill in the provider's pages."""
        page.get_by_placeholder("Enter any login").fill(SUBJECT)
        page.get_by_placeholder("and password").fill("any")
        page.get_by_role("button", name="Sign-in").click()
        page.get_by_role("button", name="Continue").click()


Provider = MockProvider | CertifiedProvider


def settings(provider: Provider) -> dict[str, object]:
    """Return the server's settings for a provider."""
    return {
        "type": "oidc",
        "display_name": "Example ID",
        "issuer": provider.issuer,
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "field_mapping": {"identifier": "email", "display_name": "name", "email": "email"},
        "required_domain": "example.com",
    }
