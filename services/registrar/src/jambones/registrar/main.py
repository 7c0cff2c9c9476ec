"""The registrar's process."""

import asyncio
import hashlib
import hmac
import os
from collections.abc import Iterator
from contextlib import AsyncExitStack

import structlog
from prometheus_client.metrics_core import Metric

from jambones.common.bus.config import ConfigChanged
from jambones.common.bus.nodes import Node, NodeDirectory
from jambones.common.bus.registrar import QUEUE, Authenticate, RegisterQuestion
from jambones.common.clock import now_ms
from jambones.common.db.cache import ConfigCache
from jambones.common.db.tenant import PLATFORM
from jambones.common.db.voip_carriers import VoipCarriers
from jambones.common.directory import Directory
from jambones.common.metrics import gauged
from jambones.common.service import Service, open_service
from jambones.common.tasks import Tasks
from jambones.common.webhook import WebhookClient
from jambones.registrar.authorize import Authorizer
from jambones.registrar.bindings import BindingStore
from jambones.registrar.blocks import Guard
from jambones.registrar.calls import Calls
from jambones.registrar.expiry import Bounds
from jambones.registrar.hook import RegistrationHooks
from jambones.registrar.judge import Judge
from jambones.registrar.registrar import Policy, Registrar
from jambones.registrar.settings import RegistrarSettings
from jambones.registrar.sweeper import Sweeper
from jambones.registrar.tables import Tables
from jambones.registrar.trunks.keeper import RegisterTimes, TrunkKeeper
from jambones.registrar.trunks.leadership import Leadership
from jambones.registrar.trunks.outside import Outside
from jambones.registrar.trunks.pings import Pings, PingTimes
from jambones.registrar.trunks.plans import pings, registrations
from jambones.sbc.alerts import Alerts
from jambones.sbc.registrations import Registrations
from jambones.sip.nonce import NonceIssuer

log = structlog.get_logger(__name__)

NAME = "registrar"
BLOCKS_EVERY = 3600.0


async def serve(settings: RegistrarSettings) -> None:
    """Answer edges until told to stop."""
    async with open_service(NAME, settings, db=True) as service, AsyncExitStack() as stack:
        bus = service.bus
        directory = Directory(lambda: Tables.load(service.db), Tables())
        await stack.enter_async_context(directory.opened(lambda: aiter(bus.subscribe(ConfigChanged))))
        configs = ConfigCache(service.db)
        service.tasks.start(_hear_changes(service, configs), name="hear configuration")
        webhooks = await stack.enter_async_context(
            WebhookClient.open(timeout=settings.registration_hook_timeout, metrics=service.metrics)
        )
        copy = await stack.enter_async_context(Registrations.watching(bus))
        edges = await stack.enter_async_context(NodeDirectory.watching(bus, "edge"))
        store = BindingStore(bus, copy)

        def is_gateway(address: str) -> bool:
            return directory.tables.is_gateway(address)

        guard = Guard(
            bus,
            per_source=settings.auth_failures,
            per_user=settings.auth_failures_user,
            seconds=settings.block_seconds,
            is_gateway=is_gateway,
        )
        issuer = NonceIssuer(_nonce_secret(settings), lifetime=settings.nonce_lifetime)
        alerts = Alerts(bus.record)
        authorizer = Authorizer(
            lambda: directory.tables, RegistrationHooks(webhooks), issuer, sha256=settings.challenge_sha256
        )
        judge = Judge(authorizer, configs, copy, guard, alerts)
        policy = Policy(_bounds(settings), settings.max_contacts, settings.exclusive_contact)
        registrar = Registrar(directory, judge, copy, store, alerts, service.metrics, policy)
        calls = Calls(directory, judge, copy)
        outside = Outside(bus, edges)
        times = PingTimes(settings.options_ping_interval, settings.ping_timeout, settings.ping_ttl)
        pinger = Pings(bus, outside, lambda: pings(directory.tables), alerts, times)

        async def note(carrier_sid: str, status: str) -> None:
            async with service.db.transaction(PLATFORM) as tx:
                await VoipCarriers(tx).note_registration(carrier_sid, status)

        keeper = TrunkKeeper(
            bus,
            outside,
            lambda: registrations(directory.tables),
            note,
            alerts,
            RegisterTimes(settings.trunk_expires, spread=settings.trunk_spread),
        )
        leadership = Leadership(bus, "trunks", settings.node_id, seconds=settings.leader_lease)

        async def supervise() -> None:
            async with asyncio.TaskGroup() as group:
                group.create_task(pinger.run(), name="ping gateways")
                group.create_task(keeper.run(), name="keep registrations")

        sweeper = Sweeper(copy, store, edges, lost_after=settings.edge_lost_after)
        service.tasks.every(settings.sweep_every, sweeper.sweep, name="sweep bindings")
        service.tasks.every(BLOCKS_EVERY, guard.keep_long_ones, name="keep blocks")
        service.check("configuration", lambda: None if directory.loaded else "not loaded yet")
        service.check("registrations", lambda: None if copy.ready or not bus.connected else "not read yet")
        service.metrics.collect(lambda: _of_the_bindings(copy))
        # Without these a question would be taken that only 503 could answer.
        await copy.until_ready()
        async with AsyncExitStack() as serving:
            await serving.enter_async_context(bus.serve(RegisterQuestion, registrar.register, queue=QUEUE))
            await serving.enter_async_context(bus.serve(Authenticate, calls.authenticate, queue=QUEUE))
            # Of its own: it gives the lease back while there is a bus.
            supervision = await serving.enter_async_context(Tasks())
            supervision.start(leadership.run(supervise), name="supervise trunks")
            async with service.present(Node(kind="registrar", id=settings.node_id, zone=settings.zone)):
                await service.run()


def _nonce_secret(settings: RegistrarSettings) -> bytes:
    """All registrars accept each other's nonces, when they share the platform's internal key."""
    if settings.internal_key is None:
        return os.urandom(32)
    return hmac.digest(settings.internal_key.get_secret_value().encode(), b"digest nonces", hashlib.sha256)


def _bounds(settings: RegistrarSettings) -> Bounds:
    return Bounds(
        settings.min_expires,
        settings.default_expires,
        settings.max_expires,
        settings.max_expires_stream,
        settings.nat_expires,
    )


async def _hear_changes(service: Service, configs: ConfigCache) -> None:
    async for change in service.bus.subscribe(ConfigChanged):
        configs.changed(change)


def _of_the_bindings(copy: Registrations) -> Iterator[Metric]:
    gauge = gauged("jambones_registrations")
    now, seen = now_ms(), dict[str, set[str]]()
    for stored in copy:
        if stored.binding.expires_at > now:
            seen.setdefault(stored.binding.transport, set()).add(stored.binding.aor)
    for transport, aors in sorted(seen.items()):
        gauge.add_metric([transport], len(aors))
    yield gauge
