"""Mute, digits and measurements of a leg, done once, by rtpengine."""

import asyncio
from typing import Any

import pytest

from jambones.common.bus.control import LegCommand
from jambones.common.errors import Invalid, NotFound, Unavailable
from jambones.media.rtpengine import PLAIN, NgError
from jambones.sbc.leg_commands import LegCommands
from jambones.sbc.media import Anchored, CallMedia, MediaFailed, Side, Straight


class Session:
    """rtpengine's session: what it was told."""

    node = None

    def __init__(self) -> None:
        self.did: list[tuple[str, ...]] = []
        self.fails = False
        self.slow: asyncio.Event | None = None

    async def offer(self, sdp: bytes, *, flags: tuple[str, ...], **_: Any) -> bytes:
        self.did.append(("offer", sdp.decode(), *flags))
        return b"o" + sdp

    async def answer(self, sdp: bytes, *, flags: tuple[str, ...], **_: Any) -> bytes:
        self.did.append(("answer", sdp.decode(), *flags))
        return b"a" + sdp

    async def block(self, tag: str) -> None:
        if self.slow is not None:
            await self.slow.wait()
        if self.fails:
            raise NgError("block media", "no")
        self.did.append(("block", tag))

    async def unblock(self, tag: str) -> None:
        self.did.append(("unblock", tag))

    async def play_dtmf(self, tag: str, digit: str, *, duration: int) -> None:
        self.did.append(("press", tag, digit, str(duration)))

    async def query(self) -> dict[str, Any]:
        return {"tags": {"fe": {"medias": [{"streams": [{"flags": ["RTP"], "stats": {"packets": 7}}]}]}}}


def anchored(session: Session) -> CallMedia:
    any_session: Any = session
    return CallMedia(Anchored(any_session, PLAIN, private=False, strict=True))


def command(op: str, request_id: str = "r1", leg: str = "leg", digit: str | None = None) -> LegCommand:
    return LegCommand(edge_id="e", leg_id=leg, op=op, request_id=request_id, digit=digit)  # type: ignore[arg-type]


async def test_mute_and_unmute_are_about_the_far_end() -> None:
    session = Session()
    media = anchored(session)
    commands = LegCommands({"leg": media}.get)

    await commands(command("mute", "r1"))
    await commands(command("unmute", "r2"))

    assert session.did == [("block", "fe"), ("unblock", "fe")]


async def test_the_same_request_is_done_once_also_while_it_is_under_way() -> None:
    session = Session()
    session.slow = asyncio.Event()
    commands = LegCommands({"leg": anchored(session)}.get)
    asked = [asyncio.create_task(commands(command("mute"))) for _ in range(3)]
    await asyncio.sleep(0)
    session.slow.set()
    await asyncio.gather(*asked)
    await commands(command("mute"))

    assert session.did == [("block", "fe")]


async def test_what_failed_may_be_asked_again() -> None:
    session = Session()
    session.fails = True
    commands = LegCommands({"leg": anchored(session)}.get)
    with pytest.raises(MediaFailed):
        await commands(command("mute"))
    session.fails = False
    await commands(command("mute"))

    assert session.did == [("block", "fe")]


async def test_the_first_digit_asks_rtpengine_to_inject_and_the_second_does_not() -> None:
    session = Session()
    media = anchored(session)
    await media.offer(Side.FEATURE_SERVER, b"O")
    await media.answer(Side.FAR_END, b"A")
    commands = LegCommands({"leg": media}.get)
    session.did.clear()

    await commands(command("dtmf", "r1", digit="5"))
    await commands(command("dtmf", "r2", digit="d"))

    assert session.did == [
        ("offer", "O", "strict-source", "inject-DTMF"), ("answer", "A", "strict-source", "inject-DTMF"),
        ("press", "fs", "5", "250"), ("press", "fs", "D", "250"),
    ]  # fmt: skip


async def test_measurements_are_what_rtpengine_counted() -> None:
    commands = LegCommands({"leg": anchored(Session())}.get)

    answer = await commands(command("media.stats"))

    assert answer.result is not None
    assert answer.result["packets_in"] == 7


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (command("mute", leg="another"), NotFound),
        (command("dtmf", digit="x"), Invalid),
        (command("dtmf"), Invalid),
        (command("dtmf", digit="5"), Unavailable),  # before any answer
    ],
)
async def test_what_cannot_be_done_says_so(given: LegCommand, error: type[Exception]) -> None:
    commands = LegCommands({"leg": anchored(Session())}.get)

    with pytest.raises(error):
        await commands(given)


async def test_without_rtpengine_there_is_nothing_to_command() -> None:
    commands = LegCommands({"leg": CallMedia(Straight())}.get)

    with pytest.raises(Unavailable):
        await commands(command("mute"))
