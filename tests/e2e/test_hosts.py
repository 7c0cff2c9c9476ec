"""Two hosts with one of everything each: a process is killed, or a host vanishes, and new calls work soon.

Each host is a network namespace with an address of its own. NATS, PostgreSQL and the API are outside of both.
"""

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from jambones.local import rtpengine
from jambones.local.platform import LocalPlatform
from jambones.local.servers import tied
from jambones.local.supervisor import Child, http_ok
from tests.support import sipp
from tests.support.hosts import Host, Network, NoNamespaces
from tests.support.scripted import PATIENT, Office, ScriptedApplication
from tests.support.signs_of_life import a_call_goes_out, a_call_is_heard, a_registrar_answers, prepare, soon

pytestmark = [
    pytest.mark.skipif(not sipp.installed(), reason="SIPp is not installed"),
    pytest.mark.skipif(rtpengine.installed() is None, reason="rtpengine is not installed"),
    pytest.mark.timeout(240),
]
SERVICES = ("feature-server", "registrar", "sbc-outbound", "sbc-inbound")
MISSED = 40.0
"""How long anybody may take a vanished host for present: ten seconds since its last heartbeat, and a call's wait."""
SIP, NG, HTTP, MEDIA = 5060, 2223, 3000, 40000


@dataclass
class Node:
    """A host and what runs on it."""

    host: Host
    children: dict[str, Child] = field(default_factory=dict)

    @property
    def edge(self) -> str:
        return f"{self.host.address}:{SIP}"


@dataclass
class Cluster:
    desk: Office
    here: str
    """The address of callers and callees."""
    nodes: list[Node]

    async def call_in(self, node: Node) -> bool:
        return await a_call_is_heard(self.desk, node.edge, host=self.here)

    async def register(self, node: Node) -> bool:
        return await a_registrar_answers(self.desk, node.edge, host=self.here)

    async def call_out(self) -> bool:
        return await a_call_goes_out(self.desk, host=self.here)

    async def works(self, node: Node) -> bool:
        return await self.call_in(node) and await self.register(node)


@asynccontextmanager
async def cluster(directory: Path) -> AsyncIterator[Cluster]:
    async with AsyncExitStack() as stack:
        try:
            network = stack.enter_context(Network.open(2))
        except NoNamespaces as exc:
            pytest.skip(f"no network namespaces here: {exc}")
        app = await stack.enter_async_context(ScriptedApplication.open(network.address))
        platform = await stack.enter_async_context(
            LocalPlatform(
                directory, ports="auto", services=["api"], rtpengine=False, fast=True, restart=False,
                host=network.address, hook_url=f"{app.origin}/call",
            )
        )  # fmt: skip
        desk = Office(platform, app)
        prepare(desk)
        carriers = await desk.api("GET", "/VoipCarriers")
        gateway = {"voip_carrier_sid": carriers[0]["voip_carrier_sid"], "ipv4": network.address, "inbound": True}
        await desk.api("POST", "/SipGateways", gateway | {"outbound": False})

        nodes = [Node(host) for host in network.hosts]
        for node in nodes:
            for child in _children(node.host, network, platform, directory):
                node.children[child.name] = child
                stack.push_async_callback(child.stop)
                await child.launch()
        for node in nodes:
            for child in node.children.values():
                await child.until_ready()
        yield Cluster(desk, network.address, nodes)


def _children(host: Host, network: Network, platform: LocalPlatform, directory: Path) -> list[Child]:
    where = directory / host.namespace
    where.mkdir()
    bare = {name: value for name, value in os.environ.items() if not name.startswith(("JAMBONES_", "PG"))}
    relay = rtpengine.RtpengineServer(where, NG, 30000, 2000, host.address)

    async def relay_answers() -> bool:
        return relay.answers()

    command = host.inside(relay.command())
    children = [Child("rtpengine", lambda: command, relay_answers, where / "rtpengine.log", bare, restart=False)]
    for number, service in enumerate(SERVICES):
        env = (
            bare
            | PATIENT
            | {
                "JAMBONES_NODE_ID": f"{service}-{host.namespace}",
                "JAMBONES_NATS_URLS": platform.nats_url,
                "JAMBONES_DB_DSN": platform.dsn,
                "JAMBONES_HTTP_HOST": host.address,
                "JAMBONES_HTTP_PORT": str(HTTP + number),
                "JAMBONES_SPOOL_DIR": str(where / "spool" / service),
                "JAMBONES_ENCRYPTION_KEYS": platform.secrets["encryption"],
                "JAMBONES_INTERNAL_KEY": platform.secrets["internal"],
                "JAMBONES_PRIVATE_IP": host.address,
                "JAMBONES_DRAIN_TIMEOUT": "5",
                "JAMBONES_RTPENGINES": ",".join(f"{each.address}:{NG}" for each in network.hosts),
                "JAMBONES_SIP_LISTEN": f"udp:{host.address}:{SIP + 10 * number},tcp:{host.address}:{SIP + 10 * number}",
            }
        )
        if service == "sbc-inbound":
            env["JAMBONES_SIP_LISTEN"] = f"udp:{host.address}:{SIP},tcp:{host.address}:{SIP}"
        if service == "feature-server":
            env["JAMBONES_SIP_LISTEN"] = f"udp:{host.address}:5090,tcp:{host.address}:5090"
            env["JAMBONES_MEDIA_PORT_MIN"], env["JAMBONES_MEDIA_PORT_MAX"] = str(MEDIA), str(MEDIA + 199)
        if service == "registrar":
            del env["JAMBONES_SIP_LISTEN"]
        if service == "sbc-outbound":
            env["JAMBONES_ALLOWED_TARGETS"] = network.cidr
        run = host.inside(tied([sys.executable, "-m", f"jambones.{service.replace('-', '_')}"], signal.SIGKILL))
        ready = partial(http_ok, host.address, HTTP + number, "/readyz")
        children.append(Child(service, partial(list, run), ready, where / f"{service}.log", env, restart=False))
    return children


async def test_any_process_is_killed(tmp_path: Path) -> None:
    async with cluster(tmp_path) as both:
        first, second = both.nodes
        assert await both.works(first)
        assert await both.works(second)
        assert await both.call_out()

        first.children["feature-server"].kill()
        await soon("a call after a feature server was killed", lambda: both.call_in(first))
        first.children["rtpengine"].kill()
        await soon("a call after an rtpengine was killed", lambda: both.call_in(first))
        first.children["registrar"].kill()
        await soon("a REGISTER after a registrar was killed", lambda: both.register(first))
        first.children["sbc-outbound"].kill()
        await soon("a call out after an egress was killed", both.call_out)
        first.children["sbc-inbound"].kill()
        await soon("a call and a REGISTER at the other edge", lambda: both.works(second))


async def test_a_host_vanishes(tmp_path: Path) -> None:
    async with cluster(tmp_path) as both:
        first, second = both.nodes
        assert await both.works(first)
        assert await both.works(second)

        first.host.vanish()
        await soon("a call after a host vanished", lambda: both.call_in(second), within=MISSED)
        await soon("a REGISTER after a host vanished", lambda: both.register(second), within=MISSED)
        await soon("a call out after a host vanished", both.call_out, within=MISSED)
        for _ in range(3):
            await soon("a call and a REGISTER again", lambda: both.works(second))
            await soon("a call out again", both.call_out)
        for child in first.children.values():
            child.kill()  # nobody would hear their goodbyes
