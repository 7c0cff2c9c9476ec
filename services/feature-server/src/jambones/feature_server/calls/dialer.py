"""Places calls through the egress: chooses a node, writes the INVITE with the platform's headers, follows its life."""

import base64
import re
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import structlog

from jambones.common import logs
from jambones.common.bus import Bus
from jambones.common.bus.control import CallUpdated, UpdateCall
from jambones.common.bus.nodes import Node, NodeDirectory
from jambones.common.clock import now_ms
from jambones.common.db.cache import ConfigCache
from jambones.common.db.errors import DatabaseUnavailable
from jambones.common.errors import BusUnavailable
from jambones.common.ids import NodeId
from jambones.common.tasks import Tasks
from jambones.common.verbs.target import PhoneTarget, SipTarget, Target, TeamsTarget, UserTarget
from jambones.feature_server.calls.egress_leg import EgressLeg
from jambones.feature_server.calls.engine_audio import EngineEndpoint
from jambones.feature_server.calls.info import CallInfo
from jambones.feature_server.calls.measured import measuring
from jambones.feature_server.calls.outbound import NotPlaced, Wanted
from jambones.feature_server.calls.registry import CallRegistry
from jambones.feature_server.calls.session import CallSession
from jambones.feature_server.control import update
from jambones.feature_server.signature import sign
from jambones.media import MediaEngine, MediaRefused
from jambones.sip.address import NameAddr
from jambones.sip.endpoint import Endpoint
from jambones.sip.grammar import GrammarError
from jambones.sip.leg import OutgoingLeg
from jambones.sip.transport import Address
from jambones.sip.transport.hub import NoTransport
from jambones.sip.uri import Uri

log = structlog.get_logger(__name__)

Rows = list[tuple[str, str]]
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")
_NO_USER = re.compile(r"[^A-Za-z0-9\-_.!~*'()&=+$,;?/%#]")


@dataclass
class EgressDialer:
    """The Dialer of a feature server."""

    node_id: NodeId
    host: str
    """Our own address, in From."""
    internal_key: bytes | None
    zone: str
    endpoint: Endpoint
    engine: MediaEngine
    nodes: NodeDirectory
    config: ConfigCache
    registry: CallRegistry
    bus: Bus
    tasks: Tasks

    async def place(self, info: CallInfo, wanted: Wanted) -> EgressLeg:
        near = wanted.near.media if isinstance(wanted.near, EngineEndpoint) else None
        target, route = await self._target(wanted.target, info)
        if not self.nodes.ready and not self.nodes.nodes:
            raise NotPlaced("the list of egress nodes is not there yet", status=503)
        tried: list[NodeId] = []
        try:
            media = await self.engine.offer(info.sip_call_id, near=near)
        except MediaRefused as exc:
            raise NotPlaced(exc.reason, status=exc.status) from exc

        async def again() -> OutgoingLeg | None:
            if tried:  # the last one did not take it: it is passed over for a moment
                self.nodes.failed(tried[-1])
            while (node := self.nodes.choose(zone=self.zone, exclude=tried).node) is not None:
                if tried:
                    log.info("call goes to another egress node", node=node.id, call_sid=info.call_sid)
                tried.append(node.id)
                try:
                    return await self._invite(node, target, route, info, wanted, media.local_sdp)
                except (NoTransport, OSError) as exc:
                    log.warning("egress node cannot be reached", node=node.id, error=str(exc))
                self.nodes.failed(node.id)
            return None

        leg: OutgoingLeg | None = None
        try:
            leg = await again()
        except GrammarError as exc:
            raise NotPlaced("the target is no address", status=484) from exc
        finally:
            if leg is None:
                await media.close()
        if leg is None:
            raise NotPlaced("no egress node can take a call", status=480)
        return EgressLeg(leg, self.engine, media, info, again, measuring(self.bus))

    async def _invite(
        self, node: Node, target: str, route: str, info: CallInfo, wanted: Wanted, sdp: bytes
    ) -> OutgoingLeg:
        address = Address.parse(node.sip)
        uri = Uri.parse(target if route == "sip" else target.replace("{egress}", str(address).partition(":")[2]))
        caller = Uri.parse(f"sip:{_NO_USER.sub(_escaped, wanted.caller_id) or 'anonymous'}@{self.host}")
        return await self.endpoint.invite(
            uri,
            from_=NameAddr(caller, display=_CONTROL.sub(" ", wanted.caller_name)[:128] or None),
            sdp=sdp,
            headers=self._headers(info, wanted, route),
            destination=address,
            call_id=info.sip_call_id,
        )

    def _headers(self, info: CallInfo, wanted: Wanted, route: str) -> Rows:
        target = wanted.target
        rows: list[tuple[str, str | None]] = [
            ("X-Jambones-Account", info.account_sid),
            ("X-Jambones-App", info.application_sid),
            ("X-Jambones-Route", route),
            ("X-Jambones-Call-Sid", info.call_sid),
            ("X-Jambones-Trace", info.trace_id),
            ("X-Jambones-Parent", wanted.parent_call_id),
            ("X-Jambones-In-Trunk", wanted.in_trunk),
            ("X-Jambones-Proxy", target.proxy or wanted.proxy),
            ("X-Jambones-From-Host", wanted.caller_host),
            ("X-Jambones-Fs", self.node_id),
        ]
        if target.from_ is not None:
            rows += [("X-Jambones-From-User", target.from_.user), ("X-Jambones-From-Host", target.from_.host)]
        match target:
            case PhoneTarget(trunk=str(trunk)):
                rows.append(("X-Jambones-Trunk", trunk))
            case SipTarget(auth=auth) if auth is not None:
                login = f"{auth.username}:{auth.password}".encode()
                rows.append(("X-Jambones-Auth", base64.b64encode(login).decode()))
            case UserTarget(override_to=str(to)):
                rows.append(("X-Jambones-To-User", to))
            case TeamsTarget(tenant=str(tenant)):
                rows.append(("X-Jambones-Tenant", tenant))
        if self.internal_key is not None:
            rows.append(("X-Jambones-Sig", sign(self.internal_key, info.sip_call_id, now_ms() // 1000)))
        platform = [(name, _CONTROL.sub(" ", value)) for name, value in rows if value]
        return [*platform, *wanted.headers.items()]

    async def _target(self, target: Target, info: CallInfo) -> tuple[str, str]:
        """The Request-URI, and the kind of route. Raises NotPlaced."""
        match target:
            case PhoneTarget(number=number):
                return f"sip:{_NO_USER.sub(_escaped, number)}@{{egress}}", "phone"
            case TeamsTarget(number=number):
                return f"sip:{_NO_USER.sub(_escaped, number)}@{{egress}}", "teams"
            case SipTarget(sip_uri=uri):
                return uri, "sip"
            case UserTarget(name=name):
                user, _, realm = name.removeprefix("sip:").partition("@")
                realm = realm or await self._realm(info)
                return f"sip:{_NO_USER.sub(_escaped, user)}@{realm}", "user"

    async def _realm(self, info: CallInfo) -> str:
        try:
            account = await self.config.account(info.account_sid)
        except DatabaseUnavailable as exc:
            raise NotPlaced("the account cannot be read", status=503) from exc
        if account is None or not account.account.sip_realm:
            raise NotPlaced("the account has no realm for its users", status=404)
        return account.account.sip_realm

    def start(self, session: CallSession, life: Coroutine[Any, Any, None]) -> None:
        self.tasks.start(self._live(session, life), name="placed call")

    async def _live(self, session: CallSession, life: Coroutine[Any, Any, None]) -> None:
        leg = session.leg
        assert isinstance(leg, EgressLeg)
        logs.bind(call_sid=session.info.call_sid, account_sid=session.info.account_sid)

        async def handle(question: UpdateCall) -> CallUpdated:
            return await update(session, question)

        try:
            async with AsyncExitStack() as stack:
                stack.enter_context(self.registry.listed(session))
                try:
                    await stack.enter_async_context(self.bus.serve(UpdateCall, handle, call_sid=session.info.call_sid))
                except BusUnavailable:
                    log.debug("no live control for this call: NATS is away", call_sid=session.info.call_sid)
                await stack.enter_async_context(leg.attended())
                await life
        finally:
            life.close()
        info = session.info
        log.info(
            "call ended",
            call_sid=info.call_sid,
            account_sid=info.account_sid,
            call_status=info.state.status.value,
            sip_status=info.state.sip_status,
            ended_by=session.ending.by.value if session.ending is not None else None,
            cause=session.ending.cause if session.ending is not None else None,
        )


def _escaped(found: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in found[0].encode())
