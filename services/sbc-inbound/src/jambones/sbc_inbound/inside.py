"""The private side of the edge: the endpoint that speaks to feature servers."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Self

from jambones.sbc import trace
from jambones.sbc_inbound.settings import EdgeSettings
from jambones.sip.address import NameAddr
from jambones.sip.endpoint import Endpoint
from jambones.sip.leg import IncomingLeg, OutgoingLeg
from jambones.sip.timers import SipTimers
from jambones.sip.transport import Address
from jambones.sip.uri import Uri


class Inside:
    """Places calls to feature servers; takes none."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: EdgeSettings, private_ip: str) -> AsyncIterator[Self]:
        """Listen inside the block. Raises OSError."""
        listen = settings.private_listen or (f"udp:{private_ip}:0",)
        # Heartbeats tell of feature servers that died: session timers would add nothing.
        timers = SipTimers(timer_c=settings.ring_timeout, session_expires=0)
        async with Endpoint.open(
            map(Address.parse, listen), _refuse, settings=timers, nat_fix=False, trace=trace.current
        ) as endpoint:
            yield cls(endpoint)

    @property
    def uri(self) -> str:
        """Where feature servers reach this edge."""
        address = self.endpoint.addresses[0]
        return f"sip:{address.host}:{address.port};transport={address.transport}"

    async def invite(
        self,
        uri: Uri,
        *,
        from_: NameAddr,
        to: NameAddr,
        sdp: bytes | None,
        headers: Iterable[tuple[str, str]],
        destination: Address,
        call_id: str,
    ) -> OutgoingLeg:
        return await self.endpoint.invite(
            uri, from_=from_, to=to, sdp=sdp, headers=headers, destination=destination, call_id=call_id
        )


async def _refuse(leg: IncomingLeg) -> None:
    # Feature servers place their calls through sbc-outbound, not here.
    await leg.reject(404)
