"""What visitors are told when a target cannot be reached."""

from __future__ import annotations

import errno
import socket
import ssl

import pytest

from pgrok.address import Address
from pgrok.client.dialer import explain

TARGET = Address("localhost", 3000)

BOTH_REFUSED = OSError(
    "Multiple exceptions: [Errno 111] Connect call failed ('::1', 3000, 0, 0), "
    "[Errno 111] Connect call failed ('127.0.0.1', 3000)"
)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "refused"), "Nothing is listening on localhost:3000."),
        (BOTH_REFUSED, "Nothing is listening on localhost:3000."),
        (TimeoutError(), "localhost:3000 does not answer."),
        (socket.gaierror(-2, "unknown"), "The name localhost cannot be looked up."),
        (
            ssl.SSLCertVerificationError("self-signed"),
            "The certificate of localhost:3000 is not one that the client's machine trusts;"
            " SSL_CERT_FILE may name others that it is to trust.",
        ),
        (ssl.SSLError("wrong version"), "localhost:3000 does not speak TLS as it should."),
        (
            OSError(errno.EMFILE, "secret"),
            "The client has too many open files to connect to localhost:3000.",
        ),
        (
            OSError(errno.EHOSTUNREACH, "secret"),
            "localhost:3000 cannot be reached from the client.",
        ),
        (
            OSError("Multiple exceptions: [Errno 24] secret, [Errno 24] secret"),
            "The client has too many open files to connect to localhost:3000.",
        ),
        (None, "localhost:3000 closed the connection without an answer."),
        (ConnectionResetError(), "localhost:3000 closed the connection without an answer."),
    ],
)
def test_the_words_say_what_is_wrong_with_the_target(error: Exception | None, words: str) -> None:
    assert explain(TARGET, error) == words
