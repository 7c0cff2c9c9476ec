"""Digits in INFO."""

import pytest

from jambones.sbc.dtmf import InfoDigit


@pytest.mark.parametrize(
    ("content_type", "body", "digit", "duration"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n", "5", 160),
        ("Application/DTMF-Relay; x=y", b"Signal = #\nDuration = 90", "#", 90),
        ("application/dtmf-relay", b"Signal=a", "A", 250),
        ("application/dtmf-relay", b"Signal=10\r\nDuration=99999", "*", 5000),
        ("application/dtmf", b"7", "7", 250),
        ("application/dtmf", b" * \r\n", "*", 250),
    ],
)
def test_a_digit_is_read(content_type: str, body: bytes, digit: str, duration: int) -> None:
    assert InfoDigit.parse(content_type, body) == InfoDigit(digit, duration)


@pytest.mark.parametrize("body", [b"", b"Signal=", b"Signal=x", b"Signal=55", b"\xff", b"Duration=5"])
@pytest.mark.parametrize("content_type", ["application/dtmf-relay", "application/dtmf"])
def test_what_is_no_digit_is_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(ValueError):
        InfoDigit.parse(content_type, body)


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/sdp"])
def test_other_content_is_no_digit(content_type: str | None) -> None:
    assert InfoDigit.parse(content_type, b"5") is None


def test_it_is_written_as_it_is_read_and_not_shown() -> None:
    digit = InfoDigit("5", 160)

    assert InfoDigit.parse("application/dtmf-relay", str(digit).encode()) == digit
    assert "5" not in repr(digit)
