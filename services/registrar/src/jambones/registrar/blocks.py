"""Who is not heard for a while: sources are blocked at every edge, users are shielded here."""

import asyncio
from collections.abc import Callable

import structlog

from jambones.common.bus import Bucket, Bus
from jambones.common.bus.registrar import BLOCKED, LONGEST_BLOCK, Block
from jambones.common.clock import now_ms
from jambones.common.errors import BusUnavailable
from jambones.registrar.guard import FailureCounts

log = structlog.get_logger(__name__)

FOR_EVER = 2**53


class Guard:
    """Counts failures, and writes blocks into the bucket that the edges watch."""

    def __init__(
        self, bus: Bus, *, per_source: int, per_user: int, seconds: int, is_gateway: Callable[[str], bool]
    ) -> None:
        self._bucket: Bucket[Block] = bus.bucket(BLOCKED, Block, ttl=LONGEST_BLOCK)
        self._sources = FailureCounts(per_source)
        self._users = FailureCounts(per_user)
        self._block_seconds = seconds
        self._is_gateway = is_gateway

    def shields(self, aor: str) -> bool:
        """Whether this user had too many wrong passwords within the last minute."""
        return self._users.reached(aor, asyncio.get_running_loop().time())

    def succeeded(self, address: str, aor: str | None) -> None:
        if aor is not None:
            self._users.forget(aor)

    async def failed(self, address: str, aor: str | None) -> None:
        """Wrong credentials, or a realm that nobody has."""
        now = asyncio.get_running_loop().time()
        if aor is not None and self._users.failed(aor, now):
            log.warning("many wrong passwords for one user")
        if self._sources.failed(address, now):
            self._sources.forget(address)
            await self.block(address, self._block_seconds, "failed authentications")

    async def block(self, address: str, seconds: int, why: str) -> None:
        """Block a source, unless it is a configured gateway; 0 seconds is for ever."""
        if self._is_gateway(address):
            return
        until = now_ms() + seconds * 1000 if seconds else FOR_EVER
        log.warning("source blocked", source=address, seconds=seconds or "for ever", why=why)
        try:
            ttl = min(float(seconds or LONGEST_BLOCK), LONGEST_BLOCK)
            await self._bucket.put(address, value=Block(address=address, until=until, why=why), ttl=ttl)
        except BusUnavailable:
            log.warning("block not told to the edges", source=address)

    async def keep_long_ones(self) -> None:
        """Write blocks that outlive the bucket again, before it forgets them."""
        try:
            for entry in await self._bucket.entries():
                left = (entry.value.until - now_ms()) / 1000
                if left > LONGEST_BLOCK / 2:
                    await self._bucket.put(*entry.key, value=entry.value, ttl=min(left, LONGEST_BLOCK))
        except BusUnavailable:
            return
