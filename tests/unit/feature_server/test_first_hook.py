"""The INVITE as applications get it."""

from jambones.feature_server.first_hook import invite_as_data
from jambones.sip.transport import Address
from tests.support.sip_messages import request


def test_headers_bodies_and_numbers_are_told_and_our_own_headers_are_not() -> None:
    invite = request(
        uri="sip:%2B15550100002@192.0.2.1",
        headers=[
            ("X-Region", "eu"),
            ("X-Jambones-Account", "a"),
            ("Subject", "one"),
            ("Subject", "two"),
            ("Content-Type", "application/sdp"),
        ],
        body=b"v=0",
    )

    data = invite_as_data(invite, Address("udp", "198.51.100.7", 5060))

    assert data["calledNumber"] == "+15550100002"
    assert (data["headers"]["X-Region"], data["headers"]["subject"]) == ("eu", "one, two")
    assert not any("jambones" in name.lower() for name in data["headers"])
    assert data["payload"] == [{"type": "application/sdp", "content": "v=0"}]
    assert (data["source_address"], data["source_port"], data["protocol"]) == ("198.51.100.7", "5060", "udp")
