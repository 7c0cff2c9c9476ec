"""RFC 3261 sections 17.1.3 and 17.2.3: which transaction a message belongs to."""

from jambones.sip.build import ack_for_failure, cancel_for, response
from jambones.sip.transaction.matching import client_key, merge_key, server_key
from tests.support.sip_messages import BRANCH, request


def test_a_response_finds_its_request_by_branch_and_method() -> None:
    invite = request("INVITE")

    assert client_key(response(invite, 180)) == client_key(invite)
    assert client_key(response(request("CANCEL"), 200)) != client_key(invite)
    assert client_key(response(request(branch="z9hG4bK-other"), 180)) != client_key(invite)


def test_a_repeated_request_is_the_same_and_another_branch_is_another() -> None:
    assert server_key(request()) == server_key(request())
    assert server_key(request()) != server_key(request(branch="z9hG4bK-other"))


def test_two_clients_may_use_the_same_branch() -> None:
    assert server_key(request(sent_by="a.example:5060")) != server_key(request(sent_by="b.example:5060"))
    assert server_key(request(sent_by="a.example:5060")) != server_key(request(sent_by="a.example:5062"))
    assert server_key(request(sent_by="A.Example:5060")) == server_key(request(sent_by="a.example:5060"))


def test_the_ack_of_a_failure_finds_its_invite() -> None:
    invite = request()
    ack = ack_for_failure(invite, response(invite, 486, to_tag="callee"))

    assert server_key(ack) == server_key(invite)


def test_a_cancel_is_its_own_transaction_and_names_the_invites() -> None:
    invite = request()
    cancel = cancel_for(invite)

    assert server_key(cancel) != server_key(invite)
    assert server_key(cancel, "INVITE") == server_key(invite)


def test_an_old_peer_without_the_magic_cookie_is_matched_by_its_headers() -> None:
    invite = request(branch="1")

    assert server_key(request(branch="1")) == server_key(invite)
    assert server_key(request("ACK", branch="1", to_tag="callee")) == server_key(invite)
    for other in (
        request(branch="1", call_id="call-2"),
        request(branch="1", from_tag="else"),
        request(branch="1", cseq=2),
        request(branch="2"),
        request(branch="1", sent_by="203.0.113.1"),
    ):
        assert server_key(other) != server_key(invite)


def test_an_old_peer_without_any_branch_is_matched_too() -> None:
    assert server_key(request(branch="")) == server_key(request(branch=""))
    assert server_key(request(branch="")) != server_key(request(branch="", cseq=2))
    assert server_key(request("CANCEL", branch=""), "INVITE") == server_key(request(branch=""))


def test_the_cookie_alone_is_no_branch() -> None:
    assert server_key(request(branch="z9hG4bK")) != server_key(request(branch="z9hG4bK", call_id="call-2"))


def test_merged_requests_differ_in_branch_only() -> None:
    assert merge_key(request(branch="z9hG4bK-left")) == merge_key(request(branch="z9hG4bK-right"))
    assert merge_key(request()) != merge_key(request(cseq=2))
    assert merge_key(request()) != merge_key(request(from_tag="else"))
    assert merge_key(request()) != merge_key(request("OPTIONS"))
    assert BRANCH not in merge_key(request())
