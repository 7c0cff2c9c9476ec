"""What crosses between the legs of a call: offers one at a time, digits, other requests, and their refusals."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from jambones.media.rtpengine import PLAIN, BadDescription, NgError
from jambones.sbc import headers
from jambones.sbc.crossing import MOST, Crossing
from jambones.sbc.media import Anchored, CallMedia, MediaFailed, Side
from jambones.sip.events import Answer
from jambones.sip.headers import Headers
from jambones.sip.message import Response
from tests.support.legs import ANSWER, OFFER, PlayedLeg
from tests.support.virtual_time import in_virtual_time

FAR_END, INSIDE = Side.FAR_END, Side.FEATURE_SERVER


class Marked:
    """A relay that marks what passes it; `fail` makes the next command fail."""

    node = "re-1"

    def __init__(self) -> None:
        self.did: list[tuple[str, Side, bytes]] = []
        self.fail = False

    async def offer(self, side: Side, sdp: bytes) -> bytes:
        return self._pass("offer", side, sdp)

    async def answer(self, side: Side, sdp: bytes) -> bytes:
        return self._pass("answer", side, sdp)

    async def close(self) -> None:
        return None

    def _pass(self, what: str, side: Side, sdp: bytes) -> bytes:
        if self.fail:
            self.fail = False
            raise MediaFailed(BadDescription(what, "cannot be read"))
        self.did.append((what, side, sdp))
        return b"relayed " + sdp


class World:
    """An answered call with its two legs."""

    def __init__(self) -> None:
        self.far_end, self.inside, self.relay = PlayedLeg("far end"), PlayedLeg("inside"), Marked()
        self.media = CallMedia(self.relay)
        self.tasks: set[asyncio.Task[None]] = set()
        far_end: Any = self.far_end
        inside: Any = self.inside
        self.crossing = Crossing(far_end, inside, self.media, self._spawn)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        self.tasks.add(asyncio.create_task(work))

    async def up(self) -> "World":
        await self.media.offer(FAR_END, OFFER)
        await self.media.answer(INSIDE, ANSWER)
        self.relay.did.clear()
        self.crossing.up()
        return self

    async def settle(self) -> None:
        done, pending = await asyncio.wait(self.tasks, timeout=60)
        assert not pending
        for task in done:
            task.result()


async def worlds() -> World:
    return await World().up()


class Session:
    """rtpengine's session: what it was told, with the flags; it fails at the description `fails_at`."""

    node = None

    def __init__(self) -> None:
        self.did: list[tuple[str, ...]] = []
        self.fails_at = ""

    async def offer(self, sdp: bytes, *, flags: tuple[str, ...], **_: Any) -> bytes:
        if self.fails_at and sdp == self.fails_at.encode():
            raise NgError("offer", "no")
        self.did.append(("offer", sdp.decode(), *flags))
        return b"o" + sdp

    async def answer(self, sdp: bytes, *, flags: tuple[str, ...], **_: Any) -> bytes:
        self.did.append(("answer", sdp.decode(), *flags))
        return b"a" + sdp


class Moving(World):
    """The same call with a session of rtpengine."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session()
        session: Any = self.session
        self.media.relay = Anchored(session, PLAIN, private=False, strict=True)

    async def up(self) -> "Moving":
        await super().up()
        self.session.did.clear()
        return self


async def moving() -> Moving:
    return await Moving().up()


@in_virtual_time
async def test_an_offer_crosses_and_its_answer_comes_back() -> None:
    world = await worlds()
    world.crossing.offered(FAR_END, world.far_end.offers(b"hold"))
    await world.settle()

    assert (world.inside.did, world.inside.bodies) == (["reinvite"], [b"relayed hold"])
    assert (world.far_end.did, world.far_end.bodies) == (["accept"], [b"relayed new answer"])


@in_virtual_time
async def test_a_second_offer_meanwhile_is_491_from_either_side() -> None:
    world = await worlds()
    world.inside.hold = asyncio.Event()
    world.crossing.offered(FAR_END, world.far_end.offers(b"hold"))
    await asyncio.sleep(1)
    world.crossing.offered(INSIDE, world.inside.offers(b"other"))
    await asyncio.sleep(1)
    assert world.inside.did == ["reinvite", "refuse 491"]
    world.crossing.offered(FAR_END, world.far_end.offers(b"again"))
    await asyncio.sleep(1)
    assert world.far_end.did == ["refuse 491"]

    world.inside.hold.set()
    await world.settle()
    world.crossing.offered(INSIDE, world.inside.offers(b"later"))
    await world.settle()

    assert world.far_end.did == ["refuse 491", "accept", "reinvite"]


@in_virtual_time
async def test_a_refresh_with_the_same_description_is_answered_here() -> None:
    world = await worlds()
    world.crossing.offered(FAR_END, world.far_end.offers(OFFER))
    world.crossing.offered(INSIDE, world.inside.offers(b"x"))  # 491: one at a time
    await world.settle()
    world.crossing.offered(INSIDE, world.inside.offers(ANSWER))
    await world.settle()

    assert (world.far_end.did, world.far_end.bodies[0]) == (["accept"], b"relayed " + ANSWER)
    assert (world.inside.did[-1], world.inside.bodies[-1]) == ("accept", b"relayed " + OFFER)
    assert world.relay.did == []


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        (Answer(488, "Not Acceptable Here", None, Headers()), 488),
        (Answer(491, "", None, Headers()), 491),
        (Answer(407, "", None, Headers()), 403),
        (Answer(200, "OK", None, Headers()), 488),
    ],
)
@in_virtual_time
async def test_a_refused_offer_is_rolled_back(answer: Answer, refused: int) -> None:
    world = await worlds()
    world.inside.reinvite_answer = answer
    world.crossing.offered(FAR_END, world.far_end.offers(b"hold"))
    await world.settle()

    assert world.far_end.did == [f"refuse {refused}"]
    assert world.relay.did == [("offer", FAR_END, b"hold"), ("offer", FAR_END, OFFER), ("answer", INSIDE, ANSWER)]
    assert world.media.remote(FAR_END) == OFFER


@pytest.mark.parametrize("status", [408, 481])
@in_virtual_time
async def test_a_side_that_no_longer_knows_the_call_ends_it(status: int) -> None:
    world = await worlds()
    world.inside.reinvite_answer = Answer(status, "", None, Headers())
    world.crossing.offered(FAR_END, world.far_end.offers(b"hold"))
    await world.settle()

    assert world.far_end.did == ["refuse 481", "hangup"]
    assert world.far_end.said["Reason"] == f"SIP;cause={status}"


@in_virtual_time
async def test_media_that_cannot_be_described_is_488_and_the_other_side_is_not_asked() -> None:
    world = await worlds()
    world.relay.fail = True
    world.crossing.offered(FAR_END, world.far_end.offers(b"odd"))
    await world.settle()

    assert (world.far_end.did, world.inside.did) == (["refuse 488"], [])
    world.crossing.offered(FAR_END, world.far_end.offers(b"good"))
    await world.settle()
    assert world.far_end.did[-1] == "accept"


@in_virtual_time
async def test_the_feature_server_moves_its_audio_without_the_far_end_being_asked() -> None:
    world = await moving()
    world.crossing.offered(INSIDE, world.inside.offers(b"elsewhere", (headers.MEDIA, "partial")))
    await world.settle()

    assert world.far_end.did == []
    assert (world.inside.did, world.inside.bodies) == (["accept"], [b"a" + OFFER])
    assert world.session.did == [("offer", "elsewhere", "asymmetric"), ("answer", OFFER.decode(), "strict-source")]
    # What the far end described before is still what it described.
    world.crossing.offered(FAR_END, world.far_end.offers(OFFER))
    await world.settle()
    assert (world.far_end.did, world.inside.did) == (["accept"], ["accept"])

    world.session.did.clear()
    world.crossing.offered(INSIDE, world.inside.offers(b"here", (headers.MEDIA, "full")))
    await world.settle()
    assert world.session.did == [("offer", "here", "strict-source"), ("answer", OFFER.decode(), "strict-source")]


@in_virtual_time
async def test_audio_that_cannot_be_moved_stays_where_it_was() -> None:
    world = await moving()
    world.session.fails_at = "elsewhere"
    world.crossing.offered(INSIDE, world.inside.offers(b"elsewhere", (headers.MEDIA, "partial")))
    await world.settle()
    assert (world.inside.did, world.inside.said["X-Reason"]) == (["refuse 488"], "offer: no")

    straight = await worlds()  # no rtpengine
    straight.crossing.offered(INSIDE, straight.inside.offers(b"elsewhere", (headers.MEDIA, "partial")))
    await straight.settle()
    assert (straight.inside.did, straight.far_end.did) == (["refuse 488"], [])


@in_virtual_time
async def test_a_far_end_cannot_move_the_audio() -> None:
    world = await moving()
    world.crossing.offered(FAR_END, world.far_end.offers(b"hold", (headers.MEDIA, "partial")))
    await world.settle()

    assert world.inside.did == ["reinvite"]
    assert world.inside.said == {}


@in_virtual_time
async def test_an_offer_of_the_far_end_that_is_refused_meanwhile_leaves_the_audio_moved() -> None:
    world = await moving()
    world.crossing.offered(INSIDE, world.inside.offers(b"elsewhere", (headers.MEDIA, "partial")))
    await world.settle()
    world.session.did.clear()
    world.inside.reinvite_answer = Answer(488, "no", None, Headers())
    world.crossing.offered(FAR_END, world.far_end.offers(b"hold"))
    await world.settle()

    assert world.session.did[1:] == [
        ("offer", "elsewhere", "asymmetric"),
        ("answer", OFFER.decode(), "strict-source"),
    ]


@in_virtual_time
async def test_a_side_that_asks_for_an_offer_gets_what_holds_and_its_ack_ends_it() -> None:
    world = await worlds()
    world.crossing.offered(FAR_END, world.far_end.offers(None))
    await world.settle()
    assert (world.far_end.did, world.far_end.bodies) == (["accept"], [b"relayed " + ANSWER])
    world.crossing.offered(INSIDE, world.inside.offers(b"other"))
    await world.settle()
    assert world.inside.did == ["refuse 491"]

    world.crossing.acked(FAR_END, OFFER)
    world.crossing.offered(INSIDE, world.inside.offers(b"other"))
    await world.settle()

    assert world.far_end.did == ["accept", "reinvite"]


@in_virtual_time
async def test_another_description_in_that_ack_is_offered_to_the_other_side() -> None:
    world = await worlds()
    world.crossing.offered(FAR_END, world.far_end.offers(None))
    await world.settle()
    world.crossing.acked(FAR_END, b"moved")
    await world.settle()

    assert (world.inside.did, world.inside.bodies) == (["reinvite"], [b"relayed moved"])


@in_virtual_time
async def test_nothing_crosses_before_the_call_is_up() -> None:
    world = World()
    await world.media.offer(FAR_END, OFFER)
    await world.media.answer(INSIDE, ANSWER)
    world.crossing.offered(INSIDE, world.inside.offers(b"early"))
    world.crossing.requested(INSIDE, world.inside.requests("MESSAGE", b"x", "text/plain"))
    await asyncio.sleep(5)
    assert world.far_end.did == []

    world.crossing.up()
    await world.settle()

    assert sorted(world.far_end.did) == ["reinvite", "send MESSAGE"]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/dtmf-relay", b"Signal=5\r\nDuration=160\r\n"),
        ("Application/DTMF", b"5"),
        ("application/dtmf-relay", b"signal = 5\n"),
    ],
)
@in_virtual_time
async def test_a_digit_is_answered_here_and_passed_on_in_one_form(content_type: str, body: bytes) -> None:
    world = await worlds()
    world.crossing.requested(FAR_END, world.far_end.requests("INFO", body, content_type))
    await world.settle()

    assert world.far_end.did == ["respond 200"]
    assert world.inside.did == ["send INFO"]
    assert (world.inside.bodies[0] or b"").startswith(b"Signal=5\r\nDuration=")


@in_virtual_time
async def test_a_digit_that_is_none_is_400_and_goes_nowhere() -> None:
    world = await worlds()
    world.crossing.requested(FAR_END, world.far_end.requests("INFO", b"Signal=fish", "application/dtmf-relay"))
    await world.settle()

    assert (world.far_end.did, world.inside.did) == (["respond 400"], [])


@in_virtual_time
async def test_other_requests_cross_with_their_answers() -> None:
    world = await worlds()
    world.inside.sent_answer = Response(405, headers=[("Allow", "INVITE"), ("X-Jambones-Secret", "x")])
    world.crossing.requested(FAR_END, world.far_end.requests("MESSAGE", b"hi", "text/plain"))
    await world.settle()

    assert (world.inside.did, world.inside.bodies) == (["send MESSAGE"], [b"hi"])
    assert world.far_end.did == ["respond 405"]
    assert "X-Jambones-Secret" not in world.far_end.said


@in_virtual_time
async def test_an_update_without_an_offer_is_a_refresh() -> None:
    world = await worlds()
    world.crossing.requested(FAR_END, world.far_end.requests("UPDATE"))
    await world.settle()

    assert (world.far_end.did, world.inside.did) == (["respond 200"], [])


@in_virtual_time
async def test_a_request_to_a_side_that_is_gone_ends_the_call() -> None:
    world = await worlds()
    world.inside.sent_answer = Response(481)
    world.crossing.requested(FAR_END, world.far_end.requests("MESSAGE", b"hi", "text/plain"))
    await world.settle()

    assert world.far_end.did[0] == "hangup"


@in_virtual_time
async def test_a_peer_that_floods_its_dialog_is_told_to_wait() -> None:
    world = await worlds()
    world.inside.hold = asyncio.Event()
    for _ in range(MOST + 1):
        world.crossing.requested(FAR_END, world.far_end.requests("MESSAGE", b"hi", "text/plain"))
    await asyncio.sleep(1)
    assert (world.far_end.did, world.far_end.said) == (["respond 500"], {"Retry-After": "2"})

    world.inside.hold.set()
    await world.settle()
    assert world.far_end.did.count("respond 200") == MOST


@in_virtual_time
async def test_a_leg_that_ends_meanwhile_is_no_error() -> None:
    world = await worlds()
    offer = world.far_end.offers(b"hold")
    world.inside.hangs_up()
    world.crossing.offered(FAR_END, offer)
    world.crossing.requested(FAR_END, world.far_end.requests("MESSAGE", b"hi", "text/plain"))
    await world.settle()

    assert world.far_end.did == []
