"""What crosses the edge, and what must not."""

import pytest

from jambones.sbc import headers
from jambones.sbc.headers import PrivateFacts, sign, verify

INVITE = [
    ("Via", "SIP/2.0/UDP 192.0.2.1"),
    ("From", "<sip:a@b>"),
    ("Call-ID", "1"),
    ("Max-Forwards", "70"),
    ("Authorization", "Digest x"),
    ("Session-Expires", "1800"),
    ("Require", "100rel"),
    ("x-jambones-account", "stolen"),
    ("X-JAMBONES-App", "stolen"),
    ("X-Account-Sid", "stolen"),
    ("X-Forwarded-For", "10.0.0.1"),
    ("X-Customer", "7"),
    ("Diversion", "<sip:1@2>"),
    ("Expires", "120"),
    ("User-Agent", "phone/1"),
    ("P-Asserted-Identity", "<sip:boss@corp>"),
]


def test_an_invite_passes_without_dialog_headers_and_forged_names() -> None:
    passed = headers.to_feature_server(INVITE, trusted=True)

    assert passed == [
        ("X-Customer", "7"),
        ("Diversion", "<sip:1@2>"),
        ("Expires", "120"),
        ("User-Agent", "phone/1"),
        ("P-Asserted-Identity", "<sip:boss@corp>"),
    ]


def test_a_user_may_not_assert_an_identity() -> None:
    names = [name for name, _ in headers.to_feature_server(INVITE, trusted=False)]

    assert "P-Asserted-Identity" not in names


def test_a_response_shows_the_far_end_nothing_private() -> None:
    response = [("X-Reason", "busy"), ("X-Jambones-Call-Sid", "c"), ("X-Call-Sid", "c"), ("Server", "fs"), ("To", "x")]

    assert headers.to_far_end(response) == [("X-Reason", "busy")]


def test_a_hangup_carries_reason_and_own_headers() -> None:
    bye = [("Reason", "Q.850;cause=16"), ("X-Why", "done"), ("Via", "v"), ("X-Jambones-Leg", "1"), ("Subject", "s")]

    assert headers.of_a_hangup(bye) == [("Reason", "Q.850;cause=16"), ("X-Why", "done")]


def test_requests_in_a_dialog_cross_with_everything_but_the_dialog() -> None:
    info = [("Info-Package", "x"), ("CSeq", "3 INFO"), ("Refer-To", "<sip:z@y>"), ("X-Account-Sid", "stolen")]

    assert headers.within_dialog(info) == [("Info-Package", "x"), ("Refer-To", "<sip:z@y>")]


def test_private_facts_leave_out_what_is_unknown_and_stay_on_one_line() -> None:
    facts = PrivateFacts(
        "acc", "app", "trunk", "192.0.2.1:5060;udp", "call", "e1", "leg", "sip:10.0.0.1:5070",
        trunk_sid="t", trunk_name="evil\r\nX-Jambones-Account: other",
    )  # fmt: skip
    written = dict(facts.headers())

    assert written["X-Jambones-Trunk-Name"] == "evil  X-Jambones-Account: other"
    assert "X-Jambones-User" not in written
    assert written["X-Jambones-Edge"] == "e1;uri=sip:10.0.0.1:5070"


def test_a_signature_is_good_for_its_call_and_its_minute_only() -> None:
    value = sign(b"key", "call-1", 1_000)

    assert verify(b"key", value, "call-1", 1_030)
    assert not verify(b"key", value, "call-2", 1_030)
    assert not verify(b"key", value, "call-1", 1_100)
    assert not verify(b"other", value, "call-1", 1_030)


@pytest.mark.parametrize("value", ["", "t=,v1=", "t=x,v1=00", "v1=00", "t=1000", "t=1000,v1=zz", ",,=,"])
def test_a_broken_signature_is_no_signature(value: str) -> None:
    assert not verify(b"key", value, "call-1", 1_000)


def test_a_loop_shows_by_the_application_already_named() -> None:
    assert headers.applications_seen([("X-Application-Sid", " a "), ("X-Jambones-App", "b")]) == ("a", "b")
