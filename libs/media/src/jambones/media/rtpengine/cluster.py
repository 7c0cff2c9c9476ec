"""Several rtpengines: which one takes a new session, and who is alive."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from jambones.media.rtpengine.bencode import Encodable
from jambones.media.rtpengine.client import NgClient, Reply, Timing
from jambones.media.rtpengine.errors import LoadLimit, NgError, NgUnreachable, NoRtpengine
from jambones.media.rtpengine.profiles import Profile

log = logging.getLogger(__name__)

PING_EVERY = 10.0  # seconds
PING_DOWN_EVERY = 2.0  # a node that is down is asked more often, to have it back soon
FULL_FOR = 5.0  # seconds without new sessions after a load limit


@dataclass
class Node:
    """One rtpengine as this process sees it."""

    client: NgClient
    up: bool = True
    full_until: float = 0.0  # loop time
    sessions: int = 0  # of ours, on this node

    def __post_init__(self) -> None:
        self.client.observers.append(self._note)

    @property
    def name(self) -> str:
        return self.client.node

    def _note(self, timing: Timing) -> None:
        """Any command tells whether the daemon lives, not only pings."""
        up = timing.result != "no answer"
        if up != self.up:
            log.warning("rtpengine is up" if up else "rtpengine is down", extra={"node": self.name})
        self.up = up


@dataclass
class RtpengineCluster:
    """The rtpengines of this process, asked in turn; those that are down or full are passed over."""

    nodes: list[Node]
    _next: int = 0

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        addresses: Iterable[tuple[str, int]],
        *,
        on_command: Callable[[Timing], None] | None = None,
        ping_every: float = PING_EVERY,
    ) -> AsyncIterator["RtpengineCluster"]:
        """Returns at once: a node counts as up until it fails to answer. `on_command` hears how each command went."""
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(NgClient.open(a, on_command=on_command)) for a in addresses]
            cluster = cls([Node(client) for client in clients])
            watchers = [asyncio.create_task(_watch(node, ping_every)) for node in cluster.nodes]
            try:
                yield cluster
            finally:
                for watcher in watchers:
                    watcher.cancel()
                await asyncio.gather(*watchers, return_exceptions=True)

    def pick(self, but: Iterable[Node] = ()) -> Node:
        """The next node in turn that is up, not full and not among `but`; raises `NoRtpengine`."""
        now = asyncio.get_running_loop().time()
        passed = list(but)
        usable = [n for n in self.nodes if n.up and n.full_until <= now and n not in passed]
        if not usable:
            raise NoRtpengine("no rtpengine takes sessions" if self.nodes else "no rtpengine is configured")
        chosen = usable[self._next % len(usable)]
        self._next += 1
        return chosen

    @property
    def available(self) -> int:
        """Nodes that are up; for readiness."""
        return sum(node.up for node in self.nodes)

    def session(self, call_id: str) -> "Session":
        """A session under a call-id that was never used before (not the SIP Call-ID: old ports would come back)."""
        return Session(self, call_id)


@dataclass
class Session:
    """One call's media on one node. The first offer chooses the node; from then on the session stays there."""

    cluster: RtpengineCluster
    call_id: str
    node: Node | None = None
    from_tag: str | None = None  # of the first offer
    _tried: list[Node] = field(default_factory=list)

    async def offer(
        self,
        sdp: bytes,
        *,
        from_tag: str,
        to_tag: str | None = None,
        towards: Profile | None = None,
        **options: Encodable,
    ) -> bytes:
        """See `NgClient.offer`; the first offer goes on to other nodes until one takes it, else `NoRtpengine`."""
        if self.node is not None:
            return await self.client.offer(
                self.call_id, sdp, from_tag=from_tag, to_tag=to_tag, towards=towards, **options
            )
        while True:
            node = self.cluster.pick(but=self._tried)
            self._tried.append(node)
            try:
                described = await node.client.offer(
                    self.call_id, sdp, from_tag=from_tag, to_tag=to_tag, towards=towards, **options
                )
            except NgUnreachable:
                node.client.forget(self.call_id)
            except asyncio.CancelledError:
                self._settle(node, from_tag)  # it may have been taken: whoever closes the session ends it there
                raise
            except LoadLimit:
                node.full_until = asyncio.get_running_loop().time() + FULL_FOR
                log.info("rtpengine is full", extra={"node": node.name})
            else:
                self._settle(node, from_tag)
                return described

    def _settle(self, node: Node, from_tag: str) -> None:
        self.node, self.from_tag = node, from_tag
        node.sessions += 1

    async def answer(
        self, sdp: bytes, *, from_tag: str, to_tag: str, towards: Profile | None = None, **options: Encodable
    ) -> bytes:
        return await self.client.answer(self.call_id, sdp, from_tag=from_tag, to_tag=to_tag, towards=towards, **options)

    async def delete(self) -> Reply | None:
        """End the session; its last counters, or None when there was none or its node does not answer. Never raises."""
        node, self.node = self.node, None
        if node is None:
            return None
        node.sessions -= 1
        try:
            return await node.client.delete(self.call_id, from_tag=self.from_tag)
        except NgError as exc:
            log.info("rtpengine did not delete a session", extra={"node": node.name, "reason": exc.reason})
        return None

    async def query(self) -> Reply:
        return await self.client.query(self.call_id)

    async def block(self, from_tag: str | None = None) -> None:
        """Nothing this side (or anybody) sends comes through, neither sound nor digits."""
        await self.client.block_media(self.call_id, from_tag)
        await self.client.block_dtmf(self.call_id, from_tag)

    async def unblock(self, from_tag: str | None = None) -> None:
        await self.client.unblock_media(self.call_id, from_tag)
        await self.client.unblock_dtmf(self.call_id, from_tag)

    async def play_dtmf(self, from_tag: str, digit: str, *, duration: int = 250, volume: int = 8) -> None:
        """See `NgClient.play_dtmf`."""
        await self.client.play_dtmf(self.call_id, from_tag, digit, duration=duration, volume=volume)

    @property
    def client(self) -> NgClient:
        """The node's client; raises `NoRtpengine` before the first offer and after delete."""
        if self.node is None:
            raise NoRtpengine("the session is on no rtpengine")
        return self.node.client


async def _watch(node: Node, every: float) -> None:
    """Ping for ever; the answers, or their lack, mark the node."""
    while True:
        try:
            await node.client.ping()
        except NgError as exc:
            log.info("rtpengine did not answer a ping well", extra={"node": node.name, "reason": exc.reason})
        await asyncio.sleep(every if node.up else min(every, PING_DOWN_EVERY))
