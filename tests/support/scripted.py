"""An application whose answers a test sets, and what it was asked; and the platform that calls it."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from jambones.local.platform import LocalPlatform

Payload = dict[str, Any]
Answer = Callable[[web.Request, Payload], Any]
"""Verbs, a response, or either of them to wait for."""


PATIENT = {
    "JAMBONES_SOURCE_RATE": "0",
    "JAMBONES_MAX_CPS": "0",
    "JAMBONES_MAX_LOOP_LAG": "5",
    "JAMBONES_MAX_TICK_LATE": "0",
}
"""Settings for tests that are not about overload, on machines that may have other things to do."""
SPEECH = {
    "speech_synthesis_vendor": "local",
    "speech_synthesis_language": "en-US",
    "speech_synthesis_voice": "rms",
    "speech_recognizer_vendor": "local",
    "speech_recognizer_language": "en-US",
}
"""What a call placed over the API says of speech."""


@dataclass
class Hooked:
    """A hook as it came."""

    path: str
    payload: Payload


@dataclass
class ScriptedApplication:
    """`answers[path]` says what is answered there; anything else gets an empty 200. `files` are served by GET."""

    origin: str = ""
    answers: dict[str, Answer] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    hooks: list[Hooked] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @classmethod
    @asynccontextmanager
    async def open(cls, host: str = "127.0.0.1") -> AsyncIterator["ScriptedApplication"]:
        made = cls()
        app = web.Application(client_max_size=1 << 26)
        app.router.add_route("*", "/{path:.*}", made._serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            await web.TCPSite(runner, host, 0).start()
            host, port = runner.addresses[0][:2]
            made.origin = f"http://{host}:{port}"
            yield made
        finally:
            await runner.cleanup()

    def plays(self, *verbs: Payload, at: str = "/call") -> None:
        """Answer `verbs` at a path."""
        self.answers[at] = lambda request, payload: list(verbs)

    def begin(self) -> None:
        """Forget what was asked and answered so far."""
        self.hooks.clear()
        self.answers.clear()

    def of(self, path: str) -> list[Payload]:
        return [hook.payload for hook in self.hooks if hook.path == path]

    @property
    def statuses(self) -> list[tuple[str, int]]:
        """Status events of all calls, in the order in which they came."""
        return [(str(payload["call_status"]), int(payload["sip_status"])) for payload in self.of("/status")]

    async def until(self, done: Callable[[], bool], *, within: float = 20.0) -> None:
        """Wait until something about the hooks is true; raises TimeoutError with what came."""
        try:
            async with asyncio.timeout(within):
                while not done():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise TimeoutError(
                f"hooks so far: {[(h.path, h.payload.get('call_status')) for h in self.hooks]}"
            ) from None

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if request.method == "GET" and path in self.files:
            return web.Response(body=self.files[path], content_type="audio/wav")
        payload = await request.json() if request.can_read_body else {}
        self.hooks.append(Hooked(path, payload))
        self._changed.set()
        answer = self.answers.get(path)
        if answer is None:
            return web.Response()
        result = answer(request, payload)
        if isinstance(result, Awaitable):
            result = await result
        return result if isinstance(result, web.StreamResponse) else web.json_response(result)


@dataclass
class Office:
    """A running platform, its application, and the REST API as a tenant uses it."""

    platform: LocalPlatform
    app: ScriptedApplication

    @property
    def number(self) -> str:
        assert self.platform.seeded.number is not None
        return self.platform.seeded.number

    @property
    def account(self) -> str:
        return f"/Accounts/{self.platform.seeded.account_sid}"

    async def api(self, method: str, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """A request with the account's key; the JSON of the answer. Raises HTTPError with the body as its reason."""
        return await asyncio.to_thread(self._api, method, path, body, key or self.platform.seeded.account_key)

    def _api(self, method: str, path: str, body: Any, key: str) -> Any:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(self.platform.api_url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                text = answer.read() if answer.headers.get_content_type().endswith("json") else b""
        except urllib.error.HTTPError as exc:
            exc.msg = f"{exc.msg}: {exc.read().decode(errors='replace')[:500]}"
            raise
        return json.loads(text) if text else None

    async def provision(self, number: str, call_hook: str, **application: Any) -> None:
        """A new number with a new application that is asked at `call_hook`; `application`: more of its properties."""
        hook = {"url": call_hook, "method": "POST"}
        made = await self.api(
            "POST",
            "/Applications",
            {
                "name": f"application of {number}",
                "account_sid": self.platform.seeded.account_sid,
                "call_hook": hook,
                "call_status_hook": {"url": f"{self.app.origin}/status", "method": "POST"},
                **application,
            },
        )
        carriers = await self.api("GET", "/VoipCarriers")
        await self.api(
            "POST",
            "/PhoneNumbers",
            {
                "number": number,
                "voip_carrier_sid": carriers[0]["voip_carrier_sid"],
                "account_sid": self.platform.seeded.account_sid,
                "application_sid": made["sid"],
            },
        )

    async def records(self, count: int = 1, *, within: float = 15.0, **where: Any) -> list[dict[str, Any]]:
        """Call records, newest first, once there are `count` that have these values."""
        return await self._rows("RecentCalls", count, within, where)

    async def alerts(
        self, count: int = 1, *, within: float = 15.0, saying: str = "", **where: Any
    ) -> list[dict[str, Any]]:
        """Alerts, newest first, once there are `count` that have these values and say `saying`."""
        return await self._rows("Alerts", count, within, where, saying)

    async def _rows(
        self, what: str, count: int, within: float, where: dict[str, Any], saying: str = ""
    ) -> list[dict[str, Any]]:
        loop = asyncio.get_running_loop()
        until = loop.time() + within
        while True:
            page = await self.api("GET", f"{self.account}/{what}?page=1&count=200&days=1")
            found = [row for row in page["data"] if all(row.get(name) == value for name, value in where.items())]
            found = [row for row in found if saying in f"{row.get('message')} {row.get('detail')}"]
            if len(found) >= count:
                return found
            assert loop.time() < until, f"{what} {where}: {len(found)} of {count}, among {page['data'][:5]}"
            await asyncio.sleep(0.3)


@asynccontextmanager
async def office(directory: Path, **options: Any) -> AsyncIterator[Office]:
    """A platform whose demo number is answered by a scripted application."""
    env = dict(PATIENT)
    env |= options.pop("env", {})
    async with ScriptedApplication.open() as app:
        options = {"ports": "auto", "fast": True, "hook_url": f"{app.origin}/call"} | options
        async with LocalPlatform(directory, env=env, **options) as platform:
            yield Office(platform, app)
