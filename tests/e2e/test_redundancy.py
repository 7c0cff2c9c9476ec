"""Two of everything: whatever of it is killed, and does not come back, new calls and registrations work soon."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from jambones.local import rtpengine
from jambones.local.platform import LocalPlatform
from tests.support import sipp
from tests.support.scripted import Office, office
from tests.support.signs_of_life import a_call_goes_out, a_call_is_heard, a_registrar_answers, prepare, soon

pytestmark = [
    pytest.mark.skipif(not sipp.installed(), reason="SIPp is not installed"),
    pytest.mark.skipif(rtpengine.installed() is None, reason="rtpengine is not installed"),
    pytest.mark.timeout(240),
]
TWICE = ("feature-server", "sbc-inbound", "registrar", "sbc-outbound")


@asynccontextmanager
async def doubled(directory: Path) -> AsyncIterator[Office]:
    services = ["api", *TWICE, *TWICE]
    async with office(directory, services=services, rtpengines=2, restart=False) as desk:
        prepare(desk)
        yield desk


def kill(platform: LocalPlatform, name: str) -> None:
    process = platform.children[name].process
    assert process is not None
    process.kill()


def edge(platform: LocalPlatform, name: str) -> str:
    """Where to call this edge."""
    return platform.children[name].env["JAMBONES_SIP_LISTEN"].split(",")[0].removeprefix("udp:")


async def test_whatever_dies_new_calls_work_soon(tmp_path: Path) -> None:
    async with doubled(tmp_path) as desk:
        platform = desk.platform
        first, second = edge(platform, "sbc-inbound"), edge(platform, "sbc-inbound-2")
        assert await a_call_is_heard(desk, first)
        assert await a_call_is_heard(desk, second)
        assert await a_registrar_answers(desk, first)
        assert await a_call_goes_out(desk)

        kill(platform, "feature-server")
        await soon("a call after a feature server died", lambda: a_call_is_heard(desk, first))
        kill(platform, "rtpengine")
        await soon("a call after an rtpengine died", lambda: a_call_is_heard(desk, first))
        kill(platform, "registrar")
        await soon("a REGISTER after a registrar died", lambda: a_registrar_answers(desk, first))
        kill(platform, "sbc-outbound")
        await soon("a call out after an egress died", lambda: a_call_goes_out(desk))
        kill(platform, "sbc-inbound")
        await soon("a call at the other edge", lambda: a_call_is_heard(desk, second))
        await soon("a REGISTER at the other edge", lambda: a_registrar_answers(desk, second))
        # What is left does for several calls, too.
        for _ in range(3):
            assert await a_call_is_heard(desk, second)
