"""Control of a leg's media by the feature server: mute, digits, measurements, over the bus and done by rtpengine."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from jambones.common.bus.control import LegCommand, LegCommanded
from jambones.common.errors import Invalid, NotFound
from jambones.sbc.media import CallMedia, Side

REMEMBERED = 1000
"""Requests whose answers are kept: who heard nothing asks again with the same id."""
DIGITS = frozenset("0123456789*#ABCD")

MediaOf = Callable[[str], CallMedia | None]


class LegCommands:
    """Serve it as the handler of LegCommand; `media_of` gives the media of a leg in progress."""

    def __init__(self, media_of: MediaOf) -> None:
        self._media_of = media_of
        self._asked: OrderedDict[tuple[str, str], asyncio.Future[LegCommanded]] = OrderedDict()

    async def __call__(self, command: LegCommand) -> LegCommanded:
        """Do it once, however often it is asked.

        Raises NotFound for a leg that is not here, Invalid, Unavailable without rtpengine, MediaFailed.
        """
        key = command.leg_id, command.request_id
        known = self._asked.get(key)
        if known is not None:
            return await asyncio.shield(known)
        answer: asyncio.Future[LegCommanded] = asyncio.get_running_loop().create_future()
        self._asked[key] = answer
        if len(self._asked) > REMEMBERED:
            self._asked.popitem(last=False)
        try:
            done = await self._do(command)
        except BaseException as exc:
            self._asked.pop(key, None)  # what failed may be tried again
            answer.set_exception(exc if isinstance(exc, Exception) else NotFound("the SBC stopped"))
            answer.exception()  # read: nobody else may be waiting
            raise
        answer.set_result(done)
        return done

    async def _do(self, command: LegCommand) -> LegCommanded:
        media = self._media_of(command.leg_id)
        if media is None:
            raise NotFound("no such leg")
        match command.op:
            case "mute":
                await media.anchored.block(Side.FAR_END)
            case "unmute":
                await media.anchored.unblock(Side.FAR_END)
            case "dtmf":
                digit = (command.digit or "").upper()
                if digit not in DIGITS:
                    raise Invalid("no DTMF digit")
                await media.press(digit, command.duration_ms)
            case "media.stats":
                return LegCommanded(result=(await media.anchored.measured()).model_dump())
        return LegCommanded()
