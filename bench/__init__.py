"""Measures pgrok beside OpenSSH's `ssh -R` and others, on loopback, in one interleaved run."""
