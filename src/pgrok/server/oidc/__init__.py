"""The relying party of OpenID Connect Core 1.0: what may be believed of an identity provider."""
