"""Devices at an edge: real connections, a real registrar, and the flows that others use."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest

from jambones.common.bus import Bus, RemoteError
from jambones.common.bus.flows import ArrivedOnFlow, SendOnFlow
from jambones.common.bus.nodes import Heartbeat, Node, NodeDirectory
from jambones.common.bus.registrations import Binding
from jambones.common.ids import NodeId
from jambones.common.tasks import Tasks
from jambones.sbc.registrations import Registrations, registrations_bucket
from jambones.sbc_inbound.devices import Devices
from jambones.sip.digest import Credentials, authorize
from jambones.sip.endpoint import Endpoint
from jambones.sip.leg import IncomingLeg
from jambones.sip.message import Message, Response
from jambones.sip.parser import parse
from jambones.sip.transport import Address, Flow
from tests.integration.registrar.conftest import PASSWORD, REALM, Running

GRACE = 0.6


async def _no_calls(leg: IncomingLeg) -> None:
    await leg.reject(404)


@dataclass
class Phone:
    """A device on a TCP connection of its own."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    user: str = "ann"
    instance: str = field(default_factory=lambda: secrets.token_hex(8))
    reg_id: str = "1"
    cseq: int = 0
    call_id: str = field(default_factory=lambda: secrets.token_hex(8))

    @classmethod
    async def connect(cls, address: Address, **more: str) -> "Phone":
        return cls(*await asyncio.open_connection(address.host, address.port), **more)  # type: ignore[arg-type]

    async def read(self) -> Message:
        async with asyncio.timeout(10):
            head = b"\r\n"
            while head == b"\r\n":  # a pong
                head = await self.reader.readuntil(b"\r\n")
            head += await self.reader.readuntil(b"\r\n\r\n")
            return parse(head)

    def write(self, *rows: str) -> None:
        self.writer.write(("\r\n".join([*rows, "Content-Length: 0"]) + "\r\n\r\n").encode())

    async def send(self, authorization: str | None = None, *, expires: int = 600) -> Response:
        self.cseq += 1
        host, port = self.writer.get_extra_info("sockname")[:2]
        self.write(
            f"REGISTER sip:{REALM} SIP/2.0",
            f"Via: SIP/2.0/TCP {host}:{port};branch=z9hG4bK{secrets.token_hex(6)}",
            f"From: <sip:{self.user}@{REALM}>;tag=1",
            f"To: <sip:{self.user}@{REALM}>",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} REGISTER",
            f"Contact: <sip:{self.user}@{host}:{port};transport=tcp>;reg-id={self.reg_id}"
            f';+sip.instance="<urn:uuid:{self.instance}>"',
            f"Expires: {expires}",
            *([f"Authorization: {authorization}"] if authorization else []),
        )
        response = await self.read()
        assert isinstance(response, Response)
        return response

    async def register(self) -> Response:
        response = await self.send()
        challenges = response.headers.get_all("WWW-Authenticate")
        return await self.send(authorize(challenges, "REGISTER", f"sip:{REALM}", Credentials(self.user, PASSWORD)))

    async def hang_up(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


@dataclass
class Edge:
    bus: Bus
    endpoint: Endpoint
    devices: Devices

    @property
    def address(self) -> Address:
        return self.endpoint.addresses[0]


@asynccontextmanager
async def edge(bus: Bus, name: str = "edge-1") -> AsyncIterator[Edge]:
    """The part of an edge that serves devices."""
    async with AsyncExitStack() as stack:
        copy = await stack.enter_async_context(Registrations.watching(bus))
        egresses = await stack.enter_async_context(NodeDirectory.watching(bus, "outbound"))
        tasks = await stack.enter_async_context(Tasks())
        devices = Devices(bus, NodeId(name), copy, egresses, tasks, grace=GRACE)
        endpoint = await stack.enter_async_context(
            Endpoint.open(
                [Address("tcp", "127.0.0.1", 0)], _no_calls, devices.on_request, on_flow_lost=devices.flow_lost,
                relay=devices.relay,
            )
        )  # fmt: skip
        devices.endpoint = endpoint
        tasks.start(devices.deliver(), name="deliver")
        await stack.enter_async_context(bus.serve(SendOnFlow, devices.send, edge_id=name))
        await stack.enter_async_context(Heartbeat.beating(bus, Node(kind="edge", id=NodeId(name))))
        await copy.until_ready()
        yield Edge(bus, endpoint, devices)


@pytest.fixture
async def platform(running: Running) -> Running:
    await running.client("ann")
    await running.start()
    return running


async def bindings(bus: Bus) -> list[Binding]:
    return [entry.value for entry in await registrations_bucket(bus).entries()]


async def test_a_binding_ends_with_its_connection_after_the_grace(platform: Running) -> None:
    async with edge(platform.bus) as here:
        phone = await Phone.connect(here.address)
        assert (await phone.register()).status == 200
        (binding,) = await bindings(platform.bus)
        assert (binding.edge, binding.transport) == ("edge-1", "tcp")
        await phone.hang_up()
        await asyncio.sleep(GRACE / 4)
        assert len(await bindings(platform.bus)) == 1
        async with asyncio.timeout(10):
            while await bindings(platform.bus):
                await asyncio.sleep(0.05)


async def test_a_device_that_is_back_within_the_grace_stays_registered(platform: Running) -> None:
    async with edge(platform.bus) as here:
        phone = await Phone.connect(here.address, instance="the same")
        await phone.register()
        (before,) = await bindings(platform.bus)
        await phone.hang_up()
        again = await Phone.connect(here.address, instance="the same")
        assert (await again.register()).status == 200
        await asyncio.sleep(2 * GRACE)

        (after,) = await bindings(platform.bus)
        assert after.flow != before.flow


async def test_calls_move_to_the_heir_of_their_flow_and_not_to_the_devices_second_one(
    platform: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with edge(platform.bus) as here:
        moved: list[tuple[Flow, Flow]] = []
        monkeypatch.setattr(here.endpoint, "move", lambda old, new: moved.append((old, new)))
        flows = []
        for reg_id in ("1", "2", "1"):
            phone = await Phone.connect(here.address, instance="two flows", reg_id=reg_id)
            assert (await phone.register()).status == 200
            flows += [binding.flow for binding in await bindings(platform.bus) if binding.flow not in flows]

        assert [(old.id, new.id) for old, new in moved] == [(flows[0], flows[2])]


async def test_a_refresh_on_the_connection_needs_no_credentials(platform: Running) -> None:
    async with edge(platform.bus) as here:
        phone = await Phone.connect(here.address)
        await phone.register()
        assert (await phone.send()).status == 200


async def test_bindings_of_an_earlier_process_of_this_name_are_forgotten(platform: Running) -> None:
    async with edge(platform.bus) as here:
        phone = await Phone.connect(here.address)
        await phone.register()
        (binding,) = await bindings(platform.bus)
    # As after a kill: the binding is still there, the connection is not.
    await registrations_bucket(platform.bus).put(REALM, "ann", "x", value=binding)
    async with edge(platform.bus) as here:
        await here.devices.forget_former()
        assert await bindings(platform.bus) == []


async def test_another_process_writes_to_a_devices_connection(platform: Running) -> None:
    async with edge(platform.bus) as here:
        phone = await Phone.connect(here.address)
        await phone.register()
        (binding,) = await bindings(platform.bus)
        rows = [
            "OPTIONS sip:ann@x SIP/2.0", "Via: SIP/2.0/TCP h;branch=z9hG4bK1;jbn=out-1", "From: <sip:a@b>;tag=1",
            "To: <sip:ann@x>", "Call-ID: c", "CSeq: 1 OPTIONS", "Content-Length: 0",
        ]  # fmt: skip
        message = "\r\n".join([*rows, "", ""]).encode()

        await platform.bus.request(SendOnFlow(edge_id=NodeId("edge-1"), flow=binding.flow, message=message))
        assert bytes(await phone.read()).startswith(b"OPTIONS sip:ann@x")
        with pytest.raises(RemoteError) as refused:
            await platform.bus.request(SendOnFlow(edge_id=NodeId("edge-1"), flow="gone", message=b"x"))
        assert refused.value.http_status == 404


async def test_what_a_device_answers_goes_to_the_process_whose_mark_it_carries(platform: Running) -> None:
    bus = platform.bus
    async with (
        edge(bus) as here,
        Heartbeat.beating(bus, Node(kind="outbound", id=NodeId("out-1"))),
        bus.subscribe(ArrivedOnFlow, node_id="out-1") as arrived,
    ):
        async with asyncio.timeout(10):
            while here.devices._egresses.get("out-1") is None:
                await asyncio.sleep(0.02)
        phone = await Phone.connect(here.address)
        answer = ["From: <sip:a@b>;tag=1", "To: <sip:ann@x>;tag=2", "Call-ID: c", "CSeq: 1 OPTIONS"]
        phone.write("SIP/2.0 200 OK", "Via: SIP/2.0/TCP h;branch=z9hG4bK1;jbn=out-1", *answer)
        async with asyncio.timeout(10):
            event = await anext(aiter(arrived))
        assert event.message.startswith(b"SIP/2.0 200 OK")
        assert event.edge_id == "edge-1"
        assert here.endpoint.flow(event.flow) is not None

        # A mark that no process has is nobody's: the request is answered like any other.
        phone.write(
            "BYE sip:x@h;jbn=forged SIP/2.0", "Via: SIP/2.0/TCP p;branch=z9hG4bK2", "From: <sip:ann@x>;tag=2",
            "To: <sip:a@b>;tag=1", "Call-ID: c", "CSeq: 2 BYE",
        )  # fmt: skip
        refused = await phone.read()
        assert isinstance(refused, Response)
        assert refused.status == 481


async def test_without_a_registrar_a_device_is_told_to_come_back(running: Running) -> None:
    async with edge(running.bus) as here:
        phone = await Phone.connect(here.address)
        response = await phone.send()
        assert response.status == 503
        assert response.headers.get("Retry-After")


async def test_a_device_moves_from_one_edge_to_another(platform: Running) -> None:
    async with edge(platform.bus) as first, edge(platform.bus, "edge-2") as second:
        phone = await Phone.connect(first.address, instance="moves")
        await phone.register()
        await phone.hang_up()
        again = await Phone.connect(second.address, instance="moves")
        assert (await again.register()).status == 200
        await asyncio.sleep(2 * GRACE)

        (binding,) = await bindings(platform.bus)
        assert binding.edge == "edge-2"


async def test_a_thousand_registers_at_once_are_answered_one_way_or_the_other(platform: Running) -> None:
    async with edge(platform.bus) as here:
        phones = [await Phone.connect(here.address) for _ in range(10)]

        async def flood(phone: Phone) -> set[int]:
            for _ in range(100):
                await phone.send()
            return {(await phone.send()).status}

        async with asyncio.timeout(50):
            seen = set[int]().union(*await asyncio.gather(*map(flood, phones)))
        assert seen <= {401, 503}
        assert (await phones[0].register()).status == 200
