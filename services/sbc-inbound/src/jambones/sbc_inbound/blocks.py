"""Sources blocked by the registrar (or by hand): a watched copy goes into the ingress filter."""

import asyncio

from jambones.common.bus import Bus, Changed, Removed
from jambones.common.bus.registrar import BLOCKED, LONGEST_BLOCK, Block
from jambones.common.clock import now_ms
from jambones.sbc_inbound.filter import IngressFilter


async def follow_blocks(bus: Bus, ingress: IngressFilter) -> None:
    """For ever."""
    async for change in bus.bucket(BLOCKED, Block, ttl=LONGEST_BLOCK).watch():
        match change:
            case Changed(value=block):
                left = (block.until - now_ms()) / 1000
                ingress.block(block.address, asyncio.get_running_loop().time() + left)
            case Removed(key=(address,)):
                ingress.unblock(address)
