"""The room as a whole: whatever the order of events, every octet arrives and nothing is stuck."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from hypothesis import example, given, settings
from hypothesis import strategies as st

from pgrok.http.head import RequestHead
from pgrok.http.reader import Body, request_reader, response_reader
from support.relay import Relay
from support.transports import MemoryTransport

SIZES = st.sampled_from([0, 1, 100, 70_000, 150_000])
SPAN = 40_000
"""Octets that a visitor or a target sends in one step."""


@dataclass(frozen=True)
class Message:
    """A body with a framing; `seed` tells it from others."""

    size: int
    chunked: bool
    seed: int

    @property
    def body(self) -> bytes:
        return (b"%07d" % self.seed * (self.size // 7 + 1))[: self.size]

    def encode(self, start: bytes) -> bytes:
        if not self.chunked:
            return b"%b\r\nHost: a\r\nContent-Length: %d\r\n\r\n%b" % (start, self.size, self.body)
        pieces = [self.body[at : at + 9000] for at in range(0, self.size, 9000)]
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        return b"%b\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n%b0\r\n\r\n" % (start, chunks)


messages = st.builds(Message, SIZES, st.booleans(), st.integers(0, 9_999_999))


class Application:
    """Answers as soon as a head is there, whether or not the body is, on every connection."""

    def __init__(self, relay: Relay, responses: list[Message]) -> None:
        self.received: defaultdict[bytes, bytes] = defaultdict(bytes)
        self.complete: list[bytes] = []
        self._relay = relay
        self._responses = responses
        self._connections: dict[MemoryTransport, _Conversation] = {}

    def listen(self) -> bool:
        """Read what has come; whether anything has."""
        heard = False
        for target in self._relay.targets:
            if data := target.take():
                heard = True
                self._conversation(target).hear(data)
        return heard

    def speak(self, octets: int) -> bool:
        """Send some of what is to be said; whether there was any."""
        talking = [c for c in self._connections.values() if c.unsaid]
        for conversation in talking:
            said, conversation.unsaid = conversation.unsaid[:octets], conversation.unsaid[octets:]
            conversation.target.send(said)
        return bool(talking)

    def respond(self, target: bytes) -> bytes:
        return self._responses[int(target[1:])].encode(b"HTTP/1.1 200 OK")

    def _conversation(self, target: MemoryTransport) -> _Conversation:
        return self._connections.setdefault(target, _Conversation(self, target))


class _Conversation:
    def __init__(self, application: Application, target: MemoryTransport) -> None:
        self.target = target
        self.unsaid = b""
        self._application = application
        self._path = b""
        self._reader = request_reader()
        self._reader.expect()

    def hear(self, data: bytes) -> None:
        self._reader.receive(data)
        while (event := self._reader.next_event()) is not None:
            if isinstance(event, RequestHead):
                self._path = event.target
                self.unsaid += self._application.respond(event.target)
            else:
                self._application.received[self._path] += b"".join(event.pieces)
            if not self._reader.awaits_message:
                self._application.complete.append(self._path)
                self._reader.expect()


STEPS = st.lists(
    st.sampled_from(
        [
            "send",
            "listen",
            "speak",
            "visitor stops",
            "visitor takes",
            "target stops",
            "target takes",
        ]
    ),
    max_size=40,
)


NOTHING = Message(0, chunked=False, seed=0)


@settings(max_examples=150, deadline=None)
@example(
    # Answered before it was taken: its connection closes later than the next request comes.
    [(Message(70_000, chunked=False, seed=1), NOTHING), (NOTHING, NOTHING)],
    ["send", "listen", "target stops", "send", "speak", "listen"],
    SPAN,
)
@given(
    st.lists(st.tuples(messages, messages), min_size=1, max_size=4),
    STEPS,
    st.sampled_from([17, 1000, SPAN, 1_000_000]),
)
def test_every_octet_arrives(
    pairs: list[tuple[Message, Message]], steps: list[str], span: int
) -> None:
    relay = Relay()
    visitor = relay.visitor()
    application = Application(relay, [response for _, response in pairs])
    unsent = b"".join(
        request.encode(b"POST /%d HTTP/1.1" % number) for number, (request, _) in enumerate(pairs)
    )
    for step in steps:
        if step == "send" and unsent:
            visitor.send(unsent[:span])
            unsent = unsent[span:]
        elif step == "listen":
            application.listen()
        elif step == "speak":
            application.speak(span)
        elif step == "visitor stops":
            visitor.stop_taking()
        elif step == "visitor takes":
            visitor.go_on_taking()
        else:
            for target in relay.targets:
                target.stop_taking() if step == "target stops" else target.go_on_taking()
    visitor.go_on_taking()
    for target in relay.targets:
        target.go_on_taking()
    visitor.send(unsent)
    while application.listen() or application.speak(SPAN):
        pass

    paths = [b"/%d" % number for number in range(len(pairs))]
    assert sorted(application.complete) == paths
    assert [application.received[path] for path in paths] == [request.body for request, _ in pairs]
    assert responses(visitor.take()) == [response.body for _, response in pairs]
    assert relay.statuses == [200] * len(pairs)
    assert visitor.open


def responses(data: bytes) -> list[bytes]:
    """Return the bodies of the responses that `data` is."""
    reader = response_reader()
    reader.receive(data)
    bodies: list[bytes] = []
    while reader.buffered:
        reader.expect(b"POST")
        bodies.append(b"")
        while reader.awaits_message:
            if isinstance(event := reader.next_event(), Body):
                bodies[-1] += b"".join(event.pieces)
    return bodies
