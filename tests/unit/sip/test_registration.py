"""Registration as a client, in virtual time."""

import asyncio
from collections.abc import Iterable
from itertools import pairwise

import pytest

from jambones.sip import build
from jambones.sip.digest import Credentials
from jambones.sip.endpoint import Endpoint
from jambones.sip.leg import IncomingLeg
from jambones.sip.message import Request
from jambones.sip.registration import Registration, RegistrationMachine, RegistrationPlan, RegistrationStatus
from jambones.sip.uri import Uri
from tests.support.sip_peer import Peer
from tests.support.virtual_time import in_virtual_time

PLAN = RegistrationPlan(
    registrar=Uri.parse("sip:carrier.example.com"),
    aor=Uri.parse("sip:4930@carrier.example.com"),
    contact=Uri.parse("sip:4930@192.0.2.1:5060"),
    call_id="trunk-1",
    credentials=Credentials("4930", "secret"),
)
CHALLENGE = ("WWW-Authenticate", 'Digest realm="carrier", nonce="abc", algorithm=MD5, qop="auth"')
CONTACT = ("Contact", "<sip:4930@192.0.2.1:5060>;expires=600")


def now() -> float:
    return asyncio.get_running_loop().time()


async def unused(leg: IncomingLeg) -> None:
    raise AssertionError("nobody calls")


class Trunk:
    """A registration towards a peer."""

    def __init__(self, endpoint: Endpoint, plan: RegistrationPlan = PLAN) -> None:
        self.peer = Peer(endpoint)
        self.statuses: list[RegistrationStatus] = []
        self.registration = Registration(
            endpoint, plan, self.statuses.append, flow=self.peer.flow, wall=lambda: 1_790_000_000 + now() - 1_000_000
        )

    async def asked(self, status: int, rows: Iterable[tuple[str, str]] = (), *, within: float = 4000) -> Request:
        """The next REGISTER, answered."""
        request = await self.peer.hears_request("REGISTER", within=within)
        self.peer.answer(request, status, headers=rows)
        return request


@in_virtual_time
async def test_it_answers_the_challenge_and_refreshes_at_half_of_what_is_granted() -> None:
    async with Endpoint.open([], unused) as endpoint:
        trunk = Trunk(endpoint)
        running = asyncio.create_task(trunk.registration.run())

        first = await trunk.asked(401, [CHALLENGE])
        second = await trunk.asked(200, [("Contact", "<sip:other@192.0.2.9>;expires=60"), CONTACT])
        start = now()
        third = await trunk.asked(401, [CHALLENGE])

        assert now() - start == pytest.approx(300, abs=1)
        assert str(first.uri) == "sip:carrier.example.com"
        assert first.headers.get("Expires") == "3600"
        assert first.headers.get("Contact") == "<sip:4930@192.0.2.1:5060>"
        assert 'username="4930"' in (second.headers.get("Authorization") or "")
        assert {request.call_id for request in (first, second, third)} == {"trunk-1"}
        assert first.cseq.number < second.cseq.number < third.cseq.number
        (status,) = trunk.statuses
        assert (status.status, status.reason, status.expires) == ("ok", "200 OK", 600)
        assert (status.cseq, status.call_id) == (second.cseq.number, "trunk-1")
        assert status.server == trunk.peer.flow.remote
        assert status.timestamp == pytest.approx(1_790_000_000, abs=5)
        running.cancel()


@in_virtual_time
async def test_cseq_grows_over_a_restart() -> None:
    async with Endpoint.open([], unused) as endpoint:
        numbers = []
        for _ in range(2):
            trunk = Trunk(endpoint)
            running = asyncio.create_task(trunk.registration.run())
            numbers.append((await trunk.asked(200, [CONTACT])).cseq.number)
            running.cancel()
            await asyncio.sleep(1)
        assert numbers[0] < numbers[1]


@in_virtual_time
async def test_a_refusal_is_tried_again_after_five_minutes() -> None:
    async with Endpoint.open([], unused) as endpoint:
        trunk = Trunk(endpoint)
        running = asyncio.create_task(trunk.registration.run())
        await trunk.asked(403)
        start = now()
        await trunk.asked(503, [("Retry-After", "1000 (later)")])
        assert now() - start == pytest.approx(300, abs=1)
        await trunk.asked(200)
        assert now() - start == pytest.approx(1300, abs=2)
        assert [(s.status, s.reason) for s in trunk.statuses[:2]] == [
            ("fail", "403 Forbidden"),
            ("fail", "503 Service Unavailable"),
        ]
        running.cancel()


@in_virtual_time
async def test_wrong_credentials_are_not_tried_for_ever() -> None:
    async with Endpoint.open([], unused) as endpoint:
        trunk = Trunk(endpoint)
        running = asyncio.create_task(trunk.registration.run())
        await trunk.asked(401, [CHALLENGE])
        await trunk.asked(401, [CHALLENGE])
        start = now()
        await trunk.asked(401, [CHALLENGE])
        assert now() - start == pytest.approx(300, abs=1)
        assert trunk.statuses[0].reason == "401 Unauthorized"
        running.cancel()


@in_virtual_time
async def test_silence_is_waited_out_longer_and_longer() -> None:
    async with Endpoint.open([], unused) as endpoint:
        trunk = Trunk(endpoint)
        running = asyncio.create_task(trunk.registration.run())
        await asyncio.sleep(2000)
        running.cancel()

        stamps = [status.timestamp for status in trunk.statuses]
        gaps = [round(later - earlier - 32) for earlier, later in pairwise(stamps)]
        assert gaps[:5] == [60, 120, 240, 300, 300]
        assert {status.reason for status in trunk.statuses} == {"timeout"}


@in_virtual_time
async def test_too_brief_an_interval_is_made_longer_once() -> None:
    async with Endpoint.open([], unused) as endpoint:
        trunk = Trunk(endpoint)
        running = asyncio.create_task(trunk.registration.run())
        start = now()
        await trunk.asked(423, [("Min-Expires", "7200")])
        again = await trunk.asked(423, [("Min-Expires", "9999")])
        assert (again.headers.get("Expires"), round(now() - start)) == ("7200", 0)
        await trunk.asked(200)
        assert now() - start == pytest.approx(300, abs=1)
        running.cancel()


@in_virtual_time
async def test_it_takes_itself_back() -> None:
    async with Endpoint.open([], unused) as endpoint:
        trunk = Trunk(endpoint)
        running = asyncio.create_task(trunk.registration.run())
        await trunk.asked(200, [CONTACT])
        running.cancel()
        ending = asyncio.create_task(trunk.registration.unregister())
        last = await trunk.asked(200)
        assert last.headers.get("Expires") == "0"
        assert (await ending).status == "ok"


@pytest.mark.parametrize(
    ("rows", "granted", "wait"),
    [
        ([CONTACT], 600, 300),
        ([("Expires", "120")], 120, 60),
        ([], 3600, 1800),
        ([("Contact", "<sip:4930@192.0.2.1:5060>;expires=5")], 5, 15),
        ([("Contact", "<sip:4930@192.0.2.1:5060>"), ("Expires", "100")], 100, 50),
        ([("Contact", "<<"), ("Expires", "100")], 100, 50),
    ],
)
def test_what_was_granted(rows: list[tuple[str, str]], granted: int, wait: float) -> None:
    machine = RegistrationMachine(PLAN, lambda: 5.0)
    status = machine.answered(build.response(machine.request("x"), 200, headers=rows), local=False)
    assert (status.expires, machine.wait) == (granted, wait)


@in_virtual_time
async def test_a_registrar_that_cannot_be_found_is_unreachable() -> None:
    async with Endpoint.open([], unused) as endpoint:
        plan = RegistrationPlan(Uri.parse("sip:nowhere.invalid"), PLAN.aor, PLAN.contact, "x")
        statuses: list[RegistrationStatus] = []
        await Registration(endpoint, plan, statuses.append).once()
        assert (statuses[0].status, statuses[0].reason, statuses[0].code) == ("fail", "unreachable", 503)
