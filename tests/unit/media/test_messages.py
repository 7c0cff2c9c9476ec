"""Messages between a service and its workers."""

from jambones.media.messages import (
    LONGEST,
    Ask,
    Heard,
    Mark,
    Message,
    Played,
    Pressed,
    Pulse,
    Push,
    Report,
    Voice,
    pack,
    unpack,
)

MESSAGES: list[Message] = [
    Ask(1, 2),
    Played(3, 4, 5, 6, "done"),
    Pressed(7, "#", 80),
    Voice(8, True),
    Report(9, 0.25, -1, 1.5, -1.0),
    Pulse(1, 2, 3, 0.125, 0.25, 1.5, 6, 7, 8),
]


def test_they_arrive_as_they_were_sent() -> None:
    (datagram,) = pack(MESSAGES)

    assert unpack(datagram) == MESSAGES


def test_many_are_spread_over_datagrams_in_order() -> None:
    many: list[Message] = [Pressed(row, "5", row) for row in range(10_000)]

    datagrams = pack(many)

    assert 1 < len(datagrams) < 10
    assert max(map(len, datagrams)) < LONGEST + 1000
    assert [message for datagram in datagrams for message in unpack(datagram)] == many


def test_audio_keeps_its_place_among_the_other_messages() -> None:
    messages: list[Message] = [
        Push(1, 2, 0, b"[not json"),
        Push(1, 2, 0, b""),
        Mark(1, 2, 7),
        Heard(3, 1, 40, bytes(range(256)) * 20),
        Pressed(3, "1", 80),
    ]

    datagrams = pack(messages)

    assert len(datagrams) == 4
    assert [message for datagram in datagrams for message in unpack(datagram)] == messages


def test_much_audio_is_spread_over_datagrams() -> None:
    messages: list[Message] = [Heard(row, 1, row, bytes(640)) for row in range(500)]

    datagrams = pack(messages)

    assert len(datagrams) > 3
    assert max(map(len, datagrams)) < LONGEST + 1000
    assert [message for datagram in datagrams for message in unpack(datagram)] == messages


def test_nothing_makes_no_datagram() -> None:
    assert pack([]) == []
