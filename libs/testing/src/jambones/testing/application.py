"""The application under test, answering hooks inside this process: an aiohttp application or a plain function."""

import asyncio
import inspect
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self
from unittest.mock import Mock

from aiohttp import StreamReader, web
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from jambones.testing.virtual_time import real_io

BASE = URL("http://application.test")


@dataclass(frozen=True)
class HookRequest:
    """A hook as the application got it."""

    path: str
    """With its query: "/menu?lang=en"; the whole URL when it belongs to somebody else."""
    method: str
    payload: dict[str, Any]
    kind: str = "verb:hook"

    def __getitem__(self, name: str) -> Any:
        """`request["digits"]`: an attribute of the payload."""
        return self.payload[name]

    def get(self, name: str, default: Any = None) -> Any:
        return self.payload.get(name, default)


@dataclass(frozen=True)
class HookResponse:
    """What the application answered; `body` is decoded JSON, None when there was none."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


Answer = list[Any] | dict[str, Any] | HookResponse | None
HookFunction = Callable[[HookRequest], Answer | Awaitable[Answer]]
Application = web.Application | HookFunction


class Answering(Protocol):
    """An application that can be asked."""

    async def __aenter__(self) -> "Answering": ...

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    async def ask(self, request: HookRequest) -> HookResponse: ...


def answering(application: Application) -> Answering:
    """The right adapter for what the user has."""
    return AiohttpApplication(application) if isinstance(application, web.Application) else Function(application)


class Function:
    """A function that takes a HookRequest and returns verbs."""

    def __init__(self, function: HookFunction) -> None:
        self._function = function

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def ask(self, request: HookRequest) -> HookResponse:
        answer = self._function(request)
        if inspect.isawaitable(answer):
            with real_io():
                answer = await answer
        return answer if isinstance(answer, HookResponse) else HookResponse(body=answer)


class AiohttpApplication:
    """An aiohttp application: routing, middlewares and start-up are its own; only the socket is missing."""

    def __init__(self, application: web.Application) -> None:
        self._application = application
        self._runner = web.AppRunner(application)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def ask(self, request: HookRequest) -> HookResponse:
        data = json.dumps(request.payload, separators=(",", ":"), ensure_ascii=False).encode()
        url, body = URL(request.path), b""
        headers = {"Host": "application.test", "User-Agent": "jambones"}
        if request.method == "GET":
            flat = {name: str(value) for name, value in request.payload.items() if not isinstance(value, dict | list)}
            url = url.update_query(flat)
        else:
            body = data
            headers |= {"Content-Type": "application/json", "Content-Length": str(len(data))}
        reader = StreamReader(Mock(_reading_paused=False), limit=2**20, loop=asyncio.get_running_loop())
        reader.feed_data(body)
        reader.feed_eof()
        http = make_mocked_request(request.method, str(url), headers, app=self._application, payload=reader)
        with real_io():
            try:
                answer = await self._application._handle(http)
            except web.HTTPException as exc:
                answer = exc
            except Exception:  # aiohttp's server answers 500 as well; the test sees the traceback in its log
                self._application.logger.exception("the application failed")
                return HookResponse(500)
        return HookResponse(answer.status, _json(answer), dict(answer.headers))


def _json(answer: web.StreamResponse) -> Any:
    body = getattr(answer, "body", None)
    if not isinstance(body, bytes | bytearray) or "application/json" not in answer.headers.get("Content-Type", ""):
        return None
    return json.loads(body) if body else None
