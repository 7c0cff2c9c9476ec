"""What is seen of messages in a log: enough to find faults, and no number, name or secret."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jambones.sip.message import Request, Response
from jambones.sip.parser import ParseError, parse
from jambones.sip.redaction import MOST, Redaction
from tests.support.sip_messages import request

REDACTION = Redaction(lambda value: f"~{len(value)}", frozenset({"x-jambones-account", "x-jambones-edge"}))
NUMBERS = st.from_regex(r"\+?[1-9][0-9]{6,14}", fullmatch=True)
PLACES = [
    ("From", "{0} <sip:{0}@example.com;user=phone>;tag=a{0}"),
    ("To", '"call {0} now" <tel:{0};phone-context={0};isub=1>'),
    ("Contact", '<sip:{0}:{0}@[2001:db8::1]:5062;transport=tcp;x={0};{0}=1?Replaces={0}>;q=0.5;+sip.instance="{0}"'),
    ("Contact", "sip:{0}"),
    ("P-Asserted-Identity", "<sip:%2B{0};rn={0}@example.com>, <tel:{0}>"),
    ("Diversion", '"{0}" <urn:service:{0}>;reason="{0}";privacy=off'),
    ("History-Info", "<{0}>"),
    ("Via", "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK-1;cookie={0}"),
    ("Authorization", 'Digest username="{0}", realm="{0}", nonce="{0}", {0}="x", algorithm={0}, response="{0}"'),
    ("Proxy-Authorization", "Bearer {0}"),
    ("WWW-Authenticate", 'Digest realm="sip {0}", nonce="{0}", opaque="{0}"'),
    ("Subject", "from {0}"),
    ("X-Customer", "{0}"),
    ("X-Jambones-Account", "{0} here"),
    ("Reason", 'Q.850;cause=16;text="{0}"'),
    ("Warning", '399 example.com "{0} is busy"'),
    ("User-Agent", "phone of {0}"),
    ("Content-Type", "text/{0};x={0}"),
]
"""Where a peer may put a number that is nowhere else in its message."""
OF_THE_CALLER = [
    ("Call-ID", "{0}-1@example.com"),
    ("Via", "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bK{0}"),
    ("Route", "<sip:{0}.example.com;lr>"),
    ("X-Jambones-Account", "{0}"),
    ("Event", "presence;id={0}"),
    ("Replaces", "{0};to-tag=1;from-tag=2"),
    ("X-{1}", "1"),
]
"""And where only one is looked for that is also the user of some URI, or a display name."""
SDP = (
    "v=0\r\no={0} {1} 1 IN IP4 192.0.2.9\r\ns={0}\r\ni={0}\r\np={0}\r\nk=clear:{0}\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
    "m=audio 4000 RTP/SAVP 0\r\na={0}:{0}\r\na=x-caller:{0}\r\na=ssrc:1 cname:{0}\r\n"
    "a=crypto:1 AES_CM_128 inline:{0}\r\n"
)


def digits(number: str) -> str:
    return number.lstrip("+")


@given(st.lists(st.tuples(st.sampled_from(PLACES), NUMBERS), max_size=6), NUMBERS)
def test_no_number_is_seen_wherever_a_peer_puts_it(places: list[tuple[tuple[str, str], str]], user: str) -> None:
    rows = [(name, value.format(number)) for (name, value), number in places]
    message = request("INVITE", f"sip:{user}@192.0.2.1;user=phone", headers=rows)

    text = REDACTION.text(message)

    for number in [user, *(number for _, number in places)]:
        assert digits(number) not in text


@given(NUMBERS, st.lists(st.sampled_from(OF_THE_CALLER), max_size=6))
def test_the_caller_is_not_seen_in_what_else_is_shown(caller: str, places: list[tuple[str, str]]) -> None:
    rows = [(name.format(0, digits(caller)), value.format(caller)) for name, value in places]
    sdp = SDP.format(caller, digits(caller)).encode()
    message = request("INVITE", headers=[*rows, ("Content-Type", "application/sdp")], body=sdp)
    message.headers.set("From", f"<sip:{caller}@example.com>;tag={caller}")

    assert digits(caller) not in REDACTION.text(message)


@given(NUMBERS)
def test_a_phrase_of_a_response_is_shown_without_the_number_in_it(number: str) -> None:
    text = REDACTION.text(Response(404, f"No such number {number}", request().headers))

    assert text.startswith("SIP/2.0 404 No such number ~")
    assert digits(number) not in text


@given(st.binary(max_size=300))
def test_whatever_can_be_read_can_be_shown(data: bytes) -> None:
    head = b"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\n"
    for part in (
        b"Contact: " + data.replace(b"\n", b"") + b"\r\n\r\n",
        b"Content-Type: application/sdp\r\n\r\n" + data,
    ):
        try:
            message = parse(head + b"Call-ID: 1\r\nCSeq: 1 INVITE\r\n" + part)
        except ParseError:
            continue
        assert isinstance(message, Request)
        assert REDACTION.text(message)


def test_what_finds_faults_is_shown() -> None:
    message = request(
        "INVITE",
        "sip:100@192.0.2.1:5080;transport=tcp",
        headers=[
            ("Contact", "*"),
            ("Contact", '"Ann" <sip:ann:secret@192.0.2.7:5061;transport=tls;ob>;expires=60;q=0.5'),
            ("Record-Route", "<sip:192.0.2.8;lr>, <sip:edge@192.0.2.9;lr>"),
            ("Session-Expires", "1800;refresher=uac"),
            ("User-Agent", "Phone/1.10.7-release"),
            ("X-Jambones-Account", "6b1f9f0e-2d4c-4a8e-9b55-1f2e3d4c5b6a"),
            ("X-Jambones-Edge", "edge-1;uri=sip:10.0.0.1:5070;transport=udp"),
            ("X-Mine", "1"),
            ("Proxy-Authenticate", 'Digest realm="r", nonce="n", algorithm=SHA-256, qop="auth", stale=TRUE'),
        ],
    )

    assert REDACTION.text(message).splitlines() == [
        "INVITE sip:~3@192.0.2.1:5080;transport=tcp SIP/2.0",
        "Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK-tests-1",
        "Max-Forwards: 70",
        "From: <sip:~4@198.51.100.7>;tag=caller",
        "To: <sip:~4@192.0.2.1>",
        "Call-ID: call-1",
        "CSeq: 1 INVITE",
        "Contact: *",
        'Contact: "~3" <sip:~3:***@192.0.2.7:5061;transport=tls;ob>;expires=60;q=0.5',
        "Record-Route: <sip:192.0.2.8;lr>, <sip:~4@192.0.2.9;lr>",
        "Session-Expires: 1800;refresher=uac",
        "User-Agent: Phone/1.10.7-release",
        "X-Jambones-Account: 6b1f9f0e-2d4c-4a8e-9b55-1f2e3d4c5b6a",
        "X-Jambones-Edge: edge-1;uri=sip:10.0.0.1:5070;transport=udp",
        "X-Mine: ***",
        "Proxy-Authenticate: Digest realm=***, nonce=***, algorithm=SHA-256, qop=auth, stale=TRUE",
    ]


def test_a_description_is_shown_without_its_keys() -> None:
    sdp = (
        b"v=0\r\no=- 1 2 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\nm=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n"
        b"a=rtpmap:0 PCMU/8000\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpV|2^20\r\n"
        b"a=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=fingerprint:sha-256 4A:AD:B9:B1\r\n"
        b"a=setup:actpass\r\n"
        b"a=candidate:1 1 UDP 2130706431 192.0.2.9 4000 typ host\r\na=sendrecv\r\n"
    )
    text = REDACTION.text(request("INVITE", headers=[("Content-Type", "application/sdp")], body=sdp))

    assert text.partition("\n\n")[2].splitlines() == [
        "v=0",
        "o=- 1 2 IN IP4 192.0.2.9",
        "s=-",
        "c=IN IP4 192.0.2.9",
        "t=0 0",
        "m=audio 4000 UDP/TLS/RTP/SAVPF 0",
        "a=rtpmap:0 PCMU/8000",
        "a=crypto:1 AES_CM_128_HMAC_SHA1_80 ***",
        "a=ice-ufrag:8hhY",
        "a=ice-pwd:***",
        "a=fingerprint:sha-256 ***",
        "a=setup:actpass",
        "a=candidate:1 1 UDP 2130706431 192.0.2.9 4000 typ host",
        "a=sendrecv",
    ]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/dtmf-relay", b"Signal=7\r\nDuration=160\r\n"),
        ("text/plain;charset=utf-8", b"meet me at seven"),
        ("multipart/mixed;boundary=x", b"--x\r\nContent-Type: application/rs-metadata+xml\r\n\r\n<a/>\r\n--x--\r\n"),
    ],
)
def test_of_other_bodies_only_the_kind_and_the_length_are_shown(kind: str, body: bytes) -> None:
    text = REDACTION.text(request("INFO", headers=[("Content-Type", kind)], body=body))

    assert text.partition("\n\n")[2] == f"({kind.partition(';')[0]}, {len(body)} bytes)"


def test_the_description_in_a_body_of_several_parts_is_shown() -> None:
    body = (
        b"--x\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--x\r\nContent-Type: text/plain\r\n\r\nhello\r\n--x--\r\n"
    )
    text = REDACTION.text(request("INVITE", headers=[("Content-Type", "multipart/mixed;boundary=x")], body=body))

    assert text.partition("\n\n")[2].splitlines() == [f"(multipart/mixed, {len(body)} bytes)", "v=0"]


def test_a_long_message_is_cut() -> None:
    text = REDACTION.text(request(headers=[("User-Agent", "x" * 20_000)]))

    assert len(text) < MOST + 50
    assert re.fullmatch(r"\(\d+ more characters\)", text.splitlines()[-1])
