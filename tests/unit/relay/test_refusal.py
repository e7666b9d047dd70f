from __future__ import annotations

import h11
import pytest

from pgrok.http.pages import Code, Problem
from pgrok.http.parsing import parse_request
from pgrok.relay.refusal import Refusal, refuse_bytes, refuse_request
from support.relay import GET, get, post

DOWN = Problem(Code.TARGET_DOWN, 502)


def read(output: bytes, method: str = "GET") -> tuple[h11.Response, bytes]:
    """Return what a client makes of an answer, which has to be whole and no longer."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    connection.receive_data(output)
    head = connection.next_event()
    assert isinstance(head, h11.Response)
    body = b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += bytes(event.data)
    assert isinstance(event, h11.EndOfMessage)
    assert connection.trailing_data == (b"", False)
    return head, body


def refusal(request: bytes, *, body_read: bool = False, keep_alive: bool = True) -> Refusal:
    head = parse_request(request[: request.index(b"\r\n\r\n") + 4])
    return refuse_request(DOWN, head, body_read=body_read, keep_alive=keep_alive)


def test_an_answer_that_a_client_can_read() -> None:
    refused = refusal(GET)
    head, body = read(refused.output)
    fields = dict(head.headers)
    assert (head.status_code, head.reason) == (502, b"Bad Gateway")
    assert fields[b"x-pgrok-error"] == b"target-down"
    assert b"does not answer" in body


def test_browsers_get_a_page() -> None:
    head, body = read(refusal(get(b"/", b"Accept: text/html")).output)
    assert dict(head.headers)[b"content-type"] == b"text/html; charset=utf-8"
    assert body.startswith(b"<!")


def test_head_gets_the_length_only() -> None:
    head, body = read(refusal(GET.replace(b"GET", b"HEAD")).output, "HEAD")
    assert int(dict(head.headers)[b"content-length"]) > 0
    assert body == b""


def test_the_host_is_shown_as_it_was_sent() -> None:
    problem = Problem(Code.NO_TUNNEL, 502)
    request = parse_request(GET.replace(b"Host: a", b"Host: Bob.Example.com:80"))
    _, body = read(refuse_request(problem, request, body_read=True, keep_alive=True).output)
    assert body == b"No reverse proxy is available for the host: Bob.Example.com:80"


@pytest.mark.parametrize(
    ("request_", "options", "kept"),
    [
        (GET, {}, True),
        (GET, {"keep_alive": False}, False),
        (get(b"/", b"Connection: close"), {}, False),
        (GET.replace(b"1.1", b"1.0"), {}, False),
        (post(b""), {}, True),
        (post(b"hello"), {}, False),
        (post(b"hello"), {"body_read": True}, True),
        (post(b"", b"Transfer-Encoding: chunked"), {}, False),
    ],
)
def test_whether_the_connection_is_kept(
    request_: bytes, options: dict[str, bool], kept: bool
) -> None:
    refused = refusal(request_, **options)
    assert refused.keep_alive is kept
    assert ((b"connection", b"close") in read(refused.output)[0].headers) is not kept


@pytest.mark.parametrize("status", [400, 408, 417, 431, 501, 505])
def test_what_is_no_request_is_answered_too(status: int) -> None:
    head, body = read(refuse_bytes(Problem(Code.BAD_REQUEST, status, "It is too long.")))
    assert head.status_code == status
    assert head.reason not in (b"", b"Error")
    assert (b"connection", b"close") in head.headers
    assert b"It is too long." in body
