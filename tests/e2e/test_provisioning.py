"""A number provisioned through the REST API alone: a call reaches its application within a second of a change."""

import asyncio
import urllib.parse
from pathlib import Path
from typing import Any

import pytest

from tests.support import sipp
from tests.support.scripted import Office, office

pytestmark = pytest.mark.skipif(not sipp.installed(), reason="SIPp is not installed")
NUMBER = "442071838750"
SOURCE = "127.0.0.9"
SOON = 1.0
"""Seconds within which a change has reached every process."""


class Desk:
    """A tenant that is made from nothing with the platform's key, and looked after with its own."""

    def __init__(self, running: Office) -> None:
        self.running = running
        self.account = self.carrier = self.key = ""

    async def move_in(self) -> None:
        admin = self.running.platform.seeded.admin_key
        provider = (await self.ask("POST", "/ServiceProviders", {"name": "reseller"}, admin))["sid"]
        account = {"name": "acme", "service_provider_sid": provider, "sip_realm": "acme.sip.example.com"}
        self.account = (await self.ask("POST", "/Accounts", account, admin))["sid"]
        self.key = (await self.ask("POST", "/ApiKeys", {"account_sid": self.account}, admin))["token"]
        self.carrier = (await self.ask("POST", "/VoipCarriers", {"name": "the carrier"}))["sid"]
        gateway = {"voip_carrier_sid": self.carrier, "ipv4": SOURCE, "inbound": 1, "outbound": 0}
        await self.ask("POST", "/SipGateways", gateway)

    async def ask(self, method: str, path: str, body: Any = None, key: str | None = None) -> Any:
        return await self.running.api(method, path, body, key=key or self.key)

    async def application(self, name: str) -> str:
        """An application asked at /`name`, which declines so that its call is over at once."""
        self.running.app.plays({"verb": "sip:decline", "status": 486}, at=f"/{name}")
        origin = self.running.app.origin
        body = {"name": name, "call_hook": {"url": f"{origin}/{name}"}, "call_status_hook": {"url": f"{origin}/status"}}
        return str((await self.ask("POST", "/Applications", body))["sid"])

    async def reaches(self, name: str) -> None:
        """A call now reaches the application, as `explain` has said."""
        query = urllib.parse.urlencode({"number": NUMBER, "source": SOURCE})
        predicted = await self.ask("GET", f"/Accounts/{self.account}/explain?{query}")
        before = len(self.running.app.of(f"/{name}"))
        call = await sipp.run("is_refused_486", self.running.platform.sip, NUMBER, host=SOURCE)
        assert call.good, call.log
        asked = self.running.app.of(f"/{name}")
        assert len(asked) == before + 1
        assert (asked[-1]["account_sid"], asked[-1]["to"]) == (self.account, NUMBER)
        assert asked[-1]["originating_sip_trunk_name"] == "the carrier"
        assert (predicted["application"], predicted["application_sid"]) == (name, asked[-1]["application_sid"])


async def test_a_number_reaches_its_application_within_a_second_of_each_change(tmp_path: Path) -> None:
    async with office(tmp_path) as running:
        desk = Desk(running)
        await desk.move_in()
        first, second = await desk.application("first"), await desk.application("second")
        number = {"number": f"+{NUMBER}", "voip_carrier_sid": desk.carrier, "application_sid": first}
        sid = (await desk.ask("POST", "/PhoneNumbers", number))["sid"]
        await asyncio.sleep(SOON)
        await desk.reaches("first")

        await desk.ask("PUT", f"/PhoneNumbers/{sid}", {"application_sid": second})
        await asyncio.sleep(SOON)
        await desk.reaches("second")

        moved = {"name": "third", "call_hook": {"url": f"{running.app.origin}/third"}}
        running.app.plays({"verb": "sip:decline", "status": 486}, at="/third")
        await desk.ask("PUT", f"/Applications/{second}", moved)
        await asyncio.sleep(SOON)
        await desk.reaches("third")

        await desk.ask("DELETE", f"/PhoneNumbers/{sid}")
        await asyncio.sleep(SOON)
        hooks = len(running.app.hooks)
        call = await sipp.run("is_refused_486", running.platform.sip, NUMBER, host=SOURCE, limit=10)
        assert not call.good  # refused by the platform, with a status of its own
        assert len(running.app.hooks) == hooks
