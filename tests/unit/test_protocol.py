"""`hint` and `server-info`, as compatibility wants them."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pgrok.errors import RemoteProtocolError
from pgrok.protocol import MAX_PAYLOAD, Hint, ServerInfo, ServerInfoRequest, TunnelKind

INSTANCE = "0123456789abcdef" * 2

kinds = st.sampled_from(TunnelKind)
instances = st.none() | st.text("0123456789abcdef", min_size=32, max_size=32)


@pytest.mark.parametrize("kind", TunnelKind)
def test_a_hint_of_the_original(kind: TunnelKind) -> None:
    assert Hint.decode(f'{{"protocol":"{kind}"}}'.encode()) == Hint(kind, None, 0)


def test_without_an_instance_a_hint_is_the_originals() -> None:
    assert json.loads(Hint(TunnelKind.TCP).encode()) == {"protocol": "tcp"}


@given(kinds, instances, st.integers(0, 2**63 - 1))
def test_a_hint_reads_as_it_is_written(
    kind: TunnelKind, instance: str | None, generation: int
) -> None:
    hint = Hint(kind, instance, generation if instance else 0)
    assert Hint.decode(hint.encode()) == hint


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"http",
        b"null",
        b"[]",
        b'"http"',
        b"{",
        b"{}",
        b'{"protocol": null}',
        b'{"protocol": ["http"]}',
        b'{"protocol": "HTTP"}',
        b'{"protocol": "udp"}',
        b'{"protocol": "http", "instance": "x"}',
        b'{"protocol": "http", "instance": 1}',
        b'{"protocol": "http", "instance": "' + INSTANCE.upper().encode() + b'"}',
        b'{"protocol": "http", "instance": "' + INSTANCE.encode() + b'\\n"}',
        b'{"protocol": "http", "instance": "' + INSTANCE.encode() + b'", "generation": -1}',
        b'{"protocol": "http", "instance": "' + INSTANCE.encode() + b'", "generation": true}',
        b'{"protocol": "http", "instance": "' + INSTANCE.encode() + b'", "generation": 1.5}',
        b'{"protocol": "http", "instance": "' + INSTANCE.encode() + b'", "generation": 1e99}',
        b'{"protocol": "http"}\xff',
        b"[" * MAX_PAYLOAD,
        b" " * MAX_PAYLOAD + b'{"protocol": "http"}',
    ],
)
def test_no_hint(payload: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        Hint.decode(payload)


def test_a_generation_without_an_instance_means_nothing() -> None:
    assert Hint.decode(b'{"protocol": "http", "generation": "x"}') == Hint()


def test_what_a_client_is_told_is_short_and_one_line() -> None:
    payload = json.dumps({"protocol": "\x1b\n" * 500}).encode()
    with pytest.raises(RemoteProtocolError) as caught:
        Hint.decode(payload)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("payload", "kind"),
    [
        (b"", None),
        (b"{}", None),
        (b'{"protocol": ""}', None),
        (b'{"protocol": "http"}', TunnelKind.HTTP),
        (b'{"protocol": "tcp"}', TunnelKind.TCP),
    ],
)
def test_a_question_where_the_tunnel_is(payload: bytes, kind: TunnelKind | None) -> None:
    assert ServerInfoRequest.decode(payload) == ServerInfoRequest(kind)
    assert ServerInfoRequest.decode(ServerInfoRequest(kind).encode()) == ServerInfoRequest(kind)


@pytest.mark.parametrize("payload", [b"x", b"[]", b'{"protocol": "udp"}'])
def test_no_question(payload: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        ServerInfoRequest.decode(payload)


@pytest.mark.parametrize("url", ["http://alice.example.com", "tcp://example.com:10086"])
def test_an_answer(url: str) -> None:
    assert ServerInfo.decode(ServerInfo(url).encode()) == ServerInfo(url)
    assert ServerInfo.decode(f'{{"host_url":"{url}"}}'.encode()) == ServerInfo(url)


@pytest.mark.parametrize(
    "payload",
    [b"", b"[]", b"{}", b'{"host_url": 1}', b'{"host_url": ""}', b'{"host_url": "a://\\u001b"}'],
)
def test_no_answer(payload: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        ServerInfo.decode(payload)


@given(st.binary() | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(
        st.sampled_from(["protocol", "instance", "generation", "host_url"]), inner
    ),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_payload_is_understood_or_the_peers_error(payload: bytes) -> None:
    for message in (Hint, ServerInfoRequest, ServerInfo):
        with suppress(RemoteProtocolError):
            message.decode(payload)
