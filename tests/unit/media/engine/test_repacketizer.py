"""Packets of another length than 20 ms."""

import pytest

from jambones.media.engine.repacketizer import Repacketizer


@pytest.mark.parametrize("samples", [80, 160, 240, 320, 480])
def test_the_stream_is_the_same_and_timestamps_count_its_samples(samples: int) -> None:
    repacketizer, start = Repacketizer(samples), 2**32 - 300
    frames = [bytes([i]) * 160 for i in range(12)]

    packets = [
        packet for i, frame in enumerate(frames) for packet in repacketizer.push(frame, (start + i * 160) % 2**32)
    ]

    assert b"".join(payload for payload, _ in packets) == b"".join(frames)
    assert {len(payload) for payload, _ in packets} == {samples}
    assert [stamp for _, stamp in packets] == [(start + n * samples) % 2**32 for n in range(len(packets))]


def test_after_an_event_it_starts_with_the_next_frame() -> None:
    repacketizer = Repacketizer(320)
    repacketizer.push(b"a" * 160, 0)
    repacketizer.drop()

    assert repacketizer.push(b"b" * 160, 800) == []
    assert repacketizer.push(b"c" * 160, 960) == [(b"b" * 160 + b"c" * 160, 800)]
