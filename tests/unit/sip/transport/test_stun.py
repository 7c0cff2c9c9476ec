"""STUN on the SIP port: the vectors of RFC 5769, and garbage."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jambones.sip.transport.stun import answer

ID = bytes.fromhex("b7e7a701bc34d686fa87dfae")
HEADER = bytes.fromhex("000100002112a442") + ID


def request(*attributes: tuple[int, bytes]) -> bytes:
    body = b"".join(struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4) for kind, value in attributes)
    return struct.pack("!HHI12s", 1, len(body), 0x2112A442, ID) + body


def test_the_answer_says_where_the_request_came_from() -> None:
    # The XOR-MAPPED-ADDRESS of RFC 5769 section 2.2 (192.0.2.1:32853) and of section 2.3 (IPv6, same port).
    four = bytes.fromhex("0101000c2112a442") + ID + bytes.fromhex("002000080001a147e112a643")
    six = bytes.fromhex("010100182112a442") + ID
    six += bytes.fromhex("002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9")

    assert answer(HEADER, "192.0.2.1", 32853) == four
    assert answer(HEADER, "2001:db8:1234:5678:11:2233:4455:6677", 32853) == six


def test_attributes_of_ice_and_optional_ones_are_passed_over() -> None:
    asked = request((0x8022, b"some client"), (0x0006, b"user"), (0x0024, b"\0\0\0\1"))
    assert answer(asked, "192.0.2.1", 1) is not None
    assert answer(asked, "192.0.2.1", 1)[:2] == b"\x01\x01"  # type: ignore[index]


def test_an_attribute_we_would_have_to_understand_is_named_in_the_error() -> None:
    response = answer(request((0x7777, b"what")), "192.0.2.1", 1)
    assert response is not None
    assert response[:2] == b"\x01\x11"
    assert b"\x00\x00\x04\x14" in response  # 420
    assert response.endswith(struct.pack("!HHHH", 0x000A, 2, 0x7777, 0))
    assert len(response) == 20 + int.from_bytes(response[2:4], "big")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        HEADER[:19],
        b"\x01\x01" + HEADER[2:],  # a response
        HEADER[:4] + b"\0\0\0\0" + ID,  # no magic cookie
        HEADER + b"\0\0\0\0",  # a length that is not so
        request((0x8022, b"x"))[:-4],
        struct.pack("!HHI12s", 1, 8, 0x2112A442, ID) + b"\x80\x22\xff\xffabcd",
    ],
)
def test_what_is_no_request_gets_no_answer(data: bytes) -> None:
    assert answer(data, "192.0.2.1", 1) is None


@given(st.binary(max_size=64))
def test_no_garbage_raises(data: bytes) -> None:
    answer(data, "192.0.2.1", 1)
    answer(HEADER[:2] + len(data).to_bytes(2, "big") + HEADER[4:] + data, "192.0.2.1", 1)
