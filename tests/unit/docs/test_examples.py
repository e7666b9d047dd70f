"""The papers name what is there: every setting, the example file, files that they point to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

from pgrok.client.settings import Settings as ClientSettings
from pgrok.server.settings import Settings, load

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "pgrokd.example.yml"
PAPERS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

LINK = re.compile(r"\]\(([^)#]+)(?:#[^)]*)?\)")
FIRST_CELL = re.compile(r"^\| `([a-z_.]+)` \|", re.MULTILINE)


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the dotted keys of a settings model, without its sections."""
    for name, field in model.model_fields.items():
        options = (field.annotation, *get_args(field.annotation))
        sections = [one for one in options if isinstance(one, type) and issubclass(one, BaseModel)]
        if sections:
            yield from keys(sections[0], f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}"


def test_the_example_file_is_accepted() -> None:
    settings = load(EXAMPLE, {})
    assert settings.proxy.public_url("alice") == "https://alice.example.com"
    assert settings.client_address == "example.com:2222"
    assert settings.identity_provider is not None


def test_the_example_file_takes_its_secrets_from_the_environment() -> None:
    settings = load(
        EXAMPLE,
        {
            "PGROKD_DATABASE__PASSWORD": "s3cret",
            "PGROKD_IDENTITY_PROVIDER__CLIENT_SECRET": "hidden",
        },
    )
    assert ":s3cret@" in settings.database.url
    assert settings.identity_provider is not None
    assert settings.identity_provider.client_secret.get_secret_value() == "hidden"


def test_the_configuration_page_lists_every_key_of_the_server_and_no_other() -> None:
    page = (ROOT / "docs/admin/configuration.md").read_text("utf-8")
    assert sorted(FIRST_CELL.findall(page)) == sorted(keys(Settings))


@pytest.mark.parametrize("section", ["limits", "timeouts", "lifetimes"])
def test_the_configuration_page_has_the_defaults_of_limits(section: str) -> None:
    page = (ROOT / "docs/admin/configuration.md").read_text("utf-8")
    for key, default in getattr(Settings(), section):
        assert f"| `{section}.{key}` | `{default:g}` |" in page


def test_the_client_guide_lists_every_key_of_the_client_and_no_other() -> None:
    page = (ROOT / "docs/client/guide.md").read_text("utf-8")
    assert sorted(FIRST_CELL.findall(page)) == sorted(keys(ClientSettings))


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: str(paper.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(paper: Path) -> None:
    links = [link for link in LINK.findall(paper.read_text("utf-8")) if "://" not in link]
    assert [link for link in links if not (paper.parent / link).exists()] == []
