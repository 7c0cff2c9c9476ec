"""The egress's process: its two sides, what its calls share, and the tasks that keep it honest."""

from collections.abc import Iterator
from contextlib import AsyncExitStack

import structlog

from jambones.common.bus.config import ConfigChanged
from jambones.common.bus.control import LegCommand
from jambones.common.bus.explain import ExplainOutbound, Explanation
from jambones.common.bus.nodes import Node, NodeDirectory
from jambones.common.bus.registrations import Binding
from jambones.common.directory import Directory
from jambones.common.errors import BusUnavailable, Conflict, Unavailable
from jambones.common.service import open_service
from jambones.media.rtpengine import SDES, NoRtpengine, RtpengineCluster
from jambones.sbc.admission import Lease, Leases
from jambones.sbc.alerts import Alerts
from jambones.sbc.decision import Decision, Refusal
from jambones.sbc.figures import Figures, of_rtpengine, of_the_stack
from jambones.sbc.leg_commands import LegCommands
from jambones.sbc.media import Anchored, CallMedia, MediaFailed, Relay, Straight
from jambones.sbc.prefixes import PrefixTable
from jambones.sbc.rates import Rates, TokenBucket
from jambones.sbc.registrations import Registrations, registrations_bucket
from jambones.sbc.roster import end_orphans, farewell, of_the_roster, reconcile
from jambones.sbc_outbound import snapshot
from jambones.sbc_outbound.call import ELSEWHERE, Call
from jambones.sbc_outbound.destinations import Surroundings
from jambones.sbc_outbound.devices import Device, devices, place_of
from jambones.sbc_outbound.environment import Environment
from jambones.sbc_outbound.explain import explain
from jambones.sbc_outbound.flows import EdgeFlows
from jambones.sbc_outbound.health import DownMarks
from jambones.sbc_outbound.order import Order
from jambones.sbc_outbound.outside import Outside
from jambones.sbc_outbound.settings import OutboundSettings
from jambones.sbc_outbound.tables import Tables
from jambones.sbc_outbound.ways import PADDED, Way
from jambones.sip.endpoint import Endpoint
from jambones.sip.leg import IncomingLeg
from jambones.sip.timers import SipTimers
from jambones.sip.transport import Address
from jambones.sip.transport.virtual import VirtualFlow

log = structlog.get_logger(__name__)

NAME = "sbc-outbound"
LEASES = "leases"
LEASE_TTL = 60.0
WATCH_EVERY = 1.0


async def serve(settings: OutboundSettings) -> None:
    """Run the egress until it is told to stop and its calls have ended."""
    calls: dict[str, Call] = {}
    async with open_service(NAME, settings, calls=lambda: len(calls), db=True) as service, AsyncExitStack() as stack:
        bus, figures = service.bus, Figures(service.metrics, "outbound")
        directory = Directory(lambda: snapshot.load(service.db), Tables())
        await stack.enter_async_context(directory.opened(lambda: aiter(bus.subscribe(ConfigChanged))))
        feature_servers = await stack.enter_async_context(NodeDirectory.watching(bus, "fs"))
        edges = await stack.enter_async_context(NodeDirectory.watching(bus, "edge"))
        flows: EdgeFlows | None = None

        def device_moved(before: Binding, after: Binding) -> None:
            where = place_of(after, edges.get(after.edge))
            if flows is None or isinstance(where, str):
                return
            advertised, remote = where
            new = flows.flow(after.edge, after.flow, remote, advertised)
            if (old := flows.moved((before.edge, before.flow), new)) is not None:
                outside.endpoint.move(old, new)

        registrations = await stack.enter_async_context(Registrations.watching(bus, on_moved=device_moved))
        down = await stack.enter_async_context(DownMarks.watching(bus))
        cluster = await stack.enter_async_context(
            RtpengineCluster.open(map(_ng_address, settings.rtpengines), on_command=figures.commanded)
        )
        leases = await stack.enter_async_context(
            Leases(settings.node_id, bus.bucket(LEASES, Lease, ttl=LEASE_TTL), ttl=LEASE_TTL, direction="out").opened()
        )
        private_networks = PrefixTable((network, network) for network in settings.private_cidrs)
        private_ip = settings.private_ip or Address.parse(settings.sip_listen[0]).host
        outside = await stack.enter_async_context(Outside.open(settings, private_networks, figures))

        def flow_is_gone(edge: str, flow: str) -> None:
            service.tasks.start(_unregister(registrations, edge, flow), name="forget a flow")

        async def _unregister(known: Registrations, edge: str, flow: str) -> None:
            bucket = registrations_bucket(bus)
            for stored in known.on_flow(edge, flow):
                try:
                    await bucket.delete(*stored.key, revision=stored.revision)
                except (Conflict, BusUnavailable):
                    continue  # renewed meanwhile, or its own time will come

        flows = await stack.enter_async_context(
            EdgeFlows.open(bus, settings.node_id, outside.endpoint, on_gone=flow_is_gone)
        )

        def relay(session: str, way: Way) -> Relay:
            if cluster.nodes:
                private = way.address.host in private_networks
                return Anchored(cluster.session(session), way.profile, private=private, strict=way.strict)
            if way.profile in (SDES, PADDED):
                raise MediaFailed(NoRtpengine("SRTP needs rtpengine"))
            return Straight()

        def devices_of(order: Order) -> Decision[tuple[Device, ...] | Refusal]:
            return devices(directory.tables, order, registrations.of, edges.get)

        def flow(device: Device) -> VirtualFlow:
            binding = device.stored.binding
            return flows.flow(binding.edge, binding.flow, device.remote, device.advertised)

        def feature_server_at(source: Address) -> str | None:
            return next((node.id for node in feature_servers.nodes if _is_at(node.sip, source)), None)

        async def on_invite(leg: IncomingLeg) -> None:
            if service.draining or not directory.loaded:
                await leg.reject(503, None, [("Retry-After", "5"), ELSEWHERE])
                return
            await Call(env, leg).run()

        inside = await stack.enter_async_context(
            Endpoint.open(
                map(Address.parse, settings.private_listen or (f"udp:{private_ip}:0",)),
                on_invite,
                settings=SipTimers(session_expires=0),
                nat_fix=False,
            )
        )
        allowed = PrefixTable((network, network) for network in settings.allowed_targets)
        own = {(a.host, a.port) for a in (*outside.endpoint.addresses, *inside.addresses)}

        def surroundings() -> Surroundings:
            theirs = {place for nodes in (edges, feature_servers) for node in nodes.nodes for place in _places(node)}
            return Surroundings(frozenset(map(str.lower, settings.own_domains)), own | theirs, allowed)

        env = Environment(
            node_id=settings.node_id,
            private_ip=private_ip,
            internal_key=settings.internal_key.get_secret_value().encode() if settings.internal_key else None,
            directory=directory,
            leases=leases,
            outside=outside,
            relay=relay,
            devices=devices_of,
            flow=flow,
            feature_server_at=feature_server_at,
            surroundings=surroundings,
            record=bus.record,
            alerts=Alerts(bus.record),
            figures=figures,
            down=down,
            private_networks=private_networks,
            invite_timeout=settings.invite_timeout,
            max_calls=settings.max_calls,
            calls_per_second=TokenBucket(settings.max_cps, max(1.0, settings.max_cps)),
            account_calls_per_second=Rates(settings.account_max_cps, max(1.0, settings.account_max_cps)),
            calls=calls,
        )
        service.check("configuration", lambda: None if directory.loaded else "not loaded yet")
        service.check("registrations", lambda: None if registrations.ready or not bus.connected else "not read yet")
        if cluster.nodes:
            service.check("rtpengine", lambda: None if cluster.available else "none answers")
            service.metrics.collect(lambda: of_rtpengine(cluster))
        service.metrics.collect(lambda: of_the_stack(("outside", outside.endpoint.stats), ("inside", inside.stats)))
        service.metrics.collect(lambda: of_the_roster("outbound", calls, feature_servers))
        service.metrics.gauge("jambones_gateways_down").set_function(lambda: len(down))
        service.tasks.every(
            WATCH_EVERY,
            lambda: end_orphans(calls, feature_servers, connected=bus.connected, after=settings.fs_lost_after),
            name="watch feature servers",
        )
        service.tasks.every(settings.reconcile_every, lambda: reconcile(calls, leases), name="reconcile counts")

        def media_of(leg_id: str) -> CallMedia | None:
            call = calls.get(leg_id)
            return call.winner.media if call is not None and call.winner is not None else None

        async def answer(question: ExplainOutbound) -> Explanation:
            if not directory.loaded:
                raise Unavailable("the configuration is not loaded yet")
            found = explain(
                directory.tables,
                question,
                down=down,
                private=private_networks,
                devices=devices_of,
                surroundings=surroundings(),
                counts=leases,
            )
            return found.model_copy(update={"node": settings.node_id})

        await stack.enter_async_context(bus.serve(ExplainOutbound, answer, queue=NAME))
        commands = LegCommands(media_of)
        await stack.enter_async_context(bus.serve(LegCommand, commands, edge_id=settings.node_id))
        node = Node(
            kind="outbound",
            id=settings.node_id,
            sip=str(inside.addresses[0]),
            zone=settings.zone,
            max_calls=settings.max_calls,
        )
        async with farewell(calls), service.present(node):
            log.info(
                "listening",
                outside=[str(address) for address in outside.endpoint.addresses],
                inside=[str(address) for address in inside.addresses],
            )
            await service.run()


def _ng_address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def _is_at(sip: str, source: Address) -> bool:
    try:
        address = Address.parse(sip)
    except ValueError:
        return False
    return (address.host, address.port) == (source.host, source.port)


def _places(node: Node) -> Iterator[tuple[str, int]]:
    """Where a node takes SIP, inside and outside."""
    shown = [value for name, value in node.labels.items() if name.startswith("public_")]
    for text in (node.sip.partition(":")[2], *shown):
        host, colon, port = text.rpartition(":")
        if colon and port.isdigit():
            yield host.strip("[]"), int(port)
