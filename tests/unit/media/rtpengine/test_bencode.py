"""Bencode from whole and torn input, and from nonsense."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jambones.media.rtpengine.bencode import BencodeError, Decoder, Value, decode, encode

VALUES = st.recursive(
    st.integers(-(10**15), 10**15) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5),
    max_leaves=30,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (42, b"i42e"),
        (-7, b"i-7e"),
        ("ping", b"4:ping"),
        ("é", b"2:\xc3\xa9"),
        ([], b"le"),
        ([1, ["a"]], b"li1el1:aee"),
        ({"command": "ping", "n": {}}, b"d7:command4:ping1:ndee"),
    ],
)
def test_values_have_their_notation(value: Value, text: bytes) -> None:
    assert encode(value) == text
    assert decode(text) == value


def test_bytes_that_are_not_text_survive() -> None:
    raw = bytes(range(256))

    assert encode(decode(encode(raw))) == encode(raw)


@given(VALUES)
def test_any_value_survives_a_round_trip(value: Value) -> None:
    assert decode(encode(value)) == value


@given(st.lists(VALUES, min_size=1, max_size=4), st.integers(1, 7))
def test_it_does_not_matter_how_the_bytes_are_torn(values: list[Value], piece: int) -> None:
    text = b"".join(map(encode, values))
    decoder = Decoder()
    got = [v for at in range(0, len(text), piece) for v in decoder.feed(text[at : at + piece])]

    assert got == values
    assert decoder.idle


@pytest.mark.parametrize(
    "text",
    [
        b"", b"x", b"i", b"ie", b"i-e", b"i+1e", b"i1", b"i1_0e", b"i" + b"1" * 30 + b"e", b"4:abc", b"-1:a", b"1",
        b"99999999999:a", b"l", b"d", b"e", b"lee", b"d1:ae", b"di1e1:ae", b"i1ei2e", b"d1:a", b"l" * 100, b"\xff",
    ],
)  # fmt: skip
def test_nonsense_is_refused(text: bytes) -> None:
    with pytest.raises(BencodeError):
        decode(text)


@given(st.binary(max_size=200) | st.text(alphabet="ilde:0123456789-a", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        value = decode(data)
    except BencodeError:
        return
    assert decode(encode(value)) == value


def test_depth_and_length_are_bounded() -> None:
    with pytest.raises(BencodeError, match="deeply"):
        Decoder(deepest=3).feed(b"llll")
    with pytest.raises(BencodeError, match="long"):
        Decoder(longest=10).feed(b"11:")
    small = Decoder(longest=10)
    small.feed(b"l2:ab2:ab")
    with pytest.raises(BencodeError, match="long"):
        small.feed(b"2:ab")
    with pytest.raises(BencodeError, match="without end"):
        Decoder().feed(b"i" + b"1" * 40)


def test_what_has_no_notation_is_refused() -> None:
    nested: list[object] = []
    for _ in range(40):
        nested = [nested]
    for value in (None, 1.5, True, {"a": None}, nested):
        with pytest.raises(BencodeError):
            encode(value)  # type: ignore[arg-type]
