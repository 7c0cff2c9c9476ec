"""The public side of the egress: it calls out and takes no calls."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Self

from jambones.sbc import trace
from jambones.sbc.figures import Figures
from jambones.sbc.prefixes import PrefixTable
from jambones.sbc_outbound.settings import OutboundSettings
from jambones.sbc_outbound.ways import Way
from jambones.sip.address import NameAddr
from jambones.sip.congestion import UdpLimit
from jambones.sip.endpoint import Endpoint
from jambones.sip.leg import IncomingLeg, OutgoingLeg
from jambones.sip.message import Request
from jambones.sip.receiver import Verdict
from jambones.sip.timers import SipTimers
from jambones.sip.transport import Address
from jambones.sip.transport.tls import TlsSettings
from jambones.sip.uri import Uri


class Outside:
    """Open it with `async with Outside.open(settings, …)`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: OutboundSettings, private_networks: PrefixTable[str], figures: Figures
    ) -> AsyncIterator[Self]:
        """Listen inside the block. Raises OSError, and ValueError for tls without a certificate."""

        def filter(request: Request, source: Address) -> Verdict:
            # Whoever wants to call us calls an edge; here scanners shall not even learn that somebody listens.
            if request.to.tag is not None or request.method in {"ACK", "CANCEL", "OPTIONS"}:
                return "accept"
            figures.blocked("egress takes no calls")
            return "drop"

        tls = TlsSettings(
            cert=settings.tls_cert,
            key=settings.tls_key,
            min_version=settings.tls_min,
            verify=settings.tls_verify,
            ca=settings.tls_ca,
        )
        async with Endpoint.open(
            map(Address.parse, settings.sip_listen),
            _refuse,
            filter=filter,
            advertise=_advertised(settings, private_networks),
            settings=SipTimers(timer_c=settings.ring_timeout, session_expires=settings.session_expires),
            tls=tls,
            udp_limit=UdpLimit(settings.sip_udp_limit),
            trace=trace.current,
        ) as endpoint:
            yield cls(endpoint)

    async def resolve(self, uri: Uri) -> list[Address]:
        return await self.endpoint.resolve(uri)

    def host_towards(self, address: Address) -> str:
        return NameAddr.parse(self.endpoint.contact(self.endpoint.flow_to(address))).uri.host

    async def invite(
        self, way: Way, sdp: bytes | None, rows: Sequence[tuple[str, str]], sip_call_id: str
    ) -> OutgoingLeg:
        return await self.endpoint.invite(
            way.uri,
            from_=way.from_,
            to=way.to,
            sdp=sdp,
            headers=rows,
            destination=way.address if way.flow is None else None,
            credentials=way.credentials,
            call_id=sip_call_id,
            flow=way.flow,
            contact_user=way.contact_user,
        )


def _advertised(
    settings: OutboundSettings, private_networks: PrefixTable[str]
) -> Callable[[Address], tuple[str, int] | None] | None:
    """Towards the outside our public address, when it is not the one we listen on."""
    if settings.public_ip is None:
        return None
    public = settings.public_ip
    ports = {address.transport: address.port for address in map(Address.parse, settings.sip_listen)}

    def advertise(remote: Address) -> tuple[str, int] | None:
        port = ports.get(remote.transport)
        return None if remote.host in private_networks or port is None else (public, port)

    return advertise


async def _refuse(leg: IncomingLeg) -> None:
    await leg.reject(403)
