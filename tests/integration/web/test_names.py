"""Who gets which name by signing in, at the running server."""

from __future__ import annotations

import itertools

import pytest

from support.scene import Scene

_subjects = itertools.count(1)


def sign_in(scene: Scene, email: str, subject: str | None = None) -> int:
    """Sign in somebody with that address; return the status."""
    subject = subject or f"subject-{next(_subjects)}"
    scene.idp.id_token = {"sub": subject}
    scene.idp.userinfo = {"sub": subject, "email": email, "name": email}
    with scene.browser() as browser:
        return browser.sign_in().status_code


def test_two_people_never_share_a_name(scene: Scene) -> None:
    for email in ("Two.People@example.com", "two-people@example.com", "two_people@Example.com"):
        assert sign_in(scene, email) == 303
    names = [name for email, name in scene.people().items() if email.lower().startswith("two")]
    assert sorted(names) == ["two-people", "two-people-2", "two-people-3"]


@pytest.mark.parametrize("name", ["www", "admin", "api", "mail", "pgrok", "wpad", "Localhost"])
def test_reserved_names_go_to_nobody(scene: Scene, name: str) -> None:
    email = f"{name}@example.com"
    assert sign_in(scene, email) == 303
    assert scene.people()[email] == f"{name.lower()}-2"


def test_an_account_does_not_become_somebody_by_calling_itself_so(scene: Scene) -> None:
    assert sign_in(scene, "owner@example.com", "the owner") == 303
    assert sign_in(scene, "owner@example.com", "somebody else") == 403
    assert sign_in(scene, "thief@example.com", "a thief") == 303
    assert sign_in(scene, "owner@example.com", "a thief") == 303
    assert scene.people()["thief@example.com"] == "thief"
    assert scene.people()["owner@example.com"] == "owner"


def test_the_name_of_somebody_who_was_removed_rests(scene: Scene) -> None:
    assert sign_in(scene, "leaver@example.com") == 303
    scene.daemon.command("user", "remove", "leaver", "--yes")
    assert sign_in(scene, "leaver@Example.com") == 303
    assert scene.people()["leaver@Example.com"] == "leaver-2"
