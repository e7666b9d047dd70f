"""Signing in by somebody else's account, answer or provider (OpenID Connect Core, RFC 9700)."""

from __future__ import annotations

from guards.guard import Area, Guard

_PROVIDER = "tests/unit/server/oidc/test_provider.py"
_CLAIM = f"{_PROVIDER}::test_a_wrong_claim_is_refused_by_name"
_IDENTITY = "tests/unit/server/oidc/test_identity.py"
_SIGN_IN = "tests/integration/web/test_sign_in.py"
_PEOPLE = "tests/integration/store/test_people.py"

AREA = Area(
    "sign-in",
    "Signing in with an identity provider",
    (
        Guard(
            "A forged answer: no `state`, or one that nobody asked with",
            "server/web/sign_in.py",
            "sign_in = await self._store.sign_ins.take(state) if state else None\n        if sign_in is None or",
            "sign_in = await self._store.sign_ins.take(state) if state else None\n        if sign_in is None:\n            return Attempt.fresh()\n        if",
            f"{_SIGN_IN}::test_an_answer_to_no_question_is_refused",
        ),
        Guard(
            "Sign-in CSRF: the attacker's answer in the victim's browser",
            "server/web/sign_in.py",
            "or not sign_in.belongs_to(sign_in_id):",
            "or False:",
            f"{_SIGN_IN}::test_an_answer_works_in_the_browser_that_asked",
        ),
        Guard(
            "An answer that is used twice (code replay)",
            "server/store/sign_ins.py",
            "delete(tables.sign_ins).where(_sign_ins.state_hash == hashed(state)).returning(*kept)",
            "tables.sign_ins.select().with_only_columns(*kept).where(_sign_ins.state_hash == hashed(state))",
            "tests/integration/store/test_sign_ins.py::test_a_sign_in_is_taken_once_by_its_session[sqlite]",
        ),
        Guard(
            "An answer that comes a day later",
            "server/store/sign_ins.py",
            'if row is None or row["expires_at"] <= self._clock():',
            "if row is None:",
            "tests/integration/store/test_sign_ins.py::test_a_sign_in_expires[sqlite]",
        ),
        Guard(
            "A code that somebody else obtained (no PKCE)",
            "server/oidc/flow.py",
            '"code_challenge": _challenge(attempt.verifier),',
            '"code_challenge": _challenge(attempt.state),',
            f"{_PROVIDER}::test_an_honest_provider_is_believed",
        ),
        Guard(
            "One secret for three purposes: state, nonce and verifier alike",
            "server/oidc/flow.py",
            "return cls(secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(32))",
            "return cls(*[secrets.token_urlsafe(32)] * 3)",
            f"{_PROVIDER}::test_the_request_carries_three_separate_secrets",
        ),
        Guard(
            "Mix-up: the answer of another provider",
            "server/oidc/flow.py",
            "if issuer != metadata.issuer and (issuer is not None or metadata.names_issuer):",
            "if False:",
            f"{_PROVIDER}::test_the_issuer_of_the_response_is_compared"
            "[False-https://evil.example.com-False]",
        ),
        Guard(
            "A discovery document of another issuer",
            "server/oidc/discovery.py",
            'if not isinstance(named, str) or named.rstrip("/") != issuer.rstrip("/"):',
            "if not isinstance(named, str):",
            "tests/unit/server/oidc/test_discovery.py::test_a_document_that_cannot_be_used_is_refused",
        ),
        Guard(
            "Endpoints over plain http, for whoever listens in between",
            "server/oidc/discovery.py",
            'schemes = ("https://",) if issuer.startswith("https:") else ("https://", "http://")',
            'schemes = ("https://", "http://")',
            "tests/unit/server/oidc/test_discovery.py::test_a_document_that_cannot_be_used_is_refused",
        ),
        Guard(
            "An id token of another issuer",
            "server/oidc/id_token.py",
            'iss={"essential": True, "value": metadata.issuer},',
            'iss={"essential": True},',
            f"{_CLAIM}[lie0-iss]",
        ),
        Guard(
            "An id token for another application",
            "server/oidc/id_token.py",
            'aud={"essential": True, "value": client_id},',
            'aud={"essential": True},',
            f"{_CLAIM}[lie2-aud]",
        ),
        Guard(
            "An id token for several applications, of which ours did not ask",
            "server/oidc/id_token.py",
            "    _check_authorized_party(token.claims, client_id)\n",
            "",
            f"{_CLAIM}[lie4-azp]",
        ),
        Guard(
            "An id token of another sign-in (nonce)",
            "server/oidc/id_token.py",
            'nonce={"essential": True, "value": nonce},',
            "",
            f"{_CLAIM}[lie6-nonce]",
        ),
        Guard(
            "An id token that has expired, or never does",
            "server/oidc/id_token.py",
            "        now=int(now.timestamp()),\n",
            "        now=0,\n",
            f"{_CLAIM}[lie8-expired]",
        ),
        Guard(
            "An id token without an expiry",
            "server/oidc/id_token.py",
            '        exp={"essential": True},\n',
            "",
            f"{_CLAIM}[lie9-exp]",
        ),
        Guard(
            "An access token swapped for another (at_hash)",
            "server/oidc/id_token.py",
            "    _check_access_token_hash(token, tokens.access_token)\n",
            "",
            f"{_CLAIM}[lie14-at_hash]",
        ),
        Guard(
            "An id token that nobody signed, or somebody else did",
            "server/oidc/id_token.py",
            "token = jwt.decode(tokens.id_token, key, registry=registry)",
            "payload = tokens.id_token.split('.')[1] + '=='\n"
            "        claims = json.loads(base64.urlsafe_b64decode(payload))\n"
            "        token = jwt.Token(_header(tokens.id_token), claims)",
            f"{_PROVIDER}::test_a_signature_by_another_key_is_refused",
        ),
        Guard(
            "Signatures that a provider may offer and nobody should take (`none`, HMAC)",
            "server/oidc/discovery.py",
            "algorithms = ALGORITHMS & _names(",
            "algorithms = _names(",
            "tests/unit/server/oidc/test_discovery.py::test_only_signatures_with_a_public_key_are_kept",
        ),
        Guard(
            "Keys and addresses of a provider believed for ever",
            "server/oidc/provider.py",
            "if self._keys is None or self._keys.expires_at <= now:",
            "if self._keys is None:",
            f"{_PROVIDER}::test_discovery_and_keys_are_kept_and_expire",
        ),
        Guard(
            "Userinfo about somebody else than the id token",
            "server/oidc/identity.py",
            'if claims.get("sub") != sub:',
            "if False:",
            f"{_IDENTITY}::test_claims_of_another_subject_are_refused",
        ),
        Guard(
            "An identifier with something invisible in it, which binds the account that was added for another",
            "server/oidc/identity.py",
            "(text != text.strip() or not text.isprintable() or _BLANK.search(text))",
            "False",
            f"{_IDENTITY}::test_an_identifier_that_only_looks_like_another_is_refused",
        ),
        Guard(
            "Somebody of another domain than the required one",
            "server/oidc/identity.py",
            "if not (local_part and at) or found.lower() != domain.lower():",
            "if not (local_part and at):",
            f"{_IDENTITY}::test_another_domain_stays_out",
        ),
        Guard(
            "An email address that its provider says is not verified",
            "server/oidc/identity.py",
            "if _verified(claims) is False:",
            "if False:",
            f"{_IDENTITY}::test_an_email_that_is_not_verified_stays_out",
        ),
        Guard(
            "An email address of which the provider does not say whether it is verified",
            "server/oidc/identity.py",
            "if _verified(claims) is None and not rules.trust_unverified_email:",
            "if False:",
            f"{_IDENTITY}::test_silence_about_the_email_counts_only_where_the_admin_says_so",
        ),
        Guard(
            '`email_verified` in a string, `"false"` among them, taken for true',
            "server/oidc/identity.py",
            'value is True or str(value).lower() == "true"',
            "bool(value)",
            f"{_IDENTITY}::test_an_email_that_is_not_verified_stays_out",
        ),
        Guard(
            "`required_domain` without a claim to compare it with",
            "server/settings/models.py",
            "if domain is not None and mapping is not None and mapping.email is None:",
            "if False:",
            "tests/unit/server/settings/test_loading.py::test_a_problem_names_key_found_and_expected",
        ),
        Guard(
            "Another account with the identifier of somebody who is here",
            "server/store/identities.py",
            'if known["released_at"] is None:\n        raise',
            "if False:\n        raise",
            f"{_PEOPLE}::test_another_account_with_a_bound_identifier_is_refused[sqlite]",
        ),
        Guard(
            "An account that changes its identifier to that of somebody else",
            "server/store/identities.py",
            '        if known is None:\n            await _change(connection, bound, identifier=identifier)\n        return int(bound["person_id"])',
            '        return int((known or bound)["person_id"])',
            f"{_PEOPLE}::test_an_account_cannot_take_a_person_by_taking_their_identifier[sqlite]",
        ),
        Guard(
            "Somebody removed whose successor at the provider takes their place",
            "server/store/identities.py",
            '    await connection.execute(delete(tables.identities).where(_identities.id == known["id"]))\n    return None',
            '    return int(known["person_id"])',
            f"{_PEOPLE}::test_a_new_account_with_a_removed_persons_identifier_is_somebody_else[sqlite]",
        ),
        Guard(
            "A provider's endless answer",
            "server/oidc/provider.py",
            "if len(body) > MAX_RESPONSE:",
            "if False:",
            "tests/unit/server/oidc/test_provider.py::test_an_answer_is_not_read_without_an_end",
        ),
        Guard(
            "A provider's small answer that unpacks into a large one",
            "server/oidc/provider.py",
            'if response.headers.get("Content-Encoding", "identity") != "identity":',
            "if False:",
            "tests/unit/server/oidc/test_provider.py::test_a_compressed_answer_is_not_opened",
        ),
        Guard(
            "A provider's redirect to a machine inside (SSRF)",
            "server/oidc/provider.py",
            "follow_redirects=False",
            "follow_redirects=True",
            "tests/unit/server/oidc/test_provider.py::test_a_redirect_is_not_followed",
        ),
        Guard(
            "Words of the attacker's on the page of a refusal",
            "server/oidc/flow.py",
            "if not isinstance(code, str) or not _ERROR_CODE.fullmatch(code):",
            "if not isinstance(code, str):",
            "tests/unit/server/oidc/test_provider.py::test_a_code_of_refusal_is_one_word",
        ),
        Guard(
            "Sign-ins without an end that are begun and never finished",
            "server/store/sign_ins.py",
            "await _forget_oldest(connection)",
            "pass",
            "tests/integration/store/test_sign_ins.py"
            "::test_of_too_many_sign_ins_the_oldest_are_forgotten",
        ),
    ),
)
