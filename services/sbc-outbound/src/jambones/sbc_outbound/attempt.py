"""One INVITE to the outside: its leg, the media that goes with it, and what it came to."""

import asyncio
from dataclasses import dataclass, field

from jambones.common.bus.calls import GatewayAttempt, MediaSummary
from jambones.media.rtpengine import PLAIN, SDES, BadDescription
from jambones.sbc.media import CallMedia, MediaFailed, Side, profile_of
from jambones.sbc_outbound.ways import PADDED, Way
from jambones.sip.leg import OutgoingLeg


def _now() -> float:
    return asyncio.get_running_loop().time()


@dataclass
class Attempt:
    """Made when the INVITE is sent; `close` frees its media."""

    way: Way
    leg: OutgoingLeg
    media: CallMedia
    started: float = field(default_factory=_now)

    async def described(self, sdp: bytes | None) -> bytes:
        """The far end's answer as the feature server shall see it; a 200 without one repeats that of the 183.

        Raises MediaFailed, also when an encrypted offer is answered in clear: nobody asked for that.
        """
        current = self.media.current
        if sdp is None:
            early = current.answered if current is not None else None
            if early is None:
                raise MediaFailed(BadDescription("answer", "there is none"))
            return early
        if self.way.profile in (SDES, PADDED) and profile_of(sdp) is PLAIN:
            raise MediaFailed(BadDescription("answer", "not encrypted"))
        if current is None:
            return sdp
        return await self.media.answer(Side.FAR_END, sdp)

    def outcome(self, status: int) -> GatewayAttempt:
        """For the call record."""
        return GatewayAttempt(gateway=self.way.label, status=status, ms=round((_now() - self.started) * 1000))

    async def close(self) -> MediaSummary | None:
        return await self.media.close()
