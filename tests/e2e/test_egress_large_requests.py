"""Calls out whose INVITE is too large for UDP: SIPp is a carrier that takes TCP, or that does not."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support import sipp
from tests.support.running_egress import Egress, egress

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not sipp.installed(), reason="SIPp is not installed"),
]
LIMIT = 1300
LONG = {"X-Long": "x" * 900}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def out(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Egress]:
    env = {"JAMBONES_SIP_UDP_LIMIT": str(LIMIT)}
    async with egress(tmp_path_factory.mktemp("egress"), env=env) as it:
        yield it


async def _called(out: Egress, transport: str, more: dict[str, str], times: int = 1) -> list[str]:
    """Calls to a carrier whose gateway is on UDP for us; the Via of the INVITEs as the carrier saw them."""
    async with sipp.answering("outbound/answers", transport=transport, calls=times) as carrier:
        trunk = await out.trunk(carrier.port)
        for _ in range(times):
            call = await out.call(trunk=trunk, more=more)
            await call.answered()
            await call.leg.hangup()
        outcome = await carrier.outcome()
    assert outcome.good, outcome.log
    messages = outcome.log.replace("\r", "").split("\n\n")
    return [
        line.split()[1]
        for message in messages
        if "\nCSeq: 1 INVITE" in message and "\nUser-Agent:" in message
        for line in message.splitlines()
        if line.startswith("Via:")
    ]


async def test_a_carrier_that_takes_tcp_gets_a_large_invite_there(out: Egress) -> None:
    assert set(await _called(out, "tcp", LONG)) == {"SIP/2.0/TCP"}


async def test_a_carrier_without_tcp_gets_large_invites_by_udp(out: Egress) -> None:
    assert set(await _called(out, "udp", LONG, times=2)) == {"SIP/2.0/UDP"}


async def test_small_invites_stay_on_udp(out: Egress) -> None:
    assert set(await _called(out, "udp", {})) == {"SIP/2.0/UDP"}
