"""The edge's devices: their REGISTERs go to a registrar, their flows are kept, lent to others, and missed when lost."""

import asyncio
from dataclasses import dataclass

import structlog

from jambones.common.bus import Bus
from jambones.common.bus.flows import ArrivedOnFlow, SendOnFlow, Sent
from jambones.common.bus.nodes import NodeDirectory
from jambones.common.bus.registrar import RegisterAnswered, RegisterQuestion
from jambones.common.errors import BusUnavailable, Conflict, JambonesError, NotFound
from jambones.common.ids import NodeId
from jambones.common.tasks import Tasks
from jambones.sbc.prefixes import PrefixTable
from jambones.sbc.registrations import Registrations, Stored, registrations_bucket
from jambones.sbc_inbound.filter import ALLOWED
from jambones.sbc_inbound.sources import source_of
from jambones.sip.address import NameAddr
from jambones.sip.endpoint import Endpoint
from jambones.sip.grammar import GrammarError
from jambones.sip.message import Request, Response
from jambones.sip.outside import IncomingRequest
from jambones.sip.transport import Flow
from jambones.sip.transport.virtual import MARK
from jambones.sip.uri import Uri

log = structlog.get_logger(__name__)

RETRY_AFTER = ("Retry-After", "5")
REGISTER_TIMEOUT = 12.0  # the customer's hook may take its time, the device's transaction lives 32 seconds
AT_ONCE = 1000
WAITING = 10_000
UNPIN_EVERY = 10.0


Instance = tuple[str, str, str]
"""Address of record, instance and reg-id: a device may hold two flows at a time, and then none is the other's heir."""


@dataclass
class _Registered:
    """A flow with a binding, pinned until then (loop time)."""

    flow: Flow
    until: float
    instance: Instance | None = None


class Devices:
    """One per process; `endpoint` is set when there is one."""

    endpoint: Endpoint

    def __init__(
        self,
        bus: Bus,
        node_id: NodeId,
        registrations: Registrations,
        egresses: NodeDirectory,
        tasks: Tasks,
        *,
        grace: float = 10.0,
        proxies: PrefixTable[str] | None = None,
    ) -> None:
        """`grace`: seconds that a binding outlives its connection, so that a page can reload.

        `proxies`: networks whose X-Forwarded-For names the real source.
        """
        self._proxies: PrefixTable[str] = proxies if proxies is not None else PrefixTable()
        self._bus = bus
        self._node_id = node_id
        self._registrations = registrations
        self._egresses = egresses
        self._tasks = tasks
        self._grace = grace
        self._relaying = 0
        self._registered: dict[str, _Registered] = {}
        self._instances: dict[Instance, Flow] = {}
        self._arrived: asyncio.Queue[ArrivedOnFlow] = asyncio.Queue(WAITING)

    # ---- requests outside dialogs

    async def on_request(self, incoming: IncomingRequest) -> None:
        """REGISTER and OPTIONS; others are not for us."""
        match incoming.request.method:
            case "REGISTER":
                await self._register(incoming)
            case "OPTIONS":
                rows = [
                    ("Allow", ALLOWED),
                    ("Accept", "application/sdp"),
                    ("Supported", "100rel, timer, replaces, path, outbound"),
                ]
                incoming.respond(200, headers=rows)
            case _:
                incoming.respond(405, headers=[("Allow", ALLOWED)])

    async def _register(self, incoming: IncomingRequest) -> None:
        if self._relaying >= AT_ONCE:
            incoming.respond(503, headers=[RETRY_AFTER])
            return
        flow, source = incoming.flow, incoming.source
        question = RegisterQuestion(
            edge_id=self._node_id,
            flow=flow.id,
            transport=source.transport,
            host=source_of(incoming.request.headers, source.host, self._proxies),
            port=source.port,
            message=bytes(incoming.request),
        )
        self._relaying += 1
        try:
            answer = await self._bus.request(question, timeout=REGISTER_TIMEOUT)
        except BusUnavailable as exc:
            log.warning("REGISTER not served", error=str(exc))
            answer = RegisterAnswered(status=503, headers=(RETRY_AFTER,))
        except JambonesError as exc:
            answer = RegisterAnswered(status=exc.sip_status)
        finally:
            self._relaying -= 1
        if answer.status == 200:
            self._keep(incoming.request, flow, answer.registered)
        incoming.respond(answer.status, answer.reason, list(answer.headers))

    # ---- flows

    def _keep(self, request: Request, flow: Flow, seconds: int) -> None:
        """Pin a flow while it has a binding; a device that came back on a new one takes its calls along."""
        known = self._registered.get(flow.id)
        if seconds <= 0:
            self._unpin(flow.id)
            return
        if not flow.alive:
            self.flow_lost(flow)  # it ended while the registrar thought; nobody else would miss it
            return
        until, instance = asyncio.get_running_loop().time() + seconds, _instance(request)
        if known is not None:
            known.until = until
        elif flow.remote.reliable:
            known = self._registered[flow.id] = _Registered(flow, until)
            self.endpoint.pin(flow)
        if instance is not None and known is not None:
            before = self._instances.get(instance)
            if before is not None and before.id != flow.id:
                self.endpoint.move(before, flow)
            self._instances[instance], known.instance = flow, instance

    def _unpin(self, flow_id: str) -> None:
        if (known := self._registered.pop(flow_id, None)) is not None:
            self.endpoint.unpin(known.flow)
            self._forget_instance(known)

    def _forget_instance(self, known: _Registered) -> None:
        if known.instance is not None and self._instances.get(known.instance) is known.flow:
            del self._instances[known.instance]

    async def unpin_expired(self) -> None:
        now = asyncio.get_running_loop().time()
        for flow_id in [id for id, known in self._registered.items() if known.until < now]:
            self._unpin(flow_id)

    def flow_lost(self, flow: Flow) -> None:
        """A connection ended: its bindings go too, unless the device is back within the grace."""
        known = self._registered.pop(flow.id, None)
        if known is not None or self._registrations.on_flow(self._node_id, flow.id):
            self._tasks.start(self._forget(flow, known), name="forget a lost flow")

    async def _forget(self, flow: Flow, known: _Registered | None) -> None:
        await asyncio.sleep(self._grace)
        if known is not None:
            self._forget_instance(known)
        for stored in self._registrations.on_flow(self._node_id, flow.id):
            await self._remove(stored, "connection lost")

    async def _remove(self, stored: Stored, why: str) -> None:
        try:
            await registrations_bucket(self._bus).delete(*stored.key, revision=stored.revision)
        except Conflict:
            return  # it registered again
        except BusUnavailable as exc:
            log.warning("binding not removed", error=str(exc))
            return
        log.info("binding removed", why=why, account_sid=stored.binding.account_sid)

    async def forget_former(self) -> None:
        """Bindings of an earlier process of this name, whose connections ended with it."""
        await self._registrations.until_ready()
        for stored in self._registrations:
            if stored.binding.edge == self._node_id and self.endpoint.flow(stored.binding.flow) is None:
                await self._remove(stored, "flow of an earlier process")

    # ---- flows lent to others

    async def send(self, question: SendOnFlow) -> Sent:
        """Raises NotFound when the flow is gone."""
        flow = self.endpoint.flow(question.flow)
        if flow is None or not flow.alive:
            raise NotFound("no such flow")
        flow.send(question.message)
        return Sent()

    def lent(self, uri: Uri) -> bool:
        """Whether a request to `uri` is for a process that called a device."""
        return self._egresses.get(uri.params.get(MARK) or "") is not None

    def relay(self, message: Request | Response, data: bytes, flow: Flow, mark: str) -> bool:
        """A message of a device for a process that called it; marks that no such process has are nobody's."""
        if self._egresses.get(mark) is None:
            return False
        event = ArrivedOnFlow(
            node_id=NodeId(mark), edge_id=self._node_id, flow=flow.id, remote=str(flow.remote), message=data
        )
        try:
            self._arrived.put_nowait(event)
        except asyncio.QueueFull:
            log.warning("message of a device dropped: too many wait")
        return True

    async def deliver(self) -> None:
        """Publish what came for others, in order, for ever."""
        while True:
            event = await self._arrived.get()
            try:
                await self._bus.publish(event)
            except BusUnavailable as exc:
                log.warning("message of a device not delivered", error=str(exc))


def _instance(request: Request) -> Instance | None:
    """Of a REGISTER, where the device names itself (RFC 5626)."""
    try:
        rows = request.headers.get_list("Contact")
        params = NameAddr.parse(rows[0]).params if rows and rows[0] != "*" else {}
        to = request.to.uri
    except GrammarError:
        return None
    instance = params.get("+sip.instance")
    return (f"{to.user_text}@{to.host.lower()}", instance, params.get("reg-id") or "") if instance else None
