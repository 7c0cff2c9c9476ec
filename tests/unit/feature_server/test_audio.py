"""Sound files: what is fetched, how long it is kept, what is refused. The server is a fake; sockets are elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from jambones.feature_server.audio import AudioSettings, AudioStore
from jambones.feature_server.calls.collaborators import VerbFailed
from jambones.media import ClipError
from tests.support.virtual_time import in_virtual_time

URL = "http://files.example/a.wav?token=secret"


class FakeServer:
    """An aiohttp session that answers what the test says: body, status, headers, seconds to wait, or an exception."""

    def __init__(self) -> None:
        self.body, self.status, self.wait = b"sound", 200, 0.1
        self.headers: dict[str, str] = {}
        self.error: Exception | None = None
        self.asked: list[dict[str, str]] = []

    @asynccontextmanager
    async def get(self, url: Any, *, headers: dict[str, str], max_redirects: int) -> AsyncIterator[Any]:
        self.asked.append(headers)
        await asyncio.sleep(self.wait)
        if self.error is not None:
            raise self.error

        async def chunks() -> AsyncIterator[bytes]:
            for start in range(0, len(self.body), 1000):
                yield self.body[start : start + 1000]

        yield SimpleNamespace(status=self.status, headers=self.headers, content=SimpleNamespace(iter_any=chunks))


async def decode(data: Path | bytes) -> Any:
    if isinstance(data, bytes) and data.startswith(b"bad"):
        raise ClipError("no sound in it")
    return SimpleNamespace(samples=len(data) if isinstance(data, bytes) else 1, data=data)


def stores(**settings: Any) -> tuple[AudioStore, FakeServer]:
    server = FakeServer()
    untyped: Any = server
    return AudioStore(decode, untyped, AudioSettings(**settings)), server


async def failure(store: AudioStore, url: str = URL) -> str:
    with pytest.raises(VerbFailed) as caught:
        await store.clip(url)
    assert caught.value.alert == "play-url-notfound"
    assert "secret" not in str(caught.value)
    return str(caught.value)


@in_virtual_time
async def test_a_file_is_fetched_once_a_minute_by_default() -> None:
    store, server = stores()
    for _ in range(3):
        await store.clip(URL)
    assert len(server.asked) == 1
    await asyncio.sleep(61)
    await store.clip(URL)
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("control", "after", "asked"),
    [
        ("max-age=600", 500, 1),
        ("max-age=600", 700, 2),
        ("no-store", 1, 2),
        ("no-cache, max-age=600", 1, 2),
        ("max-age=9999999", 25 * 3600, 2),
    ],
)
@in_virtual_time
async def test_the_server_says_for_how_long_it_is_good(control: str, after: float, asked: int) -> None:
    store, server = stores()
    server.headers = {"Cache-Control": control}
    await store.clip(URL)
    await asyncio.sleep(after)
    await store.clip(URL)

    assert len(server.asked) == asked


@in_virtual_time
async def test_an_old_file_is_asked_about_and_not_sent_again() -> None:
    store, server = stores()
    server.headers = {"ETag": '"1"', "Last-Modified": "yesterday"}
    first = await store.clip(URL)
    await asyncio.sleep(61)
    server.status = 304

    assert await store.clip(URL) is first
    assert server.asked[1] == {"If-None-Match": '"1"', "If-Modified-Since": "yesterday"}


@pytest.mark.parametrize("trouble", ["500", "down", "slow"])
@in_virtual_time
async def test_an_old_file_is_used_while_its_server_is_in_trouble(trouble: str) -> None:
    store, server = stores()
    first = await store.clip(URL)
    await asyncio.sleep(61)
    match trouble:
        case "500":
            server.status = 500
        case "down":
            server.error = aiohttp.ClientConnectionError("refused")
        case "slow":
            server.wait = 60

    assert await store.clip(URL) is first


@in_virtual_time
async def test_an_old_file_that_is_gone_is_not_used() -> None:
    store, server = stores()
    await store.clip(URL)
    await asyncio.sleep(61)
    server.status = 404

    assert "404" in await failure(store)


@in_virtual_time
async def test_many_calls_share_one_fetch_and_one_that_hangs_up_does_not_spoil_it() -> None:
    store, server = stores()
    tasks = [asyncio.create_task(store.clip(URL)) for _ in range(10)]
    await asyncio.sleep(0.05)
    tasks[0].cancel()
    clips = await asyncio.gather(*tasks[1:])

    assert len(server.asked) == 1
    assert len({id(clip) for clip in clips}) == 1


@in_virtual_time
async def test_what_cannot_be_had_is_told_without_its_query() -> None:
    store, server = stores(largest=5000)
    server.status = 404
    assert "http://files.example/a.wav answered 404" in await failure(store)
    server.status, server.body = 200, b"x" * 6000
    assert "larger than 5000" in await failure(store)
    server.body = b"bad"
    assert "no sound in it" in await failure(store)
    server.error = aiohttp.ClientConnectionError("refused")
    assert "refused" in await failure(store)
    server.error, server.wait = None, 60
    assert "did not come in 10 s" in await failure(store)


@in_virtual_time
async def test_a_failure_is_not_kept() -> None:
    store, server = stores()
    server.status = 500
    await failure(store)
    server.status = 200
    await store.clip(URL)


@in_virtual_time
async def test_the_memory_for_files_is_bounded() -> None:
    store, server = stores(kept_bytes=10_000)
    server.body = b"x" * 2000  # 4,000 bytes each, decoded
    for name in "abc":
        await store.clip(f"http://files.example/{name}")
    await store.clip("http://files.example/c")
    assert len(server.asked) == 3
    await store.clip("http://files.example/a")
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://x/a.wav",
        "a.wav",
        "//",
        "http://[",
        "silence_stream://x",
        "silence_stream://-5",
        "silence_stream://700000",
        "",
    ],
)
@in_virtual_time
async def test_other_urls_are_refused(url: str) -> None:
    store, server = stores()

    await failure(store, url)
    assert server.asked == []


@in_virtual_time
async def test_files_are_played_only_from_the_directory_that_is_allowed(tmp_path: Path) -> None:
    allowed = tmp_path / "sounds"
    allowed.mkdir()
    (allowed / "a.wav").write_bytes(b"sound")
    (tmp_path / "secret.wav").write_bytes(b"sound")
    (allowed / "link.wav").symlink_to(tmp_path / "secret.wav")
    store, _ = stores(directory=allowed)

    await store.clip(f"file://{allowed}/a.wav")
    for path in (f"{allowed}/../secret.wav", f"{tmp_path}/secret.wav", f"{allowed}/link.wav", "/etc/passwd"):
        await failure(store, f"file://{path}")


@in_virtual_time
async def test_silence_lasts_as_long_as_it_says() -> None:
    store, _ = stores()
    clip: Any = await store.clip("silence_stream://500")

    assert len(clip.data) >= 500 * 8 * 2
