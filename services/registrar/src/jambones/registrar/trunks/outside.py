"""Sending by way of an edge: which one, and the exchange over the bus."""

import hashlib

from jambones.common.bus import Bus
from jambones.common.bus.nodes import Node, NodeDirectory
from jambones.common.bus.trunks import AskOutside, OutsideAnswered
from jambones.common.errors import BusUnavailable, JambonesError
from jambones.common.private import Private
from jambones.sip.message import Request

UNREACHABLE = OutsideAnswered(status=503, reason="unreachable", local=True)


class Outside:
    """The edges, as far as they send for others."""

    def __init__(self, bus: Bus, edges: NodeDirectory) -> None:
        self._bus = bus
        self._edges = edges

    def edge_for(self, key: str, transport: str) -> Node | None:
        """The same edge for the same key as long as it is there (rendezvous hashing), one that speaks the transport."""
        open_ones = [node for node in self._edges.nodes if node.state == "open"]
        fit = [node for node in open_ones if f"public_{transport}" in node.labels] or open_ones
        return max(fit, key=lambda node: hashlib.sha256(f"{key} {node.id}".encode()).digest(), default=None)

    async def ask(
        self,
        edge: Node,
        request: Request,
        next_hop: str,
        *,
        username: str | None = None,
        password: str | None = None,
        limit: float = 8.0,
    ) -> OutsideAnswered:
        """The response; one of our own when there was none, or the edge is gone."""
        question = AskOutside(
            edge_id=edge.id,
            method=request.method,
            uri=str(request.uri),
            next_hop=next_hop,
            headers=tuple(request.headers),
            username=username,
            password=Private(password) if password is not None else None,
            limit=limit,
        )
        try:
            # Two rounds of a challenge, and a second address.
            return await self._bus.request(question, timeout=4 * limit)
        except BusUnavailable:
            return UNREACHABLE
        except JambonesError as exc:
            return OutsideAnswered(status=exc.sip_status, reason=exc.reason, local=True)
