"""SIP over WebSocket, driven by the client half of the library: handshakes, frames, and what is wrong with them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.protocol import OPEN
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from jambones.sip.parser import MAX_STREAM_MESSAGE
from jambones.sip.transport.ws import WebSocketFraming

OPTIONS = b"OPTIONS sip:x SIP/2.0\r\n\r\n"


def request(*, subprotocol: str | None = "sip", origin: str | None = None, **more: str) -> tuple[ClientProtocol, bytes]:
    offered = [Subprotocol(subprotocol)] if subprotocol else None
    client = ClientProtocol(parse_uri("ws://sip.example.com/"), subprotocols=offered, max_size=None)
    asked = client.connect()
    if origin:
        asked.headers["Origin"] = origin
    for name, value in more.items():
        asked.headers[name.replace("_", "-")] = value
    client.send_request(asked)
    return client, b"".join(client.data_to_send())


def opened(
    peer: str = "", trusted: frozenset[str] = frozenset(), **more: str
) -> tuple[ClientProtocol, WebSocketFraming]:
    client, handshake = request(**more)
    server = WebSocketFraming((), trusted.__contains__, peer)
    assert server.receive(handshake) == []
    client.receive_data(server.output())
    client.events_received()
    assert client.state is OPEN
    assert server.ready
    return client, server


def refused(framing: WebSocketFraming, handshake: bytes) -> int:
    """The HTTP status of a handshake that was turned away."""
    framing.receive(handshake)
    assert framing.ended
    assert not framing.ready
    assert framing.failure == "ws-handshake"
    return int(framing.output().split(b" ", 2)[1])


# -- the handshake


def test_the_subprotocol_is_sip() -> None:
    client, _ = opened()
    assert client.subprotocol == "sip"


@pytest.mark.parametrize("offered", [None, "mqtt", "sipx"])
def test_without_the_subprotocol_sip_the_answer_is_400(offered: str | None) -> None:
    _, handshake = request(subprotocol=offered)
    assert refused(WebSocketFraming((), lambda _: False), handshake) == 400


def test_a_page_from_elsewhere_is_refused_where_origins_are_named() -> None:
    origins = ("https://phone.example.com",)
    _, evil = request(origin="https://evil.example.com")
    _, good = request(origin="https://phone.example.com")
    _, device = request()

    assert refused(WebSocketFraming(origins, lambda _: False), evil) == 403
    for handshake in (good, device):
        framing = WebSocketFraming(origins, lambda _: False)
        framing.receive(handshake)
        assert framing.ready


@pytest.mark.parametrize(
    ("handshake", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 426),
        (b"POST / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n", 405),
        (b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1000 + b"\r\n", 431),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", 414),
    ],
)
def test_what_is_no_handshake_gets_an_http_answer(handshake: bytes, status: int) -> None:
    # Some of these the library calls a bad request as a whole: nothing is answered, and the connection is closed.
    framing = WebSocketFraming((), lambda _: False)
    framing.receive(handshake)
    output = framing.output()
    assert framing.ended
    assert not output or output.startswith(f"HTTP/1.1 {status}".encode())


def test_only_a_proxy_of_ours_is_believed_about_where_a_client_is() -> None:
    ours = frozenset({"10.0.0.1", "10.0.0.2"})
    forged = "1.1.1.1, 203.0.113.7, 10.0.0.2"

    assert opened("10.0.0.1", ours, X_Forwarded_For=forged)[1].source == "203.0.113.7"
    assert opened("198.51.100.1", ours, X_Forwarded_For=forged)[1].source is None
    assert opened("10.0.0.1", ours, X_Forwarded_For="what, ever")[1].source is None
    assert opened("10.0.0.1", ours)[1].source is None


# -- frames


def test_one_message_a_frame_text_or_binary() -> None:
    client, server = opened()

    client.send_text(OPTIONS)
    client.send_binary(OPTIONS)

    assert server.receive(b"".join(client.data_to_send())) == [OPTIONS, OPTIONS]


def test_frames_may_be_torn_and_messages_fragmented() -> None:
    client, server = opened()
    client.send_text(OPTIONS[:5], fin=False)
    client.send_ping(b"in between")
    client.send_continuation(OPTIONS[5:9], fin=False)
    client.send_continuation(OPTIONS[9:], fin=True)

    found: list[bytes] = []
    pending = []
    for byte in b"".join(client.data_to_send()):
        found += server.receive(bytes([byte]))
        pending.append(server.pending)

    assert found == [OPTIONS]
    assert pending[-1] is False
    assert any(pending)


def test_pings_are_answered() -> None:
    client, server = opened()
    client.send_ping(b"hello")
    server.receive(b"".join(client.data_to_send()))

    client.receive_data(server.output())

    assert [bytes(frame.data) for frame in client.events_received() if isinstance(frame, Frame)] == [b"hello"]


def test_crlf_keep_alives_are_answered_and_are_no_messages() -> None:
    client, server = opened()
    client.send_text(b"\r\n\r\n")
    client.send_text(b"\r\n")

    assert server.receive(b"".join(client.data_to_send())) == []
    client.receive_data(server.output())

    assert [bytes(frame.data) for frame in client.events_received() if isinstance(frame, Frame)] == [b"\r\n"]


@pytest.mark.parametrize("body", [b"ascii", "grüße".encode(), b"\xff\xfe"])
def test_what_we_send_is_text_where_it_can_be(body: bytes) -> None:
    client, server = opened()
    client.receive_data(server.wrap(body))
    (frame,) = client.events_received()
    assert isinstance(frame, Frame)
    assert bytes(frame.data) == body
    assert frame.opcode.name == ("BINARY" if body == b"\xff\xfe" else "TEXT")


def test_too_large_a_message_ends_the_connection() -> None:
    client, server = opened()
    client.send_text(b"x" * (MAX_STREAM_MESSAGE + 1))

    assert server.receive(b"".join(client.data_to_send())) == []

    assert (server.ended, server.failure) == (True, "ws-frame")
    client.receive_data(server.output())
    assert client.close_rcvd is not None
    assert client.close_rcvd.code == 1009


def test_a_frame_without_mask_ends_the_connection() -> None:
    _, server = opened()

    assert server.receive(b"\x81\x05hello") == []

    assert (server.ended, server.failure) == (True, "ws-frame")


def test_a_goodbye_is_answered_and_blames_nobody() -> None:
    client, server = opened()
    client.send_close(1001)
    server.receive(b"".join(client.data_to_send()))

    assert (server.ended, server.failure, server.wrap(OPTIONS), server.ping()) == (True, None, b"", b"")


@given(st.binary(max_size=200), st.booleans())
def test_no_garbage_raises(data: bytes, after_handshake: bool) -> None:
    framing = opened()[1] if after_handshake else WebSocketFraming((), lambda _: False)
    for byte in data:
        framing.receive(bytes([byte]))
        framing.output()
        if framing.ended:
            break
    assert framing.ended or framing.farewell() or not framing.ready
