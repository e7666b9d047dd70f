"""Our subclasses of asyncssh's connections: the only place that touches its private names.

`tests/integration/transport/test_asyncssh_names.py` holds every private name that is used here
against the installed asyncssh, so that an upgrade that moves one fails there and says which.
"""
