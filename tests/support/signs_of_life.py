"""Whether the platform does its work right now: takes a call, answers a device, places a call."""

import asyncio
import time
import urllib.error
from collections.abc import Awaitable, Callable

from bench import sipp as load
from jambones.sip.address import NameAddr
from jambones.sip.endpoint import Endpoint
from jambones.sip.leg import IncomingLeg
from jambones.sip.transport import Address
from jambones.sip.uri import Uri
from tests.support import sipp, sounds
from tests.support.free_ports import free_port
from tests.support.scripted import SPEECH, Office
from tests.support.sink import RtpSink

CLIP = sounds.noise(0.5, seed=9)
SOON = 15.0
"""Three times what is promised (5 s), since this machine may be busy; what it took is printed."""


def prepare(desk: Office) -> None:
    """What the application answers while signs of life are looked for."""
    desk.app.files["/clip.wav"] = sounds.wav(CLIP)
    desk.app.plays({"verb": "play", "url": f"{desk.app.origin}/clip.wav"}, {"verb": "hangup"})
    desk.app.plays({"verb": "hangup"}, at="/answered")


async def soon(what: str, works: Callable[[], Awaitable[bool]], *, within: float = SOON) -> None:
    """Try until it works; fails when that takes too long."""
    started = time.monotonic()
    while not await works():
        assert time.monotonic() - started < within, what
        await asyncio.sleep(0.2)
    print(f"{what}: {time.monotonic() - started:.1f} s")


async def a_call_is_heard(desk: Office, at: str, *, host: str = "127.0.0.1") -> bool:
    """A SIPp on `host` calls the demo number at the edge `at` ("127.0.0.1:5060") and hears the whole clip."""
    async with RtpSink.open(host) as sink:
        keys = {"sink": sink.port}
        call = await sipp.run("hears_it_out", at, desk.number, keys=keys, host=host, limit=8)
        return call.good and sink.heard(sounds.pcmu(CLIP)) == 1


async def a_registrar_answers(desk: Office, at: str, *, host: str = "127.0.0.1") -> bool:
    """A REGISTER at the edge `at` is challenged, which a registrar decides."""

    async def refuse(leg: IncomingLeg) -> None:
        await leg.reject(603)

    realm = desk.platform.seeded.sip_realm
    user = NameAddr(Uri("sip", "demo", host=realm))
    async with Endpoint.open([Address("udp", host, 0)], refuse) as phone:
        answer = await phone.request(
            "REGISTER",
            Uri("sip", host=realm),
            from_=user,
            to=user,
            headers=[("Contact", f"<sip:demo@{host}:9>"), ("Expires", "60")],
            destination=Address.parse(f"udp:{at}"),
            timeout=3,
        )
        return answer.status == 401


async def a_call_goes_out(desk: Office, *, host: str = "127.0.0.1") -> bool:
    """Over REST to a SIPp on `host` that answers."""
    port = free_port(host)
    with load.callee(port, host):
        desk.app.hooks.clear()
        call = {
            "from": "15550001111",
            "to": {"type": "sip", "sipUri": f"sip:callee@{host}:{port}"},
            "call_hook": f"{desk.app.origin}/answered",
            "call_status_hook": f"{desk.app.origin}/status",
            **SPEECH,
        }
        try:
            await desk.api("POST", f"{desk.account}/Calls", call)
        except urllib.error.HTTPError as exc:
            if exc.code != 503:
                raise
            return False  # a client asks again after Retry-After
        try:
            await desk.app.until(
                lambda: any(status in ("completed", "failed") for status, _ in desk.app.statuses), within=8
            )
        except TimeoutError:
            return False
        return ("in-progress", 200) in desk.app.statuses
