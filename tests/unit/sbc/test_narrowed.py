"""What a side described once, as its answer to an offer of less."""

from jambones.sbc.narrowed import narrowed

HEAD = b"v=0\r\no=- 7 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n"
PHONE = (
    HEAD + b"m=audio 4000 RTP/AVP 9 0 96 126\r\na=rtpmap:96 opus/48000/2\r\na=fmtp:96 useinbandfec=1\r\n"
    b"a=rtpmap:126 telephone-event/8000\r\na=fmtp:126 0-15\r\na=ptime:20\r\na=rtcp-fb:* nack\r\n"
)
OFFER = HEAD + b"m=audio 25000 RTP/AVP 0 126\r\na=rtpmap:126 telephone-event/8000\r\n"


def test_codecs_that_are_not_on_offer_are_left_out() -> None:
    assert narrowed(PHONE, OFFER) == (
        HEAD + b"m=audio 4000 RTP/AVP 0 126\r\na=rtpmap:126 telephone-event/8000\r\na=fmtp:126 0-15\r\n"
        b"a=ptime:20\r\na=rtcp-fb:* nack\r\n"
    )


def test_what_needs_no_change_or_cannot_be_read_stays_as_it_is() -> None:
    assert narrowed(OFFER, PHONE) == OFFER
    assert narrowed(b"nonsense", OFFER) == b"nonsense"
    assert narrowed(PHONE, b"nonsense") == PHONE
    other = HEAD + b"m=audio 25000 RTP/AVP 18\r\n"
    assert narrowed(PHONE, other) == PHONE
