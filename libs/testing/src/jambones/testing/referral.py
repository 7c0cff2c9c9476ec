"""A scripted party's REFER."""

import asyncio
from collections.abc import Mapping

from jambones.feature_server.calls.leg import Referred


class ScriptedReferral:
    """`answer` is the status that the platform answers with."""

    def __init__(self, to: str, details: Mapping[str, str]) -> None:
        user = to.removeprefix("sip:").partition("@")[0]
        self.details = {"sip_refer_to": f"<{to}>", "refer_to_user": user, **details}
        self.answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.event = Referred(self)

    async def accept(self) -> None:
        self._settle(202)

    async def refuse(self, status: int) -> None:
        self._settle(status)

    def _settle(self, status: int) -> None:
        if not self.answer.done():
            self.answer.set_result(status)
