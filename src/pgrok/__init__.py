"""pgrok: a multi-tenant HTTP and TCP reverse tunnel for small teams, over SSH."""

__version__ = "0.1.0"
