"""What each leg is sent in a tick: silence, what its peer says, what plays; without sockets, packets put in by hand."""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from jambones.media.codecs import PCMA, PCMU, SILENCE, TRANSCODE
from jambones.media.engine.engine import Engine
from jambones.media.engine.jitter import FRAME, START_DELAY
from jambones.media.engine.sockets import address_key
from jambones.media.messages import Bridge, Close, Message, Mute, Open, Play, Played, Silent, Stop, Unbridge, Voice

HOST = "192.0.2.1"
CLIP = np.random.default_rng(5).integers(0, 256, 4000).astype(np.uint8)


class World:
    """An engine with legs whose peers say noise, each its own."""

    def __init__(self, *laws: int, rtp_timeout_ms: int = 60_000) -> None:
        self.told: list[Message] = []
        nowhere = [SimpleNamespace(fileno=lambda: -1, sendto=lambda *_: 0)]
        ports: Any = SimpleNamespace(rtp=nowhere, rtcp=nowhere, ready=list, overflows=0)
        self.engine = Engine(
            ports, CLIP, capacity=len(laws), rtp_timeout_ms=rtp_timeout_ms, emit=self.told.append, wall=lambda: 1.7e9
        )
        self.rng = np.random.default_rng(3)
        self.spoken = 0
        for row, law in enumerate(laws):
            self.open(row, law)

    def open(self, row: int, law: int, *, fresh: bool = True) -> None:
        kind = 8 if law == PCMA else 0
        self.engine.handle(Open(row, fresh, 0, law, kind, kind, 101, 101, HOST, 4000 + row, 0, True, True, FRAME))

    def tick(self, *speaking: int) -> dict[int, bytes]:
        """One tick in which these legs' peers speak; what they say."""
        batch, said = self.engine.receiver._inbound, {}
        for place, row in enumerate(speaking):
            frame = self.rng.integers(0, 256, FRAME).astype(np.uint8)
            batch.packets[place, :2] = 0x80, self.engine.legs.receive_payload_type[row]
            batch.sequence[place] = self.spoken
            batch.timestamp[place] = self.spoken * FRAME
            batch.ssrc[place] = row
            batch.packets[place, 12 : 12 + FRAME] = frame
            batch.length[place] = 12 + FRAME
            batch._from[place] = address_key(HOST, 4000 + row)
            said[row] = frame.tobytes()
        batch.count = len(speaking)
        self.spoken += 1
        if speaking:
            self.engine.receiver.take(batch, self.engine.ticks)
        self.engine.tick()
        return said

    def sent(self, row: int) -> NDArray[np.uint8]:
        frame: NDArray[np.uint8] = self.engine.out.packets[row, 12:]
        return frame


def silence(law: int) -> list[int]:
    return [int(SILENCE[law])] * FRAME


@pytest.mark.parametrize("laws", [(PCMU, PCMU, PCMU), (PCMU, PCMA, PCMU), (PCMA, PCMU, PCMA), (PCMA, PCMA, PCMA)])
def test_bridged_legs_hear_each_other_in_their_own_law_and_the_third_hears_nothing(laws: tuple[int, int, int]) -> None:
    world = World(*laws)
    world.engine.handle(Bridge(0, 1))
    said = [world.tick(0, 1, 2) for _ in range(START_DELAY + 3)]

    due = said[-1 - START_DELAY]
    for listener, speaker in ((0, 1), (1, 0)):
        frame = np.frombuffer(due[speaker], np.uint8)
        same = laws[listener] == laws[speaker]
        assert world.sent(listener).tolist() == (frame if same else TRANSCODE[laws[speaker]][frame]).tolist()
    assert world.sent(2).tolist() == silence(laws[2])


def test_a_leg_that_turns_to_the_other_law_is_understood_from_then_on() -> None:
    world = World(PCMU, PCMU)
    world.engine.handle(Bridge(0, 1))
    for _ in range(5):
        world.tick(0, 1)
    world.open(1, PCMA, fresh=False)
    said = [world.tick(0, 1) for _ in range(START_DELAY + 3)]

    due = said[-1 - START_DELAY]
    assert world.sent(0).tolist() == TRANSCODE[PCMA][np.frombuffer(due[1], np.uint8)].tolist()
    assert world.sent(1).tolist() == TRANSCODE[PCMU][np.frombuffer(due[0], np.uint8)].tolist()


def test_a_bridge_that_ends_leaves_silence() -> None:
    world = World(PCMU, PCMA)
    world.engine.handle(Bridge(0, 1))
    for _ in range(5):
        world.tick(0, 1)
    world.engine.handle(Unbridge(0))
    world.tick(0, 1)

    assert [world.sent(row).tolist() for row in (0, 1)] == [silence(PCMU), silence(PCMA)]


def test_what_plays_covers_what_the_peer_says_and_a_muted_peer_is_not_heard() -> None:
    world = World(PCMU, PCMU)
    world.engine.handle(Bridge(0, 1))
    for _ in range(5):
        world.tick(0, 1)
    world.engine.handle(Play(0, 1, [(0, 0, 2 * FRAME)], 1, 0, -1))
    world.engine.handle(Mute(0, True))

    world.tick(0, 1)
    assert world.sent(0).tolist() == CLIP[:FRAME].tolist()
    assert world.sent(1).tolist() == silence(PCMU)
    world.tick(0, 1)
    assert world.told[-1] == Played(0, 1, 2 * FRAME, 2 * FRAME, "done")
    said = [world.tick(0, 1) for _ in range(START_DELAY + 1)]
    assert world.sent(0).tolist() == list(said[0][1])


def test_a_clip_that_is_stopped_leaves_silence_and_closed_legs_are_left_alone() -> None:
    world = World(PCMU, PCMA)
    world.engine.handle(Play(1, 1, [(0, 0, 4000)], 1, 0, -1))
    world.tick(0, 1)
    assert world.sent(1).tolist() == CLIP[:FRAME].tolist()
    world.engine.handle(Stop(1, 1))
    world.tick(0, 1)
    assert world.sent(1).tolist() == silence(PCMA)

    world.engine.handle(Close(1, 7))
    world.tick(0)
    assert world.engine.legs.high == 1


def test_two_packets_of_one_leg_in_a_batch_are_heard_one_after_the_other() -> None:
    world = World(PCMU, PCMU)
    world.engine.handle(Bridge(0, 1))
    batch = world.engine.receiver._inbound
    frames = [world.rng.integers(0, 256, FRAME).astype(np.uint8) for _ in range(3)]
    for place, (row, number) in enumerate(((0, 0), (0, 1), (1, 0))):
        batch.packets[place, :2] = 0x80, 0
        batch.sequence[place], batch.timestamp[place], batch.ssrc[place] = number, number * FRAME, row
        batch.packets[place, 12 : 12 + FRAME] = frames[place]
        batch.length[place] = 12 + FRAME
        batch._from[place] = address_key(HOST, 4000 + row)
    batch.count = 3
    world.engine.receiver.take(batch, 0)
    heard = []
    for _ in range(START_DELAY + 2):
        world.engine.tick()
        heard.append(world.sent(1).tolist())

    assert heard[START_DELAY:] == [frames[0].tolist(), frames[1].tolist()]
    assert world.engine.reception.total(0) == 2
    assert not world.engine.jitter.repeated[0]


def test_a_loud_peer_is_told_as_voice() -> None:
    world = World(PCMU)
    for _ in range(20):
        world.tick(0)

    assert Voice(0, True) in world.told


def test_silence_is_told_after_each_time_out_until_something_is_heard() -> None:
    world = World(PCMU, rtp_timeout_ms=1000)
    for _ in range(125):
        world.tick()
    assert [told.silent_ms for told in world.told if isinstance(told, Silent)] == [1000, 2000]

    world.tick(0)
    for _ in range(60):
        world.tick()
    assert len([told for told in world.told if isinstance(told, Silent)]) == 3
