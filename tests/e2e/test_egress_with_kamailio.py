"""Calls out through a proxy that we did not write: Kamailio wants digest for every request, SIPp answers behind it."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from jambones.local.ports import free_port
from tests.support import kamailio, sipp
from tests.support.running_egress import SDP, Egress, egress

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not (sipp.installed() and kamailio.installed()), reason="SIPp or Kamailio is not installed"),
]
LOGIN = {"register_username": "acct", "register_password": "s3cret"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def out(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Egress]:
    async with egress(tmp_path_factory.mktemp("egress")) as it:
        yield it


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
async def test_invite_reinvite_and_bye_are_authenticated_on_the_recorded_route(out: Egress, protocol: str) -> None:
    async with (
        sipp.answering("outbound/answers_and_is_reinvited") as gateway,
        kamailio.running(gateway.port, "s3cret") as proxy,
    ):
        call = await out.call(trunk=await out.trunk(proxy.port, protocol=protocol, **LOGIN))
        await call.answered()
        changed = await call.leg.reinvite(SDP.replace(b"fs 1 1", b"fs 1 2").replace(b"4000", b"4010"))
        await call.leg.hangup()
        outcome = await gateway.outcome()

        assert changed.accepted
        assert outcome.good, outcome.log
        for method in ("INVITE", "BYE"):
            assert proxy.count(f"accepted {method}"), proxy.log
        assert proxy.count("accepted INVITE") == 2
        assert not proxy.count("insane"), proxy.log
    assert (await out.record_of(call)).termination_reason == "caller hungup"


async def test_a_wrong_password_is_403_upstream(out: Egress) -> None:
    async with sipp.answering("outbound/answers") as gateway, kamailio.running(gateway.port, "another") as proxy:
        call = await out.call(trunk=await out.trunk(proxy.port, **LOGIN))

        assert (await call.ended()).status == 403
        assert gateway.untouched
        assert proxy.count("challenged INVITE") == 2, proxy.log


async def test_a_gateway_behind_the_proxy_hangs_up(out: Egress) -> None:
    async with sipp.answering("outbound/hangs_up_first") as gateway, kamailio.running(gateway.port, "s3cret") as proxy:
        call = await out.call(trunk=await out.trunk(proxy.port, **LOGIN))
        ended = await call.ended()
        outcome = await gateway.outcome()

        assert outcome.good, outcome.log
        assert (ended.by, ended.headers.get("X-Farewell")) == ("remote", "so long")
        assert not proxy.count("insane"), proxy.log


async def test_a_dead_proxy_is_left_for_the_next_gateway(out: Egress) -> None:
    async with sipp.answering("outbound/answers") as gateway, kamailio.running(gateway.port, "s3cret") as proxy:
        call = await out.call(trunk=await out.trunk(free_port(), proxy.port, **LOGIN))
        await call.answered()
        await call.leg.hangup()

        assert (await gateway.outcome()).good
    assert [attempt.status for attempt in (await out.record_of(call)).attempts] == [503, 200]
