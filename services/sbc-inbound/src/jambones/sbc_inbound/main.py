"""The edge's process: its two sides, what its calls share, and the tasks that keep it honest."""

from collections.abc import Iterable
from contextlib import AsyncExitStack

import structlog

from jambones.common.bus.config import ConfigChanged
from jambones.common.bus.control import LegCommand
from jambones.common.bus.explain import ExplainInbound, Explanation
from jambones.common.bus.flows import SendOnFlow
from jambones.common.bus.nodes import Choice, Node, NodeDirectory
from jambones.common.bus.trunks import AskOutside
from jambones.common.directory import Directory
from jambones.common.errors import Unavailable
from jambones.common.ids import NodeId
from jambones.common.service import Service, open_service
from jambones.media.rtpengine import PLAIN, RtpengineCluster
from jambones.sbc.admission import Lease, Leases
from jambones.sbc.alerts import Alerts
from jambones.sbc.figures import Figures, of_rtpengine, of_the_stack
from jambones.sbc.leg_commands import LegCommands
from jambones.sbc.media import Anchored, Relay, Straight, profile_of
from jambones.sbc.prefixes import PrefixTable
from jambones.sbc.rates import Rates, TokenBucket
from jambones.sbc.registrations import Registrations
from jambones.sbc.roster import end_orphans, farewell, of_the_roster, reconcile
from jambones.sbc_inbound import snapshot, taking_over
from jambones.sbc_inbound.addresses import REPORT_EVERY, advertised, connection_rules, labels_of, report
from jambones.sbc_inbound.blocks import follow_blocks
from jambones.sbc_inbound.call import Call
from jambones.sbc_inbound.devices import UNPIN_EVERY, Devices
from jambones.sbc_inbound.environment import Environment
from jambones.sbc_inbound.explain import explain
from jambones.sbc_inbound.ingress import Ingress
from jambones.sbc_inbound.inside import Inside
from jambones.sbc_inbound.outward import Outward
from jambones.sbc_inbound.settings import EdgeSettings
from jambones.sbc_inbound.tables import Tables
from jambones.sbc_inbound.taking_over import TakeOver
from jambones.sbc_inbound.trunk_sources import EphemeralSources
from jambones.sbc_inbound.users import Users
from jambones.sip.congestion import UdpLimit
from jambones.sip.endpoint import Endpoint
from jambones.sip.leg import IncomingLeg
from jambones.sip.transport import Address
from jambones.sip.transport.tls import TlsSettings

log = structlog.get_logger(__name__)

NAME = "sbc-inbound"
LEASES = "leases"
LEASE_TTL = 60.0
WATCH_EVERY = 1.0
AUTHENTICATE = 12.0


async def serve(settings: EdgeSettings) -> None:
    """Run the edge until it is told to stop and its calls have ended."""
    calls: dict[str, Call] = {}
    async with open_service(NAME, settings, calls=lambda: len(calls), db=True) as service, AsyncExitStack() as stack:
        bus, figures = service.bus, Figures(service.metrics)
        directory = Directory(lambda: snapshot.load(service.db), Tables())
        await stack.enter_async_context(directory.opened(lambda: aiter(bus.subscribe(ConfigChanged))))
        nodes = await stack.enter_async_context(NodeDirectory.watching(bus, "fs"))
        cluster = await stack.enter_async_context(
            RtpengineCluster.open(map(_ng_address, settings.rtpengines), on_command=figures.commanded)
        )
        leases = await stack.enter_async_context(
            Leases(settings.node_id, bus.bucket(LEASES, Lease, ttl=LEASE_TTL), ttl=LEASE_TTL).opened()
        )
        private_networks = PrefixTable((network, network) for network in settings.private_cidrs)
        private_ip = settings.private_ip or Address.parse(settings.sip_listen[0]).host

        def relay(leg_id: str, sdp: bytes | None, source: Address, trunk: bool) -> Relay:
            if not cluster.nodes:
                return Straight()
            profile = profile_of(sdp) if sdp is not None else PLAIN
            private = source.host in private_networks
            return Anchored(cluster.session(leg_id), profile, private=private, strict=trunk)

        registrations = await stack.enter_async_context(Registrations.watching(bus))
        egresses = await stack.enter_async_context(NodeDirectory.watching(bus, "outbound"))
        trunk_sources = EphemeralSources()
        service.tasks.start(trunk_sources.follow(bus), name="follow trunk sources")
        proxies: PrefixTable[str] = PrefixTable((network, network) for network in settings.trusted_sip_proxies)
        devices = Devices(
            bus,
            settings.node_id,
            registrations,
            egresses,
            service.tasks,
            grace=settings.flow_grace,
            proxies=proxies,
        )
        inside = await stack.enter_async_context(Inside.open(settings, private_ip))
        env = Environment(
            node_id=settings.node_id,
            private_ip=private_ip,
            edge_uri=inside.uri,
            internal_key=settings.internal_key.get_secret_value().encode() if settings.internal_key else None,
            directory=directory,
            leases=leases,
            feature_servers=Nodes(nodes, service),
            invite=inside.invite,
            relay=relay,
            record=bus.record,
            alerts=Alerts(bus.record),
            figures=figures,
            users=Users(
                lambda question: bus.request(question, timeout=AUTHENTICATE),
                registrations,
                settings.device_app_first,
                settings.user_calling,
                trusted_edge=settings.node_id if settings.trust_registered_flows else None,
            ),
            trunk_sources=trunk_sources,
            zone=settings.zone,
            fs_timeout=settings.fs_timeout,
            fs_attempts=settings.fs_attempts,
            max_calls=settings.max_calls,
            calls_per_second=TokenBucket(settings.max_cps, max(1.0, settings.max_cps)),
            account_calls_per_second=Rates(settings.account_max_cps, max(1.0, settings.account_max_cps)),
            trusted_proxies=proxies,
            calls=calls,
        )
        ingress = Ingress(settings, directory, figures, service, trunk_sources)

        async def on_invite(leg: IncomingLeg) -> None:
            await (TakeOver(env, leg) if taking_over.wanted(leg.invite) else Call(env, leg)).run()

        outside = await stack.enter_async_context(
            Endpoint.open(
                map(Address.parse, settings.sip_listen),
                on_invite,
                devices.on_request,
                filter=ingress.filter,
                advertise=advertised(settings, private_networks),
                on_flow_lost=devices.flow_lost,
                relay=devices.relay,
                tls=TlsSettings(
                    cert=settings.tls_cert,
                    key=settings.tls_key,
                    min_version=settings.tls_min,
                    verify=settings.tls_verify,
                    ca=settings.tls_ca,
                ),
                connections=connection_rules(settings),
                udp_limit=UdpLimit(settings.sip_udp_limit),
            )
        )
        devices.endpoint = outside
        env.leg_for = outside.leg_for
        ingress.replaces = lambda request: taking_over.names_a_call(request, outside.leg_for)
        ingress.knows = lambda request: outside.knows(request) or devices.lent(request.uri)
        service.on_drain(outside.drain)
        service.check("configuration", lambda: None if directory.loaded else "not loaded yet")
        service.check("feature servers", lambda: None if _open(nodes) or not bus.connected else "none is open")
        if cluster.nodes:
            service.check("rtpengine", lambda: None if cluster.available else "none answers")
            service.metrics.collect(lambda: of_rtpengine(cluster))
        service.metrics.collect(lambda: of_the_stack(("outside", outside.stats), ("inside", inside.endpoint.stats)))
        service.metrics.collect(lambda: of_the_roster("inbound", calls, nodes))
        service.tasks.every(
            WATCH_EVERY,
            lambda: end_orphans(calls, nodes, connected=bus.connected, after=settings.fs_lost_after),
            name="watch feature servers",
        )
        service.tasks.every(settings.reconcile_every, lambda: reconcile(calls, leases), name="reconcile counts")
        service.tasks.every(UNPIN_EVERY, devices.unpin_expired, name="unpin flows")
        service.tasks.start(devices.deliver(), name="deliver what devices said")
        service.tasks.start(devices.forget_former(), name="forget former flows")
        service.tasks.start(follow_blocks(bus, ingress.rules), name="follow blocks")
        service.tasks.every(
            REPORT_EVERY, lambda: report(service.db, settings, outside.addresses), name="report address"
        )
        sip = str(next((address for address in outside.addresses if address.transport == "udp"), outside.addresses[0]))

        async def answer(question: ExplainInbound) -> Explanation:
            if not directory.loaded:
                raise Unavailable("the configuration is not loaded yet")
            found = explain(
                directory.tables,
                question,
                host=settings.public_ip or private_ip,
                counts=leases,
                servers=lambda: nodes.would_choose(zone=settings.zone, old=not bus.connected),
                blocked=ingress.blocked(question.address),
            )
            return found.model_copy(update={"node": settings.node_id})

        await stack.enter_async_context(bus.serve(ExplainInbound, answer, queue=NAME))
        await stack.enter_async_context(bus.serve(AskOutside, Outward(outside).send, edge_id=settings.node_id))
        commands = LegCommands(lambda leg: calls[leg].media if leg in calls else None)
        await stack.enter_async_context(bus.serve(LegCommand, commands, edge_id=settings.node_id))
        await stack.enter_async_context(bus.serve(SendOnFlow, devices.send, edge_id=settings.node_id))
        labels = labels_of(settings, outside.addresses)
        node = Node(kind="edge", id=settings.node_id, sip=sip, zone=settings.zone, labels=labels)
        async with farewell(calls), service.present(node):
            log.info("listening", outside=[str(a) for a in outside.addresses], inside=inside.uri)
            await service.run()


class Nodes:
    """Feature servers for new calls; while NATS is away those last heard of, since heartbeats cannot come."""

    def __init__(self, directory: NodeDirectory, service: Service) -> None:
        self._directory = directory
        self._service = service

    def choose(self, *, zone: str = "", exclude: Iterable[str] = ()) -> Choice:
        return self._directory.choose(zone=zone, exclude=frozenset(exclude), old=not self._service.bus.connected)

    def failed(self, node_id: NodeId) -> None:
        self._directory.failed(node_id)


def _ng_address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def _open(nodes: NodeDirectory) -> bool:
    return any(node.state == "open" for node in nodes.nodes)
