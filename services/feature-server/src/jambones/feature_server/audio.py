"""Sound files of applications: fetched once, kept for as long as their server allows, decoded off the event loop."""

import asyncio
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

import aiohttp
import numpy as np
import structlog
from yarl import URL

from jambones.feature_server.calls.collaborators import VerbFailed
from jambones.media import Clip, ClipError
from jambones.media.decode import wav

log = structlog.get_logger(__name__)

SILENCE: Final = "silence_stream://"
LONGEST_SILENCE: Final = 600_000  # milliseconds
_MAX_AGE = re.compile(r"max-age\s*=\s*\"?(\d{1,9})", re.IGNORECASE)

Decode = Callable[[Path | bytes], Awaitable[Clip]]


@dataclass(frozen=True)
class AudioSettings:
    """Times in seconds, sizes in bytes."""

    timeout: float = 10.0
    """For the whole file; a stream without an end is cut off here."""
    largest: int = 32 * 1024 * 1024
    kept_bytes: int = 128 * 1024 * 1024
    """Decoded audio that is kept."""
    default_age: float = 60.0
    """How long a file without Cache-Control is used before its server is asked again."""
    longest_age: float = 24 * 3600.0
    directory: Path | None = None
    """Where `file:` URLs may point to; none: nowhere."""


@dataclass
class _Kept:
    clip: Clip
    until: float
    tag: str | None
    modified: str | None


@dataclass
class AudioStore:
    """The Audio of all calls of this process. Make one with `AudioStore.open`."""

    decode: Decode
    session: aiohttp.ClientSession
    settings: AudioSettings
    _kept: OrderedDict[str, _Kept] = field(default_factory=OrderedDict)
    _size: int = 0
    _fetching: dict[str, asyncio.Task[Clip]] = field(default_factory=dict)

    @classmethod
    @asynccontextmanager
    async def open(cls, decode: Decode, settings: AudioSettings | None = None) -> AsyncIterator[Self]:
        connector = aiohttp.TCPConnector(limit=0, limit_per_host=50)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(
            connector=connector,
            timeout=timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "jambones"},
        ) as session:
            store = cls(decode, session, settings or AudioSettings())
            try:
                yield store
            finally:
                tasks = list(store._fetching.values())
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def clip(self, url: str) -> Clip:
        """The audio at `url`: http, https, `silence_stream://ms`, or a file where that is allowed.

        Raises VerbFailed("play-url-notfound").
        """
        kept = self._kept.get(url)
        if kept is not None and asyncio.get_running_loop().time() < kept.until:
            self._kept.move_to_end(url)
            return kept.clip
        task = self._fetching.get(url)
        if task is None:
            task = self._fetching[url] = asyncio.get_running_loop().create_task(self._get(url))
            task.add_done_callback(lambda done: self._done(url, done))
        return await asyncio.shield(task)

    async def decoded(self, data: bytes, name: str) -> Clip:
        """A sound file that is here already. Raises VerbFailed("play-url-notfound")."""
        try:
            return await self.decode(data)
        except ClipError as exc:
            raise _failed(exc.reason, "") from exc

    def _done(self, url: str, done: asyncio.Task[Clip]) -> None:
        self._fetching.pop(url, None)
        if not done.cancelled():
            done.exception()  # retrieved here, in case every call that waited has gone

    async def _get(self, url: str) -> Clip:
        if url.startswith(SILENCE):
            return await self._silence(url)
        try:
            target = URL(url)
        except ValueError:
            raise _failed("the URL cannot be read", "") from None
        if target.scheme in {"http", "https"} and target.host:
            return await self._fetch(url, target)
        if target.scheme == "file":
            return await self._file(target)
        raise _failed(f"cannot play {target.scheme or 'a relative'} URLs", str(target.with_query(None)))

    async def _fetch(self, url: str, target: URL) -> Clip:
        kept = self._kept.get(url)
        headers = {}
        if kept is not None and kept.tag:
            headers["If-None-Match"] = kept.tag
        if kept is not None and kept.modified:
            headers["If-Modified-Since"] = kept.modified
        shown = str(target.with_query(None).with_user(None).with_fragment(None))
        try:
            async with (
                asyncio.timeout(self.settings.timeout),
                self.session.get(target.with_fragment(None), headers=headers, max_redirects=5) as response,
            ):
                if response.status == 304 and kept is not None:
                    kept.until = self._until(response)
                    return kept.clip
                if response.status != 200:
                    raise _failed(f"{shown} answered {response.status}", shown, response.status)
                data = await self._body(response, shown)
                clip = await self.decode(data)
        except TimeoutError:
            return self._old(kept, _failed(f"{shown} did not come in {self.settings.timeout:g} s", shown))
        except aiohttp.ClientError as exc:
            why = str(exc) or type(exc).__name__
            return self._old(kept, _failed(f"{shown} cannot be fetched: {why[:200]}", shown))
        except ClipError as exc:
            raise _failed(f"{shown} cannot be played: {exc.reason}", shown) from exc
        except VerbFailed as exc:
            if exc.data.get("status", 0) >= 500:
                return self._old(kept, exc)
            raise
        self._keep(
            url, _Kept(clip, self._until(response), response.headers.get("ETag"), response.headers.get("Last-Modified"))
        )
        return clip

    async def _body(self, response: aiohttp.ClientResponse, shown: str) -> bytes:
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > self.settings.largest:
                raise _failed(f"{shown} is larger than {self.settings.largest} bytes", shown)
            chunks.append(chunk)
        return b"".join(chunks)

    async def _silence(self, url: str) -> Clip:
        length = url.removeprefix(SILENCE).split(",")[0]
        if not length.isdecimal() or int(length) > LONGEST_SILENCE:
            raise _failed(f"{SILENCE} takes 0 to {LONGEST_SILENCE} milliseconds", url)
        return await self.decode(wav(np.zeros(max(160, int(length) * 8), np.int16)))

    async def _file(self, target: URL) -> Clip:
        allowed = self.settings.directory
        path = Path(target.path)
        if allowed is None or not await asyncio.to_thread(_within, path, allowed):
            raise _failed("files of this machine may not be played", "file:")
        try:
            return await self.decode(path)
        except ClipError as exc:
            raise _failed(f"{path.name} cannot be played: {exc.reason}", "file:") from exc

    def _old(self, kept: _Kept | None, failure: VerbFailed) -> Clip:
        """A file whose server is in trouble is used a little longer (RFC 5861, stale-if-error)."""
        if kept is None:
            raise failure
        log.info("playing an old copy", error=failure.message)
        kept.until = asyncio.get_running_loop().time() + self.settings.default_age
        return kept.clip

    def _until(self, response: aiohttp.ClientResponse) -> float:
        control = response.headers.get("Cache-Control") or ""
        now = asyncio.get_running_loop().time()
        if "no-store" in control or "no-cache" in control:
            return now
        age = _MAX_AGE.search(control)
        return now + min(self.settings.longest_age, float(age[1]) if age else self.settings.default_age)

    def _keep(self, url: str, fresh: _Kept) -> None:
        old = self._kept.pop(url, None)
        if old is not None:
            self._size -= 2 * old.clip.samples
        self._kept[url] = fresh
        self._size += 2 * fresh.clip.samples
        while self._size > self.settings.kept_bytes and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._size -= 2 * gone.clip.samples


def _within(path: Path, directory: Path) -> bool:
    return path.resolve().is_relative_to(directory.resolve())


def _failed(message: str, url: str, status: int | None = None) -> VerbFailed:
    data: dict[str, object] = {"url": url} if status is None else {"url": url, "status": status}
    return VerbFailed("play-url-notfound", message, **data)
