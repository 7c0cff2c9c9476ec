"""How commands are repeated and given up, on a daemon of the test's making."""

import asyncio

import pytest

from jambones.media.rtpengine.bencode import Encodable
from jambones.media.rtpengine.errors import BadDescription, LoadLimit, NgError, NgUnreachable, UnknownCall
from jambones.media.rtpengine.profiles import PLAIN
from tests.support.ng import ScriptedDaemon, hundredfold_speed


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    hundredfold_speed(monkeypatch)


@pytest.mark.usefixtures("fast")
async def test_a_lost_datagram_is_sent_again_under_its_cookie() -> None:
    daemon = ScriptedDaemon([None, None, {"result": "pong"}])
    await daemon.client().ping()

    assert len(daemon.sent) == 3
    assert len({cookie for cookie, _ in daemon.sent}) == 1
    assert [(t.command, t.result) for t in daemon.heard] == [("ping", "ok")]


@pytest.mark.usefixtures("fast")
async def test_silence_is_given_up() -> None:
    daemon = ScriptedDaemon([])
    with pytest.raises(NgUnreachable) as error:
        await daemon.client().query("c")

    assert error.value.status == 503
    assert len(daemon.sent) == 3
    assert [t.result for t in daemon.heard] == ["no answer"]
    assert daemon.protocol.waiting == {}


async def test_every_command_has_its_own_cookie_and_every_client_its_own_prefix() -> None:
    daemon = ScriptedDaemon([{"result": "pong"}] * 3)
    one, two = daemon.client(), daemon.client()
    await one.ping()
    await one.ping()
    await two.ping()

    cookies = [cookie for cookie, _ in daemon.sent]
    assert len(set(cookies)) == 3
    assert cookies[0].split(b"_")[0] != cookies[2].split(b"_")[0]


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        ({"result": "load limit"}, LoadLimit),
        ({"result": "error", "error-reason": "Ran out of ports"}, LoadLimit),
        ({"result": "error", "error-reason": "Unknown call-ID"}, UnknownCall),
        ({"result": "error", "error-reason": "Failed to parse SDP"}, BadDescription),
        ({"result": "error"}, NgError),
        ({}, NgError),
        ({"result": "ok"}, NgError),  # without a description
    ],
)
async def test_errors_have_their_kinds(reply: dict[str, Encodable], error: type[NgError]) -> None:
    with pytest.raises(NgError) as raised:
        await ScriptedDaemon([reply]).client().offer("c", b"v=0", from_tag="a", towards=PLAIN)
    assert type(raised.value) is error


async def test_garbage_and_foreign_cookies_are_passed_over() -> None:
    daemon = ScriptedDaemon([])
    ping = asyncio.create_task(daemon.client().ping())
    await asyncio.sleep(0)
    cookie = daemon.sent[0][0]
    for datagram in (b"", b"garbage", b"other_1 d6:result4:ponge", cookie + b" rubbish", cookie + b" le"):
        daemon.protocol.datagram_received(datagram, None)
    await asyncio.sleep(0)
    assert not ping.done()
    daemon.protocol.datagram_received(cookie + b" d6:result4:ponge", None)

    await ping


async def test_a_cancelled_command_leaves_nothing_behind() -> None:
    daemon = ScriptedDaemon([])
    ping = asyncio.create_task(daemon.client().ping())
    await asyncio.sleep(0)
    ping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ping

    assert daemon.protocol.waiting == {}


async def test_a_digit_that_is_none_is_refused_and_durations_are_bounded() -> None:
    daemon = ScriptedDaemon([{"result": "ok"}])
    with pytest.raises(ValueError, match="no DTMF digit"):
        await daemon.client().play_dtmf("c", "fe", "x")
    await daemon.client().play_dtmf("c", "fe", "#", duration=5, volume=99)

    command = daemon.sent[0][1]
    assert (command["code"], command["duration"], command["volume"], command["pause"]) == ("#", 100, 63, 100)
