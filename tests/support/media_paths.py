"""Where the audio of bridged calls goes, as the feature server counts it."""

import asyncio
import re
import urllib.request

from tests.support.scripted import Office


async def figures(desk: Office) -> dict[str, float]:
    """What the feature server counts: its bridges by the way of their audio, its media legs."""
    url = f"http://127.0.0.1:{desk.platform.children['feature-server'].http_port}/metrics"

    def read() -> str:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return str(answer.read().decode())

    text = await asyncio.to_thread(read)
    rows = re.findall(r"^(jambones_fs_(?:bridges|channels_in_use).*) (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in rows}


async def until_path(desk: Office, path: str, reason: str = "", *, within: float = 15.0) -> None:
    wanted = f'jambones_fs_bridges{{path="{path}",reason="{reason}"}}'
    found: dict[str, float] = {}
    until = asyncio.get_running_loop().time() + within
    while found.get(wanted) != 1:
        assert asyncio.get_running_loop().time() < until, f"{path} {reason}: {found}"
        await asyncio.sleep(0.1)
        found = await figures(desk)
