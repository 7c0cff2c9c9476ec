"""Calls that take the place of a far end: who may, what the others hear, and what is left when it fails."""

import asyncio
from typing import Any

import pytest

from jambones.common.bus.registrar import Authenticate, Authenticated
from jambones.sbc.registrations import Registrations
from jambones.sbc_inbound.taking_over import TakeOver, names_a_call, replaced
from jambones.sbc_inbound.users import Users
from jambones.sip.events import Answer
from jambones.sip.headers import Headers
from jambones.sip.message import Response
from jambones.sip.transport import Address
from tests.support.edge import World
from tests.support.legs import OFFER, PlayedLeg
from tests.support.sip_messages import request
from tests.support.virtual_time import in_virtual_time

OURS = "call-7;to-tag=us;from-tag=them"
THEIRS = b"offer of the newcomer"
STRANGER = Address("udp", "203.0.113.9", 5060)


class Office(World):
    """A world whose call is up, and another far end that would have it."""

    newcomer: PlayedLeg
    taking: "asyncio.Task[None]"
    inside: PlayedLeg

    @classmethod
    async def opened(cls, **options: Any) -> "Office":
        office = cls(**options)
        office.inside = await office.up()
        office.env.leg_for = lambda replaces: office.leg_of_ours if replaces.call_id == "call-7" else None
        return office

    @property
    def leg_of_ours(self) -> Any:
        return self.call.came_in if self.call.came_in.ended is None else None

    def comes(self, source: Address | None = None, row: str = OURS, sdp: bytes = THEIRS) -> PlayedLeg:
        """Its INVITE, from the trunk of the call if from nobody else."""
        rows = [("Replaces", row), *([("Content-Type", "application/sdp")] if sdp else [])]
        self.newcomer = PlayedLeg("newcomer", request("INVITE", body=sdp, headers=rows))
        self.newcomer.source = source or self.caller.source
        leg: Any = self.newcomer
        leg.flow = None
        self.taking = asyncio.create_task(TakeOver(self.env, leg).run())
        return self.newcomer

    async def goes_on(self) -> None:
        """The call is as it was: the two talk on, and the far end's BYE ends it with its record."""
        self.caller.offers(b"hold")
        await self.caller.until("accept")
        assert self.inside.bodies[-1] == b"relayed hold"
        self.caller.hangs_up()
        record = await self.over()
        assert (record.answered, record.hangup_side) == (True, "caller")
        await self.taking


@pytest.mark.parametrize(
    ("rows", "confirmed", "status"),
    [
        ([OURS], True, None),
        (["call-8;to-tag=us;from-tag=them"], True, 481),
        (["call-7;to-tag=us"], True, 400),
        ([OURS, OURS], True, 400),
        ([OURS + ";early-only"], True, 486),
    ],
)
def test_what_is_said_to_it(rows: list[str], confirmed: bool, status: int | None) -> None:
    invite, leg = request("INVITE", headers=[("Replaces", row) for row in rows]), PlayedLeg("far end")
    leg.confirmed = confirmed
    of_ours: Any = leg
    found = replaced(invite, lambda replaces: of_ours if replaces.call_id == "call-7" else None)

    assert getattr(found, "status", None) == status
    assert names_a_call(invite, lambda replaces: of_ours if replaces.call_id == "call-7" else None) is (status is None)


@in_virtual_time
async def test_it_does_not_begin_as_a_call_of_its_own() -> None:
    office = await Office.opened()
    newcomer = office.comes(row="call-8;to-tag=us;from-tag=them")
    await office.taking

    assert newcomer.did == ["reject 481"]
    assert (len(office.servers), list(office.env.calls)) == (1, [office.call.leg_id])
    await office.goes_on()


@in_virtual_time
async def test_the_newcomer_has_the_call_and_the_former_far_end_is_hung_up() -> None:
    office = await Office.opened()
    newcomer = office.comes()
    await office.caller.until("hangup")

    assert (office.inside.did, office.inside.bodies) == (["reinvite"], [b"relayed " + THEIRS])
    assert (newcomer.did, newcomer.bodies) == (["answer"], [b"relayed new answer"])
    assert office.caller.said["Reason"] == 'SIP;cause=200;text="Replaced"'
    newcomer.acks()
    newcomer.hangs_up()
    record = await office.over()
    await office.taking

    assert office.inside.did == ["reinvite", "hangup"]
    assert (record.answered, record.sip_status, record.hangup_side) == (True, 200, "caller")
    assert record.sip_callid == office.caller.sip_call_id
    assert "far end replaced" in record.reasons
    assert "trunk of the call matched: acme" in record.reasons


@in_virtual_time
async def test_its_dialog_lives_on_in_the_call() -> None:
    office = await Office.opened()
    newcomer = office.comes()
    await office.caller.until("hangup")
    newcomer.acks()
    newcomer.requests("INFO", b"Signal=5\r\nDuration=160\r\n", "application/dtmf-relay")
    await office.inside.until("send INFO")
    newcomer.offers(b"hold")
    await newcomer.until("accept")
    assert office.inside.bodies[-1] == b"relayed hold"
    office.inside.offers(b"offer of the feature server")
    await office.inside.until("accept")
    office.inside.hangs_up()
    record = await office.over()
    await office.taking

    assert newcomer.did == ["answer", "respond 200", "accept", "reinvite", "hangup"]
    assert office.caller.did == ["answer", "hangup"]
    assert record.hangup_side == "callee"


@in_virtual_time
async def test_a_far_end_that_took_over_may_be_replaced_in_turn() -> None:
    office = await Office.opened()
    first, one = office.comes(), office.taking
    await office.caller.until("hangup")
    first.acks()
    second = office.comes(sdp=b"another")
    await first.until("hangup")
    second.hangs_up()
    await office.over()
    await asyncio.gather(one, office.taking)

    assert office.inside.bodies[:2] == [b"relayed " + THEIRS, b"relayed another"]


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Answer(488, "Not Acceptable Here", None, Headers()), 488),
        (Answer(408, "Request Timeout", None, Headers()), 480),
        (Answer(200, "OK", None, Headers()), 488),
    ],
)
@in_virtual_time
async def test_a_feature_server_that_refuses_keeps_its_far_end(answer: Answer, status: int) -> None:
    office = await Office.opened()
    office.inside.reinvite_answer = answer
    newcomer = office.comes()
    await office.taking

    assert newcomer.did == [f"reject {status}"]
    assert office.caller.did == ["answer"]
    assert office.relay.did[-3:] == ["offer fe", "offer fe", "answer fs"]  # the refused one, and what held before
    office.inside.reinvite_answer = Answer(200, "OK", b"new answer", Headers())
    await office.goes_on()


@pytest.mark.parametrize("where", ["offer fe", "answer fs"])
@in_virtual_time
async def test_media_that_cannot_be_agreed_on_refuses_the_newcomer_alone(where: str) -> None:
    office = await Office.opened()
    office.relay.fail = where
    newcomer = office.comes()
    await newcomer.until("reject 488")
    office.relay.fail = None
    await office.taking

    assert office.caller.did == ["answer"]
    await office.goes_on()


@in_virtual_time
async def test_a_newcomer_who_cancels_leaves_the_feature_server_with_its_former_far_end() -> None:
    office = await Office.opened()
    office.inside.hold = asyncio.Event()
    newcomer = office.comes()
    await office.inside.until("reinvite")
    newcomer.cancels()
    office.inside.hold.set()
    await office.taking

    assert newcomer.did == []
    assert office.inside.bodies == [b"relayed " + THEIRS, b"relayed " + OFFER]
    assert office.caller.did == ["answer"]
    await office.goes_on()


@pytest.mark.parametrize("who", ["caller", "inside"])
@in_virtual_time
async def test_a_call_that_ends_meanwhile_is_not_taken_over(who: str) -> None:
    office = await Office.opened()
    office.inside.hold = asyncio.Event()
    newcomer = office.comes()
    await office.inside.until("reinvite")
    getattr(office, who).hangs_up()
    record = await office.over()
    await office.taking

    assert newcomer.did == ["reject 603"]
    assert record.hangup_side == {"caller": "caller", "inside": "callee"}[who]


@in_virtual_time
async def test_two_offers_at_once_are_one_too_many() -> None:
    office = await Office.opened()
    office.inside.hold = asyncio.Event()
    office.caller.offers(b"hold")
    await office.inside.until("reinvite")
    newcomer = office.comes()
    await office.taking

    assert newcomer.did == ["reject 500"]
    assert newcomer.said == {"Retry-After": "2"}
    office.inside.hold.set()
    await office.caller.until("accept")
    await office.goes_on()


@in_virtual_time
async def test_a_newcomer_without_an_offer_is_refused() -> None:
    office = await Office.opened()
    newcomer = office.comes(sdp=b"")
    await office.taking

    assert newcomer.did == ["reject 488"]
    await office.goes_on()


@pytest.mark.parametrize(
    ("verdict", "did"),
    [
        (Authenticated(status=200, user="ann@acc.example.com"), "answer"),
        (Authenticated(status=200, trunk_sid="trunk"), "answer"),
        (Authenticated(status=200, trunk_sid="another"), "reject 403"),
        (Authenticated(status=401, headers=(("WWW-Authenticate", "Digest x"),)), "reject 401"),
        (Authenticated(status=403, x_reason="Invalid credentials"), "reject 403"),
    ],
)
@in_virtual_time
async def test_whom_the_calls_trunk_does_not_vouch_for_must_be_of_its_account(verdict: Authenticated, did: str) -> None:
    office, asked = await Office.opened(), []

    async def ask(question: Authenticate) -> Authenticated:
        asked.append(question)
        return verdict

    office.env.users = Users(ask, Registrations())
    newcomer = office.comes(STRANGER)
    await newcomer.until(did)

    assert [(str(one.account_sid), one.realm, one.host) for one in asked] == [("acc", "acc.example.com", STRANGER.host)]
    if did == "answer":
        await office.caller.until("hangup")
        newcomer.hangs_up()
        await office.over()
        await office.taking
    else:
        if verdict.status == 401:
            assert newcomer.said == {"WWW-Authenticate": "Digest x"}
        assert office.inside.did == []
        await office.goes_on()


@in_virtual_time
async def test_what_the_former_far_end_leaves_unanswered_ends_nothing() -> None:
    office = await Office.opened()
    office.caller.hold = asyncio.Event()
    office.inside.requests("MESSAGE", b"of the feature server", "text/plain")
    await office.caller.until("send MESSAGE")
    newcomer = office.comes()
    await office.caller.until("hangup")
    office.caller.sent_answer = Response(481)
    office.caller.hold.set()
    await office.inside.until("respond 481")

    assert office.inside.ended is None
    newcomer.hangs_up()
    await office.over()
    await office.taking
