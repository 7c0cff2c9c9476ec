"""The feature server's process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import structlog

from jambones.common.bus import Bus
from jambones.common.bus.calls import LiveCall
from jambones.common.bus.config import ConfigChanged
from jambones.common.bus.control import CreateCall
from jambones.common.bus.nodes import Node, NodeDirectory
from jambones.common.db.cache import ConfigCache
from jambones.common.ids import NodeId
from jambones.common.service import Service, open_service
from jambones.common.tasks import Tasks
from jambones.common.webhook import WebhookClient
from jambones.feature_server.audio import AudioSettings, AudioStore
from jambones.feature_server.audio_sockets import ClientSockets
from jambones.feature_server.calls.alerts import CallAlerts
from jambones.feature_server.calls.checkpoint import BUCKET as CHECKPOINTS
from jambones.feature_server.calls.checkpoint import DELAY as CHECKPOINT_DELAY
from jambones.feature_server.calls.checkpoint import LIFE as CHECKPOINT_LIFE
from jambones.feature_server.calls.checkpoint import Checkpoints, SavedCall
from jambones.feature_server.calls.coalesced import CoalescedWriter
from jambones.feature_server.calls.dialer import EgressDialer
from jambones.feature_server.calls.ending import Ending
from jambones.feature_server.calls.reasons import Cause
from jambones.feature_server.calls.registry import CallRegistry, Limits
from jambones.feature_server.calls.reporter import LIVE_BUCKET, LIVE_DELAY, REFRESH, REMEMBERED_FOR
from jambones.feature_server.figures import CpuIdle, counting_closed_sockets, measuring_legs, of_the_calls, timing_verbs
from jambones.feature_server.inbound import Inbound
from jambones.feature_server.rest_calls import RestCalls
from jambones.feature_server.settings import FeatureServerSettings
from jambones.feature_server.speech.asked import AskedSpeech
from jambones.feature_server.speech.offline import OfflineSynthesizer
from jambones.feature_server.speech.voice import CachedVoice
from jambones.feature_server.verbs.registry import load
from jambones.media import EngineSettings, MediaEngine
from jambones.sip.endpoint import Endpoint
from jambones.sip.leg import IncomingLeg
from jambones.sip.timers import SipTimers
from jambones.sip.transport import Address

log = structlog.get_logger(__name__)

NAME = "feature-server"
FAREWELL = 2.0


async def serve(settings: FeatureServerSettings) -> None:
    """Run calls until told to stop and they have ended."""
    load()
    registry: CallRegistry | None = None

    def calls() -> int:
        return len(registry) if registry is not None else 0

    async with open_service(NAME, settings, calls=calls, db=True) as service, AsyncExitStack() as stack:
        bus = service.bus
        listen = [Address.parse(text) for text in settings.sip_listen]
        private_ip = settings.private_ip or listen[0].host
        engine = await stack.enter_async_context(
            MediaEngine.open(_engine_settings(settings, private_ip), on_ended=measuring_legs(service.metrics))
        )
        registry = CallRegistry(
            Limits(settings.max_calls, settings.max_cps, settings.max_loop_lag, settings.max_tick_late),
            loop_lag=lambda: service.lag.lasting,
            tick_late=lambda: engine.health().tick_late_p90_ms / 1000,
        )
        service.on_drain(lambda on: setattr(registry, "draining", on))
        config = ConfigCache(service.db)
        service.tasks.keep(lambda: _hear_changes(service, config), name="hear configuration")
        webhooks = await stack.enter_async_context(
            WebhookClient.open(timeout=settings.hook_timeout, metrics=service.metrics)
        )
        audio = await stack.enter_async_context(
            AudioStore.open(
                engine.clip, AudioSettings(timeout=settings.audio_timeout, directory=settings.audio_directory)
            )
        )
        sockets = await stack.enter_async_context(
            ClientSockets.connecting(
                subprotocols=settings.listen_subprotocols,
                timeout=settings.listen_timeout,
                closed=counting_closed_sockets(service.metrics),
            )
        )
        synthesizer = OfflineSynthesizer(flite_voice=settings.flite_voice)
        if not synthesizer.available:
            log.warning("no speech: neither flite nor espeak-ng is installed")
        voice = CachedVoice(synthesizer, engine.clip, service.metrics) if synthesizer.available else None
        speech = AskedSpeech(synthesizer, voice)
        service.tasks.keep(lambda: _serve_speech(bus, speech, settings.node_id), name="serve speech")
        live = CoalescedWriter(bus.bucket(LIVE_BUCKET, LiveCall, ttl=REMEMBERED_FOR), delay=LIVE_DELAY)
        saved = CoalescedWriter(bus.bucket(CHECKPOINTS, SavedCall, ttl=CHECKPOINT_LIFE), delay=CHECKPOINT_DELAY)
        service.tasks.keep(live.run, name="write live calls")
        service.tasks.keep(saved.run, name="write checkpoints")

        handler: Inbound | None = None

        async def on_invite(leg: IncomingLeg) -> None:
            assert handler is not None  # it is made before the first turn of the loop
            await handler(leg)

        endpoint = await stack.enter_async_context(
            Endpoint.open(listen, on_invite, settings=SipTimers(session_expires=0), nat_fix=False)
        )
        service.on_drain(endpoint.drain)
        sip = str(next((a for a in endpoint.addresses if a.transport == "udp"), endpoint.addresses[0]))
        handler = Inbound(
            node_id=settings.node_id,
            sip_address=sip.partition(":")[2],
            public_ip=settings.public_ip,
            internal_key=settings.internal_key.get_secret_value().encode() if settings.internal_key else None,
            registry=registry,
            config=config,
            webhooks=webhooks,
            engine=engine,
            audio=audio,
            voice=voice,
            alerts=CallAlerts(bus.note),
            bus=bus,
            live=live,
            checkpoints=Checkpoints(saved, settings.node_id),
            api_url=settings.api_url,
            max_duration=settings.max_call_duration,
            sockets=sockets,
            media_release=settings.media_release,
            timed=timing_verbs(service.metrics),
        )
        nodes = await stack.enter_async_context(NodeDirectory.watching(bus, "outbound"))
        placed = await stack.enter_async_context(Tasks())
        handler.dialer = EgressDialer(
            node_id=settings.node_id,
            host=private_ip,
            internal_key=handler.internal_key,
            zone=settings.zone,
            endpoint=endpoint,
            engine=engine,
            nodes=nodes,
            config=config,
            registry=registry,
            bus=bus,
            tasks=placed,
        )
        service.tasks.keep(lambda: _serve_rest_calls(bus, handler, settings.node_id), name="serve call.create")
        service.check("media workers", lambda: None if engine.health().workers_alive else "none is alive")
        service.metrics.collect(lambda: of_the_calls(registry, engine))
        service.metrics.collect(CpuIdle())
        service.tasks.every(REFRESH, lambda: _refresh(registry), name="refresh live calls")
        node = Node(kind="fs", id=settings.node_id, sip=sip, max_calls=settings.max_calls, zone=settings.zone)

        told_full = False

        def current(node: Node) -> Node:
            nonlocal told_full
            reason = registry.full()
            if (reason is not None) is not told_full:
                told_full = not told_full
                log.warning("takes no more calls" if told_full else "takes calls again", reason=reason)
            update = {"state": "full" if reason and node.state == "open" else node.state, "cps": registry.per_second()}
            return node.model_copy(update=update)

        async with _farewell(registry), service.present(node, refresh=current):
            log.info("listening", sip=[str(address) for address in endpoint.addresses])
            await service.run()
        await live.flush()


def _engine_settings(settings: FeatureServerSettings, private_ip: str) -> EngineSettings:
    return EngineSettings(
        workers=settings.media_workers,
        bind=private_ip,
        port_min=settings.media_port_min,
        port_max=settings.media_port_max,
        legs_per_worker=settings.media_legs,
        rtp_timeout_ms=round(settings.rtp_timeout * 1000),
    )


async def _serve_rest_calls(bus: Bus, platform: Inbound, node_id: NodeId) -> None:
    async with bus.serve(CreateCall, RestCalls(platform), node_id=node_id):
        await asyncio.Event().wait()


async def _serve_speech(bus: Bus, speech: AskedSpeech, node_id: NodeId) -> None:
    async with AsyncExitStack() as stack:
        await speech.serve(bus, node_id, stack)
        await asyncio.Event().wait()


async def _hear_changes(service: Service, config: ConfigCache) -> None:
    async for change in service.bus.subscribe(ConfigChanged):
        config.changed(change)


async def _refresh(registry: CallRegistry) -> None:
    """Rows of live calls that nobody refreshes count as left behind by a dead process."""
    for call in registry:
        call.kit.reporter.refresh()


@asynccontextmanager
async def _farewell(registry: CallRegistry) -> AsyncIterator[None]:
    """Calls that are left when the process ends are hung up with a reason."""
    try:
        yield
    finally:
        for call in registry:
            call.end(Ending.platform(Cause.SHUTDOWN, status=503))
        loop = asyncio.get_running_loop()
        until = loop.time() + FAREWELL
        while len(registry) and loop.time() < until:  # noqa: ASYNC110 - a number without an event
            await asyncio.sleep(0.05)
