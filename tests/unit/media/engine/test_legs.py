"""The rows of legs: whose packets are whose, and where a peer behind NAT really is."""

import numpy as np
import pytest

from jambones.media.codecs import PCMA, PCMU, SILENCE
from jambones.media.engine.legs import LATCHED, LEARNT, NO_DTMF, UNLATCHED, Legs
from jambones.media.engine.remotes import socket_key
from jambones.media.engine.sockets import Outbound, address_key
from jambones.media.messages import Open

HOST, PORT = "192.0.2.1", 4000


def legs(capacity: int = 4) -> Legs:
    return Legs(capacity, Outbound(capacity, 256))


def command(
    row: int = 0,
    *,
    fresh: bool = True,
    socket: int = 0,
    law: int = PCMU,
    host: str = HOST,
    port: int = PORT,
    rtcp_port: int | None = None,
    send: bool = True,
    receive: bool = True,
) -> Open:
    return Open(
        row,
        fresh,
        socket,
        law,
        0,
        0,
        101,
        101,
        host,
        port,
        port + 1 if rtcp_port is None else rtcp_port,
        send,
        receive,
        160,
    )


def row_of(made: Legs, host: str = HOST, port: int = PORT, socket: int = 0) -> int:
    return int(made.remotes.find(np.array([socket_key(socket, address_key(host, port))]))[0])


def test_an_open_row_is_found_by_its_peers_address_and_a_closed_one_is_not() -> None:
    made = legs()
    made.open(command(2))
    assert (row_of(made), made.high, bool(made.active[2])) == (2, 3, True)
    assert row_of(made, socket=1) == -1
    assert row_of(made, port=PORT + 2) == -1

    made.close(2)
    assert (row_of(made), made.high, bool(made.sending[2]), bool(made.receiving[2])) == (-1, 0, False, False)


def test_the_highest_row_in_use_shrinks_past_holes() -> None:
    made = legs()
    for row in range(3):
        made.open(command(row, port=PORT + 2 * row))
    made.close(1)
    assert made.high == 3
    made.close(2)
    assert made.high == 1


def test_a_fresh_stream_begins_anywhere_and_a_changed_one_goes_on() -> None:
    out = Outbound(2, 256)
    made = Legs(2, out)
    made.open(command())
    out.sequence[0], ssrc = 77, int(out.ssrc[0])
    made.muted[0] = True

    made.open(command(fresh=False, law=PCMA, port=PORT + 10))
    assert (int(out.sequence[0]), int(out.ssrc[0]), bool(made.muted[0])) == (77, ssrc, True)
    assert int(made.silence[0]) == SILENCE[PCMA]
    assert (row_of(made), row_of(made, port=PORT + 10)) == (-1, 0)

    made.open(command(port=PORT + 10))
    assert int(out.ssrc[0]) != ssrc
    assert not made.muted[0]


def test_nothing_is_sent_where_the_peer_is_not_known_yet() -> None:
    made = legs()
    made.open(command(port=0, host=""))

    assert (bool(made.sending[0]), bool(made.receiving[0])) == (False, True)


def test_no_telephone_events_is_a_number_of_its_own() -> None:
    made = legs()

    assert int(made.dtmf_payload_type[0]) == NO_DTMF


def test_a_peer_behind_nat_is_learnt_from_its_first_packet() -> None:
    made = legs()
    made.open(command())

    assert made.learn(0, "203.0.113.9", 5555) == 0
    assert (made.latch[0], made.remote[0], made.rtcp_port[0]) == (LEARNT, ("203.0.113.9", 5555), 5556)
    assert row_of(made, "203.0.113.9", 5555) == 0
    assert row_of(made) == 0  # packets from where the SDP said would still be its own
    assert made.learn(0, "203.0.113.10", 5555) is None  # once


def test_rtcp_on_the_same_port_follows_it() -> None:
    made = legs()
    made.open(command(rtcp_port=PORT))
    made.learn(0, "203.0.113.9", 5555)

    assert made.rtcp_port[0] == 5555


def test_of_several_that_wait_the_one_whose_sdp_named_the_host_is_meant() -> None:
    made = legs()
    made.open(command(0, host="192.0.2.1"))
    made.open(command(1, host="192.0.2.2"))

    assert made.learn(0, "203.0.113.9", 5555) is None
    assert made.learn(0, "192.0.2.2", 5555) == 1
    assert made.learn(0, "203.0.113.9", 5555) == 0


def test_two_of_one_host_are_not_guessed() -> None:
    made = legs()
    made.open(command(0))
    made.open(command(1, port=PORT + 2))

    assert made.learn(0, HOST, 5555) is None


def test_a_leg_that_was_heard_is_not_taken_over() -> None:
    made = legs()
    made.open(command())
    made.confirm(0)

    assert made.latch[0] == LATCHED
    assert made.learn(0, "203.0.113.9", 5555) is None
    assert made.remote[0] == (HOST, PORT)


def test_packets_from_where_the_sdp_said_void_what_was_learnt() -> None:
    made = legs()
    made.open(command())
    made.learn(0, "203.0.113.9", 5555)

    made.confirm(0)

    assert (made.latch[0], made.remote[0]) == (LATCHED, (HOST, PORT))
    assert row_of(made, "203.0.113.9", 5555) == -1
    assert made.is_named(0, socket_key(0, address_key(HOST, PORT)))


def test_a_new_address_in_the_dialog_is_learnt_anew() -> None:
    made = legs()
    made.open(command())
    made.confirm(0)
    made.open(command(fresh=False, host="192.0.2.77"))

    assert made.latch[0] == UNLATCHED
    assert made.learn(0, "203.0.113.9", 5555) == 0


@pytest.mark.parametrize("first_leaves", [True, False])
def test_two_legs_that_name_one_address_do_not_take_it_from_each_other(first_leaves: bool) -> None:
    made = legs()
    made.open(command(0))
    made.open(command(1))
    assert row_of(made) == 0

    made.close(0 if first_leaves else 1)

    assert row_of(made) == (-1 if first_leaves else 0)
