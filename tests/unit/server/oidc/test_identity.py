"""Who may come in, by the userinfo claims and the settings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgrok.errors import SignInRefused
from pgrok.server.oidc.identity import MAX_LENGTH, Identity, Rules, identify

RULES = Rules(identifier="email", display_name="name", email="email")
DOMAIN = replace(RULES, required_domain="example.com")
CLAIMS = {"sub": "s", "name": "Alice Doe", "email": "alice@example.com", "email_verified": True}

# Short ones: many long ones take Hypothesis so long to draw that it fails its own health check.
TEXTS = st.text(max_size=20) | st.text(max_size=5).map("{}@example.com".format)


def identified(rules: Rules = RULES, **changed: Any) -> Identity:
    return identify(CLAIMS | changed, rules, issuer="i", sub="s")


def test_the_mapping_says_which_claim_tells_what() -> None:
    rules = Rules(identifier="preferred_username", display_name="nickname")
    found = identified(rules, preferred_username="alice", nickname="Al")
    assert found == Identity("i", "s", "alice", "Al")


def test_a_missing_display_name_falls_back_to_the_identifier() -> None:
    assert identified(name=None).display_name == "alice@example.com"
    assert identified(name="  ").display_name == "alice@example.com"


def test_a_number_is_an_identifier_too() -> None:
    assert identified(Rules("id", "name"), id=4711).identifier == "4711"


def test_claims_become_one_printable_line() -> None:
    assert identified(name="Alice\r\n\x1b[31m  Doe\u202e").display_name == "Alice [31m Doe"


@pytest.mark.parametrize("value", [None, "", "  ", True, [], {}, "x" * (MAX_LENGTH + 1)])
def test_an_unusable_identifier_is_refused(value: object) -> None:
    with pytest.raises(SignInRefused, match="field_mapping"):
        identified(Rules("id", "name"), id=value)


INVISIBLE = ["\u200b", "\u202e", "\x00", "\n", "\t", " ", "\u00a0", "\u2028", "\u00ad", "\u3164"]


@pytest.mark.parametrize("mark", INVISIBLE)
def test_an_identifier_that_only_looks_like_another_is_refused(mark: str) -> None:
    for value in (f"alice{mark}", f"{mark}alice"):
        with pytest.raises(SignInRefused, match="characters that cannot be seen") as refusal:
            identified(Rules("id", "name"), id=value)
        assert str(refusal.value).isprintable()


def test_a_name_in_other_letters_and_a_space_within_are_as_they_are() -> None:
    for value in ("José", "日本", "Alice Doe"):
        assert identified(Rules("id", "name"), id=value).identifier == value


@pytest.mark.parametrize("mark", INVISIBLE)
def test_an_email_that_only_looks_like_another_is_refused(mark: str) -> None:
    rules = replace(DOMAIN, identifier="sub")
    for email in (f"{mark}alice@example.com", f"alice@example.com{mark}"):
        with pytest.raises(SignInRefused, match="characters that cannot be seen"):
            identified(rules, email=email)


def test_claims_of_another_subject_are_refused() -> None:
    with pytest.raises(SignInRefused, match="another person"):
        identified(sub="t")


@pytest.mark.parametrize("verified", [True, "true", "True"])
def test_a_verified_email_of_the_domain_comes_in(verified: object) -> None:
    assert identified(DOMAIN, email_verified=verified).identifier == "alice@example.com"


def test_the_domain_has_no_case() -> None:
    assert identified(DOMAIN, email="alice@Example.COM")


@pytest.mark.parametrize(
    "email",
    [
        None,
        "",
        "alice",
        "@example.com",
        "alice@example.com.evil.org",
        "alice@evilexample.com",
        "alice@sub.example.com",
        ["alice@example.com"],
    ],
)
def test_another_domain_stays_out(email: object) -> None:
    rules = replace(DOMAIN, identifier="sub")
    with pytest.raises(SignInRefused, match=r"example\.com"):
        identified(rules, email=email)


@pytest.mark.parametrize("verified", [False, "false", 0, "no", []])
@pytest.mark.parametrize("trust", [False, True])
def test_an_email_that_is_not_verified_stays_out(verified: object, *, trust: bool) -> None:
    with pytest.raises(SignInRefused, match="not verified"):
        identified(replace(DOMAIN, trust_unverified_email=trust), email_verified=verified)


def test_silence_about_the_email_counts_only_where_the_admin_says_so() -> None:
    with pytest.raises(SignInRefused, match="trust_unverified_email"):
        identified(DOMAIN, email_verified=None)
    assert identified(replace(DOMAIN, trust_unverified_email=True), email_verified=None)


def test_without_a_domain_silence_passes_and_a_disowned_identifier_does_not() -> None:
    assert identified(email_verified=None)
    with pytest.raises(SignInRefused, match="not verified"):
        identified(email_verified=False)
    assert identified(Rules("sub", "name"), email_verified=False)


@given(
    claims=st.dictionaries(
        st.sampled_from(["sub", "name", "email", "email_verified"]),
        st.none() | st.booleans() | st.integers() | TEXTS | st.lists(TEXTS, max_size=3),
    )
)
def test_whatever_the_claims_are_the_answer_is_a_person_or_a_refusal(
    claims: dict[str, Any],
) -> None:
    try:
        found = identify({"sub": "s", **claims}, DOMAIN, issuer="i", sub="s")
    except SignInRefused:
        return
    assert found.identifier.isprintable()
    assert found.identifier.lower().endswith("@example.com")
