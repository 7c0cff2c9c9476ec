"""RFC 3261 section 20.42 and RFC 3581: the way back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jambones.sip.grammar import GrammarError
from jambones.sip.via import Via

VIAS = st.builds(
    Via,
    st.sampled_from(["UDP", "TCP", "TLS", "WS", "WSS", "SCTP"]),
    st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True) | st.ip_addresses().map(str),
    st.none() | st.integers(0, 65535),
    st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True),
        st.none() | st.from_regex(r"[A-Za-z0-9.:\[\]-]{1,12}", fullmatch=True),
        max_size=4,
    ),
)


@given(VIAS)
def test_what_is_written_is_read_again_as_the_same(via: Via) -> None:
    assert Via.parse(str(via)) == via


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("SIP/2.0/UDP h;branch=z9hG4bK1", "SIP/2.0/UDP h;branch=z9hG4bK1"),
        ("SIP / 2.0 / udp  h:5060 ;branch=z9hG4bK1 ; rport", "SIP/2.0/UDP h:5060;branch=z9hG4bK1;rport"),
        ("sip/2.0/tls first.example.com: 4000;ttl=16", "SIP/2.0/TLS first.example.com:4000;ttl=16"),
        ("SIP/2.0/WSS df7jal23ls0d.invalid;branch=x", "SIP/2.0/WSS df7jal23ls0d.invalid;branch=x"),
        (
            "SIP/2.0/TCP [2001:db8::1]:5070;Received=[2001:db8::9]",
            "SIP/2.0/TCP [2001:db8::1]:5070;received=[2001:db8::9]",
        ),
        ('SIP/2.0/UDP h;x="a;b"', 'SIP/2.0/UDP h;x="a;b"'),
    ],
)
def test_every_spelling_is_read_and_written_plainly(text: str, written: str) -> None:
    assert str(Via.parse(text)) == written


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SIP/2.0/UDP",
        "SIP/2.0 UDP h",
        "SIP/3.0/UDP h",
        "HTTP/1.1/UDP h",
        "SIP/2.0/UDP h:99999",
        "SIP/2.0/UDP h;=1",
        "SIP/2.0/UDP a b",
    ],
)
def test_what_is_no_via_is_refused(text: str) -> None:
    with pytest.raises(GrammarError):
        Via.parse(text)


def test_ports_default_by_transport() -> None:
    ports = {name: Via.parse(f"SIP/2.0/{name} h").port_or_default for name in ("UDP", "TCP", "TLS", "WS", "WSS")}

    assert ports == {"UDP": 5060, "TCP": 5060, "TLS": 5061, "WS": 80, "WSS": 443}
    assert Via.parse("SIP/2.0/UDP h:5070").port_or_default == 5070


def test_the_receiver_adds_where_it_came_from() -> None:
    via = Via.parse("SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;rport")

    seen = via.seen_from("198.51.100.7", 4711)

    assert (seen.params["received"], seen.params["rport"]) == ("198.51.100.7", "4711")
    assert seen.branch == via.branch
    assert via.params == {"branch": "z9hG4bK1", "rport": None}


def test_received_is_given_only_where_the_host_differs_or_rport_was_asked() -> None:
    plain = Via.parse("SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1").seen_from("198.51.100.7", 5060)
    asked = Via.parse("SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1;rport").seen_from("198.51.100.7", 5060)

    assert "received" not in plain.params
    assert asked.params["received"] == "198.51.100.7"


def test_a_peer_cannot_write_its_own_received() -> None:
    via = Via.parse("SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1;received=203.0.113.9;rport=99")

    seen = via.seen_from("198.51.100.7", 4711)

    assert (seen.params["received"], seen.params["rport"]) == ("198.51.100.7", "4711")


def test_a_peer_cannot_write_its_own_received_where_the_host_is_right() -> None:
    via = Via.parse("SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1;received=203.0.113.9")

    assert via.seen_from("198.51.100.7", 4711).params.get("received") != "203.0.113.9"
