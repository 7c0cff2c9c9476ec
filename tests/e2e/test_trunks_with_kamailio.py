"""We register with a carrier and ping its gateway; the carrier is Kamailio."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from jambones.common.bus.gateways import BUCKET, LONGEST, GatewayDown
from jambones.common.db.seed import ACCOUNT_SID, SERVICE_PROVIDER_SID
from jambones.common.db.sip_gateways import SipGateways
from jambones.common.db.tenant import PLATFORM
from jambones.common.db.voip_carriers import VoipCarriers
from jambones.local.platform import LocalPlatform
from tests.support import kamailio_registrar as kamailio
from tests.support.configuring import configuring

pytestmark = pytest.mark.skipif(not kamailio.installed(), reason="kamailio is not installed")

REALM = "carrier.example"
FAST = {
    "JAMBONES_OPTIONS_PING_INTERVAL": "0.5", "JAMBONES_PING_TIMEOUT": "1", "JAMBONES_TRUNK_SPREAD": "0",
}  # fmt: skip


@pytest.mark.parametrize(("protocol", "password", "reason"), [
    ("udp", "s3cret", "200 OK"), ("tcp", "s3cret", "200 OK"), ("udp", "wrong", "401 Unauthorized"),
])  # fmt: skip
async def test_a_trunk_registers_and_its_gateway_is_watched(
    tmp_path: Path, protocol: str, password: str, reason: str
) -> None:
    services = ["feature-server", "registrar", "sbc-inbound"]
    async with (
        kamailio.registrar(tmp_path, realm=REALM, password="s3cret") as carrier,
        LocalPlatform(tmp_path / "p", ports="auto", fast=True, services=services, env=FAST) as platform,
        configuring(platform) as (db, bus),
    ):
        async with db.transaction(PLATFORM) as tx:
            owner = {"account_sid": ACCOUNT_SID, "service_provider_sid": SERVICE_PROVIDER_SID}
            row = await VoipCarriers(tx).add(
                {"name": "kamailio", "requires_register": True, "register_username": "us", "trunk_type": "reg",
                 "register_sip_realm": REALM, "register_password": password, **owner}
            )  # fmt: skip
            gateway = await SipGateways(tx).add(
                {"voip_carrier_sid": row.voip_carrier_sid, "ipv4": "127.0.0.1", "port": carrier.port,
                 "protocol": protocol, "inbound": False, "outbound": True, "send_options_ping": True}
            )  # fmt: skip

        async def state() -> dict[str, Any]:
            async with db.transaction(PLATFORM) as tx:
                found = await VoipCarriers(tx).get(row.voip_carrier_sid)
            assert found is not None
            told: dict[str, Any] = json.loads(found.register_status or "{}")
            return told

        async with asyncio.timeout(40):
            while not await state():
                await asyncio.sleep(0.1)
        told = await state()
        assert told["reason"] == reason
        if reason == "200 OK":
            assert told["expires"] == 120  # what Kamailio grants at most

        marks = bus.bucket(BUCKET, GatewayDown, ttl=LONGEST)
        assert await marks.get(gateway.sip_gateway_sid) is None
        await carrier.stop()
        async with asyncio.timeout(40):
            while await marks.get(gateway.sip_gateway_sid) is None:
                await asyncio.sleep(0.1)
